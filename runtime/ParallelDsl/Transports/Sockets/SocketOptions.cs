namespace ParallelDsl.Transports.Sockets;

/// <summary>How a rank joins and leaves the others. All ranks of a run are given the same.</summary>
public sealed record SocketOptions
{
    /// <summary>The messages that each channel, from one rank to another, holds before a send blocks; at least 1.</summary>
    public int Capacity { get; init; } = InProcessWorld.DefaultCapacity;

    /// <summary>A number that tells this run from others at the same addresses: a rank of another run is refused.</summary>
    public long Run { get; init; }

    /// <summary>How long to wait until all ranks have joined.</summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a machine that answers nothing may be silent before its rank counts as lost. A process that dies is noticed at once.</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long <see cref="SocketTransport.Dispose"/> waits for the receipt of what was sent.</summary>
    public TimeSpan FarewellTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
