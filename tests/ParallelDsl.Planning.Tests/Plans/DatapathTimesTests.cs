using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>Predicted times of datapaths against a count of every byte on every link in every hop, and the choice of the least.</summary>
public sealed class DatapathTimesTests
{
    private static readonly Datapath[] Travelling =
        [Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Hamiltonian, Datapath.Pairwise, Datapath.AllGather];

    public static TheoryData<int, int, Fabric> Sizes()
    {
        TheoryData<int, int, Fabric> data = [];
        foreach (Fabric fabric in (Fabric[])[Fabric.Mesh, Fabric.Switch])
        {
            foreach ((int ranks, int perNode) in ((int, int)[])[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (8, 8), (4, 2), (6, 2), (6, 3), (8, 4), (12, 4), (4, 1), (16, 8), (14, 7), (10, 5)])
                data.Add(ranks, perNode, fabric);
        }

        return data;
    }

    /// <summary>From computing alone to transfers alone. Bytes divide evenly, so that nothing is rounded.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void ClosedFormsAreWhatIsCounted(int ranks, int perNode, Fabric fabric)
    {
        foreach (int interfaces in (int[])[1, 2, 8])
        {
            var links = new RingLinks(ranks, perNode, 8, fabric, 14, ranks > perNode ? interfaces : 0, 8, false);
            foreach (long compute in (long[])[1, 1_000, 100_000, 10_000_000])
            {
                var load = new RingLoad(55_440, default, 100, compute, compute * 5 / 2);
                foreach (Datapath datapath in Travelling)
                    Assert.Equal(Counted(datapath, links, load), DatapathTimes.Of(datapath, links, load));
            }
        }
    }

    /// <summary>Heads are whole: the rank that has the most decides how long the swap takes, and between nodes the node that has the most.</summary>
    [Theory]
    [InlineData(8, 8, 4, 4)]
    [InlineData(8, 2, 4, 4)]
    [InlineData(8, 1, 4, 4)]
    [InlineData(6, 3, 4, 4)]
    [InlineData(10, 5, 3, 3)]
    [InlineData(8, 8, 4, 2)]
    [InlineData(8, 2, 4, 2)]
    [InlineData(8, 1, 4, 2)]
    [InlineData(6, 3, 4, 2)]
    [InlineData(10, 5, 6, 2)]
    [InlineData(10, 5, 3, 1)]
    public void SwapsTakeAsLongAsTheirMessages(int heads, int keyValueHeads, int ranks, int perNode)
    {
        foreach (Fabric fabric in (Fabric[])[Fabric.Mesh, Fabric.Switch])
        {
            var cluster = new ClusterSpec("Lab", new([new NodeGroup(ranks / perNode, perNode, DeviceCatalogue.Of(DeviceKind.H100Sxm), fabric, 1, 400)]));
            var request = new PlanRequest(Requests.Heads(heads, keyValueHeads), cluster, new AxesSpec(1, ranks, 1, UnitTokens: 12_000));
            EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(request.Model, LayerCosts.TypeOf(cluster), request.Axes.VocabularySlices);
            RingLinks links = DatapathPlanner.LinksOf(request, ranks, perNode);
            RingLoad load = DatapathPlanner.LoadOf(request, layers, links);
            long counted = 0;
            foreach (bool isBackward in (bool[])[false, true])
            {
                counted += TimeOf(Messages(isBackward, goesBack: false), links);
                counted += TimeOf(Messages(isBackward, goesBack: true), links);
            }

            // Each is rounded up.
            Assert.InRange(DatapathTimes.Transfer(Datapath.AllToAll, links, load) * 4, counted - 8, counted + 8);
        }

        // Tokens with the heads of the receiver, results of the sender's heads; floats of 16 bits, in 12 blocks.
        long[,] Messages(bool isBackward, bool goesBack)
        {
            long[,] sent = new long[ranks, ranks];
            for (int from = 0; from < ranks; from++)
            {
                for (int to = 0; to < ranks; to++)
                {
                    long share = HeadShares.Of(keyValueHeads, ranks, goesBack ? from : to).Count, queryHeads = share * heads / keyValueHeads;
                    long queries = 64 * queryHeads, keysAndValues = 128 * share;
                    long floats = goesBack
                        ? (isBackward ? queries + keysAndValues : queries + queryHeads)
                        : (isBackward ? (2 * queries) + keysAndValues + (2 * queryHeads) : queries + keysAndValues);
                    sent[from, to] = from == to ? 0 : floats * 2 * 12 * (12_000 / ranks);
                }
            }

            return sent;
        }
    }

