using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>An embedding and a head in vocabulary slices, over any stages, train what the whole ones train.</summary>
public sealed class VocabularyTests(ITestOutputHelper output) : IDisposable
{
    private const int Steps = 4;

    // As in ParityTests: with a small epsilon Adam takes whole steps in the direction of rounding noise.
    private static readonly TrainerOptions Options = new() { Steps = Steps, WarmUpSteps = 2, LearningRate = 1e-3f, Epsilon = 1e-5f };

    private static readonly Lazy<Run> Whole = new(() => RunOf<Untied>(TinyModel<Untied>.PlanFor(Axes(1))));
    private static readonly Lazy<Run> TiedWhole = new(() => RunOf<Tied>(TinyModel<Tied>.PlanFor(Axes(1))));

    private readonly string _directory = Directory.CreateTempSubdirectory("paralleldsl-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    public static TheoryData<int, int, int, PipelineSchedule, int, int> Meshes()
    {
        TheoryData<int, int, int, PipelineSchedule, int, int> data = [];

        // The vocabulary of 61 makes uneven slices of every number of them.
        foreach (int slices in (int[])[2, 3, 4])
        {
            foreach (int pipeline in (int[])[1, 2, 3, 4])
            {
                data.Add(1, 1, pipeline, PipelineSchedule.OneForwardOneBackward, 1, slices);
                data.Add(1, 1, pipeline, PipelineSchedule.GPipe, 1, slices);
                if (pipeline > 1)
                    data.Add(1, 1, pipeline, PipelineSchedule.Interleaved, 2, slices);
            }

            data.Add(2, 1, 2, PipelineSchedule.OneForwardOneBackward, 1, slices);
            data.Add(1, 2, 2, PipelineSchedule.Interleaved, 2, slices);
            data.Add(2, 2, 1, PipelineSchedule.GPipe, 1, slices);
        }

        // Every layer a stage of its own, so that each link of both chains is a hop.
        data.Add(1, 1, 4, PipelineSchedule.Interleaved, 3, 3);
        data.Add(1, 1, 14, PipelineSchedule.OneForwardOneBackward, 1, 4);
        return data;
    }

    [Theory]
    [MemberData(nameof(Meshes))]
    public void SlicesEqualTheWhole(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks, int slices) =>
        Compare(Whole.Value, RunOf<Untied>(TinyModel<Untied>.PlanFor(Axes(slices, data, sequence, pipeline, schedule, chunks))));

    [Theory]
    [MemberData(nameof(Meshes))]
    public void TiedSlicesEqualTheWhole(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks, int slices) =>
        Compare(TiedWhole.Value, RunOf<Tied>(TinyModel<Tied>.PlanFor(Axes(slices, data, sequence, pipeline, schedule, chunks))));

    [Fact]
    public void OneSliceIsTheWholeBitForBit()
    {
        Assert.Equal(TinyModel<Untied>.PlanFor(Axes(1)), TinyModel<Untied>.PlanFor(Axes(0)));
        Assert.Equal(TinyModel<Untied>.PlanFor(Axes(1)), TinyModel<Untied>.PlanFor(new AxesSpec(MicroBatches: Micro(1), UnitTokens: 96)));
    }

    [Fact]
    public void AsManySlicesAsTokenIdsWork() =>
        Compare(Whole.Value, RunOf<Untied>(TinyModel<Untied>.PlanFor(Axes(TinyModel<Untied>.Vocabulary, pipeline: 4))));

    [Fact]
    public void InitialWeightsDoNotDependOnSlices()
    {
        SortedDictionary<string, float[]> expected = Weights(1, 1);
        foreach ((int slices, int pipeline) in ((int, int)[])[(2, 1), (3, 4), (7, 2), (61, 4)])
            Assert.All(Weights(slices, pipeline), pair => Assert.Equal(expected[pair.Key], pair.Value));

        static SortedDictionary<string, float[]> Weights(int slices, int pipeline)
        {
            using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(0), Options, TinyModel<Untied>.PlanFor(Axes(slices, pipeline: pipeline)));
            return GradientTable.Weights(trainer);
        }
    }

    [Fact]
    public void TheSameRunTwiceIsBitIdentical()
    {
        ParallelPlan plan = TinyModel<Tied>.PlanFor(Axes(3, 2, 1, 2, PipelineSchedule.Interleaved, 2));
        Run first = RunOf<Tied>(plan), second = RunOf<Tied>(plan);
        Assert.Equal(first.Losses, second.Losses);
        Assert.All(first.Gradients[^1], pair => Assert.Equal(pair.Value, second.Gradients[^1][pair.Key]));
    }

