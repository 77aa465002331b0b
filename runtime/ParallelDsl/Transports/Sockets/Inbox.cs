using System.Runtime.InteropServices;

namespace ParallelDsl.Transports.Sockets;

/// <summary>
/// What has come from one rank and is not yet consumed, and the receives that wait for more. A message whose receiver already waits is read
/// from the connection straight into the receiver's memory.
/// </summary>
/// <param name="transport">The receiving rank.</param>
/// <param name="source">The sending rank.</param>
/// <param name="sender">The way back to it, for credits; null where the rank sends to itself.</param>
internal sealed unsafe class Inbox(SocketTransport transport, int source, SocketSender? sender)
{
    private readonly object _gate = new();
    private readonly int _capacity = transport.Options.Capacity;
    private Message? _first;
    private Message? _last;
    private int _queued;
    private WaitingCall? _waiting;
    private WaitingCall? _idleCalls;
    private long _arrived;
    private long _consumed;
    private long _credited;
    private bool _hasEnded;

    public void Receive(int tag, Span<float> data)
    {
        Message? message;
        fixed (float* memory = data)
        {
            lock (_gate)
            {
                transport.ThrowIfStopped(source, transport.Rank, tag, data.Length, isReceive: true);
                message = Dequeue(tag);
                if (message is null)
                {
                    Await(tag, memory, data.Length);
                    return;
                }

                Consume();
            }
        }

        int offered = message.Data.Length;
        if (offered == data.Length)
            message.Data.CopyTo(data);
        transport.Messages.Return(message);
        if (offered != data.Length)
            throw LengthMismatch(tag, offered, data.Length);
    }

    /// <summary>Sends from the rank to itself.</summary>
    public void SendToSelf(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
        {
            while (!TrySend(tag, data))
                Monitor.Wait(_gate);
        }
    }

    /// <summary>Sends from the rank to itself where that does not wait.</summary>
    public bool TrySendToSelf(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
            return TrySend(tag, data);
    }

    /// <summary>Where a message that begins to arrive goes: the memory of a call that waits for it, or a pooled one.</summary>
    public Incoming Begin(int tag, int length)
    {
        lock (_gate)
        {
            if (FirstWaiting(tag) is { } call && call.Length == length)
            {
                call.IsClaimed = true;
                return new Incoming(call, null);
            }
        }

        Message message = transport.Messages.Rent(length);
        message.Prepare(tag, length);
        return new Incoming(null, message);
    }

    /// <summary>Hands over a message that has arrived whole.</summary>
    public void Complete(Incoming incoming)
    {
        lock (_gate)
        {
            _arrived++;
            if (incoming.Call is { } claimed)
            {
                (claimed.IsClaimed, claimed.Offered, claimed.IsDone) = (false, claimed.Length, true);
                Consume();
                Monitor.PulseAll(_gate);
            }
            else
            {
                Message message = incoming.Message!;
                if (FirstWaiting(message.Tag) is { } call)
                {
                    call.Complete(message.Data);
                    transport.Messages.Return(message);
                    Consume();
                    Monitor.PulseAll(_gate);
                }
                else
                {
                    Enqueue(message);
                }
            }

            Ask();
        }
    }

