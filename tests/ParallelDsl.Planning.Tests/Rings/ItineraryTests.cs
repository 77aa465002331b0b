using CsCheck;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Rings;

/// <summary>The ways of keys and values: what is sent is what arrives, and everybody has everything once.</summary>
public sealed class ItineraryTests
{
    private static readonly Datapath[] All =
        [Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Pairwise, Datapath.AllGather, Datapath.Hamiltonian];

    public static TheoryData<Datapath, int, int> Sizes()
    {
        TheoryData<Datapath, int, int> data = [];
        foreach (Datapath datapath in All)
        {
            for (int ranks = 1; ranks <= 22; ranks++)
            {
                foreach (int nodes in Enumerable.Range(1, ranks).Where(nodes => ranks % nodes == 0))
                    data.Add(datapath, ranks, nodes);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void EverybodyHasEveryPartOnce(Datapath datapath, int ranks, int nodes)
    {
        Itinerary itinerary = Itineraries.Of(datapath, ranks, nodes);
        Assert.Equal(ranks, itinerary.Ranks);
        Assert.InRange(itinerary.BlocksAtOnce, 1, Itineraries.BlocksAtOnce(datapath, ranks));
        if (nodes == 1 && ranks > 1)
            Assert.Equal(itinerary.Forwards, Itineraries.Forwards(datapath, ranks));
        for (int rank = 0; rank < ranks; rank++)
        {
            HashSet<(int Origin, int Part)> had = [.. Enumerable.Range(0, itinerary.Parts).Select(part => (rank, part))];
            for (int hop = 1; hop <= itinerary.Hops; hop++)
            {
                HashSet<int> senders = [];
                for (int lane = 0; lane < itinerary.Lanes; lane++)
                {
                    int from = itinerary.From(hop, rank, lane), origin = itinerary.Origin(hop, rank, lane);
                    Assert.Equal(rank, itinerary.To(hop, from, lane));
                    Assert.Equal(itinerary.Forwards ? itinerary.Origin(hop - 1, from, lane) : from, origin);
                    Assert.True(senders.Add(from), "two lanes take one link");
                    Assert.True(had.Add((origin, itinerary.PartOf(lane))), "a part comes twice");
                }
            }

            Assert.Equal(ranks * itinerary.Parts, had.Count);
        }
    }

    /// <summary>How many links a rank uses at once, and what falls to what.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 8, 1, 1, 7)]
    [InlineData(Datapath.BidirectionalRing, 8, 1, 2, 7)]
    [InlineData(Datapath.BidirectionalRing, 2, 1, 1, 1)]
    [InlineData(Datapath.DoubleRing, 8, 2, 1, 7)]
    [InlineData(Datapath.Pairwise, 8, 1, 7, 7)]
    [InlineData(Datapath.AllGather, 8, 1, 7, 1)]
    [InlineData(Datapath.Hamiltonian, 8, 1, 7, 7)]
    [InlineData(Datapath.Hamiltonian, 8, 2, 4, 7)]
    [InlineData(Datapath.Hamiltonian, 6, 2, 5, 5)]
    [InlineData(Datapath.Hamiltonian, 10, 2, 9, 9)]
    [InlineData(Datapath.Hamiltonian, 14, 2, 7, 13)]
    [InlineData(Datapath.Hamiltonian, 27, 3, 9, 26)]
    [InlineData(Datapath.Hamiltonian, 5, 5, 4, 4)]
    [InlineData(Datapath.Hamiltonian, 4, 1, 3, 3)]
    public void LanesAndHops(Datapath datapath, int ranks, int nodes, int lanes, int hops)
    {
        Itinerary itinerary = Itineraries.Of(datapath, ranks, nodes);
        Assert.Equal((lanes, hops), (itinerary.Lanes, itinerary.Hops));
    }

    /// <summary>Every member sends to the one of its place in the next node, or, where that does not close, across.</summary>
    [Theory]
    [InlineData(2, 4, true)]
    [InlineData(3, 7, true)]
    [InlineData(3, 2, false)]
    public void AlongRails(int nodes, int perNode, bool closes)
    {
        Itinerary ways = Itineraries.Of(Datapath.Hamiltonian, nodes * perNode, nodes, NodeRail.Aligned);
        for (int rank = 0; rank < ways.Ranks; rank++)
        {
            int next = Assert.Single(Enumerable.Range(0, ways.Lanes).Select(lane => ways.To(1, rank, lane)), to => to / perNode != rank / perNode);
            Assert.Equal((((rank / perNode) + 1) % nodes, closes), (next / perNode, next % perNode == rank % perNode));
        }
    }

    /// <summary>A double ring leaves a node once a round; paths over nodes leave it on one lane of each rank in a hop at most.</summary>
    [Theory]
    [InlineData(2, 4)]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    [InlineData(3, 7)]
    public void NodesAreLeftRarely(int nodes, int perNode)
    {
        Itinerary rings = Itineraries.Of(Datapath.DoubleRing, nodes * perNode, nodes), paths = Itineraries.Of(Datapath.Hamiltonian, nodes * perNode, nodes);
        for (int rank = 0; rank < nodes * perNode; rank++)
        {
            Assert.Equal(nodes - 1, Enumerable.Range(1, rings.Hops).Count(hop => rings.To(hop, rank, 0) / perNode != rank / perNode));
            for (int hop = 1; hop <= paths.Hops; hop++)
                Assert.InRange(Enumerable.Range(0, paths.Lanes).Count(lane => paths.To(hop, rank, lane) / perNode != rank / perNode), 0, 1);
        }
    }

    [Theory]
    [InlineData(Datapath.AllToAll, 4, 1)]
    [InlineData((Datapath)99, 4, 1)]
    [InlineData(Datapath.Ring, 0, 1)]
    [InlineData(Datapath.DoubleRing, 6, 4)]
    [InlineData(Datapath.DoubleRing, 6, 0)]
    public void WhatHasNoWaysIsRefused(Datapath datapath, int ranks, int nodes) =>
        Assert.Throws<ArgumentException>(() => Itineraries.Of(datapath, ranks, nodes));

    [Fact]
    public void PlacesOutsideAreRefused()
    {
        Itinerary itinerary = Itineraries.Of(Datapath.DoubleRing, 6, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => itinerary.Origin(6, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => itinerary.From(0, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => itinerary.To(1, 6, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => itinerary.To(1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Itinerary.AllGather(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Itinerary.DoubleRing(0, 2));
    }

    [Theory]
    [InlineData(new[] { 0, 1, 2, 3 }, 2)]
    [InlineData(new[] { 1, 0, 3, 2 }, 2)]
    [InlineData(new[] { 0, 2, 1, 3 }, 1)]
    [InlineData(new[] { 0, 2, 4 }, 3)]
    [InlineData(new[] { 0, 1, 2 }, 1)]
    [InlineData(new[] { 4, 5 }, 1)]
    [InlineData(new[] { 5 }, 1)]
    [InlineData(new[] { 4, 5, 0, 1, 2, 3 }, 3)]
    [InlineData(new[] { 0, 1, 2, 4, 3, 5 }, 1)]
    public void EvenNodesAreFound(int[] ring, int nodes) =>
        Assert.Equal(nodes, Itineraries.NodesOf([.. ring, 9], ring.Length, [0, 0, 1, 1, 2, 2]));

    /// <summary>Pieces cover every segment in order, and parts are near-equal however the rows are divided into segments.</summary>
    [Fact]
    public void PartsAreNearEqual() => Gen.Select(Gen.Int[1, 9], Gen.Int[0, 11].Array[0, 12]).Sample(
        (parts, lengths) =>
        {
            int[] rows = new int[parts];
            int before = 0;
            foreach (int length in lengths)
            {
                int covered = 0;
                for (int part = 0; part < parts; part++)
                {
                    int piece = RowParts.RowsOf(length, parts, part, before);
                    Assert.InRange(piece, length / parts, (length + parts - 1) / parts);
                    rows[part] += piece;
                    covered += piece;
                }

                Assert.Equal(length, covered);
                Assert.Equal(
                    Enumerable.Range(0, parts).Where(part => RowParts.RowsOf(length, parts, part, before) > 0),
                    Enumerable.Range(0, Math.Min(length, parts)).Select(index => RowParts.PartAt(length, parts, index, before)));
                before += length;
            }

            Assert.Equal(Enumerable.Range(0, parts).Select(part => (before / parts) + (part < before % parts ? 1 : 0)), rows);
        },
        iter: 2_000,
        seed: "0N0XIzNsQ0O2");

    /// <summary>A hop's parts, each of another member, are at most as many rows as the member with the most: what memory counts with.</summary>
    [Fact]
    public void AHopIsNoLongerThanTheLongestMember() => Gen.Select(Gen.OneOf(All), Gen.Int[2, 9], Gen.Int[1, 40].Array[1, 5]).Sample(
        (datapath, ranks, lengths) =>
        {
            Itinerary itinerary = Itineraries.Of(datapath, ranks, 1);
            int[] rows = [.. Enumerable.Range(0, ranks).Select(member => lengths.Sum(length => ZigzagSplit.TokensOf(length, ranks, member)))];
            for (int hop = 1; hop <= itinerary.Hops; hop++)
            {
                for (int rank = 0; rank < ranks; rank++)
                {
                    int held = Enumerable.Range(0, itinerary.Lanes).Sum(lane => RowsOf(rows[itinerary.Origin(hop, rank, lane)], itinerary.PartOf(lane)));
                    Assert.InRange(held, 0, rows.Max() * (datapath == Datapath.AllGather ? ranks - 1 : 1));
                }
            }

            int RowsOf(int member, int part) => (member / itinerary.Parts) + (part < member % itinerary.Parts ? 1 : 0);
        },
        iter: 300,
        seed: "0N0XIzNsQ0O2");

    [Theory]
    [InlineData(-1, 2, 0, 0)]
    [InlineData(1, 0, 0, 0)]
    [InlineData(1, 2, 2, 0)]
    [InlineData(1, 2, -1, 0)]
    [InlineData(1, 2, 0, -1)]
    public void RowsAndPartsThatAreNotThereAreRefused(int length, int parts, int part, int before)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RowParts.RowsOf(length, parts, part, before));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowParts.PartAt(length, parts, part, before));
    }

    /// <summary>A table of one hop and the rule of its columns are all hops.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 5, 1)]
    [InlineData(Datapath.Ring, 1, 1)]
    [InlineData(Datapath.BidirectionalRing, 6, 1)]
    [InlineData(Datapath.DoubleRing, 12, 3)]
    [InlineData(Datapath.DoubleRing, 4, 4)]
    [InlineData(Datapath.DoubleRing, 4, 1)]
    [InlineData(Datapath.Pairwise, 7, 1)]
    [InlineData(Datapath.AllGather, 6, 2)]
    [InlineData(Datapath.Hamiltonian, 4, 1)]
    [InlineData(Datapath.Hamiltonian, 9, 1)]
    [InlineData(Datapath.Hamiltonian, 8, 2)]
    public void Routes_are_those_of_every_hop(Datapath datapath, int ranks, int nodes)
    {
        Itinerary ways = Itineraries.Of(datapath, ranks, nodes);
        RouteTable routes = new(ways, ranks);
        Assert.True(routes.Columns <= ranks);
        for (int hop = 1; hop <= ways.Hops; hop++)
        {
            for (int rank = 0; rank < ranks; rank++)
            {
                for (int lane = 0; lane < ways.Lanes; lane++)
                {
                    int column = routes.ColumnOf(hop, lane);
                    Assert.Equal((ways.To(hop, rank, lane), ways.From(hop, rank, lane)), (routes.To(rank, column), routes.From(rank, column)));
                    Assert.Equal((routes.To(rank, column), routes.From(rank, column)), (routes.SendsTo(rank)[column], routes.ReceivesFrom(rank)[column]));
                }
            }
        }
    }

    [Fact]
    public void There_are_no_routes_without_hops()
    {
        RouteTable routes = new(null, 3);
        Assert.Equal((3, 0, 0), (routes.Ranks, routes.Columns, routes.SendsTo(2).Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => routes.ColumnOf(1, 0));
        Assert.Equal(0, new RouteTable(Itinerary.Ring(1), 1).Columns);
    }
}
