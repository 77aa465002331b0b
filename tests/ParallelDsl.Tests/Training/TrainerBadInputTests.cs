using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Execution;
using ParallelDsl.Training;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Training;

public sealed class TrainerBadInputTests
{
    [Fact]
    public void NoDocuments() => Refuses([], "no sequences");

    [Fact]
    public void ADocumentTooShort() => Refuses([[1, 2], [3]], "Sequence 1 holds 1 tokens");

    [Fact]
    public void ADocumentLongerThanTheContext() => Refuses([new int[TinyModel<Untied>.Context + 2]], "longer than the context of 48");

    [Fact]
    public void ATokenOutsideTheVocabulary() => Refuses([[1, 61]], "the token 61, outside the vocabulary of 61");

    [Fact]
    public void ANegativeToken() => Refuses([[-1, 1]], "the token -1");

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void LearningRates(float rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Trainer<TinyModel<Untied>>([[1, 2]], new TrainerOptions { LearningRate = rate }));

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void Steps(int steps) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Trainer<TinyModel<Untied>>([[1, 2]], new TrainerOptions { Steps = steps }));

    [Fact]
    public void APlanOfAnotherModel()
    {
        ParallelPlan other = TinyModel<Tied>.Plan;
        Assert.Contains("not of", Assert.Throws<ArgumentException>(() => new Trainer<TinyModel<Untied>>([[1, 2]], null, other)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AProgramThatIsNotSound()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 2));
        ParallelPlan broken = plan with { Programs = new([plan.Programs[0], new(new([.. plan.Programs[1].Actions.Skip(1)]))]) };
        Assert.Contains("not sound", Assert.Throws<ArgumentException>(() => new Trainer<TinyModel<Untied>>([[1, 2]], null, broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreSequencesThanAStepHolds()
    {
        using Trainer<TinyModel<Untied>> trainer = new([[1, 2]]);
        RankFailedException failed = Assert.Throws<RankFailedException>(() => trainer.Step(Batches.Uneven(1, 400)));
        Assert.IsType<PackingException>(failed.InnerException);
        Assert.Equal(0, trainer.StepsDone);
    }

    [Fact]
    public void ADivergedStepLeavesTheWeights()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1), new TrainerOptions { LearningRate = 1e30f, WarmUpSteps = 0, GradientClip = 0 });
        RankFailedException failed = Assert.Throws<RankFailedException>(() => trainer.Train(20));
        Assert.IsType<TrainingDivergedException>(failed.InnerException);
        Assert.All(GradientTable.Weights(trainer).Values, values => Assert.All(values, value => Assert.False(float.IsNaN(value))));
    }

    [Fact]
    public void AFailedRunLeavesNothingToSave()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1), null, TinyModel<Untied>.PlanFor(new AxesSpec(2, 1, 2)));
        RankFailedException failed = Assert.Throws<RankFailedException>(() => trainer.Train(5, _ => throw new InvalidDataException("from the callback")));
        Assert.Equal(0, failed.Rank);
        Assert.IsType<InvalidDataException>(failed.InnerException);
        Assert.Contains("resume", Assert.Throws<InvalidOperationException>(() => trainer.Train(1)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => trainer.Save("never-written"));
        Assert.False(Directory.Exists("never-written"));
    }

    [Fact]
    public void NegativeSteps()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Train(-1));
        Assert.True(trainer.Train(0));
    }

    private static void Refuses(int[][] documents, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new Trainer<TinyModel<Untied>>(documents)).Message, StringComparison.Ordinal);
}
