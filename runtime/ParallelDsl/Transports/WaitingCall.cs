namespace ParallelDsl.Transports;

/// <summary>What a call waits for.</summary>
internal enum WaitKind
{
    /// <summary>A sender waits for room in the channel.</summary>
    Send,

    /// <summary>A receiver waits with memory into which the sender copies.</summary>
    Receive,

    /// <summary>A receiver waits for a message that it reads where it lies.</summary>
    Borrow,

    /// <summary>A sender waits for the end of its loans.</summary>
    TakeBack,
}

/// <summary>A call that waits at a channel. Reused.</summary>
internal sealed unsafe class WaitingCall
{
    public WaitingCall? Next { get; set; }

    public WaitKind Kind { get; private set; }

    public int Tag { get; private set; }

    public int Length { get; private set; }

    public long Since { get; private set; }

    public float* Memory { get; set; }

    /// <summary>Of a call that runs ahead of its rank: whether the rank waits for it. Else null: the rank waits.</summary>
    public Func<bool>? IsAwaited { get; private set; }

    public bool IsDone { get; private set; }

    /// <summary>The length of the message that completed a receive.</summary>
    public int Offered { get; private set; }

    public void Begin(WaitKind kind, int tag, int length, Func<bool>? isAwaited)
    {
        (Kind, Tag, Length, Next) = (kind, tag, length, null);
        (IsDone, Offered) = (false, 0);
        Memory = null;
        IsAwaited = isAwaited;
        Since = Environment.TickCount64;
    }

    /// <summary>Called under the channel's lock, so that the receiver cannot leave, and free its memory, during the copy.</summary>
    public void Complete(ReadOnlySpan<float> data)
    {
        if (data.Length == Length)
            data.CopyTo(new Span<float>(Memory, Length));
        Offered = data.Length;
        IsDone = true;
    }
}
