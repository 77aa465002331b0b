namespace ParallelDsl.Checkpoints;

/// <summary>Copies a part of a tensor's elements, in row-major order.</summary>
/// <param name="offset">The first element.</param>
/// <param name="destination">Where the elements go; all of it is filled.</param>
public delegate void TensorSource(long offset, Span<float> destination);

/// <summary>A float32 tensor to write: its name, its shape and where its elements come from. It holds no copy of them.</summary>
public sealed class NamedTensor
{
    private readonly TensorSource _source;

    /// <summary>Describes a tensor whose elements are asked for piece by piece, in order, while it is written.</summary>
    /// <param name="name">The tensor's name in the file.</param>
    /// <param name="shape">Its extents, outermost first; empty for a scalar. An extent may be zero.</param>
    /// <param name="source">Gives the elements.</param>
    /// <exception cref="ArgumentException">The name is empty, reserved or no valid text, or the shape is negative or overflows.</exception>
    public NamedTensor(string name, ReadOnlySpan<long> shape, TensorSource source)
    {
        if (name.Length == 0 || name == SafetensorsHeader.MetadataKey)
            throw new ArgumentException($"'{name}' cannot be the name of a tensor.", nameof(name));
        if (name.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') && !IsWellFormed(name))
            throw new ArgumentException("The name of a tensor is not well-formed Unicode.", nameof(name));
        if (!SafetensorsHeader.TryGetByteLength(shape, sizeof(float), out long byteLength))
            throw new ArgumentException($"Tensor '{name}' has an impossible shape: [{string.Join(", ", shape.ToArray())}].", nameof(shape));

        Name = name;
        Shape = shape.ToArray();
        Length = byteLength / sizeof(float);
        _source = source;
    }

    /// <summary>The tensor's name in the file.</summary>
    public string Name { get; }

    /// <summary>The extents, outermost first.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>Describes a tensor in managed memory.</summary>
    /// <inheritdoc cref="NamedTensor(string, ReadOnlySpan{long}, TensorSource)"/>
    /// <param name="name">The tensor's name in the file.</param>
    /// <param name="shape">Its extents, outermost first.</param>
    /// <param name="data">Its elements, as many as the shape says.</param>
    public static NamedTensor FromMemory(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<float> data)
    {
        var tensor = new NamedTensor(
            name, shape, (offset, destination) => data.Span.Slice((int)offset, destination.Length).CopyTo(destination));
        return tensor.Length == data.Length
            ? tensor
            : throw new ArgumentException(
                $"Tensor '{name}' has {data.Length} elements, but its shape has {tensor.Length}.", nameof(data));
    }

    /// <summary>Describes a tensor in native memory, which must stay valid until it is written.</summary>
    /// <inheritdoc cref="NamedTensor(string, ReadOnlySpan{long}, TensorSource)"/>
    /// <param name="name">The tensor's name in the file.</param>
    /// <param name="shape">Its extents, outermost first.</param>
    /// <param name="data">The first of its elements, which lie there as many as the shape says.</param>
    public static unsafe NamedTensor FromPointer(string name, ReadOnlySpan<long> shape, float* data)
    {
        var address = (nint)data;
        return new NamedTensor(name, shape, (offset, destination) =>
            new ReadOnlySpan<float>((float*)address + offset, destination.Length).CopyTo(destination));
    }

    /// <summary>Copies a part of the elements.</summary>
    internal void Read(long offset, Span<float> destination) => _source(offset, destination);

    private static bool IsWellFormed(string text)
    {
        for (int index = 0; index < text.Length; index++)
        {
            if (!char.IsSurrogate(text[index]))
                continue;
            if (index + 1 == text.Length || !char.IsSurrogatePair(text[index], text[index + 1]))
                return false;
            index++;
        }

        return true;
    }
}
