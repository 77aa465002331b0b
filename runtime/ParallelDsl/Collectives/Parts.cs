namespace ParallelDsl.Collectives;

/// <summary>A vector in parts, one for each member of a group.</summary>
/// <typeparam name="T">The element type.</typeparam>
/// <param name="data">Where offsets count from.</param>
/// <param name="starts">The offset of each part.</param>
/// <param name="counts">The length of each part.</param>
internal readonly unsafe ref struct Parts<T>(T* data, ReadOnlySpan<int> starts, ReadOnlySpan<int> counts)
    where T : unmanaged
{
    private readonly T* _data = data;
    private readonly ReadOnlySpan<int> _starts = starts;
    private readonly ReadOnlySpan<int> _counts = counts;

    /// <summary>The number of parts.</summary>
    public int Count => _counts.Length;

    /// <summary>The first element of a part.</summary>
    public T* this[int part] => _data + _starts[part];

    /// <summary>The length of a part.</summary>
    public int LengthOf(int part) => _counts[part];

    /// <summary>The length of the parts from one to another, exclusive, which lie one after the other.</summary>
    public int LengthOf(int first, int end)
    {
        int length = 0;
        for (int part = first; part < end; part++)
            length += _counts[part];
        return length;
    }

    /// <summary>One of several near-equal shares of a part.</summary>
    public (int Offset, int Length) Share(int part, int share, int shares)
    {
        int offset = (int)((long)_counts[part] * share / shares);
        return (offset, (int)((long)_counts[part] * (share + 1) / shares) - offset);
    }
}