    /// <summary>No candidate takes less than the one chosen.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void TheLeastIsChosen(int ranks, int perNode, Fabric fabric)
    {
        foreach (long compute in (long[])[1, 300, 5_000, 40_000, 1_000_000])
        {
            foreach (long swapped in (long[])[1_000, 1_000_000])
            {
                foreach (long heads in (long[])[100, 200])
                {
                    var links = new RingLinks(ranks, perNode, 8, fabric, 14, ranks > perNode ? 4 : 0, 8, false);
                    var load = new RingLoad(55_440, HeadSwap.Even(swapped, ranks, perNode), heads, compute, compute * 5 / 2);
                    long least = DatapathTimes.Candidates.Min(datapath => DatapathTimes.Of(datapath, links, load));
                    Assert.Equal(least, DatapathTimes.Of(DatapathTimes.Least(links, load), links, load));
                }
            }
        }
    }

    /// <summary>What the papers find: where attention hides the transfers one ring does; over a mesh several rings do up to n - 1 times
    /// better; over a switch they gain nothing; over nodes all interfaces must be busy.</summary>
    [Fact]
    public void TheFabricDecides()
    {
        var mesh = new RingLinks(8, 8, 8, Fabric.Mesh, 448, 0, 1, false);
        RingLinks network = mesh with { Fabric = Fabric.Switch };
        var bound = new RingLoad(55_440_000, HeadSwap.Even(1_000_000_000_000, 8, 8), 100, 1, 2);
        RingLoad hidden = bound with { Forward = 1_000_000_000, Backward = 2_500_000_000 };
        Assert.InRange((double)DatapathTimes.Of(Datapath.Ring, mesh, hidden) / DatapathTimes.Of(Datapath.Hamiltonian, mesh, hidden), 1, 1.01);
        Assert.Equal(Datapath.Pairwise, DatapathTimes.Least(mesh, bound));
        Assert.InRange((double)DatapathTimes.Of(Datapath.Hamiltonian, mesh, bound) / DatapathTimes.Of(Datapath.Pairwise, mesh, bound), 1, 1.1);
        Assert.Equal(DatapathTimes.Of(Datapath.Ring, network, bound), DatapathTimes.Of(Datapath.Hamiltonian, network, bound));
        Assert.InRange((double)DatapathTimes.Of(Datapath.Ring, mesh, bound) / DatapathTimes.Of(Datapath.Hamiltonian, mesh, bound), 6.9, 7);
        RingLinks nodes = network with { Ranks = 16, Interfaces = 8, InterfaceGbps = 400 };
        double gain = (double)DatapathTimes.Of(Datapath.Ring, nodes, bound) / DatapathTimes.Of(Datapath.DoubleRing, nodes, bound);
        Assert.InRange(gain, 5, 10);
        Assert.Equal(Datapath.AllToAll, DatapathTimes.Least(nodes, bound with { Swapped = new HeadSwap(1, 1) }));
    }

