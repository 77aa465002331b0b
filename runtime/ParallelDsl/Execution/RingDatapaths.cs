using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>How keys and values travel, by how far a ring reaches: the same on every rank, since it follows from plan and step plan alone.</summary>
/// <param name="IntraNode">Between ranks of a node.</param>
/// <param name="InterNode">Between ranks of several nodes.</param>
/// <param name="Nodes">The node of every attention rank; null where all are in one.</param>
/// <param name="Rings">The rings of the plan; null where keys and values of all sequence ranks travel on none.</param>
/// <param name="Rail">Where paths over nodes go on, of other rings than the plan's.</param>
internal readonly record struct RingDatapaths(
    Datapath IntraNode, Datapath InterNode, int[]? Nodes = null, PlannedRings? Rings = null, NodeRail Rail = NodeRail.Cross)
{
    /// <summary>Those of <paramref name="plan"/>.</summary>
    public static RingDatapaths Of(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return new(axes.Datapath, axes.InterNodeDatapath, [.. StepConstants.Of(plan).Nodes], SequenceRings.SetOf(plan), axes.Rail);
    }

    /// <summary>That of a ring of a step.</summary>
    public Datapath Of(StepPlan step, int ring) => step.RingZones[ring] == Zone.InterNode ? InterNode : IntraNode;
}
