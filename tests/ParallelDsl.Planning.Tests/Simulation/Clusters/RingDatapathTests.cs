using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Rings as simulated under each datapath.</summary>
public class RingDatapathTests
{
    private static readonly Datapath[] All =
        [Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Hamiltonian, Datapath.Pairwise, Datapath.AllGather];

    // 1,000 bytes of keys and values a row; work of no length, and of 100 ns a pair.
    private static readonly LayerRates Transfers = new(0, 0, 1_000, 500, 1, EfficiencyCurve.Flat);
    private static readonly LayerRates Rates = Transfers with { AttentionFlopsPerPair = 100 };

    private static readonly Gen<(NodeLinks Node, int Nodes, int[] Order, Datapath Datapath, SequencePiece Piece)> Rings =
        from nodes in Gen.Int[1, 3]
        from devices in Gen.Int[1, 4]
        from nics in Gen.Int[1, 4]
        from mesh in Gen.Bool
        from shuffled in Gen.Bool
        from order in Gen.Shuffle(Enumerable.Range(0, nodes * devices).ToArray())
        from datapath in Gen.Int[0, All.Length - 1]
        from start in Gen.Int[0, 40]
        from length in Gen.Int[0, 90]
        select (
            new NodeLinks(devices, nics, 100, 70, mesh ? Fabric.Mesh : Fabric.Switch),
            nodes,
            shuffled ? order : order.Order().ToArray(),
            All[datapath],
            new SequencePiece(0, start, length));

    // On a mesh a part goes over every link in place of a whole block over one; through the port of a switch goes as much.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(9)]
    public void Where_only_transfers_count_rings_over_all_links_take_a_part_of_one_ring_on_a_mesh_and_the_same_on_a_switch(int ranks)
    {
        // Rows that are cut into equal parts. A device has a byte a nanosecond for each other, or a port for all of that.
        int others = ranks - 1, rows = ranks * others * 100;
        long block = rows / ranks * 1_000L, forward = others * block;
        Assert.Equal(forward, Time(Fabric.Mesh, Datapath.Ring));
        Assert.Equal(block, Time(Fabric.Switch, Datapath.Ring));
        foreach (Datapath datapath in new[] { Datapath.Hamiltonian, Datapath.Pairwise, Datapath.AllGather })
        {
            Assert.Equal(block, Time(Fabric.Mesh, datapath));
            Assert.Equal(block, Time(Fabric.Switch, datapath));
        }

        int ways = Math.Min(2, others);
        Assert.Equal(forward / ways, Time(Fabric.Mesh, Datapath.BidirectionalRing));
        Assert.Equal(block, Time(Fabric.Switch, Datapath.BidirectionalRing));

        // Rings go all the same ways backward; where every member sends its own, no gradients go with the first hop, and none go home last.
        long ring = Time(Fabric.Mesh, Datapath.Ring, backward: true), rings = Time(Fabric.Mesh, Datapath.Hamiltonian, backward: true);
        Assert.Equal(ring, others * Time(Fabric.Switch, Datapath.Ring, backward: true));
        if (ranks is 4 or 6)
            Assert.InRange(rings * others, 2 * forward, ring - 1);
        else
            Assert.Equal((ring, ring), (rings * others, others * Time(Fabric.Switch, Datapath.Hamiltonian, backward: true)));
        Assert.Equal(2 * block, Time(Fabric.Mesh, Datapath.AllGather, backward: true));

        long Time(Fabric fabric, Datapath datapath, bool backward = false) =>
            new LayerSimulator(new(new([new NodeLinks(ranks, 0, 0, others, fabric)]), 0, 0), 0).Run(Work(ranks, datapath, rows), Transfers, backward).Makespan;
    }

    // Under attention that takes longer, nothing of any way is seen but, backward, the last gradients; with less, the longer of both.
    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void Every_hop_takes_the_longer_of_work_and_transfer(int ranks)
    {
        int rows = 2 * ranks * (ranks - 1);
        long work = (long)rows * (rows + 1) / 2 / ranks * 100;
        var links = new ClusterLinks(new([new NodeLinks(ranks, 0, 0, ranks - 1, Fabric.Mesh)]), 0, 0);
        foreach (Datapath datapath in All)
            Assert.Equal(work, new LayerSimulator(links, 0).Run(Work(ranks, datapath, rows), Rates with { KeyValueBytesPerToken = 1 }, false).Makespan);

        // A part of 2 rows on each way, or all 2 (n - 1) on one.
        LayerRates slow = Rates with { KeyValueBytesPerToken = 100_000 };
        long last = AttentionShares.Part(work, ranks, ranks - 1);
        Assert.Equal(((ranks - 1) * 200_000) + last, new LayerSimulator(links, 0).Run(Work(ranks, Datapath.Hamiltonian, rows), slow, false).Makespan);
        Assert.Equal(((ranks - 1) * 200_000) + last, new LayerSimulator(links, 0).Run(Work(ranks, Datapath.Pairwise, rows), slow, false).Makespan);
        Assert.Equal(
            ((ranks - 1) * 200_000) + work - AttentionShares.Part(work, ranks, 0),
            new LayerSimulator(links, 0).Run(Work(ranks, Datapath.AllGather, rows), slow, false).Makespan);
        Assert.Equal(
            ((ranks - 1) * (ranks - 1) * 200_000) + last, new LayerSimulator(links, 0).Run(Work(ranks, Datapath.Ring, rows), slow, false).Makespan);
    }

