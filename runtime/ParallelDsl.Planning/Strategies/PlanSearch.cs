using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Simulates the candidates of a strategy that fit into memory and keeps the fastest, of equals the first.</summary>
/// <param name="problem">The batch.</param>
internal sealed class PlanSearch(BatchProblem problem)
{
    private readonly BatchSimulation _simulation = new(problem);
    private BatchPlan? _best;
    private SimulatedBatch? _time;
    private long _missing = long.MaxValue;
    private int _candidates;

    /// <summary>The batch.</summary>
    public BatchProblem Problem => problem;

    /// <summary>R, the ranks of a stage of <paramref name="stages"/>.</summary>
    public int RanksOf(int stages) => problem.Devices / stages;

    /// <summary>The node of every rank of a stage; those of the first stage stand for all.</summary>
    public int[] NodesOf(int stages) => BatchSimulation.NodesOf(problem, stages);

    /// <summary>The simulated time of the last plan that fitted.</summary>
    public long LastTime { get; private set; }

    /// <summary>The best plan so far.</summary>
    public BatchPlan? BestPlan => _best;

    /// <summary>How many plans were simulated.</summary>
    public int Candidates => _candidates;

    /// <summary>Tokens that each rank may have in one slot, on average, where <paramref name="slots"/> slots pass through
    /// <paramref name="stages"/> stages.</summary>
    public long SlotTokens(int stages, int slots, bool recompute, int lag = 0) =>
        problem.ActivationRoom / HeldBytes.OfFullToken(problem, stages, slots, recompute, lag);

    /// <summary>Simulates <paramref name="plan"/> if it fits into memory.</summary>
    /// <returns>Whether it fits.</returns>
    public bool Consider(BatchPlan plan)
    {
        long over = HeldBytes.Peak(problem, plan) - problem.ActivationRoom;
        if (over > 0)
        {
            long layers = BatchSimulation.LayersOf(problem, plan.Stages) * problem.Model.ActivationBytes(plan.Recompute);
            Lacks((over / layers) + 1);
            return false;
        }

        SimulatedBatch time = _simulation.Run(plan);
        _candidates++;
        LastTime = time.Nanoseconds;
        if (_time is null || time.Nanoseconds < _time.Nanoseconds)
            (_best, _time) = (plan, time);
        return true;
    }

    /// <summary>Notes that a candidate lacks room for so many tokens.</summary>
    public void Lacks(long tokens) => _missing = Math.Min(_missing, tokens);

    /// <summary>What was found, by the name of the strategy that searched.</summary>
    public StrategyResult Result(string strategy)
    {
        if (_best is not null)
            return new StrategyResult(_best with { Strategy = strategy }, _time, RankLoads.Of(problem, _best), _candidates, null);
        string batch = Invariant($"the batch has {problem.Lengths.Count} sequences and {problem.Tokens} tokens");
        long room = problem.CapacityTokens(recompute: false), recomputed = problem.CapacityTokens(recompute: true);
        string devices = Invariant($"each of {problem.Devices} devices has room for {room} tokens of all layers ({recomputed} with recomputation)");
        return new StrategyResult(null, null, default, _candidates, Invariant($"{_missing} tokens find no room: {batch}; {devices}"));
    }
}
