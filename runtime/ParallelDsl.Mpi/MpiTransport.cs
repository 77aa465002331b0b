using System.Globalization;
using ParallelDsl.Mpi.Native;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <summary>One rank's end of a run whose ranks are processes of an Open MPI job. See <see cref="MpiJob.Open(int)"/>.</summary>
/// <remarks>
/// <para>A message is copied into pooled memory, unless it is lent, and sent with <c>MPI_Issend</c>, whose end says that the receiver has taken it: so a channel
/// holds its capacity of messages and no more, as in one process, and no receiver is flooded with small ones. A receive reads into its
/// caller's memory. The order of messages is that of the library on a communicator that only this transport uses.</para>
/// <para>Messages longer than <see cref="PartFloats"/> go in parts, each of which the library can count and its transports can carry; a
/// part that is full is followed by another one, which may be empty.</para>
/// <para>A rank that ends tells the others, behind all that it has sent. One that fails tells them why; one that dies without a word
/// is missed by those on its machine, and by Open MPI's launcher, which asks the rest to end.</para>
/// </remarks>
public sealed unsafe partial class MpiTransport : ITransport
{
    /// <summary>The messages that each channel, from one rank to another, holds before a send waits, unless the caller says otherwise.</summary>
    public const int DefaultCapacity = 64;

    /// <summary>The tag of word between transports. No collective has it: there are fewer kinds of them than tags for each context.</summary>
    internal const int ControlTag = MessageTags.Limit - 1;

    /// <summary>Floats of the longest part: 1 GiB, half of what a count of bytes or one call of the kernel can carry.</summary>
    internal const int DefaultPartFloats = 1 << 28;

    private readonly MpiJob _job;
    private readonly MpiProgress _progress;
    private nint _communicator;
    private readonly int _capacity;
    private readonly Peer[] _peers;
    private MpiOperation? _receives;
    private MpiOperation? _hearing;
    private bool _isClosed;
    private int _words;
    private long _bytesSent;
    private long _messagesSent;

    internal MpiTransport(MpiJob job, nint communicator, int capacity, int partFloats)
    {
        _job = job;
        _progress = job.Progress;
        _communicator = communicator;
        _capacity = capacity;
        PartFloats = partFloats;
        _peers = new Peer[job.Size];
        lock (_progress.Gate)
            Hear();
    }

    /// <inheritdoc/>
    public int Rank => _job.Rank;

    /// <inheritdoc/>
    public int Size => _job.Size;

    /// <inheritdoc/>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <inheritdoc/>
    public long MessagesSent => Interlocked.Read(ref _messagesSent);

    /// <summary>Floats of the longest part of a message.</summary>
    internal int PartFloats { get; }

    /// <inheritdoc/>
    public void Send(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(destination, tag, data.Length, isReceive: false);
        MessageMemory memory = Copy(destination, tag, data);
        lock (_progress.Gate)
        {
            MpiOperation operation = Post(destination, tag, memory, data.Length);
            if (!operation.HasRoom)
                AwaitRoom(operation);
        }

        Count(data.Length);
    }

    /// <inheritdoc/>
    public bool TrySend(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(destination, tag, data.Length, isReceive: false);
        lock (_progress.Gate)
        {
            ThrowIfStopped(destination, tag, data.Length, isReceive: false);
            if (_peers[destination].Held >= _capacity)
                return false;
        }

        MessageMemory memory = Copy(destination, tag, data);
        lock (_progress.Gate)
            Post(destination, tag, memory, data.Length);
        Count(data.Length);
        return true;
    }

