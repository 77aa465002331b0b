using ParallelDsl.Memory;

namespace ParallelDsl.Kernels;

/// <summary>
/// Scratch memory of one thread, kept between kernel calls so that steady state allocates nothing. Each purpose has its own buffer, which
/// only grows; what it holds between two rentals is undefined.
/// </summary>
internal sealed unsafe class Workspace
{
    [ThreadStatic]
    private static Workspace? _ofThisThread;

    private readonly NativeBuffer?[] _buffers = new NativeBuffer?[Enum.GetValues<ScratchPurpose>().Length];

    /// <summary>At least <paramref name="length"/> floats of the calling thread, 64-byte aligned, contents undefined.</summary>
    public static float* Rent(ScratchPurpose purpose, long length) => (_ofThisThread ??= new Workspace()).Reserve((int)purpose, length);

    private float* Reserve(int slot, long length)
    {
        NativeBuffer? buffer = _buffers[slot];
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            _buffers[slot] = buffer = new NativeBuffer(length);
        }
        return buffer.Pointer;
    }
}

/// <summary>Who uses a scratch buffer. Kernels that are active at the same time on one thread have different purposes.</summary>
internal enum ScratchPurpose
{
    /// <summary>Packed block of the left factor.</summary>
    LeftFactor,

    /// <summary>Packed block of the right factor.</summary>
    RightFactor,

    /// <summary>Tiles of attention.</summary>
    Attention,

    /// <summary>Partial sums of a reduction.</summary>
    PartialSums,
}
