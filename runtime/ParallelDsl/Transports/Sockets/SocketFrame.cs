using System.Buffers.Binary;

namespace ParallelDsl.Transports.Sockets;

/// <summary>What a frame on a connection is.</summary>
internal enum FrameKind
{
    /// <summary>A message, all of it: tag, floats, bytes that follow.</summary>
    Whole = 1,

    /// <summary>The first part of a long message: tag, floats of the message, bytes that follow.</summary>
    First,

    /// <summary>A further part of the long message: tag, floats of the message, bytes that follow.</summary>
    Next,

    /// <summary>Messages that the receiver has consumed: <see cref="SocketFrame.Tag"/> and <see cref="SocketFrame.Length"/> are a count of 64 bits.</summary>
    Credit,

    /// <summary>A receive waits for a message of this tag although the channel is full.</summary>
    Want,

    /// <summary>The sender aborted the run: bytes of text follow.</summary>
    Abort,

    /// <summary>The sender has ended; nothing follows.</summary>
    Farewell,

    /// <summary>The farewell or the abort was read, and so all that came before.</summary>
    Receipt,
}

/// <summary>The 16 bytes in front of everything on a connection: four integers, little-endian.</summary>
/// <param name="Kind">What follows.</param>
/// <param name="Tag">The message's tag.</param>
/// <param name="Length">The message's floats.</param>
/// <param name="Bytes">Bytes of this frame beyond its header.</param>
internal readonly record struct SocketFrame(FrameKind Kind, int Tag, int Length, int Bytes)
{
    /// <summary>Bytes of a header.</summary>
    public const int HeaderBytes = 16;

    /// <summary>Bytes of a long message that one frame carries: short messages go in between.</summary>
    public const int PartBytes = 128 << 10;

    /// <summary>Bytes of text that an abort carries at most.</summary>
    public const int TextBytes = 4 << 10;

    public static SocketFrame Credit(long consumed) => new(FrameKind.Credit, (int)(consumed & uint.MaxValue), (int)(consumed >> 32), 0);

    /// <summary>The count of a <see cref="FrameKind.Credit"/>.</summary>
    public long Count => ((long)Length << 32) | (uint)Tag;

    public void Write(Span<byte> header)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header, (int)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], Tag);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], Bytes);
    }

    public static SocketFrame Read(ReadOnlySpan<byte> header) => new(
        (FrameKind)BinaryPrimitives.ReadInt32LittleEndian(header),
        BinaryPrimitives.ReadInt32LittleEndian(header[4..]),
        BinaryPrimitives.ReadInt32LittleEndian(header[8..]),
        BinaryPrimitives.ReadInt32LittleEndian(header[12..]));
}
