using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Training;

/// <summary>The plan that parallel runs are compared with.</summary>
public static class OneRank
{
    /// <summary>The plan of the same model on one host device: the units of all data ranks one after the other, every stage on it, nothing to
    /// communicate. Whether it fits a device is not asked.</summary>
    /// <param name="plan">The plan to compare with.</param>
    public static ParallelPlan PlanOf(ParallelPlan plan) => Planner.OneRank(plan);
}
