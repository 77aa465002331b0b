namespace ParallelDsl.Transports.Sockets;

/// <summary>Why another process aborted the run: the text of what it failed with.</summary>
public sealed class RemoteFailureException(int rank, string message) : Exception(message)
{
    /// <summary>The rank that aborted.</summary>
    public int Rank { get; } = rank;
}
