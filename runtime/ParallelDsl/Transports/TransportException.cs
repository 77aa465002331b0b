namespace ParallelDsl.Transports;

/// <summary>Why a transport call failed.</summary>
public enum TransportFailure
{
    /// <summary>A rank or a tag is out of range.</summary>
    BadArgument,

    /// <summary>A message has another length than the receiver expects.</summary>
    LengthMismatch,

    /// <summary>This rank's transport was disposed.</summary>
    Disposed,

    /// <summary>The other rank's transport was disposed: it has ended.</summary>
    PeerDisposed,

    /// <summary>A rank aborted the run.</summary>
    Aborted,

    /// <summary>All ranks wait for one another, or a message was never received.</summary>
    Deadlock,

    /// <summary>A rank's connection ended without a farewell: its process has died, or the network failed.</summary>
    PeerLost,
}

/// <summary>A failed transport call. The message names the rank, its peer, the tag and the lengths.</summary>
public sealed class TransportException : Exception
{
    /// <summary>Creates the exception.</summary>
    public TransportException(TransportFailure failure, string message, Exception? cause = null)
        : base(message, cause) => Failure = failure;

    /// <summary>Why the call failed.</summary>
    public TransportFailure Failure { get; }

    /// <summary>Whether the call failed only because another rank failed or ended before.</summary>
    public bool IsConsequence => Failure is TransportFailure.Aborted or TransportFailure.PeerDisposed or TransportFailure.PeerLost;
}
