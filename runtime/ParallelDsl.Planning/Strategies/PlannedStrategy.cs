using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Our strategies: plans of <see cref="StepPlanner"/>, routed and remapped where that is simulated faster. Constants that a declaration
/// fixes are searched as those of the others are: the layout of ranks, units and windows, thresholds of the partitioner, the weight of
/// attention, how keys and values travel, recomputation. One after the other, the best so far with another value of one constant.</summary>
internal sealed class PlannedStrategy
{
    private static readonly int[] _windows = [1, 2, 4, 8];

    private readonly PlanSearch _search;
    private readonly string _strategy;
    private readonly ParallelDsl.Packing _packing;
    private readonly SequenceBalance _balance;
    private readonly StepPlan _plan = new();
    private readonly int[] _lengths;
    private StepChoice _best;
    private bool _found;

    private PlannedStrategy(PlanSearch search, string strategy, ParallelDsl.Packing packing, SequenceBalance balance)
    {
        (_search, _strategy, _packing, _balance) = (search, strategy, packing, balance);
        _lengths = [.. search.Problem.Lengths];
    }

    /// <summary>Asymmetric units over hierarchical rings.</summary>
    public static void PlanJoint(PlanSearch search) => new PlannedStrategy(
        search, StrategyNames.Joint, ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical).Plan();

    /// <summary>Hierarchical rings in units of whole sequences.</summary>
    public static void PlanHierarchical(PlanSearch search) => new PlannedStrategy(
        search, StrategyNames.Hierarchical, ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical).Plan();

    /// <summary>Asymmetric units over rings of whole data ranks.</summary>
    public static void PlanAsymmetric(PlanSearch search) => new PlannedStrategy(
        search, StrategyNames.Asymmetric, ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag).Plan();

    private void Plan()
    {
        foreach (int stages in SearchGrids.Stages(_search.Problem))
        {
            foreach (int sequenceRanks in SequenceRanks(stages))
            {
                foreach (int slots in SearchGrids.Slots(_search, stages))
                {
                    foreach (int window in Windows(slots))
                    {
                        var choice = new StepChoice(stages, sequenceRanks, slots, window, 1_000, 1_000, StepChoice.Plain, false);
                        if (!Consider(choice))
                            Consider(choice with { Recompute = true });
                    }
                }
            }
        }

        if (_found)
            Refine();
    }

    // Data ranks count for whole-sequence units and for rings of whole data ranks; a joint plan places over all ranks.
    private IEnumerable<int> SequenceRanks(int stages)
    {
        int ranks = _search.RanksOf(stages);
        if (_packing == ParallelDsl.Packing.Asymmetric && _balance == SequenceBalance.Hierarchical)
            return [1];
        return SearchGrids.Divisors(ranks).Reverse();
    }

    private IEnumerable<int> Windows(int slots) => _packing == ParallelDsl.Packing.Tokens ? [1] : _windows.Where(window => window <= slots);

    private void Refine()
    {
        foreach (int weight in new[] { 1_250, 1_500, 2_000, 2_500 })
            Consider(_best with { PairPermille = weight });
        if (_balance == SequenceBalance.Hierarchical)
        {
            foreach (int threshold in new[] { 0, 250, 500, 2_000 })
                Consider(_best with { OverlapPermille = threshold });
        }

        foreach (ExchangeKind intra in new[] { ExchangeKind.Ring, ExchangeKind.AllGather })
        {
            foreach (ExchangeKind inter in new[] { ExchangeKind.Ring, ExchangeKind.AllGather })
            {
                foreach (bool routed in new[] { true, false })
                    Consider(_best with { Transport = _best.Transport with { IntraNode = intra, InterNode = inter, Routed = routed } });
            }
        }

        Consider(_best with { Transport = _best.Transport with { Remapped = true } });
    }

    private bool Consider(StepChoice choice)
    {
        int[] nodes = _search.NodesOf(choice.Stages);
        if (!StepPlanner.TryPlan(ConstantsOf(choice, nodes), _lengths, _lengths.Length, _plan))
        {
            // How much that is the planner does not say; at least the tokens that no rank has room for.
            long room = _search.SlotTokens(choice.Stages, choice.Slots, choice.Recompute, choice.Lag) * choice.Slots * nodes.Length;
            _search.Lacks(Math.Max(1, _search.Problem.Tokens - room));
            return false;
        }

        EquatableArray<UnitSlot> slots = new StepSlots(_search.Problem, nodes).Of(_plan, choice.Transport);
        long before = _search.Best;
        string text = choice.Describe(nodes.Length, _packing);
        if (!_search.Consider(new BatchPlan(_strategy, text, choice.Stages, slots, choice.Lag, choice.Recompute)))
            return false;
        if (_search.Best < before)
            (_best, _found) = (choice, true);
        return true;
    }

