using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>The ways of keys and values between the members of a ring: in every hop each member receives on each lane a part of some member's,
/// its origin's. All lanes move at once, and members attend to what the hop before brought meanwhile.</summary>
/// <remarks>
/// <para>Where parts are passed on, a lane carries one part of every member, and what a member sends in hop h is what it received in hop h - 1,
/// of hop 1 its own. The gradient of a part follows it: in hop h a member sends on the gradient of what it attended to in hop h - 1, and after the last
/// one home. Else every member sends its own parts in all hops, and gradients go straight home.</para>
/// <para>After all hops every member has had every part of every other exactly once.</para>
/// </remarks>
public sealed class Itinerary
{
    private readonly MultiRing? _rings;
    private readonly int _nodes;

    private Itinerary(int ranks, int lanes, int parts, int hops, bool forwards, MultiRing? rings, int nodes) =>
        (Ranks, Lanes, Parts, Hops, Forwards, _rings, _nodes) = (ranks, lanes, parts, hops, forwards, rings, nodes);

    /// <summary>n, how many members.</summary>
    public int Ranks { get; }

    /// <summary>How many parts a member receives in a hop.</summary>
    public int Lanes { get; }

    /// <summary>Into how many parts the rows of a member are cut.</summary>
    public int Parts { get; }

    /// <summary>How many hops keys and values go.</summary>
    public int Hops { get; }

    /// <summary>Whether a member passes on what it received, or sends its own parts in every hop.</summary>
    public bool Forwards { get; }

    /// <summary>Of rings inside nodes, every so many hops go on to the next node; 0 where all hops go to the same members, or a member sends its
    /// own parts.</summary>
    public int NodeHop => _nodes > 1 && PerNode > 1 ? PerNode : 0;

    /// <summary>The most blocks of keys and values, or of gradients of both, that a member has at once in the backward, each as large as those
    /// of the member with the most.</summary>
    /// <remarks>Alone: the keys of earlier slices and their gradients. Passed on: keys, those that come for the next hop if there is one, what this
    /// member adds to their gradients, what it has sent and what comes. Direct: its own keys and the sum of their gradients, what came and what comes
    /// next, its gradients, those that are sent and those that come. Of all at once: those of all members, and gradients of all.</remarks>
    public int BlocksAtOnce => (Ranks, Hops, Forwards) switch
    {
        (1, _, _) => 2,
        (_, 1, true) => 4,
        (_, 1, false) => 2 * Ranks,
        (_, _, true) => 5,
        _ => 7,
    };

    /// <summary>The part that a lane carries.</summary>
    public int PartOf(int lane) => Parts == 1 ? 0 : lane;

    /// <summary>The ways of a ring set, of the members' positions.</summary>
    public static Itinerary Of(MultiRing rings) =>
        new(rings.Ranks, rings.Slots, rings.Slots, rings.Iterations - 1, rings.Forwards, rings, 1);

    /// <summary>One ring in the order of the members.</summary>
    public static Itinerary Ring(int ranks) => ranks == 1
        ? new Itinerary(1, 1, 1, 0, true, null, 1)
        : Of(Cycles([.. Enumerable.Range(0, ranks)]));

    /// <summary>A half of the rows along the ring, the other the other way round; of two members, who have one way to each other, one
    /// ring.</summary>
    public static Itinerary BothDirections(int ranks) => ranks <= 2
        ? Ring(ranks)
        : Of(Cycles([.. Enumerable.Range(0, ranks)], [.. Enumerable.Range(0, ranks).Reverse()]));

    /// <summary>Rings inside nodes, and from node to node once all of a node have had what came (after the double rings of LoongTrain, arXiv
    /// 2406.18485; reconstructed: there a copy goes to the next node from the start of a round on, here the rows themselves go at its end).</summary>
    /// <param name="nodes">How many nodes, each with as many members, in order.</param>
    /// <param name="perNode">Members of a node.</param>
    /// <exception cref="ArgumentOutOfRangeException">No nodes or no members.</exception>
    public static Itinerary DoubleRing(int nodes, int perNode)
    {
        if (nodes < 1 || perNode < 1)
            throw new ArgumentOutOfRangeException(nameof(nodes), Invariant($"rings of {nodes} nodes with {perNode} ranks each"));
        int ranks = checked(nodes * perNode);
        return ranks == 1 ? Ring(1) : new Itinerary(ranks, 1, 1, ranks - 1, true, null, nodes);
    }

    /// <summary>Everything to everyone in one hop.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 members.</exception>
    public static Itinerary AllGather(int ranks) => ranks < 2
        ? throw new ArgumentOutOfRangeException(nameof(ranks), Invariant($"ways between {ranks} ranks; there are none of fewer than 2"))
        : new Itinerary(ranks, ranks - 1, 1, 1, false, null, 1);

    /// <summary>Whose part a member receives.</summary>
    /// <param name="hop">From 1; in hop 0 it is its own.</param>
    /// <param name="rank">Who receives.</param>
    /// <param name="lane">On which lane.</param>
    public int Origin(int hop, int rank, int lane)
    {
        Check(hop, rank, lane, 0);
        if (hop == 0)
            return rank;
        if (_rings is not null)
            return _rings.Origin(hop, rank, lane);
        return Forwards ? Shifted(rank, -(hop / PerNode), (hop / PerNode) - hop) : (rank + Ranks - 1 - lane) % Ranks;
    }

    /// <summary>From whom a member receives.</summary>
    /// <param name="hop">From 1.</param>
    /// <param name="rank">Who receives.</param>
    /// <param name="lane">On which lane.</param>
    public int From(int hop, int rank, int lane)
    {
        Check(hop, rank, lane, 1);
        if (_rings is not null)
            return _rings.Previous(hop - 1, rank, lane);
        return !Forwards ? Origin(hop, rank, lane) : hop % PerNode == 0 ? Shifted(rank, -1, 0) : Shifted(rank, 0, -1);
    }

    /// <summary>To whom a member sends.</summary>
    /// <param name="hop">From 1: what arrives is received in this hop.</param>
    /// <param name="rank">Who sends.</param>
    /// <param name="lane">On which lane.</param>
    public int To(int hop, int rank, int lane)
    {
        Check(hop, rank, lane, 1);
        if (_rings is not null)
            return _rings.Next(hop - 1, rank, lane);
        return !Forwards ? (rank + 1 + lane) % Ranks : hop % PerNode == 0 ? Shifted(rank, 1, 0) : Shifted(rank, 0, 1);
    }

    private int PerNode => Ranks / _nodes;

    private int Shifted(int rank, int nodes, int members)
    {
        int node = rank / PerNode, member = rank % PerNode;
        return (Modulo(node + nodes, _nodes) * PerNode) + Modulo(member + members, PerNode);
    }

    private static int Modulo(int value, int divisor) => ((value % divisor) + divisor) % divisor;

    private static MultiRing Cycles(params int[][] rings) => new(new RingSet(
        RingSetKind.Cycles, rings[0].Length, 1, new([.. rings.Select(ring => new EquatableArray<int>(ring))])));

    private void Check(int hop, int rank, int lane, int first)
    {
        if (hop < first || hop > Hops)
            throw new ArgumentOutOfRangeException(nameof(hop), Invariant($"hop {hop} of {Hops}"));
        if (rank < 0 || rank >= Ranks)
            throw new ArgumentOutOfRangeException(nameof(rank), Invariant($"rank {rank} of {Ranks}"));
        if (lane < 0 || lane >= Lanes)
            throw new ArgumentOutOfRangeException(nameof(lane), Invariant($"lane {lane} of {Lanes}"));
    }
}
