using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace ParallelDsl.Transports.Sockets;

/// <summary>Reads what one other rank sends; used by the transport's thread alone.</summary>
internal sealed class SocketReceiver(SocketTransport transport, int peer, Socket socket, Inbox inbox, SocketSender sender)
{
    /// <summary>Reads of one turn: the other connections shall have theirs.</summary>
    private const int Reads = 16;

    private readonly byte[] _staging = GC.AllocateUninitializedArray<byte>(64 << 10, pinned: true);
    private readonly byte[] _text = new byte[SocketFrame.TextBytes];
    private int _start;
    private int _end;
    private SocketFrame _frame;
    private int _frameLeft;
    private Inbox.Incoming _short;
    private Inbox.Incoming _long;
    private int _lowWater = 1;

    /// <summary>The most bytes that may come before the thread is woken for them, where so many of a message are known to come: a slow link
    /// brings them packet by packet, and a look at each costs more than the packet.</summary>
    private const int LowWater = 48 << 10;

    /// <summary>Whether the other side has said that it ended, or why.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether the other side has read all that this rank has sent.</summary>
    public bool HasReceipt { get; private set; }

    /// <summary>Reads what is there; false where the connection is at its end.</summary>
    /// <param name="failure">Why it ended, where that is known.</param>
    public bool Read(out SocketError failure)
    {
        for (int read = 0; read < Reads; read++)
        {
            int count;
            if (_start == _end && IsPayload && _frameLeft >= _staging.Length / 4 && !IsDiscarding)
            {
                ref Inbox.Incoming incoming = ref Current;
                count = socket.Receive(incoming.Target(_frameLeft), SocketFlags.None, out failure);
                if (count > 0)
                    Advance(ref incoming, count);
            }
            else
            {
                // What is left is less than a header.
                _staging.AsSpan(_start, _end - _start).CopyTo(_staging);
                (_start, _end) = (0, _end - _start);
                count = socket.Receive(_staging.AsSpan(_end), SocketFlags.None, out failure);
                _end += Math.Max(0, count);
                Parse();
            }

            if (failure == SocketError.WouldBlock)
            {
                SetLowWater();
                return true;
            }

            if (failure != SocketError.Success || count <= 0)
                return false;
        }

        SetLowWater();
        failure = SocketError.Success;
        return true;
    }

    /// <summary>Gives up messages that have not come whole, so that nothing is written to the memory of receives any more.</summary>
    public void Abandon()
    {
        foreach (Inbox.Incoming incoming in (ReadOnlySpan<Inbox.Incoming>)[_short, _long])
        {
            if (!incoming.IsNone)
                inbox.Abandon(incoming);
        }

        (_short, _long) = (default, default);
    }

    private bool IsPayload => _frameLeft > 0 && (_frame.Kind is FrameKind.Whole or FrameKind.First or FrameKind.Next);

    /// <summary>Whether what comes belongs to nobody: the run has been aborted, or this rank has ended.</summary>
    private bool IsDiscarding => Current.IsNone;

    private ref Inbox.Incoming Current => ref (_frame.Kind == FrameKind.Whole ? ref _short : ref _long);

