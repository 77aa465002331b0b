using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>The rings of the sequence axis that a plan carries: what the planner makes, or what a plan file brings instead.</summary>
public static class SequenceRings
{
    /// <summary>The rings of a datapath: one in order but where keys and values travel on several at once.</summary>
    internal static EquatableArray<EquatableArray<int>> Of(Datapath datapath, ClusterSpec cluster, Mesh mesh)
    {
        int ranks = mesh.Sequence;
        EquatableArray<int> order = new([.. Enumerable.Range(0, ranks)]);
        if (datapath == Datapath.BidirectionalRing && ranks > 2)
            return new([order, new([.. Enumerable.Range(0, ranks).Reverse()])]);
        if (datapath != Datapath.Hamiltonian || ranks < 2)
            return new([order]);
        RingSet set = Itineraries.SetOf(ranks, NodesOf(cluster, mesh));

        // The construction proves it already; this proves the construction, on every plan that anybody makes.
        RingSetCheck check = set.Verify();
        if (!check.IsVerified)
            throw new InvalidOperationException($"the planner made wrong rings, which is a bug of it: {check.Faults[0]}");
        return set.Kind == RingSetKind.Pairwise ? new([order]) : set.Rings;
    }

    /// <summary>The ring set on which the keys of all sequence ranks travel at once; null where they travel on one ring or otherwise.</summary>
    public static PlannedRings? SetOf(ParallelPlan plan) => plan.Rings.Count > 1
        ? new PlannedRings(
            DatapathOf(plan),
            NodesOf(plan.Cluster, plan.Mesh),
            new RingSet(RingSetKind.Cycles, plan.Mesh.Sequence, 1, plan.Rings))
        : null;

    /// <summary>Over how many nodes the sequence ranks of the first data rank are spread evenly; 1 where they are not.</summary>
    internal static int NodesOf(ClusterSpec cluster, Mesh mesh) => Itineraries.NodesOf(
        [.. Enumerable.Range(0, mesh.Sequence)], mesh.Sequence, BatchingPlanner.NodesOf(cluster, mesh).Items);

    /// <summary>What is wrong with several rings.</summary>
    internal static IEnumerable<string> Faults(ParallelPlan plan) => DatapathOf(plan) is Datapath.Hamiltonian or Datapath.BidirectionalRing
        ? SetOf(plan)!.Set.Verify().Faults.Select(fault => $"the rings of the sequence axis are not sound: {fault}")
        : [$"there are {plan.Rings.Count} rings, and under the datapath {DatapathOf(plan)} keys and values travel on one"];

    private static Datapath DatapathOf(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return BatchingPlanner.CrossesNodes(plan.Cluster, plan.Mesh) ? axes.InterNodeDatapath : axes.Datapath;
    }
}

/// <summary>Several rings that a plan carries, and which rings of ranks travel on them.</summary>
/// <param name="Datapath">The datapath of those.</param>
/// <param name="Nodes">Over how many nodes they are spread evenly; 1 where they are not.</param>
/// <param name="Set">The rings, of positions.</param>
public sealed record PlannedRings(Datapath Datapath, int Nodes, RingSet Set);
