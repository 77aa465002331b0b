using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>The rings that a plan carries are those that ranks run, or the plan says that none are run.</summary>
public sealed class SequenceRingsTests
{
    /// <summary>On nodes of so many devices.</summary>
    private static ParallelPlan PlanOf(AxesSpec axes, int perNode, int context = 6_144)
    {
        int nodes = ((axes.Data * axes.Sequence * axes.Pipeline) + perNode - 1) / perNode;
        var cluster = new ClusterSpec("Lab", new([new NodeGroup(nodes, perNode, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, perNode, 400)]));
        return Requests.Plan(new PlanRequest(Requests.Gpt(context: context), cluster, axes));
    }

    private static AxesSpec Axes(int ranks, Datapath datapath) => new(1, ranks, 1, Datapath: datapath, InterNodeDatapath: datapath);

    private static ParallelPlan With(ParallelPlan plan, params int[][] rings) =>
        plan with { Rings = rings.Select(ring => ring.ToEquatableArray()).ToEquatableArray() };

    private static string Fault(ParallelPlan plan)
    {
        string fault = Assert.Single(PlanChecks.Validate(plan));
        Assert.EndsWith(PlanJson.Read(PlanJson.Write(plan)).Error!.Message, fault, StringComparison.Ordinal);
        return fault;
    }

