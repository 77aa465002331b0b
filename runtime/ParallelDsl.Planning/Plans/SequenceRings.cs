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
            RingSetKind.Cycles when datapath != Datapath.Hamiltonian || RingSet.MostCycles(ranks) == ranks - 1 || !IsOneInOrder(plan.Rings) =>
                new(datapath, new RingSet(RingSetKind.Cycles, ranks, 1, plan.Rings)),
            _ => null,
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

    /// <summary>What is wrong with the rings.</summary>
    /// <param name="plan">A plan each of whose rings has all sequence ranks once.</param>
    internal static IEnumerable<string> Faults(ParallelPlan plan)
    {
        Datapath datapath = DatapathOf(plan);
        if (SetOf(plan) is not { } rings)
        {
            return IsOneInOrder(plan.Rings)
                ? []
                : [$"under the datapath {datapath} keys and values travel on none of the plan's rings, which can only be one in the order of the ranks"];
        }

        return plan.Rings.Count > 1 && datapath is Datapath.Ring or Datapath.DoubleRing
            ? [$"there are {plan.Rings.Count} rings, and under the datapath {datapath} keys and values travel on one"]
            : rings.Set.Verify().Faults.Select(fault => $"the rings of the sequence axis are not sound: {fault}");
    }

    /// <summary>The datapath of the sequence ranks, over nodes where those of some data rank lie on several.</summary>
    internal static Datapath DatapathOf(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return BatchingPlanner.CrossesNodes(plan.Cluster, plan.Mesh) ? axes.InterNodeDatapath : axes.Datapath;
    }

    private static bool IsOneInOrder(EquatableArray<EquatableArray<int>> rings) =>
        rings.Count == 1 && rings[0].SequenceEqual(Enumerable.Range(0, rings[0].Count));
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
