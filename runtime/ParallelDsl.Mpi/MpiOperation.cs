namespace ParallelDsl.Mpi;

/// <summary>What an operation does.</summary>
internal enum MpiOperationKind
{
    /// <summary>Sends a message.</summary>
    Send,

    /// <summary>Receives a message into its receiver's memory.</summary>
    Receive,

    /// <summary>Sends word to another rank's transport: the end of this one, or an abortion.</summary>
    ControlSend,

    /// <summary>Waits for such word from any rank.</summary>
    ControlReceive,

    /// <summary>A collective of the library.</summary>
    Collective,
}

/// <summary>A message that is sent or received: one request of the library, or several one after the other where it is longer than a part may
/// be. Reused. All fields are used under the lock of <see cref="MpiProgress"/>.</summary>
internal sealed unsafe class MpiOperation
{
    public MpiOperationKind Kind { get; set; }

    /// <summary>The transport; none of a collective.</summary>
    public MpiTransport Owner { get; set; } = null!;

    /// <summary>The other rank.</summary>
    public int Peer { get; set; }

    public int Tag { get; set; }

    /// <summary>Floats that are sent or expected.</summary>
    public int Length { get; set; }

    /// <summary>Of a receive: where the message goes.</summary>
    public float* Target { get; set; }

    /// <summary>Of a send, and of control messages: the memory that the library reads or writes.</summary>
    public MessageMemory? Memory { get; set; }

    /// <summary>Requests that the library has not completed.</summary>
    public int Pending { get; set; }

    /// <summary>Of a receive: the request, to cancel it; 0 where none is posted.</summary>
    public nint Request { get; set; }

    /// <summary>Of a receive: floats that have arrived, or of a message that is too long, would have.</summary>
    public long Offered { get; set; }

    /// <summary>Of a send: whether the channel has room for it, so that its call need not wait for the receiver.</summary>
    public bool HasRoom { get; set; }

    /// <summary>Of a send: whether the memory is the caller's. Such a send takes no room, and stands in the list of loans until it is taken back.</summary>
    public bool IsLent { get; set; }

    /// <summary>Of a lent send: whether the caller has given it up after a failure.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>Whether an earlier receive of the same source and tag has to end first.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Whether a call waits for it; it is taken back by that call then. A receive without one is expected.</summary>
    public bool IsAwaited { get; set; }

    public bool IsDone { get; set; }

    /// <summary>Whether it was taken back before anything arrived.</summary>
    public bool IsCancelled { get; set; }

    /// <summary>The library's error, or 0.</summary>
    public int Error { get; set; }

    /// <summary>The next active receive of the transport, waiting send of the channel, loan, or idle operation.</summary>
    public MpiOperation? Next { get; set; }

    /// <summary>Makes it as new.</summary>
    public void Reset()
    {
        Owner = null!;
        Target = null;
        Memory = null;
        Next = null;
        (Peer, Tag, Length, Pending, Request, Offered, Error) = (0, 0, 0, 0, 0, 0, 0);
        (HasRoom, IsLent, IsAbandoned, IsQueued, IsAwaited, IsDone, IsCancelled) = (false, false, false, false, false, false, false);
    }
}
