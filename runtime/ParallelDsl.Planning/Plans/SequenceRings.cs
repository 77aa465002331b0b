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
        return set.Kind == RingSetKind.Pairwise ? new([order]) : set.Rings;
    }

    /// <summary>The ring set on which the keys of all sequence ranks travel at once; null where they travel on one ring or otherwise.</summary>
    public static PlannedRings? SetOf(ParallelPlan plan)
    {
        Datapath datapath = DatapathOf(plan);
        if (plan.Mesh.Sequence < 2 || !TakesRings(datapath) || (plan.Rings.Count == 1 && IsPairwise(plan, datapath)))
            return null;
        return new PlannedRings(
            datapath, NodesOf(plan.Cluster, plan.Mesh), new RingSet(RingSetKind.Cycles, plan.Mesh.Sequence, 1, plan.Rings));
    }

    /// <summary>The ways of keys and values where a sequence is spread over all sequence ranks of the first data rank, which ranks run; null
    /// where keys do not travel but heads do.</summary>
    public static Itinerary? ItineraryOf(ParallelPlan plan)
    {
        Datapath datapath = DatapathOf(plan);
        return !Itineraries.Has(datapath) ? null
            : SetOf(plan) is { } planned ? Itinerary.Of(new MultiRing(planned.Set))
            : Itineraries.Of(datapath, plan.Mesh.Sequence, NodesOf(plan.Cluster, plan.Mesh));
    }

    /// <summary>Those ways as tables.</summary>
    public static RouteTable RoutesOf(ParallelPlan plan) => new(ItineraryOf(plan), plan.Mesh.Sequence);

    /// <summary>The datapath of a ring of all sequence ranks of a data rank: the one that was declared, or chosen, for the zone that such rings
    /// reach.</summary>
    public static Datapath DatapathOf(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return BatchingPlanner.CrossesNodes(plan.Cluster, plan.Mesh) ? axes.InterNodeDatapath : axes.Datapath;
    }

    /// <summary>Whether the sequence ranks of all data ranks lie over nodes as those of the first do, so that the same ways are theirs.</summary>
    public static bool AreAlike(ParallelPlan plan)
    {
        int ranks = plan.Mesh.Sequence;
        int[] nodeOf = BatchingPlanner.NodesOf(plan.Cluster, plan.Mesh).Items;
        return Enumerable.Range(0, plan.Mesh.Data).Select(NodesOf).Distinct().Count() == 1;

        (bool, int) NodesOf(int data)
        {
            int[] group = [.. Enumerable.Range(data * ranks, ranks)];
            return (group.All(rank => nodeOf[rank] == nodeOf[group[0]]), Itineraries.NodesOf(group, ranks, nodeOf));
        }
    }

    /// <summary>What is wrong with the rings of a plan whose axes, cluster and mesh are sound; null where nothing is.</summary>
    public static RingFault? FaultOf(ParallelPlan plan)
    {
        if (FaultOf(plan.Rings, plan.Mesh.Sequence) is { } fault)
            return fault;
        Datapath datapath = DatapathOf(plan);
        if (TakesRings(datapath))
            return null;
        return plan.Rings.Count > 1 ? new RingFault(1, $"there are {plan.Rings.Count} rings, and under the datapath {datapath} keys and values travel on one")
            : plan.Rings[0].SequenceEqual(Enumerable.Range(0, plan.Mesh.Sequence)) ? null
            : new RingFault(0, $"ring 0 is another than 0, 1, 2 and so on, and under the datapath {datapath} nothing travels on it");
    }

    /// <summary>What is wrong with rings of so many positions by themselves; null where nothing is.</summary>
    internal static RingFault? FaultOf(EquatableArray<EquatableArray<int>> rings, int ranks)
    {
        // A ring of one position is none, and plans carry it all the same.
        if (ranks == 1)
            return rings.Count == 1 && rings[0].SequenceEqual([0]) ? null : new RingFault(0, "a sequence axis of one position has one ring, of it alone");
        return FaultOf(new RingSet(RingSetKind.Cycles, ranks, 1, rings));
    }

    /// <summary>The first thing that is wrong with a set; null where nothing is.</summary>
    internal static RingFault? FaultOf(RingSet set) => set.Verify().Faults is { Count: > 0 } faults ? faults[0] : null;

    /// <summary>Over how many nodes the sequence ranks of the first data rank are spread evenly; 1 where they are not.</summary>
    internal static int NodesOf(ClusterSpec cluster, Mesh mesh) => Itineraries.NodesOf(
        [.. Enumerable.Range(0, mesh.Sequence)], mesh.Sequence, BatchingPlanner.NodesOf(cluster, mesh).Items);

    // Under other datapaths the rings follow from the datapath alone.
    private static bool TakesRings(Datapath datapath) => datapath is Datapath.Hamiltonian or Datapath.BidirectionalRing;

    // Of 4 and of 6 ranks the planner has ways and no rings; a plan then has the order of the positions in their place.
    private static bool IsPairwise(ParallelPlan plan, Datapath datapath) => datapath == Datapath.Hamiltonian
        && plan.Mesh.Sequence is 4 or 6
        && plan.Rings == Of(datapath, plan.Cluster, plan.Mesh);
}

/// <summary>The rings that a plan carries, and which rings of ranks travel on them.</summary>
/// <param name="Datapath">The datapath of those.</param>
/// <param name="Nodes">Over how many nodes they are spread evenly; 1 where they are not.</param>
/// <param name="Set">The rings, of positions.</param>
public sealed record PlannedRings(Datapath Datapath, int Nodes, RingSet Set);
