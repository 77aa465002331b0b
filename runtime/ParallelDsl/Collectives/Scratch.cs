using System.Numerics;
using System.Runtime.InteropServices;
using ParallelDsl.Memory;

namespace ParallelDsl.Collectives;

/// <summary>Memory that grows to what was ever asked for. It begins at a cache line: some processors copy a good deal slower to other places.</summary>
/// <remarks>Whoever reads or writes it keeps the scratch alive meanwhile: its pointers do not.</remarks>
internal sealed unsafe class Scratch
{
    private void* _memory;

    ~Scratch() => NativeMemory.AlignedFree(_memory);

    /// <summary>Bytes so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Room for elements with any contents, until the next call.</summary>
    public T* Take<T>(int length)
        where T : unmanaged
    {
        long bytes = (long)length * sizeof(T);
        if (Bytes < bytes)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            Bytes = 0;
            long rounded = (long)BitOperations.RoundUpToPowerOf2((ulong)bytes);
            _memory = NativeMemory.AlignedAlloc((nuint)rounded, NativeBuffer.Alignment);
            Bytes = rounded;
        }

        return (T*)_memory;
    }
}
