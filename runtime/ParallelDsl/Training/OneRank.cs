using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Training;

/// <summary>The plan that parallel runs are compared with.</summary>
public static class OneRank
{
    /// <summary>The plan of the same training on one host device: the units of all data ranks one after the other, nothing to communicate.
    /// Whether it fits is not asked.</summary>
    /// <param name="plan">The plan to compare with.</param>
    /// <exception cref="InvalidOperationException">The units are too many for one program.</exception>
    public static ParallelPlan PlanOf(ParallelPlan plan) => Planner.SingleRank(plan) switch
    {
        Planned planned => planned.Plan,
        TooLarge large => throw new InvalidOperationException($"{plan.Model.Name} cannot be planned on one rank: {large.Message}."),
        var other => throw new InvalidOperationException($"{plan.Model.Name} cannot be planned on one rank: {other}."),
    };
}
