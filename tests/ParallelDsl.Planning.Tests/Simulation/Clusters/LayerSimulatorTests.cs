using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Layers whose times can be worked out by hand.</summary>
public class LayerSimulatorTests
{
    // 100 ns a pair, 10 ns a row in linear modules, 1,000 bytes of keys and values and 500 of everything else a row.
    private static readonly LayerRates Rates = new(0, 100, 1_000, 500, 1, EfficiencyCurve.Flat);

    [Fact]
    public void A_ring_of_two_hides_its_hop_under_its_own_block()
    {
        // Rows 0 and 3 see 5 keys, rows 1 and 2 too: two steps of 250 ns. A hop of 2 rows takes 200.
        Assert.Equal(500, Run(Spread(2), Ring(4, 2), Rates).Makespan);

        // With twice the bytes it takes 400, 150 more than there is to do.
        Assert.Equal(400 + 250, Run(Spread(2), Ring(4, 2), Rates with { KeyValueBytesPerToken = 2_000 }).Makespan);

        // Steps of 625; the gradient of the second step comes home in 200 more, or 400 of twice the width.
        Assert.Equal((2 * 625) + 200, Run(Spread(2), Ring(4, 2), Rates, backward: true).Makespan);
        Assert.Equal((2 * 625) + 400, Run(Spread(2), Ring(4, 2), Rates with { GradientBytesFactor = 2 }, backward: true).Makespan);

        // Again the forward first.
        Assert.Equal(500 + (2 * 625) + 200, Run(Spread(2), Ring(4, 2), Rates with { Recompute = true }, backward: true).Makespan);
    }

    [Fact]
    public void A_ring_takes_the_longer_of_work_and_hops()
    {
        for (int ranks = 2; ranks <= 8; ranks++)
        {
            // 2 rows a rank, g steps of the same work.
            int rows = 2 * ranks;
            long work = (long)rows * (rows + 1) / 2 / ranks * 100;
            Assert.Equal(work, Run(Spread(ranks), Ring(rows, ranks), Rates with { KeyValueBytesPerToken = 10 }).Makespan);
            LayerTimes slow = Run(Spread(ranks), Ring(rows, ranks), Rates with { KeyValueBytesPerToken = 100_000 });
            Assert.Equal(((ranks - 1) * 20_000) + AttentionShares.Part(work, ranks, ranks - 1), slow.Makespan);
            Assert.Equal((long)ranks * (ranks - 1) * 200_000, slow.CrossNodeBytes);
            Assert.All(slow.Compute, busy => Assert.Equal(work, busy));
        }
    }

    [Fact]
    public void A_transfer_slows_the_work_that_it_hides_under()
    {
        // 200 of the first 250 at 0.9 of the speed leave 70 in place of 50; on both ranks.
        var simulator = new LayerSimulator(Spread(2), 100);
        Assert.Equal(520, simulator.Run(Work(2, Ring(4, 2)), Rates, backward: false).Makespan);
    }

    [Fact]
    public void Rows_before_a_piece_count_as_keys()
    {
        // 4 rows that see 5, 6, 7 and 8 keys: 13 each, in two steps of 650; the hop carries 4 rows.
        LayerTimes times = Run(Spread(2), Ring(new SequencePiece(0, 4, 4), 2), Rates);
        Assert.Equal(1_300, times.Makespan);
        Assert.Equal(2 * 4_000, times.CrossNodeBytes);
    }

    [Fact]
    public void Linear_work_stands_around_attention_and_rows_move_between_the_layouts()
    {
        LayerRates rates = Rates with { LinearFlopsPerToken = 10 };
        LayerWork still = new() { Ranks = 2, LinearTokens = [4, 0], Exchanges = [Local(0, 4)] };
        Assert.Equal(20 + 1_000 + 20, Simulator(Spread(2)).Run(still, rates, backward: false).Makespan);
        Assert.Equal(40 + 2_500 + 40, Simulator(Spread(2)).Run(still, rates, backward: true).Makespan);

        // Two of the rows are rank 1's in linear modules: they come with 1,500 bytes each in 300 ns, and go back with 500 in 100.
        LayerWork moved = new() { Ranks = 2, LinearTokens = [2, 2], Exchanges = [Local(0, 4)], RemapMoves = [(0, 1, 2)] };
        LayerTimes forward = Simulator(Spread(2)).Run(moved, rates, backward: false), backward = Simulator(Spread(2)).Run(moved, rates, backward: true);
        Assert.Equal(10 + 300 + 1_000 + 100 + 10, forward.Makespan);
        Assert.Equal(20 + 100 + 2_500 + 300 + 20, backward.Makespan);
        Assert.Equal([10 + 300 + 1_000 + 10, forward.Makespan], forward.Finish);
        Assert.Equal([1_020, 20], forward.Compute);
        Assert.Equal([4_000, 4_000], [forward.CrossNodeBytes, backward.CrossNodeBytes]);
    }

