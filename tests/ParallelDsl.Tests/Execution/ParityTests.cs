using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>A parallel run equals the run on one rank: losses, gradients, weights.</summary>
public sealed class ParityTests(ITestOutputHelper output)
{
    private const int Steps = 10;

    // Adam divides a gradient by the root of its second moment: with the usual epsilon of 1e-8 an element whose gradient is nothing but
    // rounding noise takes a whole step in the direction of the noise, and later gradients differ by that. Both runs use this one.
    private static readonly TrainerOptions Options = new() { Steps = Steps, WarmUpSteps = 2, LearningRate = 1e-3f, Epsilon = 1e-5f };

    private static readonly Lazy<Run> Reference = new(() => RunOf<Untied>(new AxesSpec(MicroBatches: 4, UnitTokens: 96)));
    private static readonly Lazy<Run> TiedReference = new(() => RunOf<Tied>(new AxesSpec(MicroBatches: 4, UnitTokens: 96)));

    public static TheoryData<int, int, int, PipelineSchedule, int> Meshes()
    {
        TheoryData<int, int, int, PipelineSchedule, int> data = [];
        foreach (int dataRanks in (int[])[1, 2])
        {
            foreach (int sequence in (int[])[1, 2, 4])
            {
                foreach (int pipeline in (int[])[1, 2, 4])
                {
                    data.Add(dataRanks, sequence, pipeline, PipelineSchedule.GPipe, 1);
                    data.Add(dataRanks, sequence, pipeline, PipelineSchedule.OneForwardOneBackward, 1);
                    if (pipeline > 1)
                        data.Add(dataRanks, sequence, pipeline, PipelineSchedule.Interleaved, 2);
                }
            }
        }

        // Several stages on one device with hand-overs, and three devices with uneven stages.
        data.Add(1, 1, 2, PipelineSchedule.Interleaved, 4);
        data.Add(1, 2, 3, PipelineSchedule.OneForwardOneBackward, 1);

        // Split backwards, stages in the shape of a V, and what a search finds: 2 to 8 ranks, with stages of one to four of the 8 layers.
        foreach (PipelineSchedule schedule in Enum.GetValues<PipelineSchedule>().Where(schedule => schedule > PipelineSchedule.Interleaved))
        {
            foreach (int pipeline in (int[])[2, 3, 4])
                data.Add(1, 1, pipeline, schedule, 0);
            data.Add(2, 2, 2, schedule, 0);
            data.Add(1, 2, 4, schedule, 0);
            if (PipelineOrders.DefaultChunks(schedule) == 1)
                data.Add(1, 1, 8, schedule, 0);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Meshes))]
    public void EveryMeshEqualsOneRank(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks)
    {
        int least = PipelineOrders.LeastMicroBatches(schedule, pipeline), microBatches = pipeline == 3 ? least : Math.Max(4, least);
        Run run = RunOf<Untied>(new AxesSpec(data, sequence, pipeline, schedule, microBatches, chunks, UnitTokens: 96));
        Compare(Reference.Value, run);
    }

    [Theory]
    [InlineData(1, 1, 2, PipelineSchedule.OneForwardOneBackward, 1)]
    [InlineData(2, 2, 2, PipelineSchedule.Interleaved, 2)]
    [InlineData(1, 1, 4, PipelineSchedule.GPipe, 1)]
    [InlineData(1, 1, 4, PipelineSchedule.ZeroBubbleH1, 0)]
    [InlineData(2, 1, 2, PipelineSchedule.ZeroBubbleV, 0)]
    [InlineData(1, 2, 2, PipelineSchedule.DualPipeV, 0)]
    [InlineData(1, 1, 4, PipelineSchedule.Adaptive, 0)]
    public void TiedWeightsAreOneTensorAcrossStages(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks) =>
        Compare(TiedReference.Value, RunOf<Tied>(new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96)));

    [Fact]
    public void TheSameRunTwiceIsBitIdentical()
    {
        AxesSpec axes = new(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 4, UnitTokens: 96);
        Run first = RunOf<Untied>(axes), second = RunOf<Untied>(axes);
        Assert.Equal(first.Losses, second.Losses);
        Assert.Equal(first.Norms, second.Norms);
        Assert.All(first.Weights, pair => Assert.Equal(pair.Value, second.Weights[pair.Key]));
    }

    private void Compare(Run expected, Run actual)
    {
        double loss = expected.Losses.Zip(actual.Losses, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max();
        double norm = expected.Norms.Zip(actual.Norms, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max();
        (double Difference, string Tensor) worst = expected.Gradients.Zip(actual.Gradients, GradientTable.Compare).Max();
        output.WriteLine($"largest relative difference: loss {loss:E2}, gradient norm {norm:E2}, gradient {worst.Difference:E2} in {worst.Tensor}");
        Assert.True(loss < 1e-5, $"a loss differs by {loss:E2}");
        Assert.True(norm < 1e-5, $"a gradient norm differs by {norm:E2}");
        Assert.True(worst.Difference < 1e-5, $"a gradient of {worst.Tensor} differs by {worst.Difference:E2} of the tensor's largest value");
    }

    private static Run RunOf<TTiny>(AxesSpec axes)
        where TTiny : struct, ITinyShape
    {
        using Trainer<TinyModel<TTiny>> trainer = new(Batches.Uneven(0), Options, TinyModel<TTiny>.PlanFor(axes));
        List<double> losses = [], norms = [];
        List<SortedDictionary<string, float[]>> gradients = [];
        for (int step = 0; step < Steps; step++)
        {
            StepReport report = trainer.Step(Batches.Uneven(step));
            losses.Add(report.Loss);
            norms.Add(report.GradientNorm);
            gradients.Add(GradientTable.Gradients(trainer));
        }

        return new Run(losses, norms, gradients, GradientTable.Weights(trainer));
    }

    private sealed record Run(
        List<double> Losses, List<double> Norms, List<SortedDictionary<string, float[]>> Gradients, SortedDictionary<string, float[]> Weights);
}