    private StepConstants ConstantsOf(StepChoice choice, int[] nodes)
    {
        BatchProblem problem = _search.Problem;
        SequenceCosts costs = problem.Model.Costs(choice.Recompute);
        costs = costs with
        {
            PairForward = costs.PairForward / 1000 * choice.PairPermille,
            PairBackward = costs.PairBackward / 1000 * choice.PairPermille,
        };
        long room = _search.SlotTokens(choice.Stages, choice.Slots, choice.Recompute, choice.Lag);
        return new StepConstants(
            _packing,
            _balance,
            problem.ContextLength,
            nodes.Length / choice.SequenceRanks,
            choice.SequenceRanks,
            choice.Slots,
            (int)Math.Min(room, int.MaxValue / nodes.Length),
            Granule: 1,
            choice.Window,
            OverlapTokens(choice.OverlapPermille, between: false),
            OverlapTokens(choice.OverlapPermille, between: true),
            costs,
            new(nodes));
    }

    // The overlap rule: a ring's transfers hide under its attention from 2 F h_k / (h B) tokens a rank on; between nodes B is the rate of all
    // interfaces of a node, through which a routed hop goes.
    private int OverlapTokens(int permille, bool between)
    {
        BatchProblem problem = _search.Problem;
        var group = problem.Cluster.Nodes[0];
        long rate = between ? (long)group.NicsPerNode * group.NicGbps / 8 : group.Device.LinkBytesPerNanosecond;
        long tokens = 2 * problem.FlopsPerNanosecond * problem.Model.KeyValueWidth / (problem.Model.Hidden * Math.Max(1, rate));
        return (int)Math.Max(1, tokens * permille / 1000);
    }
}

/// <summary>One setting of what our strategies search.</summary>
/// <param name="Stages">P.</param>
/// <param name="SequenceRanks">S.</param>
/// <param name="Slots">M, units of each data rank.</param>
/// <param name="Window">Units that may exchange slices; backwards are later by one less.</param>
/// <param name="PairPermille">The weight of attention in balancing, in thousandths of its FLOPs: more where short shards make it slower.</param>
/// <param name="OverlapPermille">Least tokens of a ring's rank, in thousandths of the overlap rule's.</param>
/// <param name="Transport">How keys and values travel.</param>
/// <param name="Recompute">Whether the backward repeats the forward.</param>
internal readonly record struct StepChoice(
    int Stages, int SequenceRanks, int Slots, int Window, int PairPermille, int OverlapPermille, StepTransport Transport, bool Recompute)
{
    /// <summary>Rings, routed where that helps.</summary>
    public static StepTransport Plain { get; } = new(ExchangeKind.Ring, ExchangeKind.Ring, Routed: true, Remapped: false);

    /// <summary>A window's backwards come after all its forwards.</summary>
    public int Lag => Window - 1;

    /// <summary>The setting, for people.</summary>
    public string Describe(int ranks, ParallelDsl.Packing packing)
    {
        string pipeline = Stages > 1 ? Invariant($"PP {Stages}, ") : "";
        string layout = Invariant($"{ranks / SequenceRanks} data ranks of {SequenceRanks}, {pipeline}{Slots} units");
        string windows = packing == ParallelDsl.Packing.Asymmetric ? Invariant($" in windows of {Window}") : "";
        string weights = Invariant($", attention x{PairPermille / 1000}.{PairPermille / 10 % 100:00}, overlap x{OverlapPermille / 1000}.{OverlapPermille / 10 % 100:00}");
        string between = Transport.InterNode == ExchangeKind.AllGather ? "all-gather" : Transport.Routed ? "routed ring" : "ring";
        string inside = Transport.IntraNode == ExchangeKind.AllGather ? "all-gather" : "ring";
        string ends = (Transport.Remapped ? ", remapped" : "") + (Recompute ? ", recompute" : "");
        return Invariant($"{layout}{windows}{weights}, {inside} in nodes, {between} between{ends}");
    }
}
