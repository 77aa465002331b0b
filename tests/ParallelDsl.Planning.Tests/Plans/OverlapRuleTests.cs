using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>What plans take swapped heads to cost, against counting bytes by hand and against the simulator.</summary>
public class OverlapRuleTests
{
    // Eight heads of 64 columns, keys and values too, 16 bits: queries, outputs, keys and values of a token and a layer are 1,024 bytes each, and a
    // pair is 4 x 512 FLOPs. Plans count on 40 % of 312,000 FLOPs a nanosecond; a device sends 200 bytes a nanosecond, an interface 25.
    private const long Width = 1_024, PairFlops = 2_048, Rate = 124_800, Tokens = 1_000;

    // To the ranks with the heads: queries, keys and values, and in the backward these again with the gradient of the output. Back: the output, and
    // the gradients of queries, keys and values.
    private const long Widths = 3 + 4 + 1 + 3;

    private static ParallelPlan Swapped(int nodes, int devices, Fabric fabric = Fabric.Switch)
    {
        AxesSpec axes = new(
            1, nodes * devices, 1, MicroBatches: 2, Balance: SequenceBalance.Hierarchical, Datapath: Datapath.AllToAll, InterNodeDatapath: Datapath.AllToAll);
        ClusterSpec cluster = new("A800", [new(nodes, devices, DeviceCatalogue.Of(DeviceKind.A800Sxm), fabric, 4, 200)]);
        return Requests.Plan(new(Requests.Heads(8, 8), cluster, axes));
    }

    // Of all that a rank swaps it keeps an nth.
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void A_swap_inside_a_node_costs_what_its_bytes_take(int ranks)
    {
        long sent = Tokens * Widths * Width / ranks * (ranks - 1), nanoseconds = sent / 200;
        RingRules rules = RingRules.Of(StepConstants.Of(Swapped(1, 4)));
        Assert.Equal(nanoseconds * Rate / PairFlops, rules.SwapPairs(Tokens, ranks, 1));
        Assert.Equal(rules, RingRules.Of(StepConstants.Of(Swapped(1, 8))));
        if (ranks == 4)
            Assert.Equal(42_240, nanoseconds);

        // Over a mesh, whose links are all busy, it is the same.
        Assert.Equal(rules, RingRules.Of(StepConstants.Of(Swapped(1, 4, Fabric.Mesh))));
    }

    // Of all that the ranks of a node swap a half stays in it; all interfaces carry the rest.
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_swap_over_two_nodes_costs_what_leaves_a_node(int perNode)
    {
        long left = perNode * Tokens * Widths * Width / 2, nanoseconds = left / (4 * 25);
        RingRules rules = RingRules.Of(StepConstants.Of(Swapped(2, 4)));
        Assert.Equal(nanoseconds * Rate / PairFlops, rules.SwapPairs(Tokens, 2 * perNode, 2));
    }

    [Theory]
    [InlineData(1, 4, Fabric.Switch)]
    [InlineData(1, 4, Fabric.Mesh)]
    [InlineData(1, 8, Fabric.Switch)]
    [InlineData(2, 4, Fabric.Switch)]
    public void The_simulator_takes_as_long(int nodes, int devices, Fabric fabric)
    {
        ParallelPlan plan = Swapped(nodes, devices, fabric);
        int ranks = nodes * devices;
        var work = new LayerWork
        {
            Ranks = ranks,
            LinearTokens = new int[ranks],
            Exchanges =
            [
                new()
                {
                    Kind = ExchangeKind.Heads,
                    Members = [.. Enumerable.Range(0, ranks)],
                    Pieces = [new(0, 0, (int)Tokens * ranks)],
                    Heads = 8,
                },
            ],
        };
        var simulator = new LayerSimulator(ClusterLinks.Of(plan.Cluster, 0, 0), 0);
        var rates = new LayerRates(0, 0, 2 * (int)Width, (int)Width, Rate, EfficiencyCurve.Flat);
        long nanoseconds = simulator.Run(work, rates, backward: false).Makespan + simulator.Run(work, rates, backward: true).Makespan;
        long pairs = RingRules.Of(StepConstants.Of(plan)).SwapPairs(Tokens, ranks, nodes);
        Assert.InRange(pairs, (nanoseconds * Rate / PairFlops) - 200, (nanoseconds * Rate / PairFlops) + 200);
    }

    [Fact]
    public void One_rank_swaps_nothing() => Assert.Equal(0, RingRules.Of(StepConstants.Of(Swapped(1, 4))).SwapPairs(Tokens, 1, 1));

    // The same rates and widths in both: 40 % of the peak, keys a third as wide as queries. With 200 and 25 bytes a nanosecond on four ranks of a node
    // and eight of two every threshold but that of pairwise ways over nodes is a whole number: plans round up, batches down and then take the part.
    [Theory]
    [InlineData(Fabric.Switch)]
    [InlineData(Fabric.Mesh)]
    public void Batches_have_the_thresholds_of_plans(Fabric fabric)
    {
        ClusterSpec cluster = new("A800", [new(2, 4, DeviceCatalogue.Of(DeviceKind.A800Sxm), fabric, 4, 200)]);
        var model = new BatchModel("gpt", 12, 768, 12, 4, 2_048, 50_257);
        var problem = new BatchProblem(cluster, model, [8_192], 8_192, 1, 8, new BatchAssumptions(RatePermille: 400));
        foreach (Datapath datapath in DatapathTimes.Candidates)
        {
            AxesSpec axes = new(
                2, 4, 1, MicroBatches: 8, Packing: ParallelDsl.Packing.Asymmetric, Balance: SequenceBalance.Hierarchical, Datapath: datapath, InterNodeDatapath: datapath);
            var choice = new StepChoice(ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 1, 4, 8) { IntraNode = datapath, InterNode = datapath };
            foreach (int percent in new[] { 0, 50, 100, 200 })
            {
                RingRules planned = Planned(axes with { OverlapPercent = percent }), batched = Batched(choice with { OverlapPercent = percent });
                int rounded = datapath == Datapath.Pairwise ? 2 : 0;
                Assert.Equal(planned with { InterTokens = 0 }, batched with { InterTokens = 0 });
                Assert.InRange(planned.InterTokens - batched.InterTokens, 0, rounded);
            }

            // With zigzag balance too, but for one ring over nodes: a plan counts with the one interface that it takes, a search with all.
            if (datapath is not (Datapath.Ring or Datapath.Pairwise))
                Assert.Equal(Planned(axes with { Balance = SequenceBalance.Zigzag }), Batched(choice with { Balance = SequenceBalance.Zigzag }));
            else if (datapath == Datapath.Ring)
                Assert.Equal(Batched(choice), Batched(choice with { Balance = SequenceBalance.Zigzag }));
        }

        // Inside one node there is no threshold between nodes.
        var inside = new StepChoice(ParallelDsl.Packing.Tokens, SequenceBalance.Hierarchical, 1, 4, 8);
        Assert.Equal(0, Batched(inside).InterTokens);

        RingRules Planned(AxesSpec axes) => RingRules.Of(StepConstants.Of(Requests.Plan(new(Requests.Gpt(), cluster, axes))));
        RingRules Batched(StepChoice choice) => RingRules.Of(new ChoicePlanner(problem).ConstantsOf(choice));
    }
}
