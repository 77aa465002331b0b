using ParallelDsl.Planning.Simulation.Clusters;
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

    /// <summary>The weight of attention in balancing, in thousandths of its FLOPs: more where short shards make it slower.</summary>
    public int PairPermille { get; init; } = 1_000;

    /// <summary>Least tokens of a ring's rank, in thousandths of the overlap rule's.</summary>
    public int OverlapPermille { get; init; } = 1_000;

    /// <summary>Tokens that a unit may hold on a rank, in thousandths of the mean; 0 where only memory limits them.</summary>
    public int RoomPermille { get; init; }

    /// <summary>How keys and values travel.</summary>
    public StepTransport Transport { get; init; } = new(ExchangeKind.Ring, ExchangeKind.Ring, Routed: true, Remapped: false);

    /// <summary>Whether the backward repeats the forward.</summary>
    public bool Recompute { get; init; }

    /// <summary>A window's backwards come after all its forwards.</summary>
    public int Lag => Window - 1;

    /// <summary>The setting, for people.</summary>
    public string Describe(int ranks)
    {
        string pipeline = Stages > 1 ? Invariant($"PP {Stages}, ") : "";
        string units = Packing == ParallelDsl.Packing.Asymmetric
            ? Invariant($"{Slots} asymmetric units in windows of {Window}")
            : Invariant($"{Slots} units");
        string balance = Balance == SequenceBalance.Hierarchical ? "hierarchical" : "zigzag";
        string weight = Factor("attention", PairPermille, 1_000);
        string overlap = Factor("overlap", OverlapPermille, 1_000), room = Factor("room", RoomPermille, 0);
        string between = Transport.Routed && Transport.InterNode == ExchangeKind.Ring ? "routed ring" : StepTransport.NameOf(Transport.InterNode);
        string inside = StepTransport.NameOf(Transport.IntraNode);
        string ends = (Transport.Remapped ? ", remapped" : "") + (Recompute ? ", recompute" : "");
        string layout = Invariant($"{ranks / SequenceRanks} data ranks of {SequenceRanks}, {balance}, {pipeline}{units}");
        return Invariant($"{layout}{weight}{overlap}{room}, {inside} in nodes, {between} between{ends}");
    }

    private static string Factor(string name, int permille, int usual) =>
        permille == usual ? "" : Invariant($", {name} x{permille / 1000}.{permille / 10 % 100:00}");
}
