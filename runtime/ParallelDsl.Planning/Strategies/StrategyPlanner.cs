using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Plans one batch by a strategy, ours or one that ours are compared with. All of them see the same problem, simulate under the same
/// assumptions and keep the same memory limit; those that are tuned simulate their whole grid.</summary>
public static class StrategyPlanner
{
    /// <summary>The plan of <paramref name="strategy"/>, or why nothing fits.</summary>
    /// <param name="strategy">One of <see cref="StrategyNames.All"/>.</param>
    /// <param name="problem">The batch; <see cref="BatchProblem.Check"/> has found nothing.</param>
    /// <exception cref="ArgumentException">There is no such strategy, or something is wrong with the problem.</exception>
    public static StrategyResult Plan(string strategy, BatchProblem problem)
    {
        if (problem.Check() is { } wrong)
            throw new ArgumentException(wrong, nameof(problem));
        var search = new PlanSearch(problem);
        Of(strategy)(search);
        return search.Result(strategy);
    }

    private static Action<PlanSearch> Of(string strategy) => strategy switch
    {
        StrategyNames.Joint => PlannedStrategy.PlanJoint,
        StrategyNames.Hierarchical => PlannedStrategy.PlanHierarchical,
        StrategyNames.Asymmetric => PlannedStrategy.PlanAsymmetric,
        StrategyNames.RingContext => RingContextStrategy.Plan,
        StrategyNames.RingContextTuned => RingContextStrategy.PlanTuned,
        StrategyNames.AllGatherContext => AllGatherContextStrategy.Plan,
        StrategyNames.HybridData => HybridDataStrategy.Plan,
        StrategyNames.Documents => DocumentsStrategy.Plan,
        StrategyNames.Groups => GroupsStrategy.Plan,
        StrategyNames.Blocks => BlocksStrategy.Plan,
        StrategyNames.WholeSample => WholeSampleStrategy.Plan,
        StrategyNames.WholeSampleTuned => WholeSampleStrategy.PlanTuned,
        _ => throw new ArgumentException(
            Invariant($"'{strategy}' is no strategy; known are {string.Join(", ", StrategyNames.All)}"), nameof(strategy)),
    };
}
