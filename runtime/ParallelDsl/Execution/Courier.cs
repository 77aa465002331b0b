using System.Runtime.ExceptionServices;
using ParallelDsl.Memory;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Memory of one message between attention ranks. It is free again once all who hold it have let go: the rank that computes with it,
/// and the courier while it sends it.</summary>
/// <param name="length">Floats.</param>
internal sealed class Parcel(long length)
{
    /// <summary>The memory.</summary>
    public NativeBuffer Buffer { get; } = new(length);

    /// <summary>How many hold it.</summary>
    public int Holders { get; set; }

    /// <summary>Floats that whoever rented it does not need.</summary>
    public long Waste { get; set; }

    /// <summary>Some of its floats: a parcel may be longer than a span can be.</summary>
    public unsafe Span<float> Part(long start, int floats) => start + floats <= Buffer.Length
        ? new Span<float>(Buffer.Pointer + start, floats)
        : throw new ArgumentOutOfRangeException(nameof(floats), $"{floats} floats from {start} on leave a parcel of {Buffer.Length}.");
}

/// <summary>What one rank sends to other attention ranks, sent in the order in which it is given. What a transport only copies is sent at once;
/// all else by a thread of its own, so that transfers run beside computation on every transport. A rank may go on to compute with what is
/// sent, as long as it only reads. Nothing is allocated once as many parcels exist as were ever in use, as long as they keep to the limit.</summary>
/// <param name="transport">The rank's transport.</param>
/// <param name="limit">Floats of all parcels: those that are free make room, and what is in use stays below it if what is asked for does.</param>
internal sealed class Courier(ITransport transport, long limit = long.MaxValue) : IDisposable
{
    private readonly object _gate = new();
    private readonly List<Parcel> _all = [];
    private readonly List<Parcel> _free = [];
    private readonly Queue<Order> _orders = new();
    private Thread? _sender;
    private long _spare = long.MaxValue;
    private long _waste;
    private bool _sending;
    private bool _ended;
    private Exception? _failure;

    /// <summary>Bytes of all parcels, in use or free.</summary>
    public long Bytes { get; private set; }

    private bool IsBusy => _failure is null && (_sending || _orders.Count > 0);

    /// <summary>Begins a pass that has at most <paramref name="floats"/> in use at once: what the limit leaves may be lost to parcels that are
    /// longer than they need be.</summary>
    public void Begin(long floats)
    {
        lock (_gate)
            _spare = Math.Max(0, limit - floats);
    }

    /// <summary>A parcel of at least <paramref name="floats"/> with any contents, held once.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public Parcel Rent(long floats)
    {
        lock (_gate)
        {
            ThrowIfFailed();
            int best = -1, longest = -1;
            for (int i = 0; i < _free.Count; i++)
            {
                long length = _free[i].Buffer.Length;
                if (length >= floats && _waste + length - floats <= _spare && (best < 0 || length < _free[best].Buffer.Length))
                    best = i;
                if (longest < 0 || length > _free[longest].Buffer.Length)
                    longest = i;
            }

            Parcel parcel;
            if (best >= 0)
            {
                parcel = _free[best];
                _free.RemoveAt(best);
            }
            else
            {
                // One that is too short grows: the number of parcels is that of the most in use at once.
                if (longest >= 0)
                    Free(longest);
                while (_free.Count > 0 && (Bytes / sizeof(float)) + floats > limit)
                    Free(_free.Count - 1);
                parcel = new Parcel(floats);
                _all.Add(parcel);
                Bytes += floats * sizeof(float);
            }

            (parcel.Holders, parcel.Waste) = (1, parcel.Buffer.Length - floats);
            _waste += parcel.Waste;
            return parcel;
        }
    }

    /// <summary>Returns once all that was given of a parcel is sent. The caller makes sure that its receivers can get that far without this
    /// rank.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public void AwaitSent(Parcel parcel)
    {
        lock (_gate)
        {
            while (parcel.Holders > 1 && IsBusy)
                Monitor.Wait(_gate);
            ThrowIfFailed();
        }
    }

    /// <summary>Lets go of a parcel once it is sent, as <see cref="AwaitSent"/> does.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public void ReleaseSent(Parcel parcel)
    {
        lock (_gate)
        {
            while (parcel.Holders > 1 && IsBusy)
                Monitor.Wait(_gate);
            Drop(parcel);
            ThrowIfFailed();
        }
    }

    /// <summary>The same, and clears the variable; null is no parcel.</summary>
    /// <exception cref="TransportException">A send failed.</exception>
    public void ReleaseSent(ref Parcel? parcel)
    {
        if (parcel is not null)
            ReleaseSent(parcel);
        parcel = null;
    }

    /// <summary>Lets go of a parcel.</summary>
    public void Release(Parcel parcel)
    {
        lock (_gate)
            Drop(parcel);
    }

    /// <summary>The same, and clears the variable; null is no parcel.</summary>
    public void Release(ref Parcel? parcel)
    {
        if (parcel is not null)
            Release(parcel);
        parcel = null;
    }

    /// <summary>Sends <paramref name="floats"/> floats of a parcel, from <paramref name="start"/> on, after all that was given before. The caller
    /// still holds it.</summary>
    /// <exception cref="TransportException">An earlier send failed.</exception>
    public void Send(int destination, int tag, Parcel parcel, int floats, long start = 0)
    {
        // Only the rank's own thread gives orders: while the courier is idle nothing can be overtaken.
        bool idle;
        lock (_gate)
        {
            ThrowIfFailed();
            idle = !IsBusy;
        }

        if (idle && transport.TrySend(destination, tag, parcel.Part(start, floats)))
            return;
        lock (_gate)
        {
            ThrowIfFailed();
            parcel.Holders++;
            _orders.Enqueue(new Order(destination, tag, parcel, start, floats));
            if (_sender is null)
            {
                _sender = new Thread(Run) { Name = $"courier of rank {transport.Rank}", IsBackground = true };
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

    /// <summary>Ends the thread and frees all parcels, also those that wait to be sent or that a pass that failed still held. What is not sent yet
    /// is not sent: after a failure the run must be aborted before, so that a send that waits ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }

        _sender?.Join();
        foreach (Parcel parcel in _all)
            parcel.Buffer.Dispose();
        _all.Clear();
        _free.Clear();
        _orders.Clear();
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    private void Drop(Parcel parcel)
    {
        if (--parcel.Holders > 0)
            return;
        _waste -= parcel.Waste;
        _free.Add(parcel);
    }

    private void Free(int index)
    {
        Bytes -= _free[index].Buffer.Length * sizeof(float);
        _free[index].Buffer.Dispose();
        _all.Remove(_free[index]);
        _free.RemoveAt(index);
    }

    private void Run()
    {
        while (TryTake(out Order order))
        {
            Exception? failure = null;
            try
            {
                transport.Send(order.Destination, order.Tag, order.Parcel.Part(order.Start, order.Floats));
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown on the rank's thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;

                // The rank may wait to receive, and what it waits for may never come.
                transport.Abort(exception);
            }

            lock (_gate)
            {
                _sending = false;
                _failure ??= failure;
                Drop(order.Parcel);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryTake(out Order order)
    {
        lock (_gate)
        {
            while (!_ended && (_orders.Count == 0 || _failure is not null))
                Monitor.Wait(_gate);
            order = default;
            _sending = !_ended && _orders.TryDequeue(out order);
            return _sending;
        }
    }

    private readonly record struct Order(int Destination, int Tag, Parcel Parcel, long Start, int Floats);
}
