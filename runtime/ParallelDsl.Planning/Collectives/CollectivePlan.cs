using ParallelDsl.Planning.Rings;
using static System.FormattableString;

namespace ParallelDsl.Planning.Collectives;

/// <summary>How the members of a group reduce and gather vectors. Each has a reduction order of its own, so another algorithm rounds otherwise.
/// Equal in bits are: all of them with two members; <see cref="Direct"/> and <see cref="TwoLevel"/> on one node, or with one member a node.</summary>
public enum CollectiveAlgorithm
{
    /// <summary>Every member sends each other its part at once, and adds what it gets in group order.</summary>
    Direct,

    /// <summary>Partial sums travel once around one ring (Patarasuk and Yuan, 2009).</summary>
    Ring,

    /// <summary>Recursive halving, then doubling (Rabenseifner, 2004; Thakur, Rabenseifner and Gropp, 2005).</summary>
    HalvingDoubling,

    /// <summary>A share of the vector on each of several arc-disjoint rings, all at once.</summary>
    MultiRing,

    /// <summary>Inside nodes, then between the members at the same place of every node, then inside nodes.</summary>
    TwoLevel,
}

/// <summary>The algorithm of one group, and what it needs to know.</summary>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="Rings">Of several rings: each a cyclic order of all members, by their place in the group, and no two with the same arc. Else
/// empty.</param>
/// <param name="Nodes">Of two levels: the node of every member. Else empty.</param>
public sealed record CollectivePlan(
    CollectiveAlgorithm Algorithm, EquatableArray<EquatableArray<int>> Rings = default, EquatableArray<int> Nodes = default)
{
    /// <summary>An all-reduce takes a vector in segments of at most so many bytes a member, so that the memory it needs is bounded.</summary>
    public const int BlockBytes = 512 << 10;

    /// <summary>Bytes that a member sends at most where the direct exchange sums a vector in one round: whole to all.</summary>
    public const int ShortBytes = 64 << 10;

    /// <summary>Gradients are summed in pieces of so many bytes, each as soon as it is final.</summary>
    public const int BucketBytes = 4 << 20;

    /// <summary>What a group does unless a plan says otherwise.</summary>
    public static CollectivePlan Default { get; } = new(CollectiveAlgorithm.Direct);

    /// <summary>What is wrong with the plan for a group of so many members, or null: what planners check and groups refuse.</summary>
    public string? FaultFor(int members) => Algorithm switch
    {
        CollectiveAlgorithm.TwoLevel => Nodes.Count == members
            ? null
            : Invariant($"{Nodes.Count} nodes for {members} members: give the node of every member"),

        // A member alone has nobody to send to, whatever the rings.
        CollectiveAlgorithm.MultiRing => members > 1 && new RingSet(RingSetKind.Cycles, members, 1, Rings).Verify() is { IsVerified: false } check
            ? check.Faults[0].Message
            : null,
        CollectiveAlgorithm.Direct or CollectiveAlgorithm.Ring or CollectiveAlgorithm.HalvingDoubling => null,
        _ => Invariant($"there is no collective algorithm {(int)Algorithm}"),
    };

    /// <summary>What generated code and texts say of it.</summary>
    public string Describe() => Algorithm switch
    {
        CollectiveAlgorithm.Direct => "direct exchange",
        CollectiveAlgorithm.Ring => "one ring",
        CollectiveAlgorithm.HalvingDoubling => "recursive halving and doubling",
        CollectiveAlgorithm.MultiRing => Invariant($"{Rings.Count} arc-disjoint rings"),
        CollectiveAlgorithm.TwoLevel => Invariant($"two levels over {Nodes.Distinct().Count()} nodes"),
        _ => Invariant($"algorithm {(int)Algorithm}"),
    };
}
