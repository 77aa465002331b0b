namespace ParallelDsl.Kernels;

/// <summary>
/// The constants of one attention layer, as static members of an empty struct: the JIT folds them into the kernels.
/// </summary>
public interface IAttentionShape
{
    /// <summary>Number of query heads.</summary>
    static abstract int Heads { get; }

    /// <summary>Number of key-value heads; divides <see cref="Heads"/>. Consecutive query heads share one.</summary>
    static abstract int KeyValueHeads { get; }

    /// <summary>Width of a head.</summary>
    static abstract int HeadWidth { get; }
}
