using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>How keys and values travel, by how far a ring reaches: the same on every rank, since it follows from plan and step plan alone.</summary>
/// <param name="IntraNode">Between ranks of a node.</param>
/// <param name="InterNode">Between ranks of several nodes.</param>
/// <param name="Nodes">The node of every attention rank; null where all are in one.</param>
internal readonly record struct RingDatapaths(Datapath IntraNode, Datapath InterNode, int[]? Nodes = null)
{
    /// <summary>Those of <paramref name="plan"/>.</summary>
    public static RingDatapaths Of(ParallelPlan plan) =>
        new(plan.Axes.Datapath, plan.Axes.InterNodeDatapath, [.. StepConstants.Of(plan).Nodes]);

    /// <summary>That of a ring of a step.</summary>
    public Datapath Of(StepPlan step, int ring) => step.RingZones[ring] == Zone.InterNode ? InterNode : IntraNode;
}
