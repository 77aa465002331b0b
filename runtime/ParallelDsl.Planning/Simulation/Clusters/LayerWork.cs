using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>A run of rows of one sequence: queries [Start, Start + Length), which see the keys [0, Start + Length) of their sequence
/// (causal, aligned at the bottom right).</summary>
/// <param name="Sequence">Which sequence.</param>
/// <param name="Start">Its first row.</param>
/// <param name="Length">How many rows.</param>
public readonly record struct SequencePiece(int Sequence, int Start, int Length);

/// <summary>How keys and values come to queries.</summary>
public enum ExchangeKind
{
    /// <summary>They are there already: one member.</summary>
    Local,

    /// <summary>Blocks travel between members as the datapath says: round a ring unless it says otherwise.</summary>
    Ring,

    /// <summary>Every member gets all of them.</summary>
    AllGather,

    /// <summary>Members fetch what they need from one another; work is placed freely.</summary>
    Direct,

    /// <summary>Members swap tokens for heads: each attends to all tokens with its share of the heads.</summary>
    Heads,
}

/// <summary>Attention of some sequences over some ranks.</summary>
/// <remarks>
/// <para>Local, ring, all-gather and heads: a piece lies on the members in 2g zigzag chunks; its keys and values, those of rows before it
/// included, lie evenly spread over them.</para>
/// <para>A ring passes blocks in the order of the members, g - 1 hops in the forward. In the backward keys and values go round again, and
/// their gradients in g hops, each after the work on its block. Under other datapaths parts of blocks travel as their
/// <see cref="Rings.Itinerary"/> says.</para>
/// <para>An all-gather goes between nodes first, over all interfaces at once among members of like index in their nodes, then inside the
/// nodes; a head chunk is worked on while the next is gathered. In the backward the gradients are scattered and summed the other way
/// round.</para>
/// <para>Heads are shared out as evenly as those of keys and values can be. A member begins when all tokens are there with its heads.</para>
/// <para>A hop begins when both of its ends have come to their attention.</para>
/// <para>Direct: what <see cref="Areas"/>, <see cref="Fetches"/> and <see cref="Returns"/> say; pieces count for nothing. A member works
/// off its own area, then a share of the rest after each of its fetches, in their order, with room for two fetches at a time, so that all
/// but the first overlap with work, and the first with its own. In the backward it fetches again, and what was returned comes in too; then
/// the gradients of what was fetched go back.</para>
/// </remarks>
public sealed class Exchange
{
    /// <summary>How keys and values come to queries.</summary>
    public required ExchangeKind Kind { get; init; }

    /// <summary>The ranks, each once; of a ring in cyclic order.</summary>
    public required int[] Members { get; init; }

    /// <summary>Ring: how keys and values travel.</summary>
    public Datapath Datapath { get; init; } = Datapath.Ring;

    /// <summary>What they attend.</summary>
    public SequencePiece[] Pieces { get; init; } = [];

    /// <summary>Into how many chunks of heads an all-gather is divided.</summary>
    public int HeadChunks { get; init; } = 1;

    /// <summary>Heads: how many heads keys and values have.</summary>
    public int Heads { get; init; } = 1;

    /// <summary>Heads: whether queries, keys and values are kept as they were swapped; else they are swapped again in the backward.</summary>
    public bool KeepsSwapped { get; init; }

    /// <summary>Whether hops between nodes are spread over several interfaces where that is predicted faster.</summary>
    public bool Routed { get; init; }

    /// <summary>Direct: pairs of query and key that each member works off, in the order of <see cref="Members"/>.</summary>
    public long[] Areas { get; init; } = [];

    /// <summary>Direct: pairs among <see cref="Areas"/> that need nothing fetched; empty for none. A member works them off first, while its
    /// first fetches come.</summary>
    public long[] OwnAreas { get; init; } = [];

    /// <summary>Direct: what each member fetches before its work: from rank, to rank, bytes.</summary>
    public (int From, int To, long Bytes)[] Fetches { get; init; } = [];

    /// <summary>Direct: what each member sends back after its work: from rank, to rank, bytes.</summary>
    public (int From, int To, long Bytes)[] Returns { get; init; } = [];

    /// <summary>Direct: rows of one block of work, which the kernel's efficiency goes by.</summary>
    public int BlockTokens { get; init; } = 4_096;

    /// <summary>Heads: how many of them a member has, of g members the i-th those from i H / g to (i + 1) H / g, rounded down.</summary>
    public int HeadsOf(int member) => HeadShares.Of(Heads, Members.Length, member).Count;
}

/// <summary>What the ranks of one stage do in one layer for one unit.</summary>
public sealed class LayerWork
{
    /// <summary>R, the attention ranks.</summary>
    public required int Ranks { get; init; }

    /// <summary>Rows of each rank in the linear layout.</summary>
    public required int[] LinearTokens { get; init; }

    /// <summary>The exchanges in the order in which a rank prefers their work: between nodes, inside nodes, local.</summary>
    public required Exchange[] Exchanges { get; init; }

    /// <summary>Rows that move from the attention layout to the linear layout, and back before attention; empty where both are
    /// one.</summary>
    public (int From, int To, int Tokens)[] RemapMoves { get; init; } = [];
}

/// <summary>What a layer costs, per token and per pair of query and key.</summary>
/// <param name="LinearFlopsPerToken">FLOPs of the linear modules, forward.</param>
/// <param name="AttentionFlopsPerPair">FLOPs of attention for a pair, forward.</param>
/// <param name="KeyValueBytesPerToken">Bytes of keys and values of a token.</param>
/// <param name="HiddenBytesPerToken">Bytes of a hidden vector: of the queries of a token, and of attention's output.</param>
/// <param name="FlopsPerNanosecond">The rate of a device in practice, for long shards.</param>
/// <param name="Curve">How that rate falls on short shards, in attention.</param>
/// <param name="BackwardLinearPermille">The linear modules' backward, in thousandths of their forward.</param>
/// <param name="BackwardAttentionPermille">Attention's backward, in thousandths of its forward.</param>
/// <param name="Recompute">Whether the backward runs the whole forward again first, with its transfers.</param>
/// <param name="GradientBytesFactor">Bytes of a gradient of keys and values by those of the value: 1, or 2 where gradients are summed in a
/// type of twice the width.</param>
public sealed record LayerRates(
    long LinearFlopsPerToken,
    long AttentionFlopsPerPair,
    int KeyValueBytesPerToken,
    int HiddenBytesPerToken,
    long FlopsPerNanosecond,
    EfficiencyCurve Curve,
    int BackwardLinearPermille = 2_000,
    int BackwardAttentionPermille = 2_500,
    bool Recompute = false,
    int GradientBytesFactor = 1);

/// <summary>Simulated times of one layer.</summary>
/// <param name="Makespan">Nanoseconds until all is done.</param>
/// <param name="Compute">Nanoseconds that each rank computes.</param>
/// <param name="Finish">When each rank has done its own work.</param>
/// <param name="CrossNodeBytes">Bytes that cross from one node to another.</param>
/// <param name="NicBytes">Bytes that each network interface of the cluster sends.</param>
/// <param name="Tasks">How many tasks were simulated.</param>
public sealed record LayerTimes(long Makespan, long[] Compute, long[] Finish, long CrossNodeBytes, long[] NicBytes, int Tasks);
