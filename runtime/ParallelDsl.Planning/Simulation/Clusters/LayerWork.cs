namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>A run of rows of one sequence: queries Start to Start + Length - 1, which see keys from 0 on (bottom-right causal).</summary>
/// <param name="Sequence">Index of the sequence in the batch.</param>
/// <param name="Start">The first query.</param>
/// <param name="Length">How many.</param>
public readonly record struct SequencePiece(int Sequence, int Start, int Length);

/// <summary>How keys and values reach their queries.</summary>
public enum ExchangeKind
{
    /// <summary>They do not travel.</summary>
    Local,

    /// <summary>In a ring.</summary>
    Ring,

    /// <summary>All to all members before attention.</summary>
    AllGather,

    /// <summary>From where they lie.</summary>
    Direct,
}

/// <summary>Attention of some pieces over some ranks.</summary>
public sealed class Exchange
{
    /// <summary>How keys and values reach their queries.</summary>
    public ExchangeKind Kind { get; init; }

    /// <summary>The ranks.</summary>
    public int[] Members { get; init; } = [];

    /// <summary>The pieces.</summary>
    public SequencePiece[] Pieces { get; init; } = [];

    /// <summary>Parts of an all-gather.</summary>
    public int HeadChunks { get; init; } = 1;

    /// <summary>Whether hops between nodes use several network interfaces.</summary>
    public bool Routed { get; init; }
}

/// <summary>One layer of one slot.</summary>
public sealed class LayerWork
{
    /// <summary>The ranks.</summary>
    public int Ranks { get; init; }

    /// <summary>Rows of each rank in the linear layout.</summary>
    public int[] LinearTokens { get; init; } = [];

    /// <summary>In issue order.</summary>
    public Exchange[] Exchanges { get; init; } = [];

    /// <summary>Attention layout to linear layout.</summary>
    public (int From, int To, int Tokens)[] RemapMoves { get; init; } = [];
}
