using System.Globalization;
using System.Text;

namespace ParallelDsl.Transports;

/// <summary>
/// The one-way path from one rank to another: a queue of buffered messages and the calls that wait. A message whose receiver already
/// waits is copied straight into the receiver's memory and never enters the queue. A message that is lent is a node of the same queue without
/// a copy; it does not count against the capacity, which bounds memory.
/// </summary>
internal sealed partial class Channel(InProcessWorld world, int source, int destination)
{
    private readonly object _gate = new();
    private Message? _first;
    private Message? _last;
    private int _queued;
    private int _lent;
    private WaitingCall? _waiting;
    private WaitingCall? _idleCalls;

    public void Send(int tag, ReadOnlySpan<float> data, Func<bool>? isAwaited = null)
    {
        lock (_gate)
        {
            WaitingCall? call = null;
            try
            {
                while (!TrySend(tag, data))
                {
                    call ??= Enlist(WaitKind.Send, tag, data.Length, isAwaited);
                    Monitor.Wait(_gate);
                }
            }
            finally
            {
                if (call is not null)
                    Dismiss(call);
            }
        }
    }

    /// <summary>Sends where the queue has room or the receiver waits; false where the call would have to wait.</summary>
    public bool SendNow(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
            return TrySend(tag, data);
    }

    public unsafe void Receive(int tag, Span<float> data, Func<bool>? isAwaited = null)
    {
        Message? message;
        fixed (float* memory = data)
        {
            lock (_gate)
            {
                world.ThrowIfStopped(source, destination, tag, data.Length, isReceive: true);
                message = Dequeue(tag);
                if (message is null)
                {
                    AwaitDelivery(tag, memory, data.Length, isAwaited);
                    return;
                }
            }
        }

        int offered = message.Length;
        if (offered == data.Length)
            message.Data.CopyTo(data);
        Release(message);
        if (offered != data.Length)
            throw LengthMismatch(tag, offered, data.Length);
    }

    /// <summary>Wakes every waiting call, so that it sees that the world has changed.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _changes++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Writes a line for each call that has waited since <paramref name="before"/>, and marks the ranks that wait.</summary>
    public void ReportWaiting(long before, Span<bool> waits, StringBuilder report)
    {
        lock (_gate)
        {
            for (WaitingCall? call = _waiting; call is not null; call = call.Next)
            {
                if (call.Since > before || call.IsDone)
                    continue;
                int rank = call.Kind is WaitKind.Receive or WaitKind.Borrow ? destination : source;
                waits[rank] |= call.IsAwaited?.Invoke() ?? true;
                string what = call.Kind switch
                {
                    WaitKind.Receive or WaitKind.Borrow => $"waits to receive {call.Length} floats from rank {source}",
                    WaitKind.TakeBack => $"waits for rank {destination} to receive what it lends",
                    _ => $"waits to send {call.Length} floats to rank {destination}, whose channel is full",
                };
                string tag = MessageTags.Describe(call.Tag);
                report.Append(CultureInfo.InvariantCulture, $"\n  rank {rank} {what} ({tag}); {DescribeQueue()}");
            }
        }
    }

    /// <summary>The number of calls that wait now.</summary>
    public int CountWaiting()
    {
        lock (_gate)
        {
            int count = 0;
            for (WaitingCall? call = _waiting; call is not null; call = call.Next)
                count++;
            return count;
        }
    }

    /// <summary>What the queue holds, in words; null when it is empty.</summary>
    public string? ReportQueued()
    {
        lock (_gate)
            return _queued == 0 ? null : $"from rank {source} to rank {destination}: {DescribeQueue()}";
    }

    private bool TrySend(int tag, ReadOnlySpan<float> data)
    {
        world.ThrowIfStopped(source, destination, tag, data.Length, isReceive: false);
        if (world.IsClosed(destination))
            throw Ended(destination, tag, data.Length, isReceive: false);

        if (Deliver(tag, data))
            return true;
        if (_queued - _lent >= world.Capacity && !IsAwaited(tag))
            return false;

        Message message = world.Messages.Rent(data.Length);
        message.Fill(tag, data);
        Enqueue(message);
        return true;
    }

