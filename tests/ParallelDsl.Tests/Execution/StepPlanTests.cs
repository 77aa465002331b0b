using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>Any step plan that respects the order of the program, on any mesh and schedule, computes what one rank computes.</summary>
public sealed class StepPlanTests(ITestOutputHelper output)
{
    // Long-tailed: one sequence is longer than all others together.
    private static readonly List<int[]> LongTailed = BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);
    private static readonly Lazy<StepRun> LongTailedReference = new(() => StepRun.OnOneRank(LongTailed));

    public static TheoryData<int, int, int, PipelineSchedule, int, StepTraits> Cases()
    {
        TheoryData<int, int, int, PipelineSchedule, int, StepTraits> data = [];
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric, StepTraits.Remap, StepTraits.All])
        {
            // Without a pipeline, and with every schedule.
            data.Add(1, 1, 1, PipelineSchedule.GPipe, 1, traits);
            data.Add(1, 4, 1, PipelineSchedule.OneForwardOneBackward, 1, traits);
            data.Add(2, 2, 1, PipelineSchedule.GPipe, 1, traits);
            data.Add(4, 2, 1, PipelineSchedule.GPipe, 1, traits);
            data.Add(3, 1, 2, PipelineSchedule.GPipe, 1, traits);
            data.Add(2, 2, 2, PipelineSchedule.GPipe, 1, traits);
            data.Add(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 1, traits);
            data.Add(2, 1, 2, PipelineSchedule.Interleaved, 2, traits);
            data.Add(1, 2, 3, PipelineSchedule.ZeroBubbleH1, 0, traits);
            data.Add(2, 1, 2, PipelineSchedule.ZeroBubbleH2, 0, traits);
            data.Add(2, 2, 2, PipelineSchedule.ZeroBubbleV, 0, traits);
            data.Add(1, 2, 2, PipelineSchedule.DualPipeV, 0, traits);
            data.Add(2, 1, 2, PipelineSchedule.Adaptive, 0, traits);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ARandomStepEqualsOneRank(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks, StepTraits traits)
    {
        ParallelPlan plan = PlanOf(new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96 * sequence), traits);
        double worst = 0;
        for (int seed = 0; seed < 2; seed++)
        {
            StepPlan step = RandomStep.Of(new Random(seed), plan, LongTailed, traits);
            double difference = StepRun.Of(plan, LongTailed, step).DifferenceTo(LongTailedReference.Value);
            Assert.True(difference < 1e-5, $"seed {seed}: differs by {difference:E2}");
            worst = Math.Max(worst, difference);
        }

        output.WriteLine($"largest relative difference {worst:E2}");
    }

    /// <summary>Slices of the vocabulary hold what a softmax needs among their activations, which are gathered too.</summary>
    [Theory]
    [InlineData(1, 1, 1, PipelineSchedule.GPipe, 3)]
    [InlineData(2, 2, 2, PipelineSchedule.GPipe, 4)]
    [InlineData(2, 1, 2, PipelineSchedule.ZeroBubbleH1, 2)]
    [InlineData(1, 2, 2, PipelineSchedule.ZeroBubbleV, 3)]
    public void SlicesOfTheVocabularyEqualOneRank(int data, int sequence, int pipeline, PipelineSchedule schedule, int slices)
    {
        ParallelPlan plan = PlanOf(new AxesSpec(data, sequence, pipeline, schedule, 4, UnitTokens: 96 * sequence, VocabularySlices: slices), StepTraits.All);
        for (int seed = 0; seed < 3; seed++)
            AssertEqualsOneRank(plan, RandomStep.Of(new Random(seed), plan, LongTailed, StepTraits.All), seed);
    }

    /// <summary>Weight gradients of all units after everything else: gathered activations are held until then.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 2)]
    public void LateWeightGradientsEqualOneRank(int data, int sequence, int pipeline)
    {
        ParallelPlan plan = PlanOf(new AxesSpec(data, sequence, pipeline, PipelineSchedule.GPipe, 4, UnitTokens: 96 * sequence), StepTraits.All);
        plan = plan with
        {
            Programs = PipelinePrograms.Build(PipelineSchedule.GPipe, pipeline, 4, 1, splitBackward: true).Select(program => new PipelineProgram(new([
                .. program.Actions.Where(action => action.Kind != ActionKind.BackwardWeight),
                .. program.Actions.Where(action => action.Kind == ActionKind.BackwardWeight)]))).ToEquatableArray(),
        };
        for (int seed = 0; seed < 3; seed++)
            AssertEqualsOneRank(plan, RandomStep.Of(new Random(seed), plan, LongTailed, StepTraits.All), seed);
    }

    /// <summary>Any partition, placement and order of a program whose stages take the units in order, under any step plan that respects it.</summary>
    [Fact]
    public void RandomProgramsWithRandomStepsEqualOneRank()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            (int data, int sequence, int devices) = (random.Next(1, 3), random.Next(1, 3), random.Next(1, 3));
            StepTraits traits = (StepTraits)random.Next(8);
            ParallelPlan plan = PlanOf(
                new AxesSpec(data, sequence, devices, PipelineSchedule.GPipe, 5, UnitTokens: 96 * sequence, VocabularySlices: random.Next(1, 4)), traits);
            RandomProgram program = new(random, plan.Layers.Count, devices, 5, inOrder: true);
            plan = plan with
            {
                Stages = program.StageDevices.Select((device, stage) => new PlannedStage(
                    stage, program.Boundaries[stage], program.Boundaries[stage + 1] - program.Boundaries[stage], device, 1, 1, 1, 1)).ToEquatableArray(),
                Programs = program.Programs,
            };
            AssertEqualsOneRank(plan, RandomStep.Of(random, plan, LongTailed, traits), seed);
        }
    }

    private static void AssertEqualsOneRank(ParallelPlan plan, StepPlan step, int seed)
    {
        double difference = StepRun.Of(plan, LongTailed, step).DifferenceTo(LongTailedReference.Value);
        Assert.True(difference < 1e-5, $"seed {seed}: differs by {difference:E2}");
    }

    internal static List<int[]> BatchOf(params int[] lengths) => [.. lengths.Select((length, index) =>
        Enumerable.Range(0, length + 1).Select(position => (7 + (index * 13) + (position * position * 29)) % TinyModel<Untied>.Vocabulary).ToArray())];

    internal static ParallelPlan PlanOf(AxesSpec axes, StepTraits traits)
    {
        int ranks = axes.Data * axes.Sequence * axes.Pipeline;
        ParallelPlan plan = TinyModel<Untied>.PlanFor(axes, nodes: ranks % 2 == 0 ? 2 : 1);
        return plan with { Batching = plan.Batching with { Remaps = traits.HasFlag(StepTraits.Remap) } };
    }
}
