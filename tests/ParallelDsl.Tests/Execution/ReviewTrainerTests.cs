using System.Text.Json.Nodes;
using ParallelDsl.Checkpoints;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Execution;

/// <summary>What a trainer owes its user around a step: whole checkpoints, equal replicas, and no checkpoint taken for another.</summary>
public sealed class ReviewTrainerTests : IDisposable
{
    private static readonly TrainerOptions Options = new() { Steps = 12, WarmUpSteps = 2 };
    private readonly string _directory = Directory.CreateTempSubdirectory("paralleldsl-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Saving every so many steps is what a progress callback is for: all ranks must have taken the step that it reports.</summary>
    [Fact]
    public void SavingFromProgressSavesAWholeStep()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(2, 2, 2, MicroBatches: 2, UnitTokens: 96));
        List<int[]> documents = Batches.Uneven(1, 60);
        using Trainer<TinyModel<Untied>> trainer = new(documents, Options, plan);
        trainer.Train(progress: report => trainer.Save(Path.Combine(_directory, "during")));

        using Trainer<TinyModel<Untied>> quiet = new(documents, Options, plan);
        for (int step = 1; step <= Options.Steps; step++)
        {
            quiet.Train(1);
            using Trainer<TinyModel<Untied>> resumed = new(documents, Options, plan);
            resumed.Resume(Path.Combine(_directory, "during", $"step-{step:D6}"));
            SortedDictionary<string, float[]> expected = GradientTable.Weights(quiet), actual = GradientTable.Weights(resumed);
            Assert.All(expected, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(actual[pair.Key]), $"{pair.Key} of step {step} is not what the step left"));
        }
    }

    /// <summary>A callback that throws ends the run on every rank after the same step.</summary>
    [Fact]
    public void AProgressThatThrowsLeavesEqualReplicas()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(4, 2, 1, MicroBatches: 2, UnitTokens: 96));
        for (int attempt = 0; attempt < 20; attempt++)
        {
            using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 60), Options, plan);
            Assert.ThrowsAny<Exception>(() => trainer.Train(progress: _ => throw new InvalidOperationException("Enough.")));
            Assert.Equal(1, trainer.StepsDone);

            // It compares replicas bit for bit.
            GradientTable.Weights(trainer);
        }
    }

    [Fact]
    public void HeadsThatNoTensorShowsAreComparedToo()
    {
        List<int[]> documents = Batches.Uneven(1, 60);
        using Trainer<TinyModel<Untied>> narrow = new(documents, Options);
        string checkpoint = narrow.Save(_directory);
        using Trainer<TinyModel<WideHeads>> wide = new(documents, Options);
        Assert.Contains("num_attention_heads", Assert.Throws<CheckpointException>(() => wide.Resume(checkpoint)).Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => new TextGenerator<TinyModel<WideHeads>>(checkpoint).Dispose());
    }

    [Theory]
    [InlineData("step", -1)]
    [InlineData("step", 3_000_000_000)]
    [InlineData("epoch", -1)]
    [InlineData("position", -1)]
    [InlineData("position", 61)]
    [InlineData("position", 3_000_000_000)]
    public void NumbersThatNoRunHasAreRefusedOnResuming(string field, long value)
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 60), Options);
        string checkpoint = trainer.Save(_directory);
        string file = Path.Combine(checkpoint, "trainer.json");
        JsonNode json = JsonNode.Parse(File.ReadAllText(file))!;
        (field == "step" ? json : json["state"]!)[field] = value;
        File.WriteAllText(file, json.ToJsonString());

        Assert.Contains(field, Assert.Throws<CheckpointException>(() => trainer.Resume(checkpoint)).Message, StringComparison.Ordinal);
    }
}