    [Theory]
    [InlineData(1, 1, 3, 2)]
    [InlineData(4, 4, 1, 1)]
    [InlineData(2, 2, 3, 4)]
    public void ACheckpointDoesNotKnowTheSlices(int slices, int pipeline, int otherSlices, int otherPipeline)
    {
        List<int[]> documents = Batches.Uneven(1, 60);
        ParallelPlan plan = TinyModel<Tied>.PlanFor(Axes(slices, pipeline: pipeline));
        using Trainer<TinyModel<Tied>> whole = new(documents, Options, plan);
        using Trainer<TinyModel<Tied>> first = new(documents, Options, plan);
        using Trainer<TinyModel<Tied>> second = new(documents, Options, TinyModel<Tied>.PlanFor(Axes(otherSlices, pipeline: otherPipeline)));
        first.Train(2);
        first.Save(_directory);
        second.Resume(_directory);
        Assert.All(GradientTable.Weights(first), pair => Assert.Equal(pair.Value, GradientTable.Weights(second)[pair.Key]));

        // Moments and the place in the data came along too: the run goes on as the one that was not interrupted.
        List<double> expected = [], actual = [];
        whole.Train(4, report => expected.Add(report.Loss));
        second.Train(2, report => actual.Add(report.Loss));
        Assert.All(expected[2..].Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        (double difference, string tensor) = GradientTable.Compare(GradientTable.Weights(whole), GradientTable.Weights(second));
        Assert.True(difference < 1e-5, $"{tensor} differs by {difference:E2}");

        using TextGenerator<TinyModel<Tied>> generator = new(_directory);
        Assert.Equal(20, generator.Generate([1, 2, 3], 20, temperature: 0).Count);
    }

    [Fact]
    public void ACheckpointOfSlicesHasTheBytesOfTheWhole()
    {
        List<int[]> documents = Batches.Uneven(1, 60);
        byte[] Saved(int slices)
        {
            using Trainer<TinyModel<Untied>> trainer = new(documents, Options, TinyModel<Untied>.PlanFor(Axes(slices, pipeline: 2)));
            return File.ReadAllBytes(Path.Combine(trainer.Save(Path.Combine(_directory, $"{slices}")), "model.safetensors"));
        }

        Assert.Equal(Saved(1), Saved(3));
    }

    [Fact]
    public void EvaluationOfSlicesGivesTheLossOfTheWhole()
    {
        List<int[]> batch = Batches.Uneven(5, 40);
        using Trainer<TinyModel<Untied>> whole = new(batch, Options, TinyModel<Untied>.PlanFor(Axes(1)));
        using Trainer<TinyModel<Untied>> sliced = new(batch, Options, TinyModel<Untied>.PlanFor(Axes(3, 2, 1, 2)));
        Assert.Equal(whole.Evaluate(batch), sliced.Evaluate(batch), 1e-6);
    }

    private static int Micro(int pipeline) => Math.Max(4, pipeline == 3 ? 6 : pipeline);

    private static AxesSpec Axes(
        int slices,
        int data = 1,
        int sequence = 1,
        int pipeline = 1,
        PipelineSchedule schedule = PipelineSchedule.OneForwardOneBackward,
        int chunks = 1) => new(data, sequence, pipeline, schedule, Micro(pipeline), chunks, UnitTokens: 96, VocabularySlices: slices);

    private void Compare(Run expected, Run actual)
    {
        double loss = expected.Losses.Zip(actual.Losses, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max();
        double norm = expected.Norms.Zip(actual.Norms, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max();
        (double difference, string tensor) = expected.Gradients.Zip(actual.Gradients, GradientTable.Compare).Max();
        output.WriteLine($"largest relative difference: loss {loss:E2}, gradient norm {norm:E2}, gradient {difference:E2} in {tensor}");
        Assert.True(loss < 1e-5, $"a loss differs by {loss:E2}");
        Assert.True(norm < 1e-5, $"a gradient norm differs by {norm:E2}");
        Assert.True(difference < 1e-5, $"a gradient of {tensor} differs by {difference:E2} of the tensor's largest value");
    }

    private static Run RunOf<TTiny>(ParallelPlan plan)
        where TTiny : struct, ITinyShape
    {
        using Trainer<TinyModel<TTiny>> trainer = new(Batches.Uneven(0), Options, plan);
        List<double> losses = [], norms = [];
        List<SortedDictionary<string, float[]>> gradients = [];
        for (int step = 0; step < Steps; step++)
        {
            StepReport report = trainer.Step(Batches.Uneven(step));
            losses.Add(report.Loss);
            norms.Add(report.GradientNorm);
            gradients.Add(GradientTable.Gradients(trainer));
        }

        return new Run(losses, norms, gradients);
    }

    private sealed record Run(List<double> Losses, List<double> Norms, List<SortedDictionary<string, float[]>> Gradients);
}