    /// <summary>Copies a message to the receive that waits for it, if one does.</summary>
    private bool Deliver(int tag, ReadOnlySpan<float> data)
    {
        for (WaitingCall? call = _waiting; call is not null; call = call.Next)
        {
            if (call.Kind != WaitKind.Receive || call.IsDone || call.Tag != tag)
                continue;
            call.Complete(data);
            Monitor.PulseAll(_gate);
            return true;
        }

        return false;
    }

    private void Enqueue(Message message)
    {
        if (_last is null)
            _first = message;
        else
            _last.Next = message;
        _last = message;
        _queued++;
        if (message.IsLent)
            _lent++;
        _changes++;
        if (IsAwaited(message.Tag))
            Monitor.PulseAll(_gate);
    }

    private Message? Dequeue(int tag)
    {
        Message? previous = null;
        Message? message = _first;
        while (message is not null && message.Tag != tag)
            (previous, message) = (message, message.Next);
        if (message is not null)
            Unlink(previous, message);
        return message;
    }

    private void Unlink(Message? previous, Message message)
    {
        if (previous is null)
            _first = message.Next;
        else
            previous.Next = message.Next;
        if (message.Next is null)
            _last = previous;
        message.Next = null;
        _queued--;
        if (message.IsLent)
        {
            _lent--;
            message.State = LoanState.Borrowed;
        }

        if (_waiting is not null)
            Monitor.PulseAll(_gate);
    }

    private unsafe void AwaitDelivery(int tag, float* memory, int length, Func<bool>? isAwaited)
    {
        // A blocked send of this very message must look again.
        if (_waiting is not null)
            Monitor.PulseAll(_gate);

        WaitingCall call = Enlist(WaitKind.Receive, tag, length, isAwaited);
        call.Memory = memory;
        int offered;
        try
        {
            while (!call.IsDone)
            {
                world.ThrowIfStopped(source, destination, tag, length, isReceive: true);
                // What a rank has sent before it ended is still delivered, so this is asked only when nothing is there.
                if (world.IsClosed(source))
                    throw Ended(source, tag, length, isReceive: true);
                Monitor.Wait(_gate);
            }

            offered = call.Offered;
        }
        finally
        {
            Dismiss(call);
        }

        if (offered != length)
            throw LengthMismatch(tag, offered, length);
    }

    private WaitingCall Enlist(WaitKind kind, int tag, int length, Func<bool>? isAwaited)
    {
        WaitingCall call = _idleCalls ?? new WaitingCall();
        _idleCalls = call.Next;
        call.Begin(kind, tag, length, isAwaited);

        // First come, first served: two threads that receive with the same tag get the messages in the order of their calls.
        if (_waiting is null)
        {
            _waiting = call;
            return call;
        }

        WaitingCall last = _waiting;
        while (last.Next is not null)
            last = last.Next;
        last.Next = call;
        return call;
    }

    private void Dismiss(WaitingCall call)
    {
        if (_waiting == call)
        {
            _waiting = call.Next;
        }
        else
        {
            WaitingCall previous = _waiting!;
            while (previous.Next != call)
                previous = previous.Next!;
            previous.Next = call.Next;
        }

        call.Next = _idleCalls;
        _idleCalls = call;
    }

    private string DescribeQueue()
    {
        if (_queued == 0)
            return "nothing is queued";
        var tags = new StringBuilder();
        int shown = 0;
        for (Message? message = _first; message is not null && shown < 4; message = message.Next, shown++)
            tags.Append(shown == 0 ? "" : ", ").Append(MessageTags.Describe(message.Tag));
        return $"{_queued} queued ({tags}{(_queued > shown ? ", ..." : "")})";
    }

    private TransportException LengthMismatch(int tag, int offered, int expected) => new(
        TransportFailure.LengthMismatch,
        $"Rank {destination} expects {expected} floats from rank {source} ({MessageTags.Describe(tag)}), but {offered} were sent.");

    private TransportException Ended(int peer, int tag, int length, bool isReceive) => new(
        TransportFailure.PeerDisposed,
        $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: rank {peer} has ended and disposed its transport.");
}
