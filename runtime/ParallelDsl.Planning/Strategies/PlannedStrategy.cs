using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

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
    private static readonly Datapath[] OneRingOrHeads = [Datapath.Ring, Datapath.AllToAll];

    private readonly PlanSearch _search;
    private readonly string _strategy;
    private readonly ParallelDsl.Packing _packing;
    private readonly SequenceBalance _balance;
    private readonly ChoicePlanner _planner;

    // What is tried with every layout, and with the best.
    private readonly Datapath[] _datapaths, _others;
    private readonly List<(StepChoice Choice, long Time)> _times = [];
    private readonly HashSet<StepChoice> _tried = [];
    private StepChoice _best;
    private long _bestTime = long.MaxValue;

    private PlannedStrategy(
        PlanSearch search, string strategy, ParallelDsl.Packing packing, SequenceBalance balance, Datapath[] datapaths, Datapath[] others)
    {
        (_search, _strategy, _packing, _balance) = (search, strategy, packing, balance);
        (_datapaths, _others) = (datapaths, others);
        _planner = new ChoicePlanner(search.Problem);
    }

    /// <summary>Asymmetric units over hierarchical rings; also each without the other, for batches that one of them spoils.</summary>
    public static void PlanJoint(PlanSearch search) => Times(search);

    /// <summary>All settings of <see cref="PlanJoint"/> that fit, with their simulated times.</summary>
    public static List<(StepChoice Choice, long Time)> Times(PlanSearch search) =>
    [
        .. Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical),
        .. Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical),
        .. Plan(search, StrategyNames.Joint, ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag),
    ];

    /// <summary>Hierarchical rings in units of whole sequences.</summary>
    public static void PlanHierarchical(PlanSearch search) =>
        Plan(search, StrategyNames.Hierarchical, ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical);

    /// <summary>Asymmetric units over rings of whole data ranks.</summary>
    public static void PlanAsymmetric(PlanSearch search) =>
        Plan(search, StrategyNames.Asymmetric, ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag);

    private static List<(StepChoice Choice, long Time)> Plan(
        PlanSearch search, string name, ParallelDsl.Packing packing, SequenceBalance balance)
    {
        List<(StepChoice Choice, long Time)> times = Plan(OneRingOrHeads, OneRingOrHeads);

        // A port of a switch is busy with one ring. Over a mesh one ring leaves most links idle, and what uses them is tried too: apart, so that trying
        // more finds no less.
        if (search.Problem.Cluster.Nodes.Any(group => group is { Fabric: Fabric.Mesh, DevicesPerNode: > 2 }))
        {
            Datapath[] all = [.. DatapathTimes.Candidates];
            times.AddRange(Plan([.. all.Except(OneRingOrHeads)], all));
        }

        return times;

        List<(StepChoice Choice, long Time)> Plan(Datapath[] datapaths, Datapath[] others)
        {
            var strategy = new PlannedStrategy(search, name, packing, balance, datapaths, others);
            strategy.Survey();
            for (int round = 0; round < Rounds && strategy._bestTime < long.MaxValue; round++)
                strategy.Refine();
            return strategy._times;
        }
    }

    // Every layout of ranks, number of units and window, with every datapath: what is balanced best depends on that.
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
                        foreach (Datapath datapath in sequenceRanks == 1 && _balance == SequenceBalance.Zigzag ? [_datapaths[0]] : _datapaths)
                        {
                            StepChoice choice = new StepChoice(_packing, _balance, stages, sequenceRanks, slots) with
                            {
                                Window = window,
                                IntraNode = datapath,
                                InterNode = datapath,
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
        foreach (Datapath intra in _others)
        {
            foreach (Datapath inter in _others)
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

    // As a declaration may be: where every rank sends to every other, there is a most of ranks.
    private bool CanRun(StepChoice choice)
    {
        RingReach reach = _planner.ReachOf(choice);
        return Has(choice.IntraNode, reach.IntraNode) && Has(choice.InterNode, reach.InterNode);

        static bool Has(Datapath datapath, int ranks) => ranks <= Itineraries.MostRanks || !Itineraries.IsDense(datapath);
    }

    // Whether it is new and fits.
    private bool Consider(StepChoice choice)
    {
        if (!_tried.Add(choice) || !CanRun(choice))
            return false;
        if (_planner.TryPlan(_strategy, choice, out long missing) is not { } plan)
        {
            _search.Lacks(missing);
            return false;
        }

        if (!_search.Consider(plan))
            return false;
        _times.Add((choice, _search.LastTime));
        if (_search.LastTime < _bestTime)
            (_best, _bestTime) = (choice, _search.LastTime);
        return true;
    }
}
