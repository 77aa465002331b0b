using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Whole layers of real sizes.</summary>
public class LayerScaleTests
{
    // A 7B model with as many key-value heads as heads, at 55 % of an A800's rate, as fast on short shards as on long ones.
    private static readonly LayerRates Seven = new(
        2L * ((4L * 4_096 * 4_096) + (3L * 4_096 * 11_008)), 4 * 4_096, 4 * 4_096, 2 * 4_096, 171_600, EfficiencyCurve.Flat);

    /// <summary>The first-principles table of our page on Zeppelin and SlimPack (its section 1.5): one step of 32 layers, 64K tokens on 2 x
    /// 8 A800 with 4 interfaces of 25 GB/s a node, no loss of speed by overlap. That table is arithmetic of full overlap; what is simulated
    /// has latencies, buffers and a first hop that nothing hides, so it is near and no more; on the other hand a hop of keys and values and
    /// one of gradients, both routed, use interfaces and fabric in turn, which the table does not know (1.8 to 2.2 in place of 1.82). A
    /// sanity check of the shape, not a claim.</summary>
    [Theory]
    [InlineData(1, 65_536, 4.83, 1.82, 1.58, 1.82)]
    [InlineData(4, 16_384, 4.83, 1.82, 2.43, 3.66)]
    [InlineData(8, 8_192, 4.83, 1.82, 2.67, 4.24)]
    [InlineData(32, 2_048, 4.83, 1.82, 2.89, 4.80)]
    public void Rings_gathers_and_zones_on_a_cluster_with_few_interfaces(
        int sequences, int length, double globalSeconds, double routed, double gather, double hierarchical)
    {
        double global = StepSeconds(Global(sequences, length, routed: false));
        Assert.InRange(global, 0.9 * globalSeconds, 1.1 * globalSeconds);
        Assert.InRange(global / StepSeconds(Global(sequences, length, routed: true)), 0.9 * routed, 1.25 * routed);
        Assert.InRange(global / StepSeconds(Gather(sequences, length, 1)), 0.9 * gather, 1.1 * gather);
        Assert.True(StepSeconds(Gather(sequences, length, 4)) < StepSeconds(Gather(sequences, length, 1)));
        Assert.InRange(global / StepSeconds(Hierarchical(sequences, length)), 0.9 * hierarchical, 1.1 * hierarchical);
    }

    [Fact]
    public void A_step_of_128_devices_with_4096_sequences()
    {
        // A ring over all ranks, one in every node, and 32 sequences for each rank.
        var links = ClusterLinks.Of(new ClusterSpec("a800", new([new NodeGroup(16, 8, DeviceCatalogue.Of(DeviceKind.A800Sxm), Fabric.Switch, 4, 200)])));
        var pieces = Enumerable.Range(0, 4_096).Select(sequence => new SequencePiece(sequence, 0, 256 + (sequence * 37 % 1_000))).ToArray();
        int[] all = [.. Enumerable.Range(0, 128)];
        LayerWork zones = new()
        {
            Ranks = 128,
            LinearTokens = [.. all.Select(_ => 4_096)],
            Exchanges =
            [
                new() { Kind = ExchangeKind.Ring, Members = all, Pieces = [new(0, 0, 262_144)], Routed = true },
                .. Enumerable.Range(0, 16).Select(node => new Exchange { Kind = ExchangeKind.Ring, Members = [.. all.Skip(8 * node).Take(8)], Pieces = [new(0, 0, 32_768)] }),
                .. all.Select(rank => new Exchange { Kind = ExchangeKind.Local, Members = [rank], Pieces = [.. pieces.Skip(32 * rank).Take(32)] }),
            ],
        };
        var simulator = new LayerSimulator(links);
        LayerTimes forward = simulator.Run(zones, Seven, backward: false), backward = simulator.Run(zones, Seven, backward: true);
        Assert.Equal(forward.Compute.Length, forward.Compute.Count(busy => busy > 0 && busy <= forward.Makespan));
        Assert.InRange(backward.Makespan, forward.Makespan, 4 * forward.Makespan);
        Assert.InRange(backward.Tasks, 64_000, 150_000);

        // All sequences over all ranks.
        LayerWork spread = new() { Ranks = 128, LinearTokens = zones.LinearTokens, Exchanges = [new() { Kind = ExchangeKind.Ring, Members = all, Pieces = pieces }] };
        LayerTimes slow = simulator.Run(spread, Seven, backward: false);
        Assert.Equal(16L * pieces.Sum(piece => piece.Length) * 16_384, slow.CrossNodeBytes + (16L * pieces.Sum(piece => piece.Length) / 128 * 16_384), 16d * 16_384);
    }

    private static LayerWork Global(int sequences, int length, bool routed) => new()
    {
        Ranks = 16,
        LinearTokens = [.. Enumerable.Repeat(4_096, 16)],
        Exchanges =
        [
            new()
            {
                Kind = ExchangeKind.Ring,
                Members = [.. Enumerable.Range(0, 16)],
                Pieces = [.. Enumerable.Range(0, sequences).Select(sequence => new SequencePiece(sequence, 0, length))],
                Routed = routed,
            },
        ],
    };

    private static LayerWork Gather(int sequences, int length, int chunks)
    {
        LayerWork ring = Global(sequences, length, routed: false);
        return new()
        {
            Ranks = 16,
            LinearTokens = ring.LinearTokens,
            Exchanges = [new() { Kind = ExchangeKind.AllGather, Members = ring.Exchanges[0].Members, Pieces = ring.Exchanges[0].Pieces, HeadChunks = chunks }],
        };
    }

    // 4K tokens a rank: a sequence takes as many ranks as that needs, and shorter ones stay where they are.
    private static LayerWork Hierarchical(int sequences, int length)
    {
        int spread = Math.Max(1, length / 4_096), each = Math.Max(1, sequences / 16);
        return new()
        {
            Ranks = 16,
            LinearTokens = [.. Enumerable.Repeat(4_096, 16)],
            Exchanges = [.. Enumerable.Range(0, 16 / spread).Select(group => new Exchange
            {
                Kind = spread == 1 ? ExchangeKind.Local : ExchangeKind.Ring,
                Members = [.. Enumerable.Range(group * spread, spread)],
                Pieces = [.. Enumerable.Range(0, each).Select(piece => new SequencePiece((group * each) + piece, 0, length))],
                Routed = true,
            })],
        };
    }

    private static double StepSeconds(LayerWork work)
    {
        var links = ClusterLinks.Of(new ClusterSpec("a800-2x8", new([new NodeGroup(2, 8, DeviceCatalogue.Of(DeviceKind.A800Sxm), Fabric.Switch, 4, 200)])));
        var simulator = new LayerSimulator(links, 0);
        return 32e-9 * (simulator.Run(work, Seven, backward: false).Makespan + simulator.Run(work, Seven, backward: true).Makespan);
    }
}
