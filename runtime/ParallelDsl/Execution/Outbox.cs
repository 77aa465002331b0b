using System.Runtime.ExceptionServices;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Memory;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>What one rank sends along the pipeline, sent in the order in which it is given by a thread of its own, so that a channel that is
/// full, or a transport that waits for the receiver, holds up no computation. The vectors to send are computed in buffers of the outbox:
/// nothing is copied on the rank's own thread, and nothing is allocated once as many buffers exist as were ever in use.</summary>
/// <remarks>A rank never waits longer than it would if it sent itself: a program that ends with blocking sends ends with an outbox too.</remarks>
internal sealed class Outbox : IDisposable
{
    /// <summary>Buffers that the plan counts: while there are so many, computation waits for a send to end before it gets the next.</summary>
    public const int Buffers = MemoryPlanner.OutgoingBuffers;

    private readonly object _gate = new();
    private readonly ITransport _transport;
    private readonly BufferPool _pool;
    private readonly Queue<Parcel> _parcels = new(Buffers);
    private Thread? _sender;
    private int _rented;
    private bool _sending;
    private bool _ended;
    private Exception? _failure;

    /// <summary>Makes the outbox of a rank.</summary>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="length">Floats of a buffer: of the longest parcel.</param>
    public Outbox(ITransport transport, long length)
    {
        _transport = transport;
        _pool = new BufferPool(length);
    }

    /// <summary>Bytes of all buffers made so far.</summary>
    public long Bytes => _pool.Bytes;

    /// <summary>A buffer with any contents, to be sent or returned. Where <see cref="Buffers"/> are in use it waits for the send of one; a
    /// program that computes more before it sends gets another one.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public NativeBuffer Rent()
    {
        lock (_gate)
        {
            while (_rented >= Buffers && IsBusy)
                Monitor.Wait(_gate);
            ThrowIfFailed();
            _rented++;
            return _pool.Rent();
        }
    }

    /// <summary>Sends the first floats of a buffer, after all that was given before, and takes the buffer back.</summary>
    /// <param name="destination">The receiving rank.</param>
    /// <param name="tag">The kind of message.</param>
    /// <param name="buffer">A rented buffer; the variable is cleared.</param>
    /// <param name="floats">How many floats.</param>
    /// <exception cref="TransportException">An earlier send failed.</exception>
    public void Send(int destination, int tag, ref NativeBuffer? buffer, int floats)
    {
        lock (_gate)
        {
            ThrowIfFailed();
            _parcels.Enqueue(new Parcel(destination, tag, buffer!, floats));
            buffer = null;
            if (_sender is null)
            {
                _sender = new Thread(Run) { Name = $"outbox of rank {_transport.Rank}", IsBackground = true };
                _sender.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Returns once everything is sent.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public void Flush()
    {
        lock (_gate)
        {
            while (IsBusy)
                Monitor.Wait(_gate);
            ThrowIfFailed();
        }
    }

    /// <summary>Takes back a buffer that is not sent after all, and clears the variable; null is no buffer.</summary>
    public void Return(ref NativeBuffer? buffer)
    {
        lock (_gate)
        {
            if (buffer is not null)
                _rented--;
            _pool.Return(ref buffer);
        }
    }

    /// <summary>Ends the thread and frees the buffers. What is not sent yet is not sent: after a failure the run must be aborted before, so
    /// that a send that waits ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }

        _sender?.Join();
        while (_parcels.TryDequeue(out Parcel parcel))
            parcel.Buffer.Dispose();
        _pool.Dispose();
    }

    private bool IsBusy => _failure is null && (_sending || _parcels.Count > 0);

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    private void Run()
    {
        while (TryTake(out Parcel parcel))
        {
            Exception? failure = null;
            try
            {
                _transport.Send(parcel.Destination, parcel.Tag, parcel.Buffer.Span[..parcel.Floats]);
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown on the rank's thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;

                // The rank may wait to receive, and what it waits for may never come.
                _transport.Abort(exception);
            }

            lock (_gate)
            {
                _sending = false;
                _rented--;
                NativeBuffer? buffer = parcel.Buffer;
                _pool.Return(ref buffer);
                _failure ??= failure;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryTake(out Parcel parcel)
    {
        lock (_gate)
        {
            while (!_ended && (_parcels.Count == 0 || _failure is not null))
                Monitor.Wait(_gate);
            parcel = default;
            _sending = !_ended && _parcels.TryDequeue(out parcel);
            return _sending;
        }
    }

    private readonly record struct Parcel(int Destination, int Tag, NativeBuffer Buffer, int Floats);
}
