using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Attention where ranks swap tokens for heads, on all rings of a unit or beside rings where keys travel: equal to naive attention in
/// float64, over channels that hold one message.</summary>
public sealed class HeadExchangeTests
{
    private const int Units = 4;

    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(37, 9, 1, 5, 14, 2, 1);

    public static TheoryData<int, int, StepTraits> Sizes()
    {
        TheoryData<int, int, StepTraits> data = [];
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric])
        {
            foreach (int ranks in (int[])[2, 3, 4, 6, 8])
            {
                foreach (int keyHeads in (int[])[1, 2, 3, 4, 8])
                    data.Add(ranks, keyHeads, traits);
            }
        }

        return data;
    }

    /// <summary>Heads that the ranks divide evenly, unevenly, and fewer heads than ranks; sequences shorter than the ring.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void AnyRanksWithAnyHeadsEqualFloat64(int ranks, int keyHeads, StepTraits traits)
    {
        switch (keyHeads)
        {
            case 1:
                Check<Heads1>(ranks, traits);
                break;
            case 2:
                Check<Heads2>(ranks, traits);
                break;
            case 3:
                Check<Heads3>(ranks, traits);
                break;
            case 4:
                Check<Heads4>(ranks, traits);
                break;
            default:
                Check<Heads8>(ranks, traits);
                break;
        }
    }

    /// <summary>Random rings over some or all ranks, of both kinds in one unit.</summary>
    [Theory]
    [InlineData(Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData(Datapath.Ring, Datapath.AllToAll)]
    [InlineData(Datapath.AllToAll, Datapath.Ring)]
    public void RingsOfBothKindsEqualFloat64(Datapath intraNode, Datapath interNode)
    {
        foreach ((int data, int sequence) in ((int, int)[])[(1, 4), (2, 2), (3, 2), (2, 4), (4, 2)])
        {
            foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices | StepTraits.Asymmetric])
            {
                for (int seed = 0; seed < 4; seed++)
                {
                    ParallelPlan plan = PlanOf(data, sequence, traits);
                    StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
                    using SlicedAttention<Heads3> run = SlicedAttention<Heads3>.Of(plan, Batch, step, seed, new RingDatapaths(intraNode, interNode));
                    run.AssertEqualsFloat64();
                }
            }
        }
    }

    /// <summary>A row of a head is computed by one rank in the order of its sequence: on rings of any size, and in any run, the same bits.</summary>
    [Theory]
    [InlineData(StepTraits.None, true)]
    [InlineData(StepTraits.Slices, true)]
    [InlineData(StepTraits.Slices, false)]
    public void TheNumberOfRanksChangesNoBit(StepTraits traits, bool isCausal)
    {
        int[]? expected = null;
        foreach (int ranks in (int[])[2, 3, 4, 4, 6, 8])
        {
            // The cuts follow from the seed: the random ring takes no numbers.
            ParallelPlan plan = PlanOf(1, ranks, traits);
            StepPlan step = RandomStep.Of(new Random(3), plan, Batch, traits, _ => [.. Enumerable.Range(0, ranks)]);
            using SlicedAttention<Heads3> run = SlicedAttention<Heads3>.Of(plan, Batch, step, 1, Everywhere, capacity: ranks, isCausal);
            expected ??= run.Bits;
            Assert.Equal(expected, run.Bits);
        }
    }

    /// <summary>What travels: of every token all heads but its holder's own, once; and as much of the result.</summary>
    [Fact]
    public void EveryHeadOfATokenTravelsOnce()
    {
        const int Ranks = 4, Width = 8, KeyHeads = 2, Heads = 4;
        List<int[]> batch = StepPlanTests.BatchOf(32);
        ParallelPlan plan = PlanOf(1, Ranks, StepTraits.None);
        StepPlan step = RandomStep.Of(new Random(0), plan, batch, StepTraits.None, _ => [0, 1, 2, 3]);
        long[] sent = new long[Ranks];
        RankThreads.Run(InProcessWorld.Create(Ranks, capacity: 1), inner =>
        {
            using CountingTransport transport = new(inner);
            StepLayout layout = new(1, Ranks, Units, transport.Rank, nodes: null, datapaths: Everywhere);
            layout.Build(batch, step);
            UnitLayout unit = layout.Forward[step.Slices[0].ForwardUnit];
            using RingAttention ring = new(transport, [0, 1, 2, 3]);
            using ThreadTeam team = new(1);
            using Kernels.TestMatrix q = new(8, Heads * Width), k = new(8, KeyHeads * Width), v = new(8, KeyHeads * Width), o = new(8, Heads * Width), lse = new(Heads, 8);
            ring.Forward<Heads2>(team, unit, null, q, k, v, o, lse);
            ring.Flush();

            // Ranks 1 and 3 have a head each; the others have none, and get nothing.
            bool hasHead = transport.Rank % 2 == 1;
            Assert.Equal(new Traffic(hasHead ? 1 : 2, 8 * (hasHead ? 1 : 2) * 4 * Width), transport.SentWith(HopTags.ToHeads));
            Assert.Equal(hasHead ? new Traffic(3, 3 * 8 * 2 * (Width + 1)) : default, transport.SentWith(HopTags.FromHeads));
            Assert.Equal(0, transport.SentWith(HopTags.KeyValue, HopTags.Gradient).Messages);
            sent[transport.Rank] = transport.MessagesSent;
        }, TimeSpan.FromSeconds(10));
        Assert.Equal([2, 4, 2, 4], sent);
    }

    [Fact]
    public void ADatapathThatNothingRunsIsNamed()
    {
        ParallelPlan plan = PlanOf(1, 2, StepTraits.None);
        StepPlan step = RandomStep.Of(new Random(0), plan, Batch, StepTraits.None, _ => [0, 1]);
        RankFailedException failed = Assert.Throws<RankFailedException>(() => SlicedAttention<Heads2>.Of(
            plan, Batch, step, 0, new RingDatapaths((Datapath)99, (Datapath)99)));
        Assert.Contains("Nothing runs the datapath 99", failed.Message, StringComparison.Ordinal);
    }

    private static RingDatapaths Everywhere => new(Datapath.AllToAll, Datapath.AllToAll);

    private static void Check<TShape>(int ranks, StepTraits traits)
        where TShape : struct, IAttentionShape
    {
        ParallelPlan plan = PlanOf(1, ranks, traits);
        StepPlan step = RandomStep.Of(new Random(ranks), plan, Batch, traits, _ => [.. Enumerable.Range(0, ranks)]);
        using SlicedAttention<TShape> run = SlicedAttention<TShape>.Of(plan, Batch, step, ranks, Everywhere);
        run.AssertEqualsFloat64();
    }

    private static ParallelPlan PlanOf(int data, int sequence, StepTraits traits) => StepPlanTests.PlanOf(
        new AxesSpec(data, sequence, 1, PipelineSchedule.GPipe, Units, UnitTokens: 96 * sequence), traits);

    private readonly struct Heads1 : IAttentionShape
    {
        public static int Heads => 3;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => 8;
    }

    private readonly struct Heads2 : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 8;
    }

    private readonly struct Heads3 : IAttentionShape
    {
        public static int Heads => 6;

        public static int KeyValueHeads => 3;

        public static int HeadWidth => 6;
    }

    private readonly struct Heads4 : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 4;

        public static int HeadWidth => 5;
    }

    private readonly struct Heads8 : IAttentionShape
    {
        public static int Heads => 16;

        public static int KeyValueHeads => 8;

        public static int HeadWidth => 4;
    }
}