    [Fact]
    public void Double_rings_leave_a_node_once_a_round_and_paths_at_every_device()
    {
        // Two nodes of four with an interface of 10 bytes a nanosecond for each device; inside, 100. Blocks of 100,000 bytes.
        var links = new ClusterLinks(new([new(4, 4, 80, 100), new(4, 4, 80, 100)]), 0, 0);
        Assert.Equal(7 * 10_000, Time(Datapath.Ring));
        Assert.Equal((6 * 1_000) + 10_000, Time(Datapath.DoubleRing));

        // A quarter of a block, inside three of them through one port.
        Assert.Equal(7 * 2_500, Time(Datapath.Hamiltonian));

        // All of a block to four of the other node; pairwise in sevenths, of which more or fewer leave the node at a time.
        Assert.InRange(Time(Datapath.Pairwise), 40_000, 50_000);
        Assert.Equal(40_000, Time(Datapath.AllGather));

        long Time(Datapath datapath) => new LayerSimulator(links, 0).Run(Work(8, datapath, 800), Transfers, false).Makespan;
    }

    [Fact]
    public void A_step_of_a_plan_is_simulated_as_its_datapath_says()
    {
        long ring = Time(Fabric.Mesh, Datapath.Ring);
        Assert.Equal(ring, 7 * Time(Fabric.Mesh, Datapath.Hamiltonian));
        Assert.Equal(ring, 7 * Time(Fabric.Switch, Datapath.Hamiltonian));
        Assert.Equal(ring, 7 * Time(Fabric.Switch, Datapath.Ring));
        Assert.InRange(7 * Time(Fabric.Mesh, Datapath.Automatic), 1, ring);

        static long Time(Fabric fabric, Datapath datapath)
        {
            int[] lengths = [5_600, 1_120];
            var cluster = new ClusterSpec("slow", new([new(1, 8, DeviceCatalogue.Custom("slow", 1L << 36, 100_000, 1_000, 7), fabric, 0, 0)]));
            ParallelPlan plan = Requests.Plan(
                new(Requests.Gpt(), cluster, new AxesSpec(1, 8, 1, MicroBatches: 1, Datapath: datapath, InterNodeDatapath: datapath)));
            var step = new StepPlan();
            StepPlanner.Plan(StepConstants.Of(plan), lengths, step);
            var problem = new BatchProblem(
                cluster, BatchModel.FromName("3b")!, new(lengths), 8_192, 1, 1, new(IntraNodeLatency: 0, OverlapSlowdownPermille: 0));
            EquatableArray<UnitSlot> slots = new StepSlots(problem, new int[8]).Of(step, StepTransport.Of(plan));
            return new BatchSimulation(problem) { MeasuredRates = Transfers }.Run(new BatchPlan("a plan", "as it says", 1, slots)).Nanoseconds;
        }
    }

    // Against the rows that the itinerary of the members says: every part once to every other member, and its gradient back.
    [Fact]
    public void Every_part_crosses_where_its_itinerary_goes() => Cases.Check(Rings, 200, input =>
    {
        (NodeLinks node, int nodes, int[] order, Datapath datapath, SequencePiece piece) = input;
        int count = order.Length;
        int NodeOf(int member) => order[member] / node.Devices;
        var ways = Itineraries.Of(datapath, count, Itineraries.NodesOf(order, count, [.. Enumerable.Range(0, count).Select(rank => rank / node.Devices)]));
        long keys = piece.Start + piece.Length, forward = 0, gradients = 0;
        long Bytes(int origin, int lane) =>
            1_000L * RowParts.RowsOf((int)((((origin + 1) * keys) / count) - (origin * keys / count)), ways.Parts, ways.PartOf(lane), 0);
        for (int member = 0; member < count; member++)
        {
            for (int lane = 0; lane < ways.Lanes; lane++)
            {
                for (int hop = 1; hop <= ways.Hops; hop++)
                {
                    if (NodeOf(member) != NodeOf(ways.To(hop, member, lane)))
                        forward += Bytes(ways.Forwards ? ways.Origin(hop - 1, member, lane) : member, lane);
                }

                for (int hop = ways.Forwards ? 0 : 1; hop <= ways.Hops && count > 1; hop++)
                {
                    int origin = ways.Origin(hop, member, lane);
                    if (NodeOf(member) != NodeOf(ways.Forwards && hop < ways.Hops ? ways.To(hop + 1, member, lane) : origin))
                        gradients += Bytes(origin, lane);
                }
            }
        }

        var links = new ClusterLinks(Enumerable.Repeat(node, nodes).ToEquatableArray(), 50, 20);
        var work = new LayerWork
        {
            Ranks = count,
            LinearTokens = new int[count],
            Exchanges = [new() { Kind = ExchangeKind.Ring, Members = order, Datapath = datapath, Pieces = [piece] }],
        };
        var simulator = new LayerSimulator(links);
        LayerTimes there = simulator.Run(work, Rates, false), back = simulator.Run(work, Rates, true), again = simulator.Run(work, Rates, true);
        Assert.Equal((forward, forward + gradients), (there.CrossNodeBytes, back.CrossNodeBytes));
        Assert.True(there.Makespan >= there.Compute.Max() && back.Makespan >= back.Compute.Max());
        Assert.Equal((back.Makespan, back.Tasks), (again.Makespan, again.Tasks));
        Assert.Equal(back.Finish, new LayerSimulator(links).Run(work, Rates, true).Finish);

        // All of the work, whatever brings it.
        Assert.Equal(new LayerSimulator(links, 0).Run(work, Rates, true).Compute, Enumerable.Range(0, count).Select(rank =>
            new[] { AttentionShares.AreaOf(piece, count, Array.IndexOf(order, rank)) * 250 }.Sum()));
    });

