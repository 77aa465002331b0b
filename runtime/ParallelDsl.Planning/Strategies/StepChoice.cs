using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>One setting of what our strategies search.</summary>
/// <param name="Packing">How sequences become units.</param>
/// <param name="Balance">How they are spread over ranks.</param>
/// <param name="Stages">P.</param>
/// <param name="SequenceRanks">S.</param>
/// <param name="Slots">M, units of each data rank.</param>
internal readonly record struct StepChoice(ParallelDsl.Packing Packing, SequenceBalance Balance, int Stages, int SequenceRanks, int Slots)
{
    /// <summary>Units that may exchange slices; backwards are later by one less.</summary>
    public int Window { get; init; } = 1;

    /// <summary>The weight of attention in balancing, in percent of its FLOPs: more where short shards make it slower.</summary>
    public int AttentionPercent { get; init; } = 100;

    /// <summary>Least tokens of a ring's rank, in percent of the overlap rule's.</summary>
    public int OverlapPercent { get; init; } = 100;

    /// <summary>Tokens that a unit may hold on a rank; 0 where only memory limits them.</summary>
    public int UnitTokens { get; init; }

    /// <summary>How keys and values travel inside nodes: on one ring, swapped for heads, or, over a mesh, in ways that use all links.</summary>
    public Datapath IntraNode { get; init; } = Datapath.Ring;

    /// <summary>The same between nodes.</summary>
    public Datapath InterNode { get; init; } = Datapath.Ring;

    /// <summary>Whether hops between nodes may use several interfaces: a declaration has that with hierarchical balance, always.</summary>
    public bool IsRouted { get; init; } = Balance == SequenceBalance.Hierarchical;

    /// <summary>Whether rows move to equal shares for all but attention: a declaration has that with hierarchical balance on a sequence axis,
    /// always.</summary>
    public bool IsRemapped { get; init; } = Balance == SequenceBalance.Hierarchical && SequenceRanks > 1;

    /// <summary>How keys and values travel.</summary>
    public StepTransport Transport => new(IntraNode, InterNode, IsRouted, IsRemapped);

    /// <summary>Whether the backward repeats the forward.</summary>
    public bool Recompute { get; init; }

    /// <summary>A window's backwards come after all its forwards.</summary>
    public int Lag => Window - 1;

    /// <summary>The setting, for people.</summary>
    public string Describe(int ranks)
    {
        string pipeline = Stages > 1 ? Invariant($"PP {Stages}, ") : "";
        string room = UnitTokens == 0 ? "" : Invariant($" of {(long)UnitTokens * SequenceRanks} tokens");
        string units = Packing == ParallelDsl.Packing.Asymmetric
            ? Invariant($"{Slots} asymmetric units{room} in windows of {Window}")
            : Invariant($"{Slots} units{room}");
        string balance = Balance == SequenceBalance.Hierarchical ? "hierarchical" : "zigzag";
        string weight = Percent("attention", AttentionPercent), overlap = Percent("overlap", OverlapPercent);
        string between = IsRouted && InterNode == Datapath.Ring ? "routed ring" : StepTransport.NameOf(InterNode);
        string inside = StepTransport.NameOf(IntraNode);
        string ends = (IsRemapped ? ", remapped" : "") + (Recompute ? ", recompute" : "");
        string layout = Invariant($"{ranks / SequenceRanks} data ranks of {SequenceRanks}, {balance}, {pipeline}{units}");
        return Invariant($"{layout}{weight}{overlap}, {inside} in nodes, {between} between{ends}");
    }

    private static string Percent(string name, int percent) => percent == 100 ? "" : Invariant($", {name} {percent} %");
}
