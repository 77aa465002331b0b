using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace ParallelDsl.Transports.Sockets;

/// <summary>
/// The way out to one other rank: messages that wait for the connection, and what the other side is told besides. Whoever sends writes as
/// much as the connection takes at once; the rest is written by the transport's thread when the connection takes more.
/// </summary>
/// <remarks>
/// Long messages go one after the other, in parts. A message of one part goes in between, unless a long one of its own tag is before it; and
/// a long one begins only when no short one of its tag waits. So a tag keeps its order, and a short message waits for one part of another tag
/// at most, or a few short ones.
/// </remarks>
internal sealed class SocketSender(SocketTransport transport, int peer, Socket socket)
{
    /// <summary>Floats in front of a message's payload, in its buffer, where the header of its first frame goes.</summary>
    private const int HeaderFloats = SocketFrame.HeaderBytes / sizeof(float);

    /// <summary>Short messages that may go before the next part of a long one.</summary>
    private const int ShortTurn = 8;

    private readonly object _gate = new();
    private readonly byte[] _control = new byte[SocketFrame.HeaderBytes + SocketFrame.TextBytes];
    private readonly List<int> _wanted = [];
    private readonly Queue<int> _wants = new();
    private MessageQueue _short;
    private MessageQueue _long;
    private long _sent;
    private long _consumed;
    private long? _credit;
    private byte[]? _abort;
    private bool _isAbortSent;
    private bool _farewell;
    private bool _receipt;
    private bool _hasEnded;
    private int _turn;

    // The frame on its way: of a message, or of the control buffer. Where the message is long, the position stays after its end.
    private Message? _message;
    private bool _isLong;
    private long _position;
    private long _frameEnd;

    // How much of the first long message is written.
    private long _longPosition;

    /// <summary>Whether there is something to write that the connection did not take; read without the lock.</summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Why the connection failed, if it did.</summary>
    public SocketError? Failure { get; private set; }

    public void Send(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
        {
            while (!TryEnqueue(tag, data))
                Monitor.Wait(_gate);
            Write(isOwnThread: false);
        }
    }

    public bool TrySend(int tag, ReadOnlySpan<float> data)
    {
        lock (_gate)
        {
            if (!TryEnqueue(tag, data))
                return false;
            Write(isOwnThread: false);
            return true;
        }
    }

    /// <summary>Tells the other side how many of its messages were consumed.</summary>
    public void SendCredit(long consumed)
    {
        lock (_gate)
        {
            _credit = consumed;
            _wants.Clear();
            Write(isOwnThread: false);
        }
    }

    /// <summary>Tells the other side that a message is waited for although the channel is full.</summary>
    public void SendWant(int tag)
    {
        lock (_gate)
        {
            _wants.Enqueue(tag);
            Write(isOwnThread: false);
        }
    }