    /// <summary>A plan says what was chosen and why, and carries it through its file.</summary>
    [Theory]
    [InlineData(Fabric.Mesh)]
    [InlineData(Fabric.Switch)]
    public void APlanSaysWhatWasChosen(Fabric fabric)
    {
        ParallelPlan plan = PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2, Datapath: Datapath.Automatic, InterNodeDatapath: Datapath.Automatic), fabric);
        DatapathChoice choice = plan.Batching.Datapaths!;
        Assert.Equal(Datapath.Automatic, plan.Axes.Datapath);
        Assert.Contains(choice.IntraNode, DatapathTimes.Candidates);
        Assert.True(choice.IntraNodePercent > 0);
        Assert.Contains("chosen, attention takes", PlanText.Write(plan), StringComparison.Ordinal);
        Assert.Empty(PlanChecks.Validate(plan));
        string json = PlanJson.Write(plan);
        Assert.Contains("\"datapaths\"", json, StringComparison.Ordinal);
        Assert.Equal(plan, PlanJson.Read(json).Value);
        ParallelPlan other = plan with { Batching = plan.Batching with { Datapaths = choice with { IntraNode = Datapath.Automatic } } };
        Assert.NotEmpty(PlanChecks.Validate(other));
    }

    [Fact]
    public void WhatIsDeclaredIsNotChosen()
    {
        ParallelPlan plan = PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2, Datapath: Datapath.Pairwise, InterNodeDatapath: Datapath.Automatic), Fabric.Mesh);
        Assert.Equal(Datapath.Pairwise, plan.Batching.Datapaths!.IntraNode);
        Assert.Null(PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2, Datapath: Datapath.Pairwise, InterNodeDatapath: Datapath.Ring), Fabric.Mesh).Batching.Datapaths);
    }

    /// <summary>A plan carries the rings of its sequence axis; a file may bring others, fewer too, but not such as share a link.</summary>
    [Fact]
    public void APlanCarriesItsRings()
    {
        ParallelPlan plan = PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2, Datapath: Datapath.Hamiltonian, InterNodeDatapath: Datapath.Hamiltonian), Fabric.Mesh);
        Assert.Equal(7, plan.Rings.Count);
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
        Assert.Empty(PlanChecks.Validate(plan with { Rings = new([plan.Rings[2], plan.Rings[5]]) }));
        Assert.Contains(PlanChecks.Validate(plan with { Rings = new([plan.Rings[2], plan.Rings[2]]) }), fault => fault.Contains("rings of the sequence axis", StringComparison.Ordinal));
        ParallelPlan single = PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2), Fabric.Mesh);
        Assert.Contains(PlanChecks.Validate(single with { Rings = plan.Rings }), fault => fault.Contains("travel on one", StringComparison.Ordinal));
        Assert.Equal(2, PlanOf(new AxesSpec(1, 8, 2, MicroBatches: 2, Datapath: Datapath.BidirectionalRing), Fabric.Mesh).Rings.Count);
    }

    /// <summary>Ways of all ranks to all others are a table that grows with their square; one ring has no such limit.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian, Datapath.Ring)]
    [InlineData(Datapath.Ring, Datapath.AllGather)]
    public void TooManyRanksAreRefused(Datapath intraNode, Datapath interNode)
    {
        var cluster = new ClusterSpec("Lab", new([new NodeGroup(256, 8, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 8, 400)]));
        var request = new PlanRequest(Requests.Gpt(), cluster, new AxesSpec(1, 2_048, 1, Datapath: intraNode, InterNodeDatapath: interNode));
        Assert.Contains("over at most 1,024", Assert.IsType<TooLarge>(Planner.Plan(request)).ToString(), StringComparison.Ordinal);
        Assert.IsType<Planned>(Planner.Plan(request with { Axes = request.Axes with { Datapath = Datapath.Ring, InterNodeDatapath = Datapath.Automatic } }));
    }

    private static ParallelPlan PlanOf(AxesSpec axes, Fabric fabric)
    {
        var cluster = new ClusterSpec("Lab", new([new NodeGroup(2, 8, DeviceCatalogue.Of(DeviceKind.H100Sxm), fabric, 8, 400)]));
        return Requests.Plan(new PlanRequest(Requests.Gpt(), cluster, axes));
    }

    /// <summary>Every hop's bytes on every link, of every rank and out of every node, from the itinerary; computing and transferring at once.</summary>
    private static long Counted(Datapath datapath, RingLinks links, RingLoad load)
    {
        int ranks = links.Ranks;
        Itinerary itinerary = Itineraries.Of(datapath, ranks, ranks / links.PerNode);
        long part = (load.KeyValueBytes + itinerary.Parts - 1) / itinerary.Parts;
        long time = 0;
        bool gathers = datapath == Datapath.AllGather && ranks > 1;
        for (int hop = 1; hop <= itinerary.Hops; hop++)
        {
            long[,] sent = new long[ranks, ranks];
            for (int rank = 0; rank < ranks; rank++)
            {
                for (int lane = 0; lane < itinerary.Lanes; lane++)
                    sent[rank, itinerary.To(hop, rank, lane)] += part;
            }

            long transfer = TimeOf(sent, links);
            time += Math.Max(load.Forward, transfer) + Math.Max(load.Backward, (!itinerary.Forwards && hop == 1 ? 1 : 2) * transfer);
        }

        // Gradients go home from where parts are last.
        long[,] homewards = new long[ranks, ranks];
        for (int rank = 0; rank < ranks && itinerary.Hops > 0; rank++)
        {
            for (int lane = 0; lane < itinerary.Lanes; lane++)
                homewards[rank, itinerary.Origin(itinerary.Hops, rank, lane)] += part;
        }

        long home = TimeOf(homewards, links);
        long last = gathers ? ranks - 1 : 1;
        return time + home + (last * (load.Forward + load.Backward));
    }

    /// <summary>What every link, every rank and every node sends, and takes in, at once.</summary>
    private static long TimeOf(long[,] sent, RingLinks links)
    {
        (int ranks, int perNode) = (links.Ranks, links.PerNode);
        long time = 0;
        long[] portOut = new long[ranks], portIn = new long[ranks], nodeOut = new long[ranks / perNode], nodeIn = new long[ranks / perNode];
        for (int from = 0; from < ranks; from++)
        {
            for (int to = 0; to < ranks; to++)
            {
                long bytes = sent[from, to];
                if (from / perNode != to / perNode)
                {
                    nodeOut[from / perNode] += bytes;
                    nodeIn[to / perNode] += bytes;
                    time = Math.Max(time, bytes == 0 ? 0 : Up(bytes * 8, links.InterfaceGbps));
                    continue;
                }

                portOut[from] += bytes;
                portIn[to] += bytes;
                if (links.Fabric == Fabric.Mesh)
                    time = Math.Max(time, Up(bytes * (links.Devices - 1), links.LinkBytesPerNanosecond));
            }
        }

        foreach (long bytes in links.Fabric == Fabric.Switch ? [.. portOut, .. portIn] : (long[])[])
            time = Math.Max(time, Up(bytes, links.LinkBytesPerNanosecond));
        foreach (long bytes in (long[])[.. nodeOut, .. nodeIn])
            time = Math.Max(time, bytes == 0 ? 0 : Up(bytes * 8 * links.Devices, links.Interfaces * links.InterfaceGbps * perNode));
        return time;

        static long Up(long value, long divisor) => (value + divisor - 1) / divisor;
    }
}
