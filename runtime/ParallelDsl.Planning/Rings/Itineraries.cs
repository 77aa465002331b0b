using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>The ways that keys and values take under a datapath: what plans count with and ranks run.</summary>
public static class Itineraries
{
    /// <summary>The most members of a ring on which every member sends to every other.</summary>
    public const int MostRanks = RingSets.MostDevices;

    /// <summary>Whether keys and values travel between members; else heads do.</summary>
    public static bool Has(Datapath datapath) => datapath is Datapath.Ring or Datapath.BidirectionalRing or Datapath.DoubleRing or Datapath.Pairwise
        or Datapath.AllGather or Datapath.Hamiltonian;

    /// <summary>Whether every member sends keys and values to every other: then the ways grow with the square of the members.</summary>
    public static bool IsDense(Datapath datapath) => datapath is Datapath.Pairwise or Datapath.AllGather or Datapath.Hamiltonian;

    /// <summary>The ways between the members of a ring.</summary>
    /// <param name="datapath">The declared or chosen datapath.</param>
    /// <param name="ranks">How many members.</param>
    /// <param name="nodes">Over how many nodes they are spread evenly, in order; 1 where that is not so.</param>
    /// <param name="rail">Where paths go on from node to node.</param>
    /// <remarks>What cannot be falls to what can: double rings inside one node, or over nodes with other numbers of members, to one ring; Hamiltonian
    /// rings of 4 and of 6 members, of which there are no n - 1, to pairwise ways; paths over nodes with one, three or five members
    /// each to cycles of all of them, and paths that do not close along rails to those across.</remarks>
    /// <exception cref="ArgumentException">No keys travel under the datapath, or the nodes do not divide the members.</exception>
    public static Itinerary Of(Datapath datapath, int ranks, int nodes, NodeRail rail = NodeRail.Cross)
    {
        if (ranks < 1 || nodes < 1 || ranks % nodes != 0)
            throw new ArgumentException(Invariant($"{ranks} ranks on {nodes} nodes"), nameof(nodes));
        if (ranks == 1 && Has(datapath))
            return Itinerary.Ring(1);
        return datapath switch
        {
            Datapath.Ring => Itinerary.Ring(ranks),
            Datapath.BidirectionalRing => Itinerary.BothDirections(ranks),
            Datapath.DoubleRing => nodes > 1 ? Itinerary.DoubleRing(nodes, ranks / nodes) : Itinerary.Ring(ranks),
            Datapath.Pairwise => Itinerary.Of(new MultiRing(RingSet.Pairwise(ranks))),
            Datapath.AllGather => Itinerary.AllGather(ranks),
            Datapath.Hamiltonian => Itinerary.Of(new MultiRing(SetOf(ranks, nodes, rail))),
            _ => throw new ArgumentException(Invariant($"keys and values do not travel under the datapath {datapath}"), nameof(datapath)),
        };
    }

    /// <summary>The Hamiltonian ring set of a ring: paths over nodes where the members of each have some, else cycles, or pairwise
    /// ways.</summary>
    /// <param name="ranks">How many members.</param>
    /// <param name="nodes">Over how many nodes they are spread evenly, in order; 1 where that is not so.</param>
    /// <param name="rail">Where paths go on from node to node; where they do not close so, across.</param>
    /// <param name="cancellation">Ends the search that some numbers of members take.</param>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static RingSet SetOf(int ranks, int nodes, NodeRail rail = NodeRail.Cross, CancellationToken cancellation = default)
    {
        if (!HasPaths(ranks, nodes))
            return RingSets.Complete(ranks, cancellation);
        int perNode = ranks / nodes;
        return RingSets.OverNodes(nodes, perNode, NodePaths.CanAlign(nodes, perNode) ? rail : NodeRail.Cross, cancellation).Set!;
    }

    /// <summary>Whether the Hamiltonian rings of a ring are paths over nodes. Of one member of each node the only one is a single ring: there
    /// cycles are taken, in whose parts a node can send over several network interfaces.</summary>
    internal static bool HasPaths(int ranks, int nodes) => nodes > 1 && ranks > nodes && NodePaths.Exist(ranks / nodes);

    /// <summary>Whether members pass on what they receive, on a ring of so many: <see cref="Itinerary.Forwards"/>.</summary>
    public static bool Forwards(Datapath datapath, long ranks) => datapath is Datapath.Ring or Datapath.BidirectionalRing or Datapath.DoubleRing
        || (datapath == Datapath.Hamiltonian && ranks is not (4 or 6));

    /// <summary>The most blocks that a member has at once, of any ring of up to so many members: <see cref="Itinerary.BlocksAtOnce"/>.</summary>
    public static int BlocksAtOnce(Datapath datapath, int ranks) => datapath switch
    {
        _ when ranks < 2 => 2,
        Datapath.AllGather => checked(2 * ranks),
        _ when ranks == 2 => 4,

        // Rings of 4 and 6 members are pairwise.
        Datapath.Pairwise => 7,
        Datapath.Hamiltonian when ranks >= 4 => 7,
        _ => 5,
    };

    /// <summary>Over how many nodes the members of a ring are spread evenly, each node's next to each other; 1 where they are not.</summary>
    /// <param name="ranks">The members, and maybe more.</param>
    /// <param name="count">How many members.</param>
    /// <param name="nodeOf">The node of each rank.</param>
    public static int NodesOf(int[] ranks, int count, int[] nodeOf)
    {
        int perNode = 1;
        while (perNode < count && nodeOf[ranks[perNode]] == nodeOf[ranks[0]])
            perNode++;
        if (count % perNode != 0)
            return 1;
        for (int first = 0; first < count; first += perNode)
        {
            int node = nodeOf[ranks[first]];
            for (int other = 0; other < first; other += perNode)
            {
                if (nodeOf[ranks[other]] == node)
                    return 1;
            }

            for (int member = first + 1; member < first + perNode; member++)
            {
                if (nodeOf[ranks[member]] != node)
                    return 1;
            }
        }

        return count / perNode;
    }
}
