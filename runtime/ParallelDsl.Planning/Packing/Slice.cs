namespace ParallelDsl.Planning.Packing;

/// <summary>How far one sequence is spread.</summary>
public enum Zone
{
    /// <summary>On one rank: its keys and values travel nowhere.</summary>
    Local,

    /// <summary>On several ranks of one node.</summary>
    IntraNode,

    /// <summary>On ranks of several nodes.</summary>
    InterNode,
}

/// <summary>A contiguous part of one sequence, and when and where it runs. The slices of a sequence tile it; they all lie on one ring, over
/// whose g ranks each is spread in 2g zigzag chunks (<see cref="Sequences.ZigzagSplit"/> of <paramref name="Length"/>, from
/// <paramref name="Start"/> on). Forward units do not fall along a sequence, backward units do not rise, and no slice's backward unit
/// comes before the forward unit of the sequence's last slice is done.</summary>
/// <param name="Sequence">Index of the sequence in the batch.</param>
/// <param name="Start">Its first token.</param>
/// <param name="Length">How many tokens, at least 1.</param>
/// <param name="Ring">Index of its ring in the <see cref="StepPlan"/>.</param>
/// <param name="ForwardUnit">The unit that carries its forward.</param>
/// <param name="BackwardUnit">The unit that carries its backward.</param>
public readonly record struct Slice(int Sequence, int Start, int Length, int Ring, int ForwardUnit, int BackwardUnit)
{
    /// <summary>The token after the last.</summary>
    public int End => Start + Length;

    /// <summary>The (query, key) pairs of its causal attention: a triangle, or a trapezoid where earlier slices come before it.</summary>
    public long Area => SequenceCosts.Area(Start, Length);
}