    private static string Text(ParallelPlan plan) => string.Join(" ", PlanText.Write(plan).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    [Theory]
    [InlineData(Datapath.Ring, 8, 8)]
    [InlineData(Datapath.Ring, 8, 4)]
    [InlineData(Datapath.BidirectionalRing, 8, 8)]
    [InlineData(Datapath.DoubleRing, 8, 8)]
    [InlineData(Datapath.Hamiltonian, 8, 8)]
    [InlineData(Datapath.Hamiltonian, 6, 6)]
    public void One_ring_in_another_order_is_run(Datapath datapath, int ranks, int perNode)
    {
        int[] ring = [.. Enumerable.Range(0, ranks).Select(place => place % 2 == 0 ? place : ranks - place)];
        ParallelPlan plan = With(PlanOf(Axes(ranks, datapath), perNode), ring);
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
        PlannedRings rings = SequenceRings.SetOf(plan)!;
        Assert.Equal((datapath, RingSetKind.Cycles), (rings.Datapath, rings.Set.Kind));
        Assert.Equal(ring, Assert.Single(rings.Set.Rings));
        Assert.True(rings.AreOf(datapath, ranks, 1));
        Assert.False(rings.AreOf(datapath, ranks - 1, 1));
        Assert.False(rings.AreOf(Datapath.Pairwise, ranks, 1));
        Assert.Contains("ring 0 " + string.Join(' ', ring), Text(plan), StringComparison.Ordinal);
    }

    /// <summary>Of three data ranks of eight on two nodes of twelve the second is on both.</summary>
    [Fact]
    public void The_rings_are_those_of_the_data_rank_over_nodes()
    {
        ParallelPlan plan = PlanOf(new AxesSpec(3, 8, 1, Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Hamiltonian), 12);
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.Equal(RingSets.OverNodes(2, 4, NodeRail.Cross).Set!.Rings, plan.Rings);
        PlannedRings rings = SequenceRings.SetOf(plan)!;
        Assert.Equal((RingSetKind.Paths, 2), (rings.Set.Kind, rings.Set.Nodes));
        Assert.True(rings.AreOf(Datapath.Hamiltonian, 8, 2));
        Assert.False(rings.AreOf(Datapath.Hamiltonian, 8, 4));
        Assert.False(rings.AreOf(Datapath.Hamiltonian, 8, 1));
        Assert.False(rings.AreOf(Datapath.Ring, 8, 1));
    }

    /// <summary>The search that rings of some numbers of ranks take ends with the plan's.</summary>
    [Fact]
    public void Planning_rings_can_be_cancelled()
    {
        ParallelPlan plan = PlanOf(Axes(10, Datapath.Hamiltonian), 10, context: 20_480);
        Assert.Throws<OperationCanceledException>(
            () => Planner.Plan(new PlanRequest(plan.Model, plan.Cluster, plan.Axes), new CancellationToken(canceled: true)));
    }

    /// <summary>Of nodes with an odd number of ranks too, but for one, three and five.</summary>
    [Theory]
    [InlineData(14, 7, RingSetKind.Paths, 7)]
    [InlineData(27, 9, RingSetKind.Paths, 9)]
    [InlineData(10, 5, RingSetKind.Cycles, 9)]
    [InlineData(9, 3, RingSetKind.Cycles, 8)]
    [InlineData(3, 1, RingSetKind.Cycles, 2)]
    public void Rings_over_nodes_of_an_odd_number_of_ranks(int ranks, int perNode, RingSetKind kind, int rings)
    {
        ParallelPlan plan = PlanOf(Axes(ranks, Datapath.Hamiltonian), perNode, context: ranks * 2_048);
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
        PlannedRings planned = SequenceRings.SetOf(plan)!;
        Assert.Equal((kind, rings), (planned.Set.Kind, planned.Set.Slots));
        Assert.True(planned.Set.Verify().IsComplete);
    }

    /// <summary>In the plan, its text, its file and the rings of its gradients.</summary>
    [Theory]
    [InlineData(8, 4, NodeRail.Aligned)]
    [InlineData(6, 2, NodeRail.Cross)]
    public void Paths_along_rails(int ranks, int perNode, NodeRail closes)
    {
        ParallelPlan across = PlanOf(Axes(ranks, Datapath.Hamiltonian), perNode);
        ParallelPlan along = PlanOf(Axes(ranks, Datapath.Hamiltonian) with { Rail = NodeRail.Aligned }, perNode);
        Assert.Empty(PlanChecks.Validate(along));
        Assert.Equal(RingSets.OverNodes(ranks / perNode, perNode, closes).Set!.Rings, along.Rings);
        Assert.Equal(closes == NodeRail.Cross, across.Rings == along.Rings);
        Assert.Contains("paths over nodes along rails where they close so", Text(along), StringComparison.Ordinal);
        Assert.DoesNotContain("rail", Text(across), StringComparison.Ordinal);
        string json = PlanJson.Write(along);
        Assert.Contains("\"rail\": \"Aligned\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain("\"rail\"", PlanJson.Write(across), StringComparison.Ordinal);
        Assert.Equal(along, PlanJson.Read(json).Value);

        var network = new CollectiveNetwork(Enumerable.Range(0, ranks).Select(rank => rank / perNode).ToEquatableArray(), true, 1_000, 1_000, 0, 0, 0, 1);
        Assert.Equal(along.Rings, GradientReductions.RingsOf(network, NodeRail.Aligned));
    }

    [Fact]
    public void Rings_over_nodes_are_paths()
    {
        ParallelPlan plan = PlanOf(Axes(8, Datapath.Hamiltonian), 4);
        Assert.Equal(4, plan.Rings.Count);
        Assert.Empty(PlanChecks.Validate(With(plan, [.. plan.Rings[1]], [.. plan.Rings[3]])));
        Assert.Empty(PlanChecks.Validate(With(plan, [0, 1, 2, 3, 7, 5, 4, 6])));
        Assert.Contains("ring 0 leaves a node 8 times, where there are 2 nodes", Fault(With(plan, [0, 4, 1, 5, 2, 6, 3, 7])), StringComparison.Ordinal);

        // No link twice, but two ways out of device 3.
        Assert.Contains(
            "device 3 is the end of a path of ring 1 and of another ring",
            string.Join("; ", PlanChecks.Validate(With(plan, [0, 1, 2, 3, 4, 5, 6, 7], [2, 1, 0, 3, 5, 7, 4, 6]))),
            StringComparison.Ordinal);

        // Nodes of three devices have no paths.
        plan = PlanOf(Axes(12, Datapath.Hamiltonian), 3);
        Assert.Equal(RingSetKind.Cycles, SequenceRings.SetOf(plan)!.Set.Kind);
        Assert.Empty(PlanChecks.Validate(With(plan, [.. plan.Rings[10]])));
    }

    [Theory]
    [InlineData(Datapath.Pairwise, 8, 8, "rings none: every rank sends its own keys and values, in each hop another part")]
    [InlineData(Datapath.Hamiltonian, 4, 4, "rings none: every rank sends its own keys and values, in each hop another part")]
    [InlineData(Datapath.Hamiltonian, 6, 3, "rings none: every rank sends its own keys and values, in each hop another part")]
    [InlineData(Datapath.AllGather, 8, 4, "rings none: every rank sends its keys and values to all at once")]
    [InlineData(Datapath.AllToAll, 4, 4, "rings none: tokens are swapped for heads")]
    [InlineData(Datapath.DoubleRing, 8, 4, "rings inside nodes, in the order of the ranks, and on to the next node")]
    public void Where_no_ring_of_the_plan_is_run_it_says_so(Datapath datapath, int ranks, int perNode, string text)
    {
        ParallelPlan plan = PlanOf(Axes(ranks, datapath), perNode);
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.Null(SequenceRings.SetOf(plan));
        Assert.Contains(text, Text(plan), StringComparison.Ordinal);
        Assert.DoesNotContain("ring 0", Text(plan), StringComparison.Ordinal);
        if (datapath != Datapath.Hamiltonian)
            Assert.Contains($"under the datapath {datapath} keys and values travel on none", Fault(With(plan, [1, 0, .. Enumerable.Range(2, ranks - 2)])), StringComparison.Ordinal);
    }

    /// <summary>Rings for which the datapath has no use are too many whatever they are.</summary>
    [Theory]
    [InlineData(Datapath.Pairwise, "travel on none of the plan's rings")]
    [InlineData(Datapath.AllToAll, "travel on none of the plan's rings")]
    [InlineData(Datapath.Ring, "keys and values travel on one")]
    [InlineData(Datapath.BidirectionalRing, "keys and values travel on two, or on one")]
    public void The_datapath_is_asked_before_the_rings(Datapath datapath, string says)
    {
        ParallelPlan plan = PlanOf(Axes(4, datapath), 4);
        Assert.Contains(says, Fault(With(plan, [0, 1, 2, 2], [0, 1, 2, 3], [0, 1, 3, 2])), StringComparison.Ordinal);
        Assert.Contains(SequenceRings.SetOf(plan) is null ? says : "ring 0 visits 2 devices, where there are 4", Fault(With(plan, [0, 1])), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_rings()
    {
        int[] order = [0, 1, 2, 3], back = [3, 2, 1, 0];
        Assert.Contains("there are 2 rings, and under the datapath Ring keys and values travel on one", Fault(With(PlanOf(Axes(4, Datapath.Ring), 4), order, back)), StringComparison.Ordinal);
        Assert.Contains("travel on one", Fault(With(PlanOf(Axes(4, Datapath.DoubleRing), 4), order, back)), StringComparison.Ordinal);
        Assert.Empty(PlanChecks.Validate(With(PlanOf(Axes(4, Datapath.Hamiltonian), 4), order, back)));
        Assert.Contains("ring 2 is one too many: at most 2 cycles of 4 devices share no link", Fault(With(PlanOf(Axes(4, Datapath.Hamiltonian), 4), order, back, [0, 2, 1, 3])), StringComparison.Ordinal);

        // Two rings may go other ways than there and back; three are sound, but of another datapath.
        ParallelPlan both = PlanOf(Axes(8, Datapath.BidirectionalRing), 8);
        int[][] cycles = [.. RingSets.Complete(8).Rings.Select(ring => ring.ToArray())];
        Assert.Empty(PlanChecks.Validate(With(both, cycles[4], cycles[1])));
        Assert.Contains(
            "there are 3 rings, and under the datapath BidirectionalRing keys and values travel on two, or on one", Fault(With(both, cycles[..3])), StringComparison.Ordinal);
        ParallelPlan alone = PlanOf(Axes(1, Datapath.Ring), 1);
        Assert.Empty(PlanChecks.Validate(alone));
        Assert.NotEmpty(PlanChecks.Validate(With(alone, [0], [0])));
        Assert.Null(SequenceRings.SetOf(alone));
    }
}