    [Fact]
    public void Parts_without_rows_are_not_sent()
    {
        // Of 8 rows on 5 members three have two: 4 ways with 5 parts at first, and as many every hop. Blocks are sent whole.
        var links = new ClusterLinks(new([new NodeLinks(5, 0, 0, 4, Fabric.Mesh)]), 0, 0);
        int Tasks(Datapath datapath, int rows) => new LayerSimulator(links).Run(Work(5, datapath, rows), Transfers, false).Tasks;
        Assert.Equal(4 * 8, Tasks(Datapath.Hamiltonian, 8) - Tasks(Datapath.Hamiltonian, 0));
        Assert.Equal(Tasks(Datapath.Ring, 8), Tasks(Datapath.Ring, 0));
    }

    [Fact]
    public void A_ring_on_which_no_keys_travel_is_refused()
    {
        var links = new ClusterLinks(new([new NodeLinks(2, 0, 0, 4)]), 0, 0);
        foreach (Datapath datapath in new[] { Datapath.AllToAll, Datapath.Automatic })
            Assert.Contains($"{datapath}", Assert.Throws<ArgumentException>(() => new LayerSimulator(links).Run(Work(2, datapath, 8), Rates, false)).Message);
    }

    // Recorded when one ring was all that could be simulated.
    [Fact]
    public void One_ring_takes_what_it_took_before_there_were_other_ways()
    {
        ulong state = 1, digest = 14_695_981_039_346_656_037;
        for (int index = 0; index < 400; index++)
        {
            int devices = 1 + Next(6), nodes = 1 + Next(3), ranks = nodes * devices;
            var node = new NodeLinks(devices, 1 + Next(4), 20 + Next(400), 20 + Next(400), Next(2) == 0 ? Fabric.Mesh : Fabric.Switch);
            var links = new ClusterLinks(Enumerable.Repeat(node, nodes).ToEquatableArray(), Next(100), Next(40));
            var exchanges = new Exchange[1 + Next(3)];
            for (int exchange = 0; exchange < exchanges.Length; exchange++)
            {
                int first = Next(ranks), stride = Next(2) == 0 ? 1 : ranks - 1;
                exchanges[exchange] = new()
                {
                    Kind = ExchangeKind.Ring,
                    Members = [.. Enumerable.Range(0, 1 + Next(ranks)).Select(member => (first + (member * stride)) % ranks)],
                    Pieces = [new(0, Next(200), Next(3000)), new(1, 0, Next(30))],
                    Routed = Next(2) == 0,
                };
            }

            var work = new LayerWork { Ranks = ranks, LinearTokens = [.. Enumerable.Range(0, ranks).Select(_ => Next(100))], Exchanges = exchanges };
            var rates = new LayerRates(
                300, 1 + Next(200), 1_000, 500, 20, EfficiencyCurve.Published, Recompute: Next(2) == 0, GradientBytesFactor: 1 + Next(2));
            LayerTimes times = new LayerSimulator(links, Next(80)).Run(work, rates, backward: Next(2) == 0);
            foreach (long value in (long[])[times.Makespan, times.CrossNodeBytes, times.Tasks, .. times.Finish, .. times.Compute])
                digest = (digest ^ (ulong)value) * 1_099_511_628_211;
        }

        Assert.Equal(9_854_953_922_075_998_304UL, digest);

        int Next(int limit)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            return (int)((state >> 33) % (ulong)limit);
        }
    }

    private static LayerWork Work(int ranks, Datapath datapath, int rows) => new()
    {
        Ranks = ranks,
        LinearTokens = new int[ranks],
        Exchanges = [new() { Kind = ExchangeKind.Ring, Members = [.. Enumerable.Range(0, ranks)], Datapath = datapath, Pieces = [new(0, 0, rows)] }],
    };
}