    /// <inheritdoc/>
    public void Receive(int source, int tag, Span<float> data)
    {
        Check(source, tag, data.Length, isReceive: true);
        fixed (float* target = data)
        {
            lock (_progress.Gate)
            {
                MpiOperation operation = FindExpected(source, tag, target, data.Length) ?? BeginReceive(source, tag, target, data.Length);
                operation.IsAwaited = true;
                try
                {
                    AwaitMessage(operation);
                }
                finally
                {
                    Dismiss(operation);
                    _progress.Leave();
                }

                // An operation that the library could not take back is never used again.
                (long offered, int error, bool cancelled) = (operation.Offered, operation.Error, operation.IsCancelled);
                _progress.End(operation);
                if (cancelled)
                    throw Ended(source, tag, data.Length, isReceive: true);
                if (error != LibMpi.Success)
                {
                    throw new TransportException(
                        TransportFailure.Aborted,
                        $"{DescribeCall(source, tag, data.Length, isReceive: true)}: Open MPI failed: {MpiException.Describe(error)}.");
                }

                if (offered != data.Length)
                {
                    throw new TransportException(
                        TransportFailure.LengthMismatch,
                        string.Create(CultureInfo.InvariantCulture, $"Rank {Rank} expects {data.Length} floats from rank {source} ({MessageTags.Describe(tag)}), but {offered} were sent."));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Expect(int source, int tag, float* data, int length)
    {
        Check(source, tag, length, isReceive: true);
        lock (_progress.Gate)
            BeginReceive(source, tag, data, length);
    }

    /// <summary>Waits until one of several expected messages is there: to <see cref="Receive"/> it takes no time then.</summary>
    /// <param name="expected">Sources and tags; of each, the message counts that is expected first.</param>
    /// <returns>The place of one whose message is there, or will never be: then to receive it throws.</returns>
    /// <exception cref="ArgumentException">There are none to wait for.</exception>
    /// <exception cref="TransportException">One of them is not expected, or the run was aborted.</exception>
    public int WaitAny(ReadOnlySpan<(int Source, int Tag)> expected)
    {
        if (expected.IsEmpty)
            throw new ArgumentException("There is no message to wait for.", nameof(expected));
        lock (_progress.Gate)
        {
            Backoff backoff = _progress.BeginWait();
            try
            {
                while (true)
                {
                    for (int index = 0; index < expected.Length; index++)
                    {
                        (int source, int tag) = expected[index];
                        MpiOperation operation = FirstExpected(source, tag) ?? throw new TransportException(
                            TransportFailure.BadArgument, $"Rank {Rank} cannot wait for a message from rank {source} ({MessageTags.Describe(tag)}): none is expected.");
                        ThrowIfStopped(source, tag, operation.Length, isReceive: true);
                        if (operation.IsDone)
                            return index;
                    }

                    _progress.Await(ref backoff);
                }
            }
            finally
            {
                _progress.Leave();
            }
        }
    }

    /// <inheritdoc/>
    public void Forget(int source, int tag, Exception cause)
    {
        lock (_progress.Gate)
        {
            // The last first: those behind the first are not posted.
            while (LastExpected(source, tag) is { } operation)
            {
                Dismiss(operation, cause);
                if (operation.IsDone || operation.Request == 0)
                    _progress.End(operation);
            }

            _progress.Leave();
        }
    }

    /// <inheritdoc/>
    public void Abort(Exception cause)
    {
        lock (_progress.Gate)
        {
            if (_job.Abortion is not null)
                return;
            Console.Error.WriteLine($"Rank {Rank} aborts the run: {cause.Message}");
            _job.Stop(new Abortion(Rank, $"rank {Rank} aborted the run: {cause.Message}", cause), _ => true);
        }
    }

    /// <summary>Ends this rank's part: tells the others, and waits until what it has sent is received.</summary>
    /// <returns>What was sent and never received, in words; null where there is nothing, or the run was aborted.</returns>
    public string? Close()
    {
        lock (_progress.Gate)
        {
            if (_isClosed)
                return null;
            _isClosed = true;
            TakeBackReceives(_ => true);

            // Who has not noticed yet must not take this rank's end for what went wrong.
            if (_job.Abortion is { } abortion)
                Tell(new ControlMessage(IsAbort: true, abortion.Rank, abortion.Text), _ => true);
            Tell(new ControlMessage(IsAbort: false, Rank, ""), _ => true);

            // Of messages to itself a rank needs no word.
            (_peers[Rank].HasEnded, _peers[Rank].TakenAtEnd) = (true, _peers[Rank].Taken);
            _progress.Leave();
            Backoff backoff = _progress.BeginWait();
            while (!_job.IsAborted && _peers.Any(peer => peer is { Outgoing: > 0, HasTakenAll: false }))
                _progress.Await(ref backoff);
            _progress.Leave();
            if (_job.IsAborted || _peers.All(peer => peer.Outgoing == 0))
                return null;
            return "Messages were sent but never received:" + string.Concat(_peers.Select((peer, rank) => peer.Outgoing == 0
                ? ""
                : string.Create(CultureInfo.InvariantCulture, $"\n  from rank {Rank} to rank {rank}: {peer.Outgoing}")));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Close() is { } report)
            Console.Error.WriteLine(report);
    }

    private MpiOperation BeginReceive(int source, int tag, float* target, int length)
    {
        ThrowIfStopped(source, tag, length, isReceive: true);
        MpiOperation operation = _progress.Begin(MpiOperationKind.Receive, this, source, tag, length);
        operation.Target = target;
        Enlist(operation);
        return operation;
    }

    private MpiOperation? LastExpected(int source, int tag)
    {
        MpiOperation? last = null;
        for (MpiOperation? operation = _receives; operation is not null; operation = operation.Next)
        {
            if (operation.Peer == source && operation.Tag == tag && !operation.IsAwaited)
                last = operation;
        }

        return last;
    }

    private MpiOperation? FirstExpected(int source, int tag)
    {
        MpiOperation? operation = _receives;
        while (operation is not null && (operation.Peer != source || operation.Tag != tag || operation.IsAwaited))
            operation = operation.Next;
        return operation;
    }

    private MpiOperation? FindExpected(int source, int tag, float* target, int length)
    {
        MpiOperation? operation = FirstExpected(source, tag);
        if (operation is null || (operation.Target == target && operation.Length == length))
            return operation;
        throw new TransportException(
            TransportFailure.BadArgument,
            $"{DescribeCall(source, tag, length, isReceive: true)}: the next such message is expected with {operation.Length} floats, or in other memory.");
    }

    private MessageMemory Copy(int destination, int tag, ReadOnlySpan<float> data)
    {
        MessageMemory memory;
        lock (_progress.Gate)
        {
            ThrowIfStopped(destination, tag, data.Length, isReceive: false);
            memory = _progress.Rent(data.Length);
        }

        // Not under the lock: others may wait to be served.
        data.CopyTo(new Span<float>(memory.Pointer, data.Length));
        return memory;
    }

    private MpiOperation Post(int destination, int tag, MessageMemory memory, int length)
    {
        try
        {
            ThrowIfStopped(destination, tag, length, isReceive: false);
        }
        catch (TransportException)
        {
            _progress.Return(memory);
            throw;
        }

        MpiOperation operation = _progress.Begin(MpiOperationKind.Send, this, destination, tag, length);
        operation.Memory = memory;
        TakeRoom(operation);
        PostParts(operation, memory.Pointer);
        return operation;
    }

    private void PostParts(MpiOperation operation, float* data)
    {
        _peers[operation.Peer].Outgoing++;
        int start = 0, part;
        do
        {
            part = Math.Min(PartFloats, operation.Length - start);
            MpiException.ThrowIfFailed(LibMpi.Issend(data + start, part, MpiHandles.Float, operation.Peer, operation.Tag, _communicator, out nint request));
            _progress.Add(request, operation);
            start += part;
        }
        while (part == PartFloats);
    }

    private void AwaitRoom(MpiOperation operation)
    {
        (int destination, int tag, int length) = (operation.Peer, operation.Tag, operation.Length);
        operation.IsAwaited = true;
        Backoff backoff = _progress.BeginWait();
        try
        {
            // Looked at first: a rank that has taken the message may have ended since.
            while (!operation.IsDone && !operation.HasRoom)
            {
                ThrowIfStopped(destination, tag, length, isReceive: false);
                _progress.Await(ref backoff);
            }
        }
        finally
        {
            operation.IsAwaited = false;
            if (operation.IsDone)
                _progress.End(operation);
            _progress.Leave();
        }
    }

    private void AwaitMessage(MpiOperation operation)
    {
        Backoff backoff = _progress.BeginWait();
        while (!operation.IsDone)
        {
            _progress.Await(ref backoff);
            if (!operation.IsDone)
                ThrowIfStopped(operation.Peer, operation.Tag, operation.Length, isReceive: true);
        }

        // Even a message that is there is not delivered any more.
        ThrowIfStopped(operation.Peer, operation.Tag, operation.Length, isReceive: true);
    }

    private void Count(int length)
    {
        Interlocked.Add(ref _bytesSent, (long)length * sizeof(float));
        Interlocked.Increment(ref _messagesSent);
    }

    private void Check(int peer, int tag, int length, bool isReceive)
    {
        string? problem = (uint)peer >= (uint)Size ? $"there are {Size} ranks, 0 to {Size - 1}"
            : (uint)tag >= MessageTags.Limit ? $"tags are from 0 to {MessageTags.Limit - 1}"
            : tag == ControlTag ? "this tag is the transport's own"
            : null;
        if (problem is not null)
            throw new TransportException(TransportFailure.BadArgument, $"{DescribeCall(peer, tag, length, isReceive)}: {problem}.");
    }

    private string DescribeCall(int peer, int tag, int length, bool isReceive) => isReceive
        ? string.Create(CultureInfo.InvariantCulture, $"Rank {Rank} cannot receive {length} floats from rank {peer} ({MessageTags.Describe(tag)})")
        : string.Create(CultureInfo.InvariantCulture, $"Rank {Rank} cannot send {length} floats to rank {peer} ({MessageTags.Describe(tag)})");

    private struct Peer
    {
        /// <summary>Messages to it that it has not taken.</summary>
        public int Outgoing;

        /// <summary>Those of them that have room in the channel.</summary>
        public int Held;

        /// <summary>The others, whose calls wait: the first.</summary>
        public MpiOperation? FirstWaiting;

        /// <summary>The last.</summary>
        public MpiOperation? LastWaiting;

        /// <summary>Messages to it that it has taken, as far as this rank knows.</summary>
        public long Completed;

        /// <summary>Messages from it that this rank has taken.</summary>
        public long Taken;

        /// <summary>Whether it has said that it sends nothing more, and takes nothing.</summary>
        public bool HasEnded;

        /// <summary>Messages to it that it had taken by then. The library may tell of single ones later.</summary>
        public long TakenAtEnd;

        /// <summary>Whether it has ended and what is outgoing is lost.</summary>
        public readonly bool HasTakenAll => HasEnded && Completed >= TakenAtEnd;
    }
}
