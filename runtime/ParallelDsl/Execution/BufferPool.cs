using ParallelDsl.Memory;

namespace ParallelDsl.Execution;

/// <summary>Native buffers of one length, used again. Of one rank, so without locks: whoever shares it between threads locks.</summary>
internal sealed class BufferPool(long length) : IDisposable
{
    private readonly Stack<NativeBuffer> _free = new();

    /// <summary>Bytes of all buffers made so far, rented or free.</summary>
    public long Bytes { get; private set; }

    /// <summary>A buffer with any contents.</summary>
    public NativeBuffer Rent()
    {
        if (_free.TryPop(out NativeBuffer? buffer))
            return buffer;
        Bytes += length * sizeof(float);
        return new NativeBuffer(length);
    }

    /// <summary>Takes back <paramref name="buffer"/>, and clears the variable; null is no buffer.</summary>
    public void Return(ref NativeBuffer? buffer)
    {
        if (buffer is not null)
            _free.Push(buffer);
        buffer = null;
    }

    /// <summary>Frees the buffers that are not rented.</summary>
    public void Dispose()
    {
        foreach (NativeBuffer buffer in _free)
            buffer.Dispose();
        _free.Clear();
    }
}
