using System.Globalization;
using System.Text;

namespace ParallelDsl.Transports;

/// <summary>
/// The one-way path from one rank to another: a queue of buffered messages and the calls that wait. A message whose receiver already
/// waits is copied straight into the receiver's memory and never enters the queue.
/// </summary>
internal sealed class Channel(InProcessWorld world, int source, int destination)
{
    private readonly object _gate = new();
    private Message? _first;
    private Message? _last;
    private int _queued;
    private WaitingCall? _waiting;
    private WaitingCall? _idleCalls;

    public void Send(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
        {
            WaitingCall? call = null;
            try
            {
                while (!TrySend(tag, data))
                {
                    call ??= Enlist(isReceive: false, tag, data.Length);
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

        int offered = message.Data.Length;
        if (offered == data.Length)
            message.Data.CopyTo(data);
        world.Messages.Return(message);
        if (offered != data.Length)
            throw LengthMismatch(tag, offered, data.Length);
    }

    /// <summary>Wakes every waiting call, so that it sees that the world has changed.</summary>
    public void Wake()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
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
                int rank = call.IsReceive ? destination : source;
                waits[rank] |= call.IsAwaited?.Invoke() ?? true;
                string what = call.IsReceive
                    ? $"waits to receive {call.Length} floats from rank {source}"
                    : $"waits to send {call.Length} floats to rank {destination}, whose channel is full";
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

        for (WaitingCall? call = _waiting; call is not null; call = call.Next)
        {
            if (!call.IsReceive || call.IsDone || call.Tag != tag)
                continue;
            call.Complete(data);
            Monitor.PulseAll(_gate);
            return true;
        }

        if (_queued == world.Capacity)
            return false;

        Message message = world.Messages.Rent(data.Length);
        message.Fill(tag, data);
        if (_last is null)
            _first = message;
        else
            _last.Next = message;
        _last = message;
        _queued++;
        return true;
    }

    private Message? Dequeue(int tag)
    {
        Message? previous = null;
        Message? message = _first;
        while (message is not null && message.Tag != tag)
            (previous, message) = (message, message.Next);
        if (message is null)
            return null;

        if (previous is null)
            _first = message.Next;
        else
            previous.Next = message.Next;
        if (message.Next is null)
            _last = previous;
        message.Next = null;
        _queued--;
        if (_waiting is not null)
            Monitor.PulseAll(_gate);
        return message;
    }

    private unsafe void AwaitDelivery(int tag, float* memory, int length, Func<bool>? isAwaited)
    {
        // A blocked send of this very message must look again.
        if (_waiting is not null)
            Monitor.PulseAll(_gate);

        WaitingCall call = Enlist(isReceive: true, tag, length);
        call.Memory = memory;
        call.IsAwaited = isAwaited;
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

    private WaitingCall Enlist(bool isReceive, int tag, int length)
    {
        WaitingCall call = _idleCalls ?? new WaitingCall();
        _idleCalls = call.Next;
        call.Begin(isReceive, tag, length, next: null);

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

    /// <summary>A call that waits: a receive with its memory, or a send that finds the channel full. Reused.</summary>
    private sealed unsafe class WaitingCall
    {
        public WaitingCall? Next { get; set; }

        public bool IsReceive { get; private set; }

        public int Tag { get; private set; }

        public int Length { get; private set; }

        public long Since { get; private set; }

        public float* Memory { get; set; }

        /// <summary>Of a receive that runs ahead of its rank: whether the rank waits for it. Else null: the rank waits.</summary>
        public Func<bool>? IsAwaited { get; set; }

        public bool IsDone { get; private set; }

        /// <summary>The length of the message that completed a receive.</summary>
        public int Offered { get; private set; }

        public void Begin(bool isReceive, int tag, int length, WaitingCall? next)
        {
            (IsReceive, Tag, Length, Next) = (isReceive, tag, length, next);
            (IsDone, Offered) = (false, 0);
            Memory = null;
            IsAwaited = null;
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
}