    [Fact]
    public void Hops_of_a_ring_hide_under_local_work()
    {
        // Steps of 250; after the first, rank 0 works on its own sequences until the hop of 2,000 ns is there.
        LayerRates rates = Rates with { KeyValueBytesPerToken = 10_000 };
        LayerWork work = new()
        {
            Ranks = 2,
            LinearTokens = [0, 0],
            Exchanges = [Ring(4, 2), new() { Kind = ExchangeKind.Local, Members = [0], Pieces = [.. Enumerable.Repeat(new SequencePiece(0, 0, 2), 8)] }],
        };
        LayerTimes times = Simulator(Spread(2)).Run(work, rates, backward: false);
        Assert.Equal([250 + 2_400 + 250, 2_000 + 250], times.Finish);
        Assert.Equal(times.Finish[0], times.Compute[0]);

        // With a little less to do the hop is the last to come.
        work.Exchanges[1] = new() { Kind = ExchangeKind.Local, Members = [0], Pieces = [.. Enumerable.Repeat(new SequencePiece(0, 0, 2), 4)] };
        Assert.Equal([2_250, 2_250], Simulator(Spread(2)).Run(work, rates, backward: false).Finish);
    }

    [Fact]
    public void A_member_has_room_for_two_blocks()
    {
        // Steps of 225 and hops of 1,000. Rank 1 has 9,100 of other work first, then steps 0 and 1; only then can its third block start.
        LayerWork work = new()
        {
            Ranks = 4,
            LinearTokens = new int[4],
            Exchanges = [new() { Kind = ExchangeKind.Local, Members = [1], Pieces = [new(1, 0, 13)] }, Ring(8, 4)],
        };
        LayerTimes times = Simulator(Spread(4)).Run(work, Rates with { KeyValueBytesPerToken = 5_000 }, backward: false);
        Assert.Equal([3_225, 9_100 + 450 + 1_000 + 225, 3_225, 3_225], times.Finish);
    }

    [Fact]
    public void An_all_gather_goes_between_nodes_first()
    {
        // One node: 3 others share a port of 100 bytes a nanosecond. 8 rows, 2,000 bytes a member; 36 pairs, 900 ns each.
        var node = new ClusterLinks(new([new(4, 4, 80, 100)]), 0, 0);
        Assert.Equal(60 + 900, Run(node, Gather(8, 4, 1), Rates).Makespan);
        Assert.Equal(30 + 900, Run(node, Gather(8, 4, 2), Rates).Makespan);

        // Backward: gather, work, and the gradients back through the same ports.
        Assert.Equal(60 + 2_250 + 60, Run(node, Gather(8, 4, 1), Rates, backward: true).Makespan);
        Assert.Equal(30 + 2_250 + 30, Run(node, Gather(8, 4, 2), Rates, backward: true).Makespan);

        // Two nodes of two: 200 ns between them (own interfaces), then 20 inside; the own block's 20 are over by then.
        var two = new ClusterLinks(new([new(2, 2, 80, 100), new(2, 2, 80, 100)]), 0, 0);
        LayerTimes times = Run(two, Gather(8, 4, 1), Rates);
        Assert.Equal(200 + 20 + 900, times.Makespan);
        Assert.Equal([2_000, 2_000, 2_000, 2_000], times.NicBytes);
        Assert.Equal(200 + 20 + 2_250 + 20 + 20 + 200, Run(two, Gather(8, 4, 1), Rates with { HiddenBytesPerToken = 0 }, backward: true).Makespan);
    }

