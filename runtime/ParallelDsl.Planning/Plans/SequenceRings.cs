using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>The rings of the sequence axis that a plan carries: what the planner makes, or what a plan file brings instead. Ranks run
/// those.</summary>
public static class SequenceRings
{
    /// <summary>The rings of a datapath: one in order but where keys and values travel on several at once, also where they travel on
    /// none.</summary>
    internal static EquatableArray<EquatableArray<int>> Of(
        Datapath datapath, ClusterSpec cluster, Mesh mesh, NodeRail rail, CancellationToken cancellation)
    {
        int ranks = mesh.Sequence;
        EquatableArray<int> order = new([.. Enumerable.Range(0, ranks)]);
        if (datapath == Datapath.BidirectionalRing && ranks > 2)
            return new([order, new([.. Enumerable.Range(0, ranks).Reverse()])]);
        if (datapath != Datapath.Hamiltonian || ranks < 2)
            return new([order]);
        RingSet set = Itineraries.SetOf(ranks, NodesOf(cluster, mesh), rail, cancellation);
        return set.Kind == RingSetKind.Pairwise ? new([order]) : set.Rings;
    }

    /// <summary>The ring set on which keys and values of all sequence ranks travel, one ring or several; null where they travel otherwise.</summary>
    /// <remarks>It is that of the datapath over nodes where the sequence ranks of some data rank lie on several, else of that inside a
    /// node.</remarks>
    public static PlannedRings? SetOf(ParallelPlan plan)
    {
        (Datapath datapath, int ranks, int nodes) = (DatapathOf(plan), plan.Mesh.Sequence, NodesOf(plan.Cluster, plan.Mesh));
        return PlannedRings.KindOf(datapath, ranks, nodes) switch
        {
            RingSetKind.Paths => new(datapath, new RingSet(RingSetKind.Paths, ranks, nodes, plan.Rings)),

            // Of 4 and 6 ranks the planner makes no Hamiltonian rings, but pairwise ways; a file may bring some.
            RingSetKind.Cycles when datapath != Datapath.Hamiltonian || RingSet.MostCycles(ranks) == ranks - 1 || !IsOneInOrder(plan) =>
                new(datapath, new RingSet(RingSetKind.Cycles, ranks, 1, plan.Rings)),
            _ => null,
        };
    }

    /// <summary>The ways of keys and values where a sequence is spread over all sequence ranks of a data rank, which ranks run; null
    /// where keys do not travel but heads do.</summary>
    public static Itinerary? ItineraryOf(ParallelPlan plan)
    {
        Datapath datapath = DatapathOf(plan);
        return !Itineraries.Has(datapath) ? null
            : SetOf(plan) is { } planned ? Itinerary.Of(new MultiRing(planned.Set))
            : Itineraries.Of(datapath, plan.Mesh.Sequence, NodesOf(plan.Cluster, plan.Mesh), plan.Axes.Rail);
    }

    /// <summary>Those ways as tables.</summary>
    public static RouteTable RoutesOf(ParallelPlan plan) => new(ItineraryOf(plan), plan.Mesh.Sequence);

    /// <summary>The datapath of a ring of all sequence ranks of a data rank: the one that was declared, or chosen, for the zone that such rings
    /// reach, over nodes where those of some data rank do.</summary>
    public static Datapath DatapathOf(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return BatchingPlanner.CrossesNodes(plan.Cluster, plan.Mesh) ? axes.InterNodeDatapath : axes.Datapath;
    }

    /// <summary>Whether the sequence ranks of all data ranks lie over nodes alike, so that the same ways are theirs.</summary>
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
    /// <remarks>Whether the datapath has a use for rings, and for how many, comes first: of others it makes no difference whether they are sound.</remarks>
    public static RingFault? FaultOf(ParallelPlan plan)
    {
        // A ring of one position is none, and plans carry it all the same.
        if (plan.Mesh.Sequence == 1)
            return IsOneInOrder(plan) ? null : new RingFault(0, "a sequence axis of one position has one ring, of it alone");
        Datapath datapath = DatapathOf(plan);
        if (SetOf(plan) is not { } rings)
        {
            return IsOneInOrder(plan)
                ? null
                : new RingFault(plan.Rings.Count > 1 ? 1 : 0, $"under the datapath {datapath} keys and values travel on none of the plan's rings, which can only be one in the order of the positions");
        }

        return datapath switch
        {
            Datapath.Ring or Datapath.DoubleRing when plan.Rings.Count > 1 =>
                new RingFault(1, $"there are {plan.Rings.Count} rings, and under the datapath {datapath} keys and values travel on one"),
            Datapath.BidirectionalRing when plan.Rings.Count > 2 =>
                new RingFault(2, $"there are {plan.Rings.Count} rings, and under the datapath {datapath} keys and values travel on two, or on one"),
            _ => rings.Set.Verify().Faults is { Count: > 0 } faults ? faults[0] : null,
        };
    }

    /// <summary>Over how many nodes the sequence ranks of a data rank are spread evenly, 1 where they are not: those of the first data rank
    /// that is on several nodes, if one is.</summary>
    internal static int NodesOf(ClusterSpec cluster, Mesh mesh)
    {
        int[] nodes = BatchingPlanner.NodesOf(cluster, mesh).Items;
        int away = Enumerable.Range(0, nodes.Length).FirstOrDefault(rank => nodes[rank] != nodes[rank / mesh.Sequence * mesh.Sequence]);
        int first = away / mesh.Sequence * mesh.Sequence;
        return Itineraries.NodesOf([.. Enumerable.Range(first, mesh.Sequence)], mesh.Sequence, nodes);
    }

    private static bool IsOneInOrder(ParallelPlan plan) =>
        plan.Rings.Count == 1 && plan.Rings[0].SequenceEqual(Enumerable.Range(0, plan.Mesh.Sequence));
}

/// <summary>The rings that a plan carries, and which rings of ranks travel on them.</summary>
/// <param name="Datapath">The datapath of those.</param>
/// <param name="Set">The rings, of positions.</param>
public sealed record PlannedRings(Datapath Datapath, RingSet Set)
{
    /// <summary>Whether keys and values on a ring of ranks travel on them.</summary>
    /// <param name="datapath">The ring's datapath.</param>
    /// <param name="ranks">Its members.</param>
    /// <param name="nodes">Over how many nodes they are spread evenly; 1 where they are not.</param>
    public bool AreOf(Datapath datapath, int ranks, int nodes) =>
        (datapath, ranks) == (Datapath, Set.Devices) && KindOf(datapath, ranks, nodes) == Set.Kind && (Set.Kind == RingSetKind.Cycles || nodes == Set.Nodes);

    /// <summary>What kind of rings keys and values can travel on; null where they travel on none.</summary>
    internal static RingSetKind? KindOf(Datapath datapath, int ranks, int nodes) => datapath switch
    {
        _ when ranks < 2 => null,
        Datapath.Ring or Datapath.BidirectionalRing => RingSetKind.Cycles,

        // Inside a node double rings are one.
        Datapath.DoubleRing when nodes == 1 => RingSetKind.Cycles,
        Datapath.Hamiltonian => Itineraries.HasPaths(ranks, nodes) ? RingSetKind.Paths : RingSetKind.Cycles,
        _ => null,
    };
}