    /// <summary>Gives up a message that will not arrive whole.</summary>
    public void Abandon(Incoming incoming)
    {
        if (incoming.Message is not null)
            transport.Messages.Return(incoming.Message);
        if (incoming.Call is null)
            return;
        lock (_gate)
        {
            incoming.Call.IsClaimed = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nothing more comes.</summary>
    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Wakes every waiting call, so that it sees what has changed.</summary>
    public void Wake()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
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

    private bool TrySend(int tag, ReadOnlySpan<float> data)
    {
        transport.ThrowIfStopped(source, transport.Rank, tag, data.Length, isReceive: false);
        if (FirstWaiting(tag) is { } call)
        {
            call.Complete(data);
            Monitor.PulseAll(_gate);
            return true;
        }

        if (_queued >= _capacity)
            return false;
        Message message = transport.Messages.Rent(data.Length);
        message.Fill(tag, data);
        Enqueue(message);
        return true;
    }

    private void Await(int tag, float* memory, int length)
    {
        WaitingCall call = Enlist(tag, memory, length);
        Ask();
        // A send of the rank to itself, blocked by a full queue, must look again.
        if (sender is null)
            Monitor.PulseAll(_gate);
        int offered;
        try
        {
            while (!call.IsDone)
            {
                // The memory of a claimed call is being written: it is given free first, whatever happened.
                if (!call.IsClaimed)
                {
                    transport.ThrowIfStopped(source, transport.Rank, tag, length, isReceive: true);
                    if (_hasEnded)
                        throw SocketTransport.Ended(source, source, transport.Rank, tag, length, isReceive: true);
                }

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

    /// <summary>Where the sender may find the channel full: tells it what was consumed, or for which tags receives wait nevertheless.</summary>
    private void Ask()
    {
        if (sender is null || _arrived - _credited < _capacity)
            return;
        if (_consumed > _credited)
            Credit();
        if (_arrived - _consumed < _capacity)
            return;
        for (WaitingCall? call = _waiting; call is not null; call = call.Next)
        {
            if (call.IsDone || call.IsClaimed || call.IsAsked)
                continue;
            call.IsAsked = true;
            sender.SendWant(call.Tag);
        }
    }

    private void Consume()
    {
        _consumed++;
        if (sender is null)
        {
            Monitor.PulseAll(_gate);
            return;
        }

        // A quarter of the capacity at a time, or at once where the sender may wait for it.
        if (_consumed - _credited >= Math.Max(1, _capacity / 4) || _arrived - _credited >= _capacity)
        {
            Credit();
            Ask();
        }
    }

    // The sender forgets what was asked for when it gets a credit: what is still needed is asked for again.
    private void Credit()
    {
        _credited = _consumed;
        sender!.SendCredit(_consumed);
        for (WaitingCall? call = _waiting; call is not null; call = call.Next)
            call.IsAsked = false;
    }

    private WaitingCall? FirstWaiting(int tag)
    {
        WaitingCall? call = _waiting;
        while (call is not null && (call.Tag != tag || call.IsDone || call.IsClaimed))
            call = call.Next;
        return call;
    }

    private void Enqueue(Message message)
    {
        if (_last is null)
            _first = message;
        else
            _last.Next = message;
        _last = message;
        _queued++;
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
        return message;
    }

    private WaitingCall Enlist(int tag, float* memory, int length)
    {
        WaitingCall call = _idleCalls ?? new WaitingCall();
        _idleCalls = call.Next;
        call.Begin(tag, memory, length);

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

    private TransportException LengthMismatch(int tag, int offered, int expected) => new(
        TransportFailure.LengthMismatch,
        $"Rank {transport.Rank} expects {expected} floats from rank {source} ({MessageTags.Describe(tag)}), but {offered} were sent.");

    /// <summary>A receive that waits. Reused.</summary>
    internal sealed class WaitingCall
    {
        public WaitingCall? Next { get; set; }

        public int Tag { get; private set; }

        public int Length { get; private set; }

        public float* Memory { get; private set; }

        /// <summary>Whether a message is being written to the memory.</summary>
        public bool IsClaimed { get; set; }

        public bool IsDone { get; set; }

        /// <summary>Whether the sender was told that this call waits although the channel is full.</summary>
        public bool IsAsked { get; set; }

        /// <summary>The length of the message that completed the receive.</summary>
        public int Offered { get; set; }

        public void Begin(int tag, float* memory, int length)
        {
            (Tag, Length, Next) = (tag, length, null);
            Memory = memory;
            (IsClaimed, IsDone, IsAsked, Offered) = (false, false, false, 0);
        }

        /// <summary>Called under the inbox's lock, so that the receiver cannot leave, and free its memory, during the copy.</summary>
        public void Complete(ReadOnlySpan<float> data)
        {
            if (data.Length == Length)
                data.CopyTo(new Span<float>(Memory, Length));
            Offered = data.Length;
            IsDone = true;
        }
    }

    /// <summary>A message on its way in: a claimed call or a pooled message, and how much of it has come.</summary>
    internal struct Incoming(WaitingCall? call, Message? message)
    {
        public readonly WaitingCall? Call = call;

        public readonly Message? Message = message;

        /// <summary>Bytes that have come.</summary>
        public long Filled;

        public readonly int Tag => Call?.Tag ?? Message!.Tag;

        /// <summary>Floats of the message.</summary>
        public readonly int Length => Call?.Length ?? Message!.Data.Length;

        public readonly bool IsNone => Call is null && Message is null;

        /// <summary>Where the next bytes go, at most <paramref name="count"/>.</summary>
        public readonly Span<byte> Target(int count)
        {
            if (Call is { } call)
                return new Span<byte>((byte*)call.Memory + Filled, count);
            // A message may be longer than a span of bytes can be.
            int skipped = (int)(Filled / sizeof(float));
            int within = (int)(Filled % sizeof(float));
            Span<float> rest = Message!.Content[skipped..];
            int floats = Math.Min(rest.Length, (count + within + sizeof(float) - 1) / sizeof(float));
            return MemoryMarshal.AsBytes(rest[..floats]).Slice(within, count);
        }
    }
}