    [Fact]
    public void A_direct_exchange_fetches_two_blocks_ahead()
    {
        // Rank 0 works 4 pairs after each of three fetches of 200 ns: the first two share its interface.
        Exchange direct = new()
        {
            Kind = ExchangeKind.Direct,
            Members = [0, 1, 2],
            Areas = [12, 3, 0],
            Fetches = [(1, 0, 2_000), (2, 0, 2_000), (1, 0, 2_000)],
            Returns = [(0, 2, 1_000)],
        };
        LayerTimes times = Run(Spread(3), direct, Rates);
        Assert.Equal(400 + 1_200 + 100, times.Makespan);
        Assert.Equal([1_600, 300, 1_700], times.Finish);

        // What is its own hides the first fetch: 300 of 1,200, and 300 after each fetch.
        Exchange own = new() { Kind = ExchangeKind.Direct, Members = [0, 1, 2], Areas = direct.Areas, OwnAreas = [3, 0, 0], Fetches = direct.Fetches };
        Assert.Equal(400 + 900, Run(Spread(3), own, Rates).Makespan);
        Assert.Equal([1_200, 300, 0], Run(Spread(3), own, Rates).Compute);

        // Backward: the gradient of the output comes too, fourth: four blocks of 750, then three gradients go to two ranks by one
        // interface.
        Assert.Equal(400 + 3_000 + 600, Run(Spread(3), direct, Rates, backward: true).Makespan);
    }

    [Fact]
    public void A_routed_hop_takes_what_is_predicted()
    {
        // n / (4 x 25) + 2 x 3 n / (4 x 200) for n = 8,000,000 bytes: 80 us and 60 us in place of 320.
        ClusterLinks a800 = new(new([new(8, 4, 200, 200), new(8, 4, 200, 200)]), 0, 0);
        Exchange Hop(bool routed) => new() { Kind = ExchangeKind.Ring, Members = [1, 9], Pieces = [new(0, 0, 4)], Routed = routed };
        LayerRates rates = Rates with { KeyValueBytesPerToken = 4_000_000 };
        Assert.Equal(320_000 + 250, Simulator(a800).Run(Work(16, Hop(false)), rates, backward: false).Makespan);
        LayerTimes routed = Simulator(a800).Run(Work(16, Hop(true)), rates, backward: false);
        Assert.Equal(140_000 + 250, routed.Makespan);
        Assert.All(routed.NicBytes, bytes => Assert.Equal(2_000_000, bytes));

        // What is small is routed too, as the runtime does: 2 us a hop inside nodes, 500 + 2 x 188 ns of bytes.
        var slow = new ClusterLinks(a800.Nodes, 5_000, 2_000);
        rates = Rates with { KeyValueBytesPerToken = 25_000 };
        Assert.Equal(5_000 + 4_000 + 876 + 250, Simulator(slow).Run(Work(16, Hop(true)), rates, backward: false).Makespan);
    }

    [Fact]
    public void Swapped_heads_travel_there_and_back()
    {
        // Two heads on two ranks: each has half of 10 pairs at 100 ns; half of the 2 rows of the other at 1,500 bytes, then outputs at 500.
        Exchange Heads(int start, bool keeps) => new()
        {
            Kind = ExchangeKind.Heads,
            Members = [0, 1],
            Pieces = [new(0, start, 4)],
            Heads = 2,
            KeepsSwapped = keeps,
        };
        Assert.Equal(150 + 500 + 50, Run(Spread(2), Heads(0, keeps: true), Rates).Makespan);

        // Gradients of outputs come, those of queries, keys and values go back; where these were not kept they come again.
        Assert.Equal(50 + 1_250 + 150, Run(Spread(2), Heads(0, keeps: true), Rates, backward: true).Makespan);
        Assert.Equal(200 + 1_250 + 150, Run(Spread(2), Heads(0, keeps: false), Rates, backward: true).Makespan);

        // Keys and values of 4 rows before come too, and 16 more pairs; in the backward their gradients go back.
        Assert.Equal(150 + 100 + 1_300 + 50, Run(Spread(2), Heads(4, keeps: false), Rates).Makespan);
        Assert.Equal(200 + 100 + 3_250 + 150 + 100, Run(Spread(2), Heads(4, keeps: false), Rates, backward: true).Makespan);

        // With one head the second rank has nothing to do but to send.
        Exchange one = new() { Kind = ExchangeKind.Heads, Members = [0, 1], Pieces = [new(0, 0, 4)] };
        Assert.Equal(300 + 1_000 + 100, Run(Spread(2), one, Rates).Makespan);
        Assert.Throws<ArgumentException>(() => Run(Spread(2), new() { Kind = ExchangeKind.Heads, Members = [0, 1], Heads = 0 }, Rates));
    }

