using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Plans;

public class GradientReductionTests
{
    // Two nodes of four with one slow interface each: replicas lie on both.
    private static readonly ClusterSpec TwoNodes = new("two", new([new NodeGroup(2, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 1, 10)]));

    [Fact]
    public void Replicas_on_several_nodes_sum_on_two_levels_and_the_plan_says_so()
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), TwoNodes, new AxesSpec(8, 1, 1, MicroBatches: 2)));
        CollectivePlan expected = new(CollectiveAlgorithm.TwoLevel, Nodes: new([0, 0, 0, 0, 1, 1, 1, 1]));
        Assert.Equal(new EquatableArray<CollectivePlan>([expected]), plan.Reductions);
        Assert.Equal(expected, plan.ReductionAt(0));
        Assert.Contains("  gradients   summed over replicas by two levels over 2 nodes\n", PlanText.Write(plan));

        string json = PlanJson.Write(plan);
        Assert.Contains("{ \"algorithm\": \"TwoLevel\", \"nodes\": [0, 0, 0, 0, 1, 1, 1, 1] }", json);
        Assert.Equal(plan, PlanJson.Read(json).Value);
    }

    // Two nodes of eight: a link of 1 GB/s for each pair inside, and as much for each device between.
    [Fact]
    public void On_meshes_of_several_nodes_gradients_go_round_paths_where_that_is_faster()
    {
        DeviceSpec device = DeviceCatalogue.Custom("slow", 1L << 36, 100_000, 1_000, 7);
        ClusterSpec Cluster(Fabric fabric, int gbps) => new("two", new([new NodeGroup(2, 8, device, fabric, 8, gbps)]));
        ParallelPlan Plan(ClusterSpec cluster) => Requests.Plan(new(Requests.Gpt(), cluster, new AxesSpec(16, 1, 1, MicroBatches: 2)));
        ParallelPlan plan = Plan(Cluster(Fabric.Mesh, 8));
        CollectivePlan reduction = Assert.Single(plan.Reductions);
        Assert.Equal(CollectiveAlgorithm.MultiRing, reduction.Algorithm);
        Assert.Equal(8, reduction.Rings.Count);
        Assert.Contains("by 8 arc-disjoint rings", PlanText.Write(plan));
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);

        // Where the network is slow it counts that two levels send less between nodes; on a switch no rings are asked for.
        Assert.Equal(CollectiveAlgorithm.TwoLevel, Plan(Cluster(Fabric.Mesh, 1)).ReductionAt(0).Algorithm);
        Assert.Empty(GradientReductions.RingsOf(CollectiveNetwork.Of(Cluster(Fabric.Switch, 8), [.. Enumerable.Range(0, 16)])));
    }

    // Replicas of one position need not come node by node.
    [Theory]
    [InlineData(2, 4)]
    [InlineData(3, 4)]
    [InlineData(4, 8)]
    [InlineData(2, 7)]
    [InlineData(3, 9)]
    public void Every_link_inside_a_node_has_one_ring_and_every_device_one_way_out(int nodes, int perNode)
    {
        int size = nodes * perNode;
        int[] nodeOf = [.. Enumerable.Range(0, size).Select(member => member % nodes)];
        var network = new CollectiveNetwork(new(nodeOf), true, 1_000, 1_000, 0, 0, 0, 1);
        EquatableArray<EquatableArray<int>> rings = GradientReductions.RingsOf(network);
        Assert.Equal(perNode, rings.Count);
        Assert.All(rings, ring => Assert.Equal(Enumerable.Range(0, size), ring.Order()));
        (int From, int To)[] arcs = [.. rings.SelectMany(ring => ring.Select((member, place) => (member, ring[(place + 1) % size])))];
        Assert.Equal(arcs.Length, arcs.Distinct().Count());
        Assert.Equal(nodes * perNode * (perNode - 1), arcs.Count(arc => nodeOf[arc.From] == nodeOf[arc.To]));
        (int From, int To)[] crossing = [.. arcs.Where(arc => nodeOf[arc.From] != nodeOf[arc.To])];
        Assert.Equal(size, crossing.Select(arc => arc.From).Distinct().Count());
        Assert.Equal(size, crossing.Select(arc => arc.To).Distinct().Count());
    }

    // Why none are made for one node: the direct exchange moves as much over every link, in two rounds; of short vectors more, in one.
    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(12)]
    public void On_a_mesh_of_one_node_rings_are_never_faster_than_a_direct_exchange(int members)
    {
        var network = new CollectiveNetwork(Enumerable.Repeat(0, members).ToEquatableArray(), true, 900, 1, 0, 0, 0, 700);
        Assert.Empty(GradientReductions.RingsOf(network));
        Assert.Empty(GradientReductions.RingsOf(network with { Nodes = new([.. Enumerable.Range(0, members)]) }));
        var rings = new CollectivePlan(CollectiveAlgorithm.MultiRing, Rings: RingSets.Complete(members).Rings);
        foreach (long bytes in new[] { 123_456, 4_194_304, 50_000_000 })
            Assert.True(CollectivePlanner.Predict(CollectivePlan.Default, network, bytes) <= CollectivePlanner.Predict(rings, network, bytes));
    }

    [Fact]
    public void The_default_is_not_written()
    {
        ParallelPlan plan = Requests.Plan(Requests.PinnedHost);
        Assert.Empty(plan.Reductions);
        Assert.Equal(CollectivePlan.Default, plan.ReductionAt(1));
        Assert.DoesNotContain("reductions", PlanJson.Write(plan));
        Assert.DoesNotContain("summed over replicas", PlanText.Write(plan));
    }

    [Fact]
    public void Rings_travel_and_what_does_not_fit_is_refused()
    {
        ParallelPlan plan = Requests.Plan(Requests.PinnedHost);
        CollectivePlan rings = new(CollectiveAlgorithm.MultiRing, Rings: new([new([0, 1, 2, 3]), new([3, 2, 1, 0])]));
        ParallelPlan ringed = plan with { Reductions = new([rings, CollectivePlan.Default]) };
        Assert.Empty(PlanChecks.Validate(ringed));
        Assert.Equal(ringed, PlanJson.Read(PlanJson.Write(ringed)).Value);
        Assert.Contains(
            "by 2 arc-disjoint rings at 1 position; direct exchange at 1 position",
            string.Join(" ", PlanText.Write(ringed).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));

        Assert.Contains("not one reduction of gradients for each position", Fault(rings));
        Assert.Contains("ring 0 visits 2 devices", Fault(rings with { Rings = new([new([0, 1])]) }, CollectivePlan.Default));

        // Ranks would refuse them at the start.
        Assert.Contains("ring 1 sends from 1 to 2, as ring 0 does", Fault(rings with { Rings = new([new([0, 1, 2, 3]), new([1, 2, 3, 0])]) }, CollectivePlan.Default));
        Assert.Contains("2 nodes for 4 members", Fault(CollectivePlan.Default, new(CollectiveAlgorithm.TwoLevel, Nodes: new([0, 1]))));

        string Fault(params CollectivePlan[] reductions)
        {
            ParallelPlan wrong = plan with { Reductions = new(reductions) };
            string message = PlanJson.Read(PlanJson.Write(wrong)).Error!.Message;
            Assert.Contains(Assert.Single(PlanChecks.Validate(wrong)), message);
            return message;
        }
    }

    [Fact]
    public void Large_groups_take_two_levels_or_halve()
    {
        CollectiveNetwork network = CollectiveNetwork.Of(TwoNodes, [.. Enumerable.Range(0, 8)]);
        CollectiveNetwork Of(int members, int perNode) =>
            network with { Nodes = Enumerable.Range(0, members).Select(member => member / perNode).ToEquatableArray() };
        Assert.Equal(CollectiveAlgorithm.TwoLevel, CollectivePlanner.Choose(Of(1_000, 8), 1 << 20).Algorithm);
        Assert.Equal(CollectiveAlgorithm.HalvingDoubling, CollectivePlanner.Choose(Of(1_000, 1), 1 << 20).Algorithm);
        Assert.Equal(CollectiveAlgorithm.HalvingDoubling, CollectivePlanner.Choose(Of(1_000, 1_000), 1 << 20).Algorithm);

        // Predicting takes as long as there are messages, and rings have many.
        Assert.Equal(8, GradientReductions.RingsOf(Of(64, 8) with { IsMesh = true }).Count);
        Assert.Empty(GradientReductions.RingsOf(Of(128, 8) with { IsMesh = true }));
    }
}
