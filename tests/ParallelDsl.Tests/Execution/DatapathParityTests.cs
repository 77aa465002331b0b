using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>A step where ranks swap tokens for heads computes what one rank computes, whatever the model's heads and the rings.</summary>
public sealed class DatapathParityTests(ITestOutputHelper output)
{
    // Long-tailed: one sequence is longer than all others together.
    private static readonly List<int[]> LongTailed = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);
    private static readonly Lazy<StepRun> Reference = new(() => StepRun.OnOneRank(LongTailed));

    /// <summary>One, two, three and six key-value heads on 2 to 8 sequence ranks, as the step planner lays them out.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void EveryNumberOfHeadsEqualsOneRank(int ranks)
    {
        Check<WideHeads>(ranks);
        Check<Untied>(ranks);
        Check<SixHeads>(ranks);
        Check<TwelveHeads>(ranks);
    }

    /// <summary>Any rings, cuts and units, rings of both kinds beside each other, over channels that hold one message and that hold many; the
    /// same run twice gives the same bits.</summary>
    [Theory]
    [InlineData(1, 4, 1, PipelineSchedule.OneForwardOneBackward, 0)]
    [InlineData(2, 2, 1, PipelineSchedule.GPipe, 1)]
    [InlineData(4, 2, 1, PipelineSchedule.GPipe, 2)]
    [InlineData(2, 2, 2, PipelineSchedule.GPipe, 2)]
    [InlineData(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 1)]
    [InlineData(2, 2, 2, PipelineSchedule.ZeroBubbleV, 0)]
    [InlineData(1, 3, 2, PipelineSchedule.ZeroBubbleH1, 2)]
    public void RandomStepsEqualOneRank(int data, int sequence, int pipeline, PipelineSchedule schedule, int kind)
    {
        StepTraits traits = ((StepTraits[])[StepTraits.None, StepTraits.Slices | StepTraits.Asymmetric, StepTraits.All])[kind];
        foreach ((Datapath intraNode, Datapath interNode) in ((Datapath, Datapath)[])
            [(Datapath.AllToAll, Datapath.AllToAll), (Datapath.Ring, Datapath.AllToAll), (Datapath.AllToAll, Datapath.Ring)])
        {
            ParallelPlan plan = StepPlanTests.PlanOf(
                new AxesSpec(data, sequence, pipeline, schedule, 4, UnitTokens: 96 * sequence, Datapath: intraNode, InterNodeDatapath: interNode), traits);
            for (int seed = 0; seed < 2; seed++)
            {
                StepPlan step = RandomStep.Of(new Random(seed), plan, LongTailed, traits);
                StepRun run = StepRun.Of(plan, LongTailed, step);
                double difference = run.DifferenceTo(Reference.Value);
                Assert.True(difference < 1e-5, $"seed {seed}: differs by {difference:E2}");
                StepRun.Of(plan, LongTailed, step, capacity: 64).AssertSameBits(run);
            }
        }
    }

    /// <summary>On paths over nodes, across rails and along them, of rings of all ranks and of fewer.</summary>
    [Theory]
    [InlineData(NodeRail.Cross)]
    [InlineData(NodeRail.Aligned)]
    public void PathsOverNodesEqualOneRank(NodeRail rail)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(
            new AxesSpec(
                1, 8, 1, PipelineSchedule.GPipe, 2, UnitTokens: 768, Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Hamiltonian, Rail: rail),
            StepTraits.None);
        int[][] rings = [[0, 1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5], [0, 1, 6, 7], [1, 4], [0, 1, 2, 3]];
        StepPlan step = RandomStep.Of(new Random(3), plan, LongTailed, StepTraits.Slices, index => rings[index % rings.Length]);
        StepRun run = StepRun.Of(plan, LongTailed, step);
        double difference = run.DifferenceTo(Reference.Value);
        Assert.True(difference < 1e-5, $"differs by {difference:E2}");
    }

    /// <summary>Rings with the same two ranks in other orders, and larger ones around them: what one exchange sends is never taken for what
    /// another does.</summary>
    [Theory]
    [InlineData(Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData(Datapath.AllToAll, Datapath.Ring)]
    [InlineData(Datapath.Ring, Datapath.AllToAll)]
    public void ManyRingsOfTheSameRanksEqualOneRank(Datapath intraNode, Datapath interNode)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(
            new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 2, UnitTokens: 384, Datapath: intraNode, InterNodeDatapath: interNode), StepTraits.None);
        int[][] rings = [[0, 1, 2, 3], [0, 1], [1, 0], [2, 3], [3, 1], [0, 2, 3], [1, 3], [2], [3, 2, 1, 0]];
        StepPlan step = RandomStep.Of(new Random(1), plan, LongTailed, StepTraits.Slices, index => rings[index]);
        Assert.Contains(Zone.InterNode, step.RingZones[..step.RingCount]);
        Assert.Contains(Zone.IntraNode, step.RingZones[..step.RingCount]);
        StepRun run = StepRun.Of(plan, LongTailed, step);
        double difference = run.DifferenceTo(Reference.Value);
        Assert.True(difference < 1e-5, $"differs by {difference:E2}");
    }

    private void Check<TTiny>(int ranks)
        where TTiny : struct, ITinyShape
    {
        ParallelPlan plan = TinyModel<TTiny>.PlanFor(new AxesSpec(
            1, ranks, 1, MicroBatches: 2, UnitTokens: 48 * ranks, Datapath: Datapath.AllToAll, InterNodeDatapath: Datapath.AllToAll));
        StepPlan step = new();
        Assert.True(StepPlanner.TryPlan(StepConstants.Of(plan), [.. LongTailed.Select(tokens => tokens.Length - 1)], step));
        double difference = StepRun.Of<TTiny>(plan, LongTailed, step).DifferenceTo(StepRun.OnOneRank<TTiny>(LongTailed));
        output.WriteLine($"{typeof(TTiny).Name}: largest relative difference {difference:E2}");
        Assert.True(difference < 1e-5, $"{typeof(TTiny).Name} differs by {difference:E2}");
    }
}
