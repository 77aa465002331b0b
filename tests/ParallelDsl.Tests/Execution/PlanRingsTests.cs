using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Tests.Execution;

/// <summary>What ranks get is what the plan says: the rings that it carries, on the data ranks that they are of.</summary>
public sealed class PlanRingsTests
{
    /// <summary>One ring round a dead link, where seven could be: nothing is sent over the link.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian)]
    [InlineData(Datapath.Ring)]
    [InlineData(Datapath.BidirectionalRing)]
    public void OneRingRoundADeadLink(Datapath datapath)
    {
        EquatableArray<int> ring = RingRepair.Without(8, [new(0, 1), new(1, 0)]).Set!.Rings[0];
        ParallelPlan plan = PlanOf(new AxesSpec(1, 8, 1, Datapath: datapath, InterNodeDatapath: datapath), 8) with { Rings = new([ring]) };
        Assert.Empty(PlanChecks.Validate(plan));
        AssertTravelsOn(plan, datapath, 0, new([ring]));
        for (int rank = 0; rank < 2; rank++)
        {
            MemberItinerary member = MemberOf(plan, datapath, 0, rank);
            Assert.All(Enumerable.Range(1, member.Hops), hop => Assert.NotEqual((0, 1), (Math.Min(rank, member.To(hop, 0)), Math.Max(rank, member.To(hop, 0)))));
        }
    }

    /// <summary>Two data ranks in a node each, one on both: what the planner made is run too.</summary>
    [Fact]
    public void TheDataRankOverNodesTravelsOnItsPaths()
    {
        ParallelPlan plan = PlanOf(new AxesSpec(3, 8, 1, Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Hamiltonian), 12);
        AssertTravelsOn(plan, Datapath.Hamiltonian, 1, plan.Rings);
        ParallelPlan fewer = plan with { Rings = new([plan.Rings[2]]) };
        Assert.Empty(PlanChecks.Validate(fewer));
        AssertTravelsOn(fewer, Datapath.Hamiltonian, 1, fewer.Rings);
        foreach (int dataRank in (int[])[0, 2])
            AssertTravelsOn(fewer, Datapath.Ring, dataRank, new([new([0, 1, 2, 3, 4, 5, 6, 7])]));
    }

    /// <summary>Rings of all sequence ranks and of fewer go on at the device of the same place.</summary>
    [Fact]
    public void PathsAlongRails()
    {
        AxesSpec axes = new(1, 8, 1, Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Hamiltonian, Rail: NodeRail.Aligned);
        ParallelPlan plan = PlanOf(axes, 4);
        Assert.NotEqual(PlanOf(axes with { Rail = NodeRail.Cross }, 4).Rings, plan.Rings);
        AssertTravelsOn(plan, Datapath.Hamiltonian, 0, plan.Rings);
        foreach (int[] ring in (int[][])[[0, 1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5], [0, 1, 6, 7]])
        {
            int half = ring.Length / 2;
            for (int position = 0; position < ring.Length; position++)
            {
                MemberItinerary member = new RingItineraries(RingDatapaths.Of(plan)).Of(Datapath.Hamiltonian, ring, ring.Length, position);
                Assert.Equal(half, member.Lanes);
                int away = Assert.Single(Enumerable.Range(0, half).Select(lane => member.To(1, lane)), to => to / half != position / half);
                Assert.Equal(position % half, away % half);
            }
        }
    }

    [Theory]
    [InlineData(Datapath.Ring, 1, 0, 2, 1, 3)]
    [InlineData(Datapath.Hamiltonian, 1, 0, 2, 1, 3)]
    [InlineData(Datapath.Hamiltonian, 2, 0, 1, 3, 2)]
    public void AttentionOnTheRingOfAPlanEqualsFloat64(Datapath datapath, int nodes, params int[] ring)
    {
        List<int[]> batch = StepPlanTests.BatchOf(47, 9, 1, 5, 14, 2, 1);
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 4, UnitTokens: 384), StepTraits.Slices);
        StepPlan step = RandomStep.Of(new Random(4), plan, batch, StepTraits.Slices, _ => [0, 1, 2, 3]);
        RingSet set = new(nodes == 1 ? RingSetKind.Cycles : RingSetKind.Paths, 4, nodes, new([new(ring)]));
        RingDatapaths datapaths = new(datapath, datapath, [.. Enumerable.Range(0, 4).Select(rank => rank * nodes / 4)], new PlannedRings(datapath, set));
        using SlicedAttention<Small> run = SlicedAttention<Small>.Of(plan, batch, step, 4, datapaths);
        run.AssertEqualsFloat64();
        RingItineraries itineraries = new(datapaths);
        for (int place = 0; place < 4; place++)
            Assert.Equal(ring[(place + 1) % 4], itineraries.Of(datapath, [0, 1, 2, 3], 4, ring[place]).To(1, 0));
    }

    private static void AssertTravelsOn(ParallelPlan plan, Datapath datapath, int dataRank, EquatableArray<EquatableArray<int>> rings)
    {
        for (int position = 0; position < plan.Mesh.Sequence; position++)
        {
            MemberItinerary member = MemberOf(plan, datapath, dataRank, position);
            Assert.Equal((rings.Count, plan.Mesh.Sequence - 1), (member.Lanes, member.Hops));
            for (int lane = 0; lane < rings.Count; lane++)
            {
                int[] ring = [.. rings[lane]];
                int place = Array.IndexOf(ring, position), ranks = ring.Length;
                for (int hop = 1; hop <= member.Hops; hop++)
                {
                    Assert.Equal(ring[(place + 1) % ranks], member.To(hop, lane));
                    Assert.Equal(ring[(place + ranks - 1) % ranks], member.From(hop, lane));
                    Assert.Equal(ring[(place + ranks - hop) % ranks], member.Origin(hop, lane));
                }
            }
        }
    }

    private static MemberItinerary MemberOf(ParallelPlan plan, Datapath datapath, int dataRank, int position)
    {
        int ranks = plan.Mesh.Sequence;
        return new RingItineraries(RingDatapaths.Of(plan)).Of(datapath, [.. Enumerable.Range(dataRank * ranks, ranks)], ranks, position);
    }

    private static ParallelPlan PlanOf(AxesSpec axes, int perNode)
    {
        int nodes = ((axes.Data * axes.Sequence) + perNode - 1) / perNode;
        ModelSpec model = new("Tests.Gpt", 6_144, new([
            new("Tokens", LayerKind.Embedding, Vocabulary: 97, Width: 64),
            new("Blocks", LayerKind.TransformerBlock, 2, Heads: 4, KeyValueHeads: 2, FeedForward: 96),
            new("Head", LayerKind.LanguageModelHead),
        ]));
        ClusterSpec cluster = new("Lab", new([new NodeGroup(nodes, perNode, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, perNode, 400)]));
        return Assert.IsType<Planned>(Planner.Plan(new PlanRequest(model, cluster, axes))).Plan;
    }

    private readonly struct Small : IAttentionShape
    {
        public static int Heads => 2;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => 8;
    }
}
