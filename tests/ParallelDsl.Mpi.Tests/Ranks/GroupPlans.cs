using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>A plan of every algorithm for a group of four.</summary>
internal static class GroupPlans
{
    public static CollectivePlan[] All { get; } =
    [
        CollectivePlan.Default,
        new(CollectiveAlgorithm.Ring),
        new(CollectiveAlgorithm.HalvingDoubling),
        new(CollectiveAlgorithm.MultiRing, Rings: [[0, 1, 2, 3], [0, 3, 2, 1]]),
        new(CollectiveAlgorithm.TwoLevel, Nodes: [0, 0, 1, 1]),
    ];

    public static CollectivePlan Of(CollectiveAlgorithm algorithm) => All.Single(plan => plan.Algorithm == algorithm);
}
