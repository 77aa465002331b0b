using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Our strategies: plans of <see cref="StepPlanner"/>, routed and remapped where that is simulated faster. Constants that a declaration
/// fixes are searched as those of the others are: the layout of ranks, units and windows, thresholds of the partitioner, the weight of
/// attention, how keys and values travel, recomputation. One after the other, the best so far with another value of one constant.</summary>
internal sealed class PlannedStrategy
{
    // A second time round, what was found first is seen with what was found last.
    private const int Rounds = 2;

    private static readonly int[] Windows = [1, 2, 4, 8];
    private static readonly int[] Overlaps = [0, 25, 50, 100, 200];
    private static readonly int[] Rooms = [1_050, 1_200, 1_400, 1_700, 2_000];
    private static readonly ExchangeKind[] Kinds = [ExchangeKind.Ring, ExchangeKind.Heads];

    private readonly PlanSearch _search;
    private readonly string _strategy;
    private readonly ParallelDsl.Packing _packing;
    private readonly SequenceBalance _balance;
    private readonly StepPlan _plan = new();
    private readonly int[] _lengths;
    private readonly HashSet<StepChoice> _tried = [];
    private StepChoice _best;
    private long _bestTime = long.MaxValue;

    private PlannedStrategy(PlanSearch search, string strategy, ParallelDsl.Packing packing, SequenceBalance balance)
    {
        (_search, _strategy, _packing, _balance) = (search, strategy, packing, balance);
        _lengths = [.. search.Problem.Lengths];
    }

