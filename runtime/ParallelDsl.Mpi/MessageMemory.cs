using System.Numerics;
using System.Runtime.InteropServices;

namespace ParallelDsl.Mpi;

/// <summary>Memory of one message on its way, outside the managed heap: the library reads and writes it while the program goes on.</summary>
internal sealed unsafe class MessageMemory(long floats)
{
    /// <summary>Floats that fit.</summary>
    public long Length { get; } = floats;

    /// <summary>The first of them.</summary>
    public float* Pointer { get; } = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);

    /// <summary>The next idle one of its size.</summary>
    public MessageMemory? Next { get; set; }
}

/// <summary>Idle memory of messages, a stack for each power of two. Once as many messages exist as were ever on their way at the same time,
/// nothing is allocated. Used under the lock of <see cref="MpiProgress"/>.</summary>
internal sealed class MessageMemoryPool
{
    private const int SmallestLog = 8;

    private readonly MessageMemory?[] _idle = new MessageMemory?[64];

    /// <summary>Memory for at least <paramref name="floats"/> floats.</summary>
    public MessageMemory Rent(long floats)
    {
        int log = SizeLog(floats);
        if (_idle[log] is not { } memory)
            return new MessageMemory(1L << log);
        _idle[log] = memory.Next;
        memory.Next = null;
        return memory;
    }

    /// <summary>Takes memory back.</summary>
    public void Return(MessageMemory memory)
    {
        int log = SizeLog(memory.Length);
        memory.Next = _idle[log];
        _idle[log] = memory;
    }

    private static int SizeLog(long floats) =>
        floats <= 1L << SmallestLog ? SmallestLog : BitOperations.Log2((ulong)floats - 1) + 1;
}
