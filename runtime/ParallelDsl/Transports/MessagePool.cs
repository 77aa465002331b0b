using System.Numerics;

namespace ParallelDsl.Transports;

/// <summary>A message on its way: a node of a channel's queue, with a buffer that outlives it.</summary>
internal sealed class Message(int capacity)
{
    private readonly float[] _buffer = GC.AllocateUninitializedArray<float>(capacity);
    private int _length;

    public int Tag { get; private set; }

    public Message? Next { get; set; }

    public int Capacity => _buffer.Length;

    public ReadOnlySpan<float> Data => _buffer.AsSpan(0, _length);

    /// <summary>The payload, to be written in place.</summary>
    public Span<float> Content => _buffer.AsSpan(0, _length);

    public void Fill(int tag, ReadOnlySpan<float> data)
    {
        Tag = tag;
        _length = data.Length;
        data.CopyTo(_buffer);
    }

    /// <summary>Makes a message of any contents, to be written through <see cref="Content"/>.</summary>
    public void Prepare(int tag, int length)
    {
        Tag = tag;
        _length = length;
    }
}

/// <summary>
/// The idle messages of a world, a stack for each power-of-two size. Once as many messages exist as were ever on their way at the same
/// time, nothing is allocated.
/// </summary>
internal sealed class MessagePool
{
    private const int SmallestLog = 6;

    private readonly Message?[] _idle = new Message?[32 - SmallestLog];
    private readonly Lock _gate = new();

    public Message Rent(int length)
    {
        int size = SizeClass(length);
        lock (_gate)
        {
            if (_idle[size] is { } message)
            {
                _idle[size] = message.Next;
                message.Next = null;
                return message;
            }
        }

        return new Message((int)Math.Min(1L << (size + SmallestLog), Array.MaxLength));
    }

    public void Return(Message message)
    {
        int size = SizeClass(message.Capacity);
        lock (_gate)
        {
            message.Next = _idle[size];
            _idle[size] = message;
        }
    }

    private static int SizeClass(int length) =>
        length <= 1 << SmallestLog ? 0 : BitOperations.Log2((uint)length - 1) + 1 - SmallestLog;
}
