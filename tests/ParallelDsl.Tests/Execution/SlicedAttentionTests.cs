using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tests.Execution;

/// <summary>Attention over rings, slices and units against naive attention in float64 over whole sequences: output, log-sum-exp and all three
/// gradients.</summary>
public sealed class SlicedAttentionTests
{
    private const int Units = 4;

    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(37, 9, 1, 5, 14, 2, 1);

    public static TheoryData<int, int, StepTraits, int> Cases()
    {
        TheoryData<int, int, StepTraits, int> data = [];
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric])
        {
            for (int seed = 0; seed < 3; seed++)
            {
                data.Add(1, 1, traits, seed);
                data.Add(1, 4, traits, seed);
                data.Add(3, 2, traits, seed);
                data.Add(2, 4, traits, seed);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EqualsNaiveAttentionInFloat64(int data, int sequence, StepTraits traits, int seed)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(data, sequence, 1, PipelineSchedule.GPipe, Units, UnitTokens: 96 * sequence), traits);
        StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
        using SlicedAttention<Shape> run = SlicedAttention<Shape>.Of(plan, Batch, step, seed);
        run.AssertEqualsFloat64();
    }

    private readonly struct Shape : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 8;
    }
}