    // What is expected for certain: the rest of this frame, or the next header.
    private void SetLowWater()
    {
        int bytes = _frameLeft > 0 ? Math.Min(_frameLeft, LowWater) : 1;
        if (bytes == _lowWater || !OperatingSystem.IsLinux())
            return;
        _lowWater = bytes;
        // As .NET sets it by name, it allocates.
        const int SocketLevel = 1, ReceiveLowWater = 18;
        socket.SetRawSocketOption(SocketLevel, ReceiveLowWater, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in bytes)));
    }

    // Everything in the staging buffer but a header that has come in part.
    private void Parse()
    {
        while (true)
        {
            if (_frameLeft > 0)
            {
                int count = Math.Min(_frameLeft, _end - _start);
                if (count == 0)
                    return;
                TakeBytes(_staging.AsSpan(_start, count));
                _start += count;
            }
            else if (_end - _start >= SocketFrame.HeaderBytes)
            {
                _frame = SocketFrame.Read(_staging.AsSpan(_start));
                _start += SocketFrame.HeaderBytes;
                _frameLeft = _frame.Bytes;
                Begin();
            }
            else
            {
                return;
            }
        }
    }

    private void TakeBytes(ReadOnlySpan<byte> bytes)
    {
        if (_frame.Kind == FrameKind.Abort)
        {
            bytes.CopyTo(_text.AsSpan(_frame.Bytes - _frameLeft));
            _frameLeft -= bytes.Length;
            if (_frameLeft == 0)
                TakeAbort();
            return;
        }

        ref Inbox.Incoming incoming = ref Current;
        if (incoming.IsNone)
        {
            _frameLeft -= bytes.Length;
            return;
        }

        bytes.CopyTo(incoming.Target(bytes.Length));
        Advance(ref incoming, bytes.Length);
    }

    private void Advance(ref Inbox.Incoming incoming, int count)
    {
        incoming.Filled += count;
        _frameLeft -= count;
        if (_frameLeft == 0)
            CompleteIfWhole(ref incoming);
    }

    private void CompleteIfWhole(ref Inbox.Incoming incoming)
    {
        if (incoming.Filled < (long)_frame.Length * sizeof(float))
            return;
        Inbox.Incoming whole = incoming;
        incoming = default;
        inbox.Complete(whole);
    }

    private void Begin()
    {
        Require();
        switch (_frame.Kind)
        {
            case FrameKind.Whole or FrameKind.First:
                if (transport.IsStopped)
                    return;
                Current = inbox.Begin(_frame.Tag, _frame.Length);
                if (_frame.Bytes == 0)
                    CompleteIfWhole(ref Current);
                return;
            case FrameKind.Credit:
                sender.TakeCredit(_frame.Count);
                return;
            case FrameKind.Want:
                sender.TakeWant(_frame.Tag);
                return;
            case FrameKind.Abort when _frame.Bytes == 0:
                TakeAbort();
                return;
            case FrameKind.Farewell:
                TakeFarewell();
                return;
            case FrameKind.Receipt:
                HasReceipt = true;
                return;
        }
    }

    private void TakeAbort()
    {
        transport.AbortBy(peer, Encoding.UTF8.GetString(_text, 0, _frame.Bytes));
        TakeFarewell();
    }

    private void TakeFarewell()
    {
        HasEnded = true;
        // An aborted run's messages may end in the middle.
        Abandon();
        inbox.End();
        sender.End();
        sender.SendReceipt();
    }

    /// <summary>Whatever another program sends here is no reason to write outside a message.</summary>
    private void Require()
    {
        long bytes = (long)_frame.Length * sizeof(float);
        bool isSound = _frame.Kind switch
        {
            FrameKind.Whole => IsMessage && _frame.Bytes == bytes,
            FrameKind.First => IsMessage && _frame.Bytes > 0 && _frame.Bytes < bytes && _long.IsNone,
            FrameKind.Next => IsMessage && _frame.Bytes > 0
                && (_long.IsNone ? transport.IsStopped : _long.Tag == _frame.Tag && _long.Length == _frame.Length && _long.Filled + _frame.Bytes <= bytes),
            FrameKind.Credit => _frame.Bytes == 0,
            FrameKind.Want => _frame is { Bytes: 0, Length: 0 } && (uint)_frame.Tag < MessageTags.Limit,
            FrameKind.Abort => _frame is { Tag: 0, Length: 0, Bytes: >= 0 and <= SocketFrame.TextBytes },
            FrameKind.Farewell or FrameKind.Receipt => _frame is { Tag: 0, Length: 0, Bytes: 0 },
            _ => false,
        };
        if (!isSound)
        {
            throw new TransportException(
                TransportFailure.PeerLost,
                $"the connection from rank {peer} carries something else than messages ({_frame}): check that no other program uses its address");
        }
    }

    private bool IsMessage => (uint)_frame.Tag < MessageTags.Limit && _frame.Length >= 0;
}