    [Fact]
    public void Swaps_hide_under_work_of_others()
    {
        LayerWork work = new()
        {
            Ranks = 2,
            LinearTokens = [0, 0],
            Exchanges =
            [
                new() { Kind = ExchangeKind.Heads, Members = [0, 1], Pieces = [new(0, 0, 4)], Heads = 2 },
                new() { Kind = ExchangeKind.Local, Members = [0], Pieces = [new(1, 0, 2)] },
            ],
        };

        // Three pairs of the other sequence in place of 150 ns of waiting.
        Assert.Equal(300 + 500 + 50, Simulator(Spread(2)).Run(work, Rates, backward: false).Makespan);
    }

    [Fact]
    public void Short_shards_are_slow()
    {
        Assert.Equal([379, 379, 568, 473, 1_000, 1_000], new[] { 1, 1_024, 2_048, 1_536, 65_536, 1 << 30 }.Select(EfficiencyCurve.Published.At));
        LayerTimes times = Run(Spread(1), Local(0, 1_024), Rates with { Curve = EfficiencyCurve.Published });
        Assert.Equal(((1_024L * 1_025 / 2 * 100_000) + 378) / 379, times.Makespan);
        Assert.Throws<ArgumentException>(() => new EfficiencyCurve(new([(1, 5), (1, 6)])));
    }

    [Fact]
    public void Mistakes_are_refused()
    {
        void Refuses(Exchange exchange) => Assert.Throws<ArgumentException>(() => Run(Spread(2), exchange, Rates));
        Refuses(Ring(4, 3));
        Refuses(new() { Kind = ExchangeKind.Ring, Members = [0, 0] });
        Refuses(new() { Kind = ExchangeKind.Ring, Members = [] });
        Refuses(new() { Kind = ExchangeKind.Local, Members = [0, 1] });
        Refuses(Local(-1, 4));
        Refuses(new() { Kind = ExchangeKind.Direct, Members = [0, 1], Areas = [1] });
        Refuses(new() { Kind = ExchangeKind.Direct, Members = [0], Areas = [1], OwnAreas = [2] });
        Refuses(new() { Kind = ExchangeKind.Direct, Members = [0], Areas = [1], Fetches = [(1, 0, 1)] });
        Assert.Throws<ArgumentException>(() => Run(Spread(2), Local(0, 4), Rates with { FlopsPerNanosecond = 0 }));
        Assert.Throws<ArgumentException>(() => Simulator(Spread(2)).Run(
            new LayerWork { Ranks = 2, LinearTokens = [1, 1], Exchanges = [], RemapMoves = [(0, 2, 1)] }, Rates, backward: false));
    }

    // Nodes of one device with an interface of 10 bytes a nanosecond; nothing takes time but bytes.
    private static ClusterLinks Spread(int ranks) => new(new([.. Enumerable.Repeat(new NodeLinks(1, 1, 80, 0), ranks)]), 0, 0);

    private static LayerSimulator Simulator(ClusterLinks links) => new(links, 0);

    private static LayerWork Work(int ranks, Exchange exchange) => new() { Ranks = ranks, LinearTokens = new int[ranks], Exchanges = [exchange] };

    private static LayerTimes Run(ClusterLinks links, Exchange exchange, LayerRates rates, bool backward = false) =>
        Simulator(links).Run(Work(links.DeviceCount, exchange), rates, backward);

    private static Exchange Ring(int rows, int ranks) => Ring(new SequencePiece(0, 0, rows), ranks);

    private static Exchange Ring(SequencePiece piece, int ranks) =>
        new() { Kind = ExchangeKind.Ring, Members = [.. Enumerable.Range(0, ranks)], Pieces = [piece] };

    private static Exchange Gather(int rows, int ranks, int chunks) => new()
    {
        Kind = ExchangeKind.AllGather,
        Members = [.. Enumerable.Range(0, ranks)],
        Pieces = [new(0, 0, rows)],
        HeadChunks = chunks,
    };

    private static Exchange Local(int start, int rows) => new() { Kind = ExchangeKind.Local, Members = [0], Pieces = [new(0, start, rows)] };
}
