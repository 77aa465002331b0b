using System.Text;

namespace ParallelDsl.Transports;

/// <summary>
/// Ranks that are threads of one process, each with its <see cref="ITransport"/>. Messages go through pooled buffers, straight into
/// the memory of a receiver that already waits, or stay where they are where the sender lends them; in steady state nothing is allocated, and
/// waiting threads sleep.
/// </summary>
public sealed class InProcessWorld
{
    /// <summary>The messages that a channel holds unless the caller says otherwise.</summary>
    public const int DefaultCapacity = 64;

    private readonly Channel[] _channels;
    private readonly InProcessTransport[] _transports;
    private readonly bool[] _closed;
    private Abortion? _abortion;

    private InProcessWorld(int size, int capacity)
    {
        Size = size;
        Capacity = capacity;
        _closed = new bool[size];
        _transports = new InProcessTransport[size];
        _channels = new Channel[size * size];
        for (int source = 0; source < size; source++)
        {
            _transports[source] = new InProcessTransport(this, source, new InProcessTransport.Traffic());
            for (int destination = 0; destination < size; destination++)
                _channels[source * size + destination] = new Channel(this, source, destination);
        }
    }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>The messages that each channel, from one rank to another, holds before a send blocks.</summary>
    public int Capacity { get; }

    /// <summary>The transport of each rank.</summary>
    public IReadOnlyList<ITransport> Transports => _transports;

    /// <summary>What the run was aborted for, and by which rank; null while it runs.</summary>
    internal (int? Rank, Exception Cause)? Aborted => Volatile.Read(ref _abortion) is { } abortion ? (abortion.Rank, abortion.Cause) : null;

    internal MessagePool Messages { get; } = new();

    /// <summary>Creates a world.</summary>
    /// <param name="size">The number of ranks, at least 1 and at most 1,024.</param>
    /// <param name="capacity">The messages that each channel holds before a send blocks, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static InProcessWorld Create(int size, int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, 1_024);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        return new InProcessWorld(size, capacity);
    }

    internal static string DescribeCall(int source, int destination, int tag, int length, bool isReceive) => isReceive
        ? $"Rank {destination} cannot receive {length} floats from rank {source} ({MessageTags.Describe(tag)})"
        : $"Rank {source} cannot send {length} floats to rank {destination} ({MessageTags.Describe(tag)})";

    /// <summary>How long a call may look for what another rank does before it sleeps.</summary>
    internal SpinBudget NewSpin() => new(yields: Size > Environment.ProcessorCount);

    internal Channel Between(int source, int destination) => _channels[source * Size + destination];

    internal bool IsClosed(int rank) => Volatile.Read(ref _closed[rank]);

    internal void Close(int rank)
    {
        if (IsClosed(rank))
            return;
        Volatile.Write(ref _closed[rank], true);
        for (int peer = 0; peer < Size; peer++)
        {
            Between(rank, peer).Wake();
            Between(peer, rank).Wake();
        }
    }

    /// <param name="rank">The rank that aborts; null when it is the world's owner.</param>
    /// <param name="cause">Why.</param>
    internal void Abort(int? rank, Exception cause)
    {
        if (Interlocked.CompareExchange(ref _abortion, new Abortion(rank, cause), null) is not null)
            return;
        foreach (Channel channel in _channels)
            channel.Wake();
    }

    internal void ThrowIfStopped(int source, int destination, int tag, int length, bool isReceive)
    {
        if (Volatile.Read(ref _abortion) is { } abortion)
        {
            string by = abortion.Rank is { } rank ? $"rank {rank} aborted the run" : "the run was aborted";
            throw new TransportException(
                TransportFailure.Aborted,
                $"{DescribeCall(source, destination, tag, length, isReceive)}: {by}: {abortion.Cause.Message}",
                abortion.Cause);
        }

        int self = isReceive ? destination : source;
        if (IsClosed(self))
        {
            throw new TransportException(
                TransportFailure.Disposed,
                $"{DescribeCall(source, destination, tag, length, isReceive)}: the transport of rank {self} is disposed.");
        }
    }

    /// <summary>
    /// Who waits for whom when every rank that has not ended has waited for at least <paramref name="age"/>; otherwise null.
    /// </summary>
    internal string? FindDeadlock(TimeSpan age)
    {
        long before = Environment.TickCount64 - (long)age.TotalMilliseconds;
        var report = new StringBuilder();
        Span<bool> waits = stackalloc bool[Size];
        foreach (Channel channel in _channels)
            channel.ReportWaiting(before, waits, report);

        bool anyWaits = false;
        for (int rank = 0; rank < Size; rank++)
        {
            if (!waits[rank] && !IsClosed(rank))
                return null;
            anyWaits |= waits[rank];
        }

        return anyWaits
            ? $"Deadlock: every rank that has not ended has waited for {age.TotalSeconds:0.##} s or longer.{report}"
            : null;
    }

    /// <summary>The number of calls that wait now.</summary>
    internal int CountWaiting() => _channels.Sum(channel => channel.CountWaiting());

    /// <summary>The messages that were sent and never received, in words; null when there are none.</summary>
    internal string? FindUnreceived()
    {
        string report = string.Join("\n  ", _channels.Select(channel => channel.ReportQueued()).OfType<string>());
        return report.Length == 0 ? null : $"Messages were sent but never received:\n  {report}";
    }

    private sealed record Abortion(int? Rank, Exception Cause);
}