    /// <summary>Tells the other side that the run is aborted; what waits to be sent is dropped.</summary>
    public void SendAbort(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        lock (_gate)
        {
            _abort ??= bytes[..Math.Min(bytes.Length, SocketFrame.TextBytes)];
            Write(isOwnThread: false);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Says farewell once all is sent.</summary>
    public void SendFarewell()
    {
        lock (_gate)
        {
            _farewell = true;
            Write(isOwnThread: false);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Acknowledges the other side's farewell.</summary>
    public void SendReceipt()
    {
        lock (_gate)
        {
            _receipt = true;
            Write(isOwnThread: true);
        }
    }

    /// <summary>The other side has consumed so many messages.</summary>
    public void TakeCredit(long consumed)
    {
        lock (_gate)
        {
            _consumed = Math.Max(_consumed, consumed);
            _wanted.Clear();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The other side waits for a message of this tag although the channel is full.</summary>
    public void TakeWant(int tag)
    {
        lock (_gate)
        {
            _wanted.Add(tag);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The other side takes nothing any more: what waits is dropped.</summary>
    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Wakes every send that waits, so that it sees what has changed.</summary>
    public void Wake()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    /// <summary>Writes what the connection takes; called by the transport's thread.</summary>
    public void WriteMore()
    {
        lock (_gate)
            Write(isOwnThread: true);
    }

    /// <summary>Gives the buffers back, after the connection is closed.</summary>
    public void Release()
    {
        lock (_gate)
        {
            Failure ??= SocketError.Shutdown;
            _message = null;
            while (_short.Take() is { } message)
                transport.Messages.Return(message);
            while (_long.Take() is { } message)
                transport.Messages.Return(message);
            IsBlocked = false;
        }
    }

    private bool TryEnqueue(int tag, ReadOnlySpan<float> data)
    {
        transport.ThrowIfStopped(transport.Rank, peer, tag, data.Length, isReceive: false);
        if (_hasEnded)
            throw SocketTransport.Ended(peer, transport.Rank, peer, tag, data.Length, isReceive: false);
        if (_sent - _consumed >= transport.Options.Capacity && !_wanted.Remove(tag))
            return false;

        Message message = transport.Messages.Rent(data.Length + HeaderFloats);
        message.Prepare(tag, data.Length + HeaderFloats);
        data.CopyTo(message.Content[HeaderFloats..]);
        if (Bytes(message) <= SocketFrame.HeaderBytes + SocketFrame.PartBytes && !_long.Holds(tag))
            _short.Add(message);
        else
            _long.Add(message);
        _sent++;
        return true;
    }

    private void Write(bool isOwnThread)
    {
        // The transport's thread writes as soon as the connection takes more.
        if (IsBlocked && !isOwnThread)
            return;
        while (Failure is null)
        {
            if (_position == _frameEnd && !NextFrame())
            {
                IsBlocked = false;
                return;
            }

            int written = socket.Send(Rest(), SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                if (!IsBlocked)
                {
                    IsBlocked = true;
                    if (!isOwnThread)
                        transport.WakeThread();
                }

                return;
            }

            if (error != SocketError.Success)
            {
                // What it means is decided by the transport's thread, which holds no locks and knows whether the other side has ended.
                Failure = error;
                IsBlocked = false;
                if (!isOwnThread)
                    transport.WakeThread();
                return;
            }

            _position += written;
            if (_position == _frameEnd)
                EndFrame();
        }
    }

    private ReadOnlySpan<byte> Rest()
    {
        if (_message is not { } message)
            return _control.AsSpan((int)_position, (int)(_frameEnd - _position));
        // Frames of messages are whole floats; a message may be longer than a span of bytes can be.
        int skipped = (int)(_position / sizeof(float));
        int end = (int)(_frameEnd / sizeof(float));
        return MemoryMarshal.AsBytes(message.Data[skipped..end])[(int)(_position % sizeof(float))..];
    }

    /// <summary>Chooses what is written next; false where there is nothing.</summary>
    private bool NextFrame()
    {
        if (_receipt)
        {
            _receipt = false;
            return Control(new SocketFrame(FrameKind.Receipt, 0, 0, 0));
        }

        if (_abort is { } text)
        {
            if (_isAbortSent)
                return false;
            _isAbortSent = true;
            text.CopyTo(_control.AsSpan(SocketFrame.HeaderBytes));
            return Control(new SocketFrame(FrameKind.Abort, 0, 0, text.Length));
        }

        if (_hasEnded)
            return false;
        if (transport.IsAborted)
        {
            // Messages are of no use any more.
            if (!_farewell)
                return false;
            _farewell = false;
            return Control(new SocketFrame(FrameKind.Farewell, 0, 0, 0));
        }

        if (_credit is { } credit)
        {
            _credit = null;
            return Control(SocketFrame.Credit(credit));
        }

        if (_wants.TryDequeue(out int tag))
            return Control(new SocketFrame(FrameKind.Want, tag, 0, 0));
        // Short messages of its tag that wait were sent before the long one: later ones are behind it.
        Message? longest = _long.First;
        if (longest is not null && _longPosition == 0 && _short.Holds(longest.Tag))
            longest = null;
        if (_short.First is { } message && (longest is null || _turn < ShortTurn))
        {
            _turn = longest is null ? 0 : _turn + 1;
            return Part(message, isLong: false, HeaderFloats * sizeof(float), Bytes(message));
        }

        _turn = 0;
        if (longest is not null)
        {
            long start = _longPosition == 0 ? SocketFrame.HeaderBytes : _longPosition;
            return Part(longest, isLong: true, start, Math.Min(Bytes(longest), start + SocketFrame.PartBytes));
        }

        if (!_farewell)
            return false;
        // Once, and after all messages.
        _farewell = false;
        return Control(new SocketFrame(FrameKind.Farewell, 0, 0, 0));
    }

    private bool Control(SocketFrame frame)
    {
        frame.Write(_control);
        (_message, _position, _frameEnd) = (null, 0, SocketFrame.HeaderBytes + frame.Bytes);
        return true;
    }

    private bool Part(Message message, bool isLong, long start, long end)
    {
        bool isFirst = start == SocketFrame.HeaderBytes;
        FrameKind kind = !isFirst ? FrameKind.Next : end == Bytes(message) ? FrameKind.Whole : FrameKind.First;
        // The header of a further part goes over the end of the part before, which has been written.
        long header = start - SocketFrame.HeaderBytes;
        int floats = message.Data.Length - HeaderFloats;
        new SocketFrame(kind, message.Tag, floats, (int)(end - start)).Write(
            MemoryMarshal.AsBytes(message.Content.Slice((int)(header / sizeof(float)), HeaderFloats)));
        (_message, _isLong, _position, _frameEnd) = (message, isLong, header, end);
        return true;
    }

    private void EndFrame()
    {
        if (_message is not { } message)
            return;
        _message = null;
        if (_isLong && _frameEnd < Bytes(message))
        {
            _longPosition = _frameEnd;
            return;
        }

        if (_isLong)
        {
            _long.Take();
            _longPosition = 0;
        }
        else
        {
            _short.Take();
        }

        transport.Messages.Return(message);
    }

    private static long Bytes(Message message) => (long)message.Data.Length * sizeof(float);

    /// <summary>Messages in the order of their sends, linked through <see cref="Message.Next"/>.</summary>
    private struct MessageQueue
    {
        private Message? _last;

        public Message? First { get; private set; }

        public readonly bool Holds(int tag)
        {
            Message? message = First;
            while (message is not null && message.Tag != tag)
                message = message.Next;
            return message is not null;
        }

        public void Add(Message message)
        {
            if (_last is null)
                First = message;
            else
                _last.Next = message;
            _last = message;
        }

        public Message? Take()
        {
            if (First is not { } message)
                return null;
            First = message.Next;
            if (First is null)
                _last = null;
            message.Next = null;
            return message;
        }
    }
}
