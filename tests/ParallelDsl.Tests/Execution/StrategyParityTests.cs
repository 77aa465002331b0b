using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>Declared strategies, planned by the step planner and run: losses, gradients and weights are those of one rank.</summary>
public sealed class StrategyParityTests(ITestOutputHelper output)
{
    private const int Steps = 4;
    private const int Context = TinyModel<Untied>.Context;

    private static readonly TrainerOptions Options = new() { Steps = Steps, WarmUpSteps = 2, LearningRate = 1e-3f, Epsilon = 1e-5f };

    public static TheoryData<string, int, int, int, int, PipelineSchedule, int> Strategies()
    {
        TheoryData<string, int, int, int, int, PipelineSchedule, int> data = [];
        foreach (string strategy in (string[])["asymmetric", "hierarchical", "joint"])
        {
            // Nodes, data, sequence, pipeline, schedule, units.
            data.Add(strategy, 1, 2, 1, 1, PipelineSchedule.OneForwardOneBackward, 4);
            data.Add(strategy, 1, 1, 2, 1, PipelineSchedule.GPipe, 4);
            data.Add(strategy, 2, 2, 2, 1, PipelineSchedule.GPipe, 3);
            data.Add(strategy, 2, 1, 4, 1, PipelineSchedule.OneForwardOneBackward, 2);
            data.Add(strategy, 2, 4, 2, 1, PipelineSchedule.GPipe, 2);
            data.Add(strategy, 2, 2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4);
            data.Add(strategy, 2, 2, 2, 2, PipelineSchedule.GPipe, 4);
            data.Add(strategy, 1, 1, 2, 4, PipelineSchedule.OneForwardOneBackward, 6);
            data.Add(strategy, 1, 2, 1, 3, PipelineSchedule.OneForwardOneBackward, 5);
            data.Add(strategy, 2, 2, 2, 2, PipelineSchedule.ZeroBubbleH1, 4);
            data.Add(strategy, 2, 2, 2, 2, PipelineSchedule.Interleaved, 4);
            data.Add(strategy, 1, 2, 2, 2, PipelineSchedule.ZeroBubbleV, 4);
            data.Add(strategy, 1, 1, 2, 2, PipelineSchedule.DualPipeV, 4);
            data.Add(strategy, 1, 2, 1, 2, PipelineSchedule.Adaptive, 4);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void EveryStrategyEqualsOneRank(string strategy, int nodes, int data, int sequence, int pipeline, PipelineSchedule schedule, int microBatches)
    {
        AssertEqualsOneRank(PlanOf(strategy, nodes, data, sequence, pipeline, schedule, microBatches));
    }

    /// <summary>Rings that swap tokens for heads, alone and beside others.</summary>
    [Theory]
    [InlineData("hierarchical", 2, 1, 4, 1, PipelineSchedule.OneForwardOneBackward, 2, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData("hierarchical", 2, 2, 2, 2, PipelineSchedule.ZeroBubbleH1, 4, Datapath.AllToAll, Datapath.Ring)]
    [InlineData("asymmetric", 1, 2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData("asymmetric", 1, 1, 4, 1, PipelineSchedule.GPipe, 4, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData("joint", 2, 4, 2, 1, PipelineSchedule.GPipe, 2, Datapath.Ring, Datapath.AllToAll)]
    [InlineData("joint", 2, 4, 2, 1, PipelineSchedule.GPipe, 2, Datapath.AllToAll, Datapath.Ring)]
    [InlineData("joint", 2, 2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4, Datapath.Ring, Datapath.AllToAll)]
    [InlineData("joint", 1, 1, 8, 1, PipelineSchedule.GPipe, 4, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData("joint", 2, 2, 4, 1, PipelineSchedule.GPipe, 2, Datapath.Hamiltonian, Datapath.Hamiltonian)]
    [InlineData("joint", 1, 1, 8, 1, PipelineSchedule.GPipe, 4, Datapath.Hamiltonian, Datapath.Ring)]
    [InlineData("joint", 2, 2, 4, 1, PipelineSchedule.GPipe, 2, Datapath.Pairwise, Datapath.DoubleRing)]
    [InlineData("joint", 2, 2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4, Datapath.BidirectionalRing, Datapath.AllGather)]
    [InlineData("asymmetric", 1, 1, 4, 1, PipelineSchedule.GPipe, 4, Datapath.BidirectionalRing, Datapath.Automatic)]
    public void EveryDatapathEqualsOneRank(
        string strategy, int nodes, int data, int sequence, int pipeline, PipelineSchedule schedule, int microBatches, Datapath intraNode, Datapath interNode) =>
        AssertEqualsOneRank(PlanOf(strategy, nodes, data, sequence, pipeline, schedule, microBatches, intraNode, interNode));

    /// <summary>Data ranks that share nodes, as a plan file may have them: a ring over several goes node by node, and so leaves a data rank and comes
    /// back to it.</summary>
    [Theory]
    [InlineData("joint", Datapath.Ring, Datapath.Ring)]
    [InlineData("joint", Datapath.Ring, Datapath.DoubleRing)]
    [InlineData("joint", Datapath.Ring, Datapath.Hamiltonian)]
    [InlineData("asymmetric", Datapath.Ring, Datapath.Ring)]
    [InlineData("asymmetric", Datapath.AllToAll, Datapath.AllToAll)]
    public void DataRanksThatShareNodesEqualOneRank(string strategy, Datapath intraNode, Datapath interNode)
    {
        ParallelPlan plan = PlanOf(strategy, 2, 4, 2, 1, PipelineSchedule.GPipe, 1, intraNode, interNode);
        Mesh mesh = plan.Mesh with { Order = [Axis.Data, Axis.Sequence, Axis.Pipeline] };

        // Wide rings, whether or not transfers hide.
        AxesSpec axes = plan.Axes with { OverlapPercent = 0 };
        BatchingPlan batching = BatchingPlanner.Plan(new PlanRequest(plan.Model, plan.Cluster, axes), plan.Layers, mesh);
        plan = plan with { Axes = axes, Mesh = mesh, Batching = batching with { Window = plan.Batching.Window, Granule = plan.Batching.Granule }, Reductions = default };
        Assert.Empty(PlanChecks.Validate(plan));
        StepPlan step = new();
        StepPlanner.Plan(StepConstants.Of(plan), [.. Batch(0, Capacity(plan)).Select(tokens => tokens.Length - 1)], step);
        int[] dataRanks = [.. step.RanksOf(step.Slices[0].Ring).ToArray().Select(rank => rank / step.SequenceRanks)];
        output.WriteLine($"data ranks {string.Join(' ', dataRanks)}");
        Assert.True(dataRanks.Zip(dataRanks.Skip(1)).Count(pair => pair.First != pair.Second) >= dataRanks.Distinct().Count(), "no data rank is left and come back to");
        AssertEqualsOneRank(plan);
    }

    private void AssertEqualsOneRank(ParallelPlan plan) => AssertEqualsOneRank<Untied>(plan);

    private void AssertEqualsOneRank<TTiny>(ParallelPlan plan)
        where TTiny : struct, ITinyShape
    {
        ParallelPlan single = Assert.IsType<Planned>(Planner.SingleRank(plan)).Plan;
        List<int[]>[] batches = [.. Enumerable.Range(0, Steps).Select(step => Batch(step, Capacity(plan)))];

        using Trainer<TinyModel<TTiny>> trainer = new(batches[0], Options, plan), reference = new(batches[0], Options, single);
        StepPlan grouping = new();
        foreach (List<int[]> batch in batches)
        {
            StepReport report = trainer.Step(batch), expected = reference.Step(batch);
            Assert.True(StepPlanner.TryPlan(StepConstants.Of(plan), [.. batch.Select(tokens => tokens.Length - 1)], grouping));
            (double difference, string tensor) = GradientTable.Compare(GradientTable.Gradients(reference), GradientTable.Gradients(trainer));
            output.WriteLine($"{grouping.SequenceCount} sequences, {grouping.SliceCount} slices, {grouping.RingCount} rings, symmetric {grouping.IsSymmetric}: loss {report.Loss}, gradient {difference:E2} in {tensor}");
            Assert.True(Math.Abs(report.Loss - expected.Loss) < 1e-5 * expected.Loss, $"loss {report.Loss}, expected {expected.Loss}");
            Assert.True(difference < 1e-5, $"a gradient of {tensor} differs by {difference:E2} of the tensor's largest value");
        }
    }

    /// <summary>Merged data ranks, slices, other units in the backward and remapping in one step.</summary>
    [Theory]
    [InlineData(PipelineSchedule.GPipe, Datapath.Ring, Datapath.Ring)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, Datapath.Ring, Datapath.Ring)]
    [InlineData(PipelineSchedule.GPipe, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, Datapath.AllToAll, Datapath.AllToAll)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, Datapath.Ring, Datapath.AllToAll)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, Datapath.AllToAll, Datapath.Ring)]
    public void EverythingIsActiveAtOnce(PipelineSchedule schedule, Datapath intraNode, Datapath interNode)
    {
        // Two heads are swapped between two ranks at most: more ranks have nothing to do.
        ParallelPlan plan = PlanOf<TwelveHeads>("joint", 2, 2, 2, 2, schedule, 4, intraNode, interNode);
        Assert.True(plan.Batching is { Remaps: true, Window: 4 });
        StepPlan step = new();
        Assert.True(StepPlanner.TryPlan(StepConstants.Of(plan), [.. Batch(0, Capacity(plan)).Select(tokens => tokens.Length - 1)], step));
        Assert.True(step.IsSliced);
        Assert.False(step.IsSymmetric);
        Assert.True(2 * Context > step.TotalTokens, "no sequence is longer than half of the batch");
        Assert.Contains(step.Slices[..step.SliceCount], slice => slice.Sequence == 0 && slice.Length < Context);
        int[] longest = [.. step.RanksOf(step.Slices[0].Ring)];
        Assert.True(longest.Select(rank => rank / step.SequenceRanks).Distinct().Count() == 2, "the longest sequence merges no data ranks");
        AssertEqualsOneRank<TwelveHeads>(plan);
    }

    private static ParallelPlan PlanOf(
        string strategy,
        int nodes,
        int data,
        int sequence,
        int pipeline,
        PipelineSchedule schedule,
        int microBatches,
        Datapath intraNode = Datapath.Ring,
        Datapath interNode = Datapath.Ring) =>
        PlanOf<Untied>(strategy, nodes, data, sequence, pipeline, schedule, microBatches, intraNode, interNode);

    private static ParallelPlan PlanOf<TTiny>(
        string strategy,
        int nodes,
        int data,
        int sequence,
        int pipeline,
        PipelineSchedule schedule,
        int microBatches,
        Datapath intraNode,
        Datapath interNode)
        where TTiny : struct, ITinyShape
    {
        // Where units can exchange slices they are shorter than the context.
        bool slices = strategy != "hierarchical" && schedule is (PipelineSchedule.GPipe or PipelineSchedule.OneForwardOneBackward);
        return TinyModel<TTiny>.PlanFor(
            new AxesSpec(
                data,
                sequence,
                pipeline,
                schedule,
                microBatches,
                UnitTokens: slices ? 32 : 96,
                Packing: strategy == "hierarchical" ? Packing.Tokens : Packing.Asymmetric,
                Balance: strategy == "asymmetric" ? SequenceBalance.Zigzag : SequenceBalance.Hierarchical,
                Datapath: intraNode,
                InterNodeDatapath: interNode),
            nodes);
    }

    private static int Capacity(ParallelPlan plan) =>
        plan.Mesh.Data * plan.Batching.UnitsPerDataRank * plan.Batching.UnitTokens;

    /// <summary>A sequence of the whole context, one of half of it, and short ones: five eighths of what a step holds at most, the first of them at
    /// times more than half of the batch.</summary>
    private static List<int[]> Batch(int seed, int capacity)
    {
        Random random = new(seed);
        List<int> lengths = [Context];
        int rest = Math.Max(4, Math.Min(seed == 0 ? Context / 2 : capacity, (capacity * 5 / 8) - Context));
        while (rest > 0 && lengths.Count < 24)
        {
            int length = random.Next(8) == 0 ? random.Next(1, (Context / 2) + 1) : random.Next(1, 9);
            lengths.Add(Math.Min(rest, length));
            rest -= lengths[^1];
        }

        return [.. lengths.Select(length => Enumerable.Range(0, length + 1).Select(_ => random.Next(TinyModel<Untied>.Vocabulary)).ToArray())];
    }
}
