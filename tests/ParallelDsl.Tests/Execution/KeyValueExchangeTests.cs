using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Attention under every datapath, causal and full: equal to naive attention in float64, over channels that hold one message; the
/// same in every run; one ring is plain ring attention bit by bit.</summary>
public sealed class KeyValueExchangeTests
{
    private const int Units = 4;

    // Sequences much shorter than the ring and its parts, of odd lengths, and a long one.
    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(47, 9, 1, 5, 14, 2, 1);

    private static readonly int[] AnyRanks = [2, 3, 4, 5, 6, 7, 8, 12, 14];

    private static readonly Datapath[] All =
        [Datapath.Ring, Datapath.BidirectionalRing, Datapath.DoubleRing, Datapath.Pairwise, Datapath.AllGather, Datapath.Hamiltonian];

    public static TheoryData<Datapath, int, bool> Sizes()
    {
        TheoryData<Datapath, int, bool> data = [];
        foreach (Datapath datapath in (Datapath[])[.. All, Datapath.AllToAll])
        {
            foreach (int ranks in AnyRanks)
            {
                data.Add(datapath, ranks, true);
                data.Add(datapath, ranks, false);
            }
        }

        return data;
    }

    /// <summary>Whole sequences, slices that read earlier ones, and other units in the backward; in one node, and evenly over several. Under
    /// full attention slices share a unit, or sequences are whole.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void AnyRanksEqualFloat64(Datapath datapath, int ranks, bool isCausal)
    {
        foreach (StepTraits traits in isCausal ? [StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric] : (StepTraits[])[StepTraits.Slices, StepTraits.Asymmetric])
        {
            foreach (int nodes in (int[])[1, 2, 3])
            {
                // All other ways are the same over any nodes.
                if (ranks % nodes != 0 || (nodes > 1 && datapath is not (Datapath.DoubleRing or Datapath.Hamiltonian)))
                    continue;
                ParallelPlan plan = PlanOf(ranks, traits);
                StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, traits, _ => [.. Enumerable.Range(0, ranks)]);
                using SlicedAttention<Grouped> run = Run(capacity: 1);
                run.AssertEqualsFloat64();
                if (traits == StepTraits.None)
                    continue;
                using SlicedAttention<Grouped> again = Run(capacity: 64);
                Assert.Equal(run.Bits, again.Bits);

                SlicedAttention<Grouped> Run(int capacity) =>
                    SlicedAttention<Grouped>.Of(plan, Batch, step, ranks, Everywhere(datapath, ranks, nodes), capacity, isCausal);
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

    /// <summary>The same under full attention, with rings of one rank among them, which read keys where they are.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian, Datapath.DoubleRing)]
    [InlineData(Datapath.AllGather, Datapath.AllToAll)]
    public void RandomRingsInFullEqualFloat64(Datapath intraNode, Datapath interNode)
    {
        foreach (StepTraits traits in (StepTraits[])[StepTraits.Slices, StepTraits.Asymmetric])
        {
            for (int seed = 0; seed < 3; seed++)
            {
                ParallelPlan plan = PlanOf(3, 2, traits);
                StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
                using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(
                    plan, Batch, step, seed, new RingDatapaths(intraNode, interNode, [0, 0, 1, 1, 2, 2]), isCausal: false);
                run.AssertEqualsFloat64();
            }
        }
    }

    /// <summary>Rows of one token: some lanes carry nothing, some members have no rows at all, and nothing is sent for them.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(3, true)]
    [InlineData(3, false)]
    public void FewerRowsThanPartsEqualFloat64(int length, bool isCausal)
    {
        List<int[]> batch = StepPlanTests.BatchOf(length);
        foreach (Datapath datapath in (Datapath[])[.. All, Datapath.AllToAll])
        {
            ParallelPlan plan = PlanOf(1, 8, StepTraits.None);
            StepPlan step = RandomStep.Of(new Random(0), plan, batch, StepTraits.None, _ => [.. Enumerable.Range(0, 8)]);
            using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.Of(plan, batch, step, 1, Everywhere(datapath, 8, 2), isCausal: isCausal);
            run.AssertEqualsFloat64();
        }
    }

    /// <summary>One lane does to the last bit what a ring did before there were several: own keys first, then those of the member before, and
    /// so on; a gradient starts at its owner and every member adds to it in turn. A set of one ring is no other.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OneRingIsPlainRingAttentionBitByBit(bool isCausal)
    {
        foreach (int ranks in AnyRanks)
        {
            ParallelPlan plan = PlanOf(ranks, StepTraits.None);
            int[] order = [.. Enumerable.Range(0, ranks)];
            RingDatapaths set = new(
                Datapath.Hamiltonian, Datapath.Hamiltonian, null, new PlannedRings(Datapath.Hamiltonian, new RingSet(RingSetKind.Cycles, ranks, 1, new([new(order)]))));
            StepPlan step = RandomStep.Of(new Random(7), plan, Batch, StepTraits.None, _ => order);
            using SlicedAttention<Grouped> plain = SlicedAttention<Grouped>.OfPlainRing(plan, Batch, step, 3, isCausal);
            using SlicedAttention<Grouped> ring = SlicedAttention<Grouped>.Of(plan, Batch, step, 3, isCausal: isCausal);
            using SlicedAttention<Grouped> ofSet = SlicedAttention<Grouped>.Of(plan, Batch, step, 3, set, isCausal: isCausal);
            Assert.Equal(plain.Bits, ring.Bits);
            Assert.Equal(plain.Bits, ofSet.Bits);
        }
    }

    /// <summary>Where lengths divide, all ranks compute the same number of pairs in a hop: of eight ranks with heads and tails of seven rows
    /// the published 105 of their own, then 98.</summary>
    [Theory]
    [InlineData(Datapath.Hamiltonian, 8, 1, true, 105, 98)]
    [InlineData(Datapath.Pairwise, 8, 1, true, 105, 98)]
    [InlineData(Datapath.Hamiltonian, 12, 1, true, 253, 242)]
    [InlineData(Datapath.Hamiltonian, 12, 2, true, 990, 968)]
    [InlineData(Datapath.Ring, 12, 1, true, 253, 242)]
    [InlineData(Datapath.Hamiltonian, 8, 1, false, 196, 196)]
    [InlineData(Datapath.Pairwise, 12, 1, false, 484, 484)]
    public void EveryHopIsEqualWork(Datapath datapath, int ranks, int rows, bool isCausal, int own, int others)
    {
        int length = 2 * ranks * (ranks - 1) * rows;
        List<int[]> batch = StepPlanTests.BatchOf(length);
        ParallelPlan plan = PlanOf(ranks, StepTraits.None);
        plan = plan with { Model = plan.Model with { ContextLength = length } };
        StepPlan step = RandomStep.Of(new Random(0), plan, batch, StepTraits.None, _ => [.. Enumerable.Range(0, ranks)]);
        for (int rank = 0; rank < ranks; rank++)
        {
            StepLayout layout = new(
                plan.Mesh.Data, plan.Mesh.Sequence, Units, rank, nodes: null, datapaths: Everywhere(datapath, ranks, 1), isCausal: isCausal);
            layout.Build(batch, step);
            UnitRing ring = layout.Forward[step.Slices[0].ForwardUnit].Rings[0];
            Assert.Equal(ranks - 1, ring.Itinerary.Hops);
            for (int hop = 0; hop < ranks; hop++)
                Assert.Equal(hop == 0 ? own : others, ring.BlocksAt(hop).ToArray().Sum(block => block.Area));
        }
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

    /// <summary>As many heads of keys as of queries, and one for all of them.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 3)]
    [InlineData(Datapath.Hamiltonian, 5)]
    [InlineData(Datapath.Pairwise, 4)]
    [InlineData(Datapath.AllGather, 3)]
    [InlineData(Datapath.AllToAll, 4)]
    public void AnyGroupsOfHeadsEqualFloat64(Datapath datapath, int ranks)
    {
        ParallelPlan plan = PlanOf(ranks, StepTraits.Slices);
        StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, StepTraits.Slices, _ => [.. Enumerable.Range(0, ranks)]);
        using SlicedAttention<Single> single = SlicedAttention<Single>.Of(plan, Batch, step, 2, Everywhere(datapath, ranks, 1));
        single.AssertEqualsFloat64();
        using SlicedAttention<Shared> shared = SlicedAttention<Shared>.Of(plan, Batch, step, 2, Everywhere(datapath, ranks, 1), isCausal: false);
        shared.AssertEqualsFloat64();
    }

    /// <summary>All lanes of the next hop are expected while a hop is computed, and their memory is nobody else's until then: of seven rings seven
    /// messages at once, of gradients as many.</summary>
    [Theory]
    [InlineData(Datapath.Ring, 8, 1)]
    [InlineData(Datapath.BidirectionalRing, 8, 2)]
    [InlineData(Datapath.Hamiltonian, 8, 7)]
    [InlineData(Datapath.Pairwise, 8, 7)]
    [InlineData(Datapath.AllGather, 8, 7)]
    [InlineData(Datapath.Hamiltonian, 5, 4)]
    public void AllLanesOfAHopAreExpectedAtOnce(Datapath datapath, int ranks, int lanes)
    {
        // Enough rows for every lane.
        List<int[]> batch = StepPlanTests.BatchOf(90, 9, 1);
        ParallelPlan plan = PlanOf(ranks, 1, StepTraits.Slices);
        plan = plan with { Model = plan.Model with { ContextLength = 96 } };
        int[] ring = [.. Enumerable.Range(0, ranks)];
        StepPlan step = RandomStep.Of(new Random(ranks), plan, batch, StepTraits.Slices, _ => ring);
        using SlicedAttention<Grouped> expected = SlicedAttention<Grouped>.Of(plan, batch, step, 3, Everywhere(datapath, ranks, 1));
        RankThreads.Run(InProcessWorld.Create(ranks), inner =>
        {
            using ExpectingTransport transport = new(inner);
            using SlicedAttention<Grouped> run = SlicedAttention<Grouped>.OfRank(transport, plan, batch, step, 3, Everywhere(datapath, ranks, 1), isCausal: true);
            run.AssertSameRows(expected, plan, transport.Rank, Everywhere(datapath, ranks, 1));
            Assert.Equal(lanes, transport.MostAtOnce);
            Assert.Equal(0, transport.Left);
        }, TimeSpan.FromSeconds(20));
    }

    /// <summary>Where a rank fails in a hop, nothing that is on its way may arrive in parcels that are freed.</summary>
    [Fact]
    public void AFailureForgetsWhatIsExpected()
    {
        const int Ranks = 8;
        ParallelPlan plan = PlanOf(Ranks, 1, StepTraits.Slices);
        int[] ring = [.. Enumerable.Range(0, Ranks)];
        StepPlan step = RandomStep.Of(new Random(Ranks), plan, Batch, StepTraits.Slices, _ => ring);
        int[] left = [.. Enumerable.Repeat(-1, Ranks)];
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RankThreads.Run(InProcessWorld.Create(Ranks), inner =>
        {
            int sends = 0;
            using CountingTransport counting = new(inner, (_, _) =>
            {
                if (inner.Rank == 2 && Interlocked.Increment(ref sends) == 30)
                    throw new InvalidOperationException("the cable was pulled");
            });
            using ExpectingTransport transport = new(counting);
            try
            {
                SlicedAttention<Grouped>.OfRank(transport, plan, Batch, step, 3, Everywhere(Datapath.Hamiltonian, Ranks, 1), isCausal: true).Dispose();
            }
            finally
            {
                left[transport.Rank] = transport.Left;
            }
        }, TimeSpan.FromSeconds(20)));
        Assert.Contains("the cable was pulled", failed.ToString(), StringComparison.Ordinal);
        Assert.All(left, count => Assert.Equal(0, count));
    }

    /// <summary>Rings that a plan brings, fewer than there could be: of four and six ranks too, which have no n - 1.</summary>
    [Theory]
    [InlineData(4, 2)]
    [InlineData(6, 2)]
    [InlineData(8, 3)]
    [InlineData(8, 1)]
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

    private readonly struct Single : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 4;

        public static int HeadWidth => 8;
    }

    private readonly struct Shared : IAttentionShape
    {
        public static int Heads => 6;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => 8;
    }

    private readonly struct Grouped : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 8;
    }
}
