using System.Runtime.InteropServices;

namespace ParallelDsl.Memory;

/// <summary>
/// A block of zeroed float32 memory outside the managed heap, aligned to a cache line. Freed by <see cref="Dispose"/> or, when the owner
/// forgets or its thread ends, by the finalizer.
/// </summary>
/// <remarks>
/// A pointer, span or <see cref="Kernels.Matrix"/> does not keep the buffer alive: hold the buffer itself (a field, or <c>using</c>) for as
/// long as they are used.
/// </remarks>
public sealed unsafe class NativeBuffer : IDisposable
{
    /// <summary>Alignment of every buffer in bytes: one cache line, and the width of the widest vector.</summary>
    public const int Alignment = 64;

    private float* _pointer;

    /// <summary>Allocates <paramref name="length"/> zeros.</summary>
    /// <param name="length">Number of floats; zero is allowed.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative or too large to address.</exception>
    /// <exception cref="OutOfMemoryException">The system has not that much memory.</exception>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue / sizeof(float) - Alignment);
        Length = length;
        nuint bytes = (nuint)length * sizeof(float);
        // At least one line, so that an empty buffer too has a valid address.
        _pointer = (float*)NativeMemory.AlignedAlloc(Math.Max(bytes, Alignment), Alignment);
        NativeMemory.Clear(_pointer, bytes);
        if (bytes > 0)
            GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>Frees the memory of a buffer that nobody disposed.</summary>
    ~NativeBuffer() => Free();

    /// <summary>Number of floats.</summary>
    public long Length { get; }

    /// <summary>Address of the first float.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>All floats as a span.</summary>
    /// <exception cref="OverflowException">The buffer is longer than a span can be; use <see cref="Pointer"/>.</exception>
    public Span<float> Span => new(Pointer, checked((int)Length));

    /// <summary>Sets every float to zero.</summary>
    public void Clear() => NativeMemory.Clear(Pointer, (nuint)Length * sizeof(float));

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is null)
            return;
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
        if (Length > 0)
            GC.RemoveMemoryPressure(Length * sizeof(float));
    }
}
