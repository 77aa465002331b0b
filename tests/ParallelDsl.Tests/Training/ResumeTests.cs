using ParallelDsl.Checkpoints;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Execution;
using ParallelDsl.Training;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Training;

public sealed class ResumeTests : IDisposable
{
    private static readonly TrainerOptions Options = new() { Steps = 6, WarmUpSteps = 2 };
    private readonly string _directory = Directory.CreateTempSubdirectory("paralleldsl-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void AResumedRunContinuesBitForBit()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(2, 1, 2, MicroBatches: 2));
        List<int[]> documents = Batches.Uneven(1, 60);
        using Trainer<TinyModel<Untied>> whole = new(documents, Options, plan);
        List<double> expected = [];
        Assert.True(whole.Train(progress: report => expected.Add(report.Loss)));

        using Trainer<TinyModel<Untied>> first = new(documents, Options, plan);
        first.Train(3);
        first.Save(_directory);
        using Trainer<TinyModel<Untied>> second = new(documents, Options, plan);
        second.Resume(_directory);
        Assert.Equal(3, second.StepsDone);
        List<double> actual = [];
        second.Train(progress: report => actual.Add(report.Loss));

        Assert.Equal(expected[3..], actual);
        Assert.All(GradientTable.Weights(whole), pair => Assert.Equal(pair.Value, GradientTable.Weights(second)[pair.Key]));
    }

    [Fact]
    public void ACheckpointDoesNotKnowTheMesh()
    {
        List<int[]> documents = Batches.Uneven(1, 60);
        using Trainer<TinyModel<Tied>> wide = new(documents, Options, TinyModel<Tied>.PlanFor(new AxesSpec(1, 2, 2, MicroBatches: 2)));
        wide.Train(2);
        wide.Save(_directory);
        using Trainer<TinyModel<Tied>> narrow = new(documents, Options);
        narrow.Resume(_directory);
        Assert.All(GradientTable.Weights(wide), pair => Assert.Equal(pair.Value, GradientTable.Weights(narrow)[pair.Key]));
    }

    /// <summary>A part is sent when the one before has been taken: no transport holds more of the model.</summary>
    [Fact]
    public void RanksThatAreProcessesSendTheirParametersPartByPart()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(2, 1, 2, MicroBatches: 2));
        List<int[]> documents = Batches.Uneven(1, 60);
        var calls = new List<string>[plan.Mesh.Size];
        RankThreads.Run(plan.Mesh.Size, transport =>
        {
            SavingTransport recorded = new(transport);
            using Trainer<TinyModel<Untied>> trainer = new(documents, Options, plan, recorded);
            trainer.Train(2);
            trainer.Save(_directory);
            calls[transport.Rank] = recorded.Calls;
        });

        int sender = plan.Mesh.RankOf(new Coordinate(0, 0, 1));
        Assert.Equal(["send to 0", "receive from 0", "send to 0", "receive from 0", "send to 0", "receive from 0"], calls[sender]);
        Assert.Equal(6, calls[0].Count);
        Assert.All(calls.Where((_, rank) => rank != 0 && rank != sender), Assert.Empty);

        using Trainer<TinyModel<Untied>> whole = new(documents, Options, plan), resumed = new(documents, Options, plan);
        whole.Train(2);
        resumed.Resume(_directory);
        Assert.All(GradientTable.Weights(whole), pair => Assert.Equal(pair.Value, GradientTable.Weights(resumed)[pair.Key]));
    }

    [Fact]
    public void ACheckpointOfAnotherModelIsRefusedByName()
    {
        List<int[]> documents = Batches.Uneven(1, 60);
        using Trainer<TinyModel<Untied>> other = new(documents, Options);
        other.Save(_directory);
        using Trainer<TinyModel<Tied>> trainer = new(documents, Options);
        CheckpointException refused = Assert.Throws<CheckpointException>(() => trainer.Resume(_directory));
        Assert.StartsWith("lm_head.weight", refused.Tensor, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherDocumentsAndSeedsAreRefused()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 60), Options);
        trainer.Save(_directory);
        using Trainer<TinyModel<Untied>> other = new(Batches.Uneven(1, 59), Options);
        Assert.Contains("documents", Assert.Throws<CheckpointException>(() => other.Resume(_directory)).Message, StringComparison.Ordinal);
        using Trainer<TinyModel<Untied>> changed = new([.. Batches.Uneven(2, 60)], Options);
        Assert.Contains("other documents", Assert.Throws<CheckpointException>(() => changed.Resume(_directory)).Message, StringComparison.Ordinal);
        using Trainer<TinyModel<Untied>> seeded = new(Batches.Uneven(1, 60), Options with { Seed = 2 });
        Assert.Contains("seed", Assert.Throws<CheckpointException>(() => seeded.Resume(_directory)).Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => trainer.Resume(Path.Combine(_directory, "missing")));
    }

    [Fact]
    public void CancellationEndsAfterAStep()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 60), Options, TinyModel<Untied>.PlanFor(new AxesSpec(2, 2, 1)));
        using CancellationTokenSource source = new();
        bool finished = trainer.Train(progress: report =>
        {
            if (report.Step == 2)
                source.Cancel();
        }, cancellation: source.Token);
        Assert.False(finished);
        Assert.Equal(2, trainer.StepsDone);
    }

    [Fact]
    public void GenerationReadsACheckpointOfAnyMesh()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1, 60), Options, TinyModel<Untied>.PlanFor(new AxesSpec(1, 2, 2, MicroBatches: 2)));
        trainer.Train(2);
        trainer.Save(_directory);
        using TextGenerator<TinyModel<Untied>> generator = new(_directory);
        IReadOnlyList<int> greedy = generator.Generate([1, 2, 3], 60, temperature: 0);
        Assert.Equal(60, greedy.Count);
        Assert.Equal(greedy, generator.Generate([1, 2, 3], 60, temperature: 0));
        Assert.Equal(generator.Generate([1], 9, 1, seed: 5), generator.Generate([1], 9, 1, seed: 5));
        Assert.All(greedy, token => Assert.InRange(token, 0, TinyModel<Untied>.Vocabulary - 1));
    }

    /// <summary>Writes down how parameters travel.</summary>
    private sealed class SavingTransport(ITransport inner) : ITransport
    {
        private const int Tag = MessageTags.PointToPointLimit - 1;

        public List<string> Calls { get; } = [];

        public int Rank => inner.Rank;

        public int Size => inner.Size;

        public long BytesSent => inner.BytesSent;

        public long MessagesSent => inner.MessagesSent;

        public void Send(int destination, int tag, ReadOnlySpan<float> data)
        {
            if (tag == Tag)
                Calls.Add($"send to {destination}");
            inner.Send(destination, tag, data);
        }

        public void Receive(int source, int tag, Span<float> data)
        {
            if (tag == Tag)
                Calls.Add($"receive from {source}");
            inner.Receive(source, tag, data);
        }

        public void Abort(Exception cause) => inner.Abort(cause);

        public void Dispose() => inner.Dispose();
    }
}
