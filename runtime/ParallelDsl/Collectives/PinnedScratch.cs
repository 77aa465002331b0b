using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ParallelDsl.Collectives;

/// <summary>Memory that grows to what was ever asked for and does not move.</summary>
internal sealed unsafe class PinnedScratch
{
    private byte[] _memory = [];

    /// <summary>Bytes so far.</summary>
    public long Bytes => _memory.Length;

    /// <summary>Room for elements with any contents, until the next call.</summary>
    public T* Take<T>(int length)
        where T : unmanaged
    {
        long bytes = (long)length * sizeof(T);
        if (_memory.Length < bytes)
        {
            long rounded = Math.Min((long)BitOperations.RoundUpToPowerOf2((ulong)bytes), Array.MaxLength);
            _memory = GC.AllocateUninitializedArray<byte>(checked((int)Math.Max(bytes, rounded)), pinned: true);
        }

        return (T*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
    }
}
