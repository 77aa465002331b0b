using ParallelDsl.Planning.Packing;
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
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ARandomStepEqualsOneRank(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks, StepTraits traits)
    {
        ParallelPlan plan = PlanOf(new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96 * sequence), traits);
        double worst = 0;
        for (int seed = 0; seed < 3; seed++)
        {
            StepPlan step = RandomStep.Of(new Random(seed), plan, LongTailed, traits);
            double difference = StepRun.Of(plan, LongTailed, step).DifferenceTo(LongTailedReference.Value);
            Assert.True(difference < 1e-5, $"seed {seed}: differs by {difference:E2}");
            worst = Math.Max(worst, difference);
        }

        output.WriteLine($"largest relative difference {worst:E2}");
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
