using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Attention where keys and values travel, under every datapath: equal to naive attention in float64, over channels that hold one
/// message; the same in every run; one ring is plain ring attention bit by bit.</summary>
public sealed class KeyValueExchangeTests
{
    private const int Units = 4;

    // Sequences much shorter than the ring and its parts, of odd lengths, and a long one.
    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(47, 9, 1, 5, 14, 2, 1);

    private static readonly Datapath[] All =
        [Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Pairwise, Datapath.AllGather, Datapath.Hamiltonian];

    public static TheoryData<Datapath, int> Sizes()
    {
        TheoryData<Datapath, int> data = [];
        foreach (Datapath datapath in All)
        {
            foreach (int ranks in (int[])[2, 3, 4, 5, 6, 7, 8, 12])
                data.Add(datapath, ranks);
        }

        return data;
    }

    /// <summary>Whole sequences, slices that read earlier ones, and other units in the backward; in one node, and evenly over several.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void AnyRanksEqualFloat64(Datapath datapath, int ranks)
    {
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric])
        {
            foreach (int nodes in (int[])[1, 2, 3])
            {
                if (ranks % nodes != 0)
                    continue;
                ParallelPlan plan = PlanOf(ranks, traits);
                StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, traits, _ => [.. Enumerable.Range(0, ranks)]);
                using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, Batch, step, ranks, Everywhere(datapath, ranks, nodes));
                run.AssertEqualsFloat64();
                if (traits == StepTraits.None)
                    continue;
                using SlicedAttention<Grouped> again = SlicedAttention<Grouped>.Of(plan, Batch, step, ranks, Everywhere(datapath, ranks, nodes), capacity: 64);
                Assert.Equal(run.Bits, again.Bits);
            }
        }
    }

    /// <summary>Random rings over some or all ranks in any order, several in a unit, one datapath inside nodes and another between them.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian, Datapath.DoubleRing)]
    [InlineData(Datapath.Hamiltonian, Datapath.Hamiltonian)]
    [InlineData(Datapath.Pairwise, Datapath.AllGather)]
    [InlineData(Datapath.AllGather, Datapath.BidirectionalRing)]
    [InlineData(Datapath.BidirectionalRing, Datapath.Pairwise)]
    [InlineData(Datapath.AllToAll, Datapath.Hamiltonian)]
    [InlineData(Datapath.DoubleRing, Datapath.AllToAll)]
    public void RandomRingsEqualFloat64(Datapath intraNode, Datapath interNode)
    {
        foreach ((int data, int sequence) in ((int, int)[])[(1, 4), (3, 2), (2, 4), (4, 2)])
        {
            int[] nodes = [.. Enumerable.Range(0, data * sequence).Select(rank => rank / 2)];
            foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices | StepTraits.Asymmetric])
            {
                for (int seed = 0; seed < 3; seed++)
                {
                    ParallelPlan plan = PlanOf(data, sequence, traits);
                    StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
                    using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, Batch, step, seed, new RingDatapaths(intraNode, interNode, nodes));
                    run.AssertEqualsFloat64();
                }
            }
        }
    }

    /// <summary>Rows of one token: some lanes carry nothing, some members have no rows at all, and nothing is sent for them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void FewerRowsThanPartsEqualFloat64(int length)
    {
        List<int[]> batch = StepPlanTests.BatchOf(length);
        foreach (Datapath datapath in All)
        {
            ParallelPlan plan = PlanOf(1, 8, StepTraits.None);
            StepPlan step = RandomStep.Of(new Random(0), plan, batch, StepTraits.None, _ => [.. Enumerable.Range(0, 8)]);
            using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, batch, step, 1, Everywhere(datapath, 8, 2));
            run.AssertEqualsFloat64();
        }
    }

    /// <summary>One lane does to the last bit what a ring did before there were several: own keys first, then those of the member before, and
    /// so on; a gradient starts at its owner and every member adds to it in turn.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void OneRingIsPlainRingAttentionBitByBit(int ranks)
    {
        ParallelPlan plan = PlanOf(ranks, StepTraits.None);
        StepPlan step = RandomStep.Of(new Random(7), plan, Batch, StepTraits.None, _ => [.. Enumerable.Range(0, ranks)]);
        using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, Batch, step, 3);
        using SlicedAttention<Grouped> plain = SlicedAttention<Grouped>.OfPlainRing(plan, Batch, step, 3);
        Assert.Equal(plain.Bits, run.Bits);
    }

    /// <summary>What travels in the forward, of eight ranks with six rows each: on seven rings each row on a link of its own in every hop and
    /// nothing on the seventh; all rows to one rank on one ring; a half each way; to all at once.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 7)]
    [InlineData(Datapath.BidirectionalRing, 2 * 7)]
    [InlineData(Datapath.Pairwise, 6 * 7)]
    [InlineData(Datapath.Hamiltonian, 6 * 7)]
    [InlineData(Datapath.AllGather, 7)]
    public void AsManyRowsTravelInMoreMessages(Datapath datapath, int messages)
    {
        const int Ranks = 8, Rows = 6, Width = 16;
        List<int[]> batch = StepPlanTests.BatchOf(Ranks * Rows);
        ParallelPlan plan = PlanOf(1, Ranks, StepTraits.None);
        StepPlan step = RandomStep.Of(new Random(0), plan, batch, StepTraits.None, _ => [.. Enumerable.Range(0, Ranks)]);
        RankThreads.Run(InProcessWorld.Create(Ranks, capacity: 1), inner =>
        {
            using CountingTransport transport = new(inner);
            StepLayout layout = new(1, Ranks, Units, transport.Rank, nodes: null, datapaths: Everywhere(datapath, Ranks, 1));
            layout.Build(batch, step);
            UnitLayout unit = layout.Forward[step.Slices[0].ForwardUnit];
            using RingAttention ring = new(transport, [.. Enumerable.Range(0, Ranks)]);
            using ThreadTeam team = new(1);
            using Kernels.TestMatrix q = new(Rows, 2 * Width), k = new(Rows, Width), v = new(Rows, Width), o = new(Rows, 2 * Width), lse = new(4, Rows);
            ring.Forward<Grouped>(team, unit, null, q, k, v, o, lse);
            ring.Flush();
            Assert.Equal(new Traffic(messages, 7 * Rows * 2 * Width), transport.SentWith(HopTags.KeyValue));
            Assert.Equal(0, transport.SentWith(HopTags.Gradient).Messages);
        }, TimeSpan.FromSeconds(10));
    }

    /// <summary>Rings that a plan brings, fewer than there could be: of four and six ranks too, which have no n - 1.</summary>
    [Theory]
    [InlineData(4, 2)]
    [InlineData(6, 2)]
    [InlineData(8, 3)]
    public void RingsOfThePlanAreTaken(int ranks, int lanes)
    {
        EquatableArray<int> order = new([.. Enumerable.Range(0, ranks)]);
        EquatableArray<EquatableArray<int>> rings = lanes == 2 ? new([order, new([.. order.Reverse()])]) : new([.. RingSets.Complete(ranks).Rings.Take(lanes)]);
        RingDatapaths datapaths = new(Datapath.Hamiltonian, Datapath.Hamiltonian, null, new PlannedRings(Datapath.Hamiltonian, new RingSet(RingSetKind.Cycles, ranks, 1, rings)));
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices | StepTraits.Asymmetric])
        {
            ParallelPlan plan = PlanOf(ranks, traits);
            StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, traits, _ => [.. Enumerable.Range(0, ranks)]);
            using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, Batch, step, ranks, datapaths);
            run.AssertEqualsFloat64();
        }

        RingItineraries itineraries = new(datapaths);
        Assert.Equal(lanes, itineraries.Of(Datapath.Hamiltonian, [.. order], ranks, 0).Lanes);
        Assert.Equal(2, itineraries.Of(Datapath.Hamiltonian, [.. order], 3, 0).Lanes);
    }

    [Fact]
    public void ADatapathThatNothingRunsIsNamed()
    {
        ParallelPlan plan = PlanOf(1, 2, StepTraits.None);
        StepPlan step = RandomStep.Of(new Random(0), plan, Batch, StepTraits.None, _ => [0, 1]);
        RankFailedException failed = Assert.Throws<RankFailedException>(() => SlicedAttention<Grouped>.Of(
            plan, Batch, step, 0, new RingDatapaths((Datapath)(-1), (Datapath)(-1))));
        Assert.Contains("Nothing runs the datapath -1", failed.Message, StringComparison.Ordinal);
    }

    private static RingDatapaths Everywhere(Datapath datapath, int ranks, int nodes) =>
        new(datapath, datapath, [.. Enumerable.Range(0, ranks).Select(rank => rank * nodes / ranks)]);

    private static ParallelPlan PlanOf(int data, int sequence, StepTraits traits) => StepPlanTests.PlanOf(
        new AxesSpec(data, sequence, 1, PipelineSchedule.GPipe, Units, UnitTokens: 96 * sequence), traits);

    /// <summary>A ring may join any ranks of both axes: where the sequence axis cannot have so many, the data axis has them.</summary>
    private static ParallelPlan PlanOf(int ranks, StepTraits traits) =>
        TinyModel<Untied>.Context % (2 * ranks) == 0 ? PlanOf(1, ranks, traits) : PlanOf(ranks, 1, traits);

    private readonly struct Grouped : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 8;
    }
}