    /// <summary>Asymmetric units over hierarchical rings; also each without the other, for batches that one of them spoils.</summary>
    public static void PlanJoint(PlanSearch search)
    {
        Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical);
        Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical);
        Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag);
    }

    /// <summary>Hierarchical rings in units of whole sequences.</summary>
    public static void PlanHierarchical(PlanSearch search) =>
        Plan(search, StrategyNames.Hierarchical, ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical);

    /// <summary>Asymmetric units over rings of whole data ranks.</summary>
    public static void PlanAsymmetric(PlanSearch search) =>
        Plan(search, StrategyNames.Asymmetric, ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag);

    private static void Plan(PlanSearch search, string name, ParallelDsl.Packing packing, SequenceBalance balance)
    {
        var strategy = new PlannedStrategy(search, name, packing, balance);
        strategy.Survey();
        for (int round = 0; round < Rounds && strategy._bestTime < long.MaxValue; round++)
            strategy.Refine();
    }

    // Every layout of ranks, number of units and window, with every kind of exchange: what is balanced best depends on that.
    private void Survey()
    {
        foreach (int stages in SearchGrids.Stages(_search.Problem))
        {
            foreach (int sequenceRanks in SequenceRanks(stages))
            {
                foreach (int slots in SearchGrids.Slots(_search, stages))
                {
                    foreach (int window in Windows.Where(window => IsDeclarable(window, slots, sequenceRanks)))
                    {
                        foreach (ExchangeKind kind in sequenceRanks == 1 && _balance == SequenceBalance.Zigzag ? [ExchangeKind.Ring] : Kinds)
                        {
                            StepChoice choice = new StepChoice(_packing, _balance, stages, sequenceRanks, slots) with
                            {
                                Window = window,
                                IntraNode = kind,
                                InterNode = kind,
                                OverlapPercent = kind == ExchangeKind.Heads && _balance == SequenceBalance.Hierarchical ? 0 : 100,
                            };
                            if (!Consider(choice))
                                Consider(choice with { Recompute = true });
                        }
                    }
                }
            }
        }
    }

    // Where rows are remapped, only units that are the same in both directions are simulated.
    private bool IsDeclarable(int window, int slots, int sequenceRanks) => window <= slots && (window == 1
        || (_packing == ParallelDsl.Packing.Asymmetric && (_balance == SequenceBalance.Zigzag || sequenceRanks == 1)));

    // Data ranks count for whole-sequence units and for rings of whole data ranks; a joint plan places over all ranks, and moves rows between
    // them where they are not data ranks of one rank each.
    private IEnumerable<int> SequenceRanks(int stages) =>
        _packing == ParallelDsl.Packing.Asymmetric && _balance == SequenceBalance.Hierarchical
            ? new[] { 1, _search.RanksOf(stages) }.Distinct()
            : SearchGrids.Divisors(_search.RanksOf(stages)).Reverse();

    // The best so far with other values, one constant after the other.
    private void Refine()
    {
        foreach (ExchangeKind intra in Kinds)
        {
            foreach (ExchangeKind inter in Kinds)
                Consider(_best with { IntraNode = intra, InterNode = inter });
        }

        foreach (int weight in SearchGrids.Weights.Where(weight => weight is not 0))
            Consider(_best with { AttentionPercent = weight / 10 });
        if (_balance == SequenceBalance.Hierarchical)
        {
            foreach (int percent in Overlaps)
                Consider(_best with { OverlapPercent = percent });
        }

        BatchProblem problem = _search.Problem;
        long mean = problem.Tokens / _search.RanksOf(_best.Stages) / _best.Slots;
        foreach (int room in Rooms)
            Consider(_best with { UnitTokens = (int)Math.Min(int.MaxValue, (mean * room / 1000) + 1) });
    }

    // Whether it is new and fits.
    private bool Consider(StepChoice choice)
    {
        if (!_tried.Add(choice))
            return false;
        int[] nodes = _search.NodesOf(choice.Stages);
        StepConstants constants = ConstantsOf(choice, nodes);
        if (constants.UnitTokensPerRank < 1)
        {
            _search.Lacks(_search.Problem.Tokens);
            return false;
        }

        if (!StepPlanner.TryPlan(constants, _lengths, _lengths.Length, _plan))
        {
            _search.Lacks(_plan.Workspace.Misfit.Missing);
            return false;
        }

        EquatableArray<UnitSlot> slots = new StepSlots(_search.Problem, nodes).Of(_plan, choice.Transport);
        string text = choice.Describe(nodes.Length);
        if (!_search.Consider(new BatchPlan(_strategy, text, choice.Stages, slots, choice.Lag, choice.Recompute)))
            return false;
        if (_search.LastTime < _bestTime)
            (_best, _bestTime) = (choice, _search.LastTime);
        return true;
    }

    private StepConstants ConstantsOf(StepChoice choice, int[] nodes)
    {
        BatchProblem problem = _search.Problem;
        SequenceCosts costs = problem.Model.Costs(choice.Recompute);
        costs = costs with
        {
            PairForward = costs.PairForward / 100 * choice.AttentionPercent,
            PairBackward = costs.PairBackward / 100 * choice.AttentionPercent,
        };
        long room = _search.SlotTokens(choice.Stages, choice.Slots, choice.Recompute, choice.Lag);
        if (choice.UnitTokens > 0)
            room = Math.Min(room, choice.UnitTokens);
        return new StepConstants(
            choice.Packing,
            choice.Balance,
            problem.ContextLength,
            nodes.Length / choice.SequenceRanks,
            choice.SequenceRanks,
            choice.Slots,
            (int)Math.Min(room, int.MaxValue / nodes.Length),
            Granule: 1,
            choice.Window,
            OverlapTokens(choice.OverlapPercent, between: false),
            OverlapTokens(choice.OverlapPercent, between: true),
            costs,
            new(nodes));
    }

    // The overlap rule: a ring's transfers hide under its attention from 2 F h_k / (h B) tokens a rank on; between nodes B is the rate of all
    // interfaces of a node, through which a routed hop goes.
    private int OverlapTokens(int percent, bool between)
    {
        BatchProblem problem = _search.Problem;
        var group = problem.Cluster.Nodes[0];
        long rate = between ? (long)group.NicsPerNode * group.NicGbps / 8 : group.Device.LinkBytesPerNanosecond;
        long tokens = 2 * problem.FlopsPerNanosecond * problem.Model.KeyValueWidth / (problem.Model.Hidden * Math.Max(1, rate));
        return (int)Math.Min(int.MaxValue, tokens * percent / 100);
    }
}
