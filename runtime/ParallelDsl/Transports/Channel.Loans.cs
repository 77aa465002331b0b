namespace ParallelDsl.Transports;

/// <content>Messages that are lent by the sender and borrowed by the receiver, so that nothing is copied on the way. Collectives wait for such
/// messages many times in one operation, and for a short time each: a call spins a while before it sleeps.</content>
internal sealed partial class Channel
{
    private Message? _loans;
    private Message? _idleLoans;
    private Message? _borrowed;
    private volatile int _changes;

    /// <summary>Sends memory that stays the sender's.</summary>
    public unsafe void Lend(int tag, float* data, int length)
    {
        lock (_gate)
        {
            world.ThrowIfStopped(source, destination, tag, length, isReceive: false);
            if (world.IsClosed(destination))
                throw Ended(destination, tag, length, isReceive: false);
            if (Deliver(tag, new ReadOnlySpan<float>(data, length)))
                return;

            Message loan = _idleLoans ?? new Message(capacity: 0);
            _idleLoans = loan.NextLoan;
            loan.Lend(tag, data, length);
            loan.NextLoan = _loans;
            _loans = loan;
            Enqueue(loan);
        }
    }

    /// <summary>Waits until the receiver has returned all loans of a tag.</summary>
    public void TakeBack(int tag, Func<bool>? isAwaited)
    {
        var spin = world.NewSpin();
        while (true)
        {
            Message? open;
            lock (_gate)
            {
                open = DropReturned(tag);
                if (open is null)
                    return;
                ThrowIfNobodyTakes(open);
                if (spin.IsOver)
                {
                    SleepUntilReturned(tag, isAwaited);
                    return;
                }
            }

            while (open.State != LoanState.Returned && spin.Once())
            {
            }
        }
    }

    /// <summary>Takes back the loans of a tag that nobody reads, and waits for those that are read.</summary>
    public void Withdraw(int tag)
    {
        lock (_gate)
        {
            Message? previous = null;
            for (Message? message = _first; message is not null;)
            {
                Message? next = message.Next;
                if (message.IsLent && message.Tag == tag)
                {
                    Unlink(previous, message);
                    message.State = LoanState.Returned;
                }
                else
                {
                    previous = message;
                }

                message = next;
            }

            while (DropReturned(tag) is not null)
                Monitor.Wait(_gate);
        }
    }

    /// <summary>Waits for the next message of a tag, and gives its memory until it is returned.</summary>
    public unsafe float* Borrow(int tag, int length, Func<bool>? isAwaited)
    {
        var spin = world.NewSpin();
        Message message;
        while (true)
        {
            int seen;
            lock (_gate)
            {
                Message? next = TryBorrow(tag, length);
                if (next is null && spin.IsOver)
                    next = SleepUntilSent(tag, length, isAwaited);
                if (next is not null)
                {
                    message = next;
                    break;
                }

                seen = _changes;
            }

            while (_changes == seen && spin.Once())
            {
            }
        }

        if (message.Length == length)
            return message.Pointer;
        int offered = message.Length;
        Return(tag);
        throw LengthMismatch(tag, offered, length);
    }

    /// <summary>Ends the reading of the message of a tag that was borrowed first.</summary>
    public void Return(int tag)
    {
        Message message;
        lock (_gate)
        {
            Message? previous = null;
            Message? found = _borrowed;
            while (found is not null && found.Tag != tag)
                (previous, found) = (found, found.Next);
            message = found ?? throw new InvalidOperationException(
                $"Rank {destination} returns a message of rank {source} ({MessageTags.Describe(tag)}) that it has not borrowed.");
            if (previous is null)
                _borrowed = message.Next;
            else
                previous.Next = message.Next;
            message.Next = null;
        }

        Release(message);
    }

    /// <summary>Gives back the memory of a message that was received.</summary>
    private void Release(Message message)
    {
        if (!message.IsLent)
        {
            world.Messages.Return(message);
            return;
        }

        lock (_gate)
        {
            message.State = LoanState.Returned;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Whether a call waits to borrow a message of a tag.</summary>
    private bool IsAwaited(int tag)
    {
        for (WaitingCall? call = _waiting; call is not null; call = call.Next)
        {
            if (call.Kind == WaitKind.Borrow && call.Tag == tag)
                return true;
        }

        return false;
    }

    private Message? TryBorrow(int tag, int length)
    {
        world.ThrowIfStopped(source, destination, tag, length, isReceive: true);
        if (Dequeue(tag) is { } message)
        {
            message.Next = _borrowed;
            _borrowed = message;
            return message;
        }

        // What a rank has sent before it ended is still delivered, so this is asked only when nothing is there.
        return world.IsClosed(source) ? throw Ended(source, tag, length, isReceive: true) : null;
    }

    private Message SleepUntilSent(int tag, int length, Func<bool>? isAwaited)
    {
        // A blocked send of this very message must look again.
        if (_waiting is not null)
            Monitor.PulseAll(_gate);
        WaitingCall call = Enlist(WaitKind.Borrow, tag, length, isAwaited);
        try
        {
            while (true)
            {
                Monitor.Wait(_gate);
                if (TryBorrow(tag, length) is { } message)
                    return message;
            }
        }
        finally
        {
            Dismiss(call);
        }
    }

    private void SleepUntilReturned(int tag, Func<bool>? isAwaited)
    {
        WaitingCall call = Enlist(WaitKind.TakeBack, tag, 0, isAwaited);
        try
        {
            while (DropReturned(tag) is { } open)
            {
                ThrowIfNobodyTakes(open);
                Monitor.Wait(_gate);
            }
        }
        finally
        {
            Dismiss(call);
        }
    }

    private void ThrowIfNobodyTakes(Message open)
    {
        // What is being read will be returned, and who reads it may have to end first.
        if (open.State == LoanState.Borrowed)
            return;
        world.ThrowIfStopped(source, destination, open.Tag, open.Length, isReceive: false);
        if (world.IsClosed(destination))
            throw Ended(destination, open.Tag, open.Length, isReceive: false);
    }

    /// <summary>Drops the loans of a tag that are returned, and finds one that is not.</summary>
    private Message? DropReturned(int tag)
    {
        Message? open = null;
        Message? previous = null;
        for (Message? loan = _loans; loan is not null;)
        {
            Message? next = loan.NextLoan;
            if (loan.Tag != tag || loan.State != LoanState.Returned)
            {
                if (loan.Tag == tag)
                    open = loan;
                previous = loan;
            }
            else
            {
                if (previous is null)
                    _loans = next;
                else
                    previous.NextLoan = next;
                loan.NextLoan = _idleLoans;
                _idleLoans = loan;
            }

            loan = next;
        }

        return open;
    }
}
