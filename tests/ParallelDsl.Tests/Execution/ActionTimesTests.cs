using ParallelDsl.Execution;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Execution;

public sealed class ActionTimesTests
{
    private static readonly TrainerOptions Timed = new() { Steps = 3, TimesActions = true };

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 1, 3)]
    [InlineData(2, 2, 2)]
    public void ARankDoesOneActionAfterAnother(int data, int sequence, int pipeline)
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(data, sequence, pipeline, MicroBatches: 4, UnitTokens: 96));
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(0), Timed, plan);
        long previousStep = 0;
        for (int step = 0; step < 2; step++)
        {
            trainer.Step(Batches.Uneven(step));
            for (int rank = 0; rank < plan.Mesh.Size; rank++)
            {
                IReadOnlyList<TimedAction> times = trainer.ActionTimes(rank);
                Assert.Equal(plan.Programs[plan.Mesh.CoordinateOf(rank).Pipeline].Actions, times.Select(timed => timed.Action));
                Assert.All(times, timed => Assert.InRange(timed.End, timed.Start, long.MaxValue));
                Assert.All(times.Zip(times.Skip(1)), pair => Assert.InRange(pair.Second.Start, pair.First.End, long.MaxValue));
                Assert.InRange(times[0].Start, previousStep + 1, long.MaxValue);
            }

            previousStep = Enumerable.Range(0, plan.Mesh.Size).Max(rank => trainer.ActionTimes(rank)[^1].End);
        }
    }

    [Fact]
    public void AValueArrivesAfterItWasMade()
    {
        // The clock is the same on all ranks: what a rank receives, another has made before.
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 3, MicroBatches: 4, UnitTokens: 96));
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(0), Timed, plan);
        trainer.Step(Batches.Uneven(0));
        Dictionary<PipelineAction, TimedAction> all = Enumerable.Range(0, 3).SelectMany(trainer.ActionTimes).ToDictionary(timed => timed.Action);
        foreach (TimedAction received in all.Values)
        {
            (ActionKind kind, int stage, int unit) = received.Action;
            if (kind == ActionKind.ReceiveForward)
                Assert.InRange(received.End, all[new(ActionKind.Forward, stage - 1, unit)].End, long.MaxValue);
            else if (kind == ActionKind.ReceiveBackward)
                Assert.InRange(received.End, all[new(ActionKind.Backward, stage + 1, unit)].End, long.MaxValue);
        }
    }

    [Fact]
    public void AnEvaluationKeepsTheTimesOfTheLastStep()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(0), Timed);
        trainer.Step(Batches.Uneven(0));
        IReadOnlyList<TimedAction> before = trainer.ActionTimes(0);
        trainer.Evaluate(Batches.Uneven(1));
        Assert.Equal(before, trainer.ActionTimes(0));
    }

    [Fact]
    public void ANoteAllocatesNothing()
    {
        ActionClock clock = new(new PipelineProgram(new([new(ActionKind.Forward, 0, 0), new(ActionKind.Backward, 0, 0)])));
        for (int i = 0; i < 100; i++)
            Note(clock);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Note(clock);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        static void Note(ActionClock clock)
        {
            clock.Start(1);
            clock.End(1);
        }
    }

    [Fact]
    public void WithoutTheOptionThereAreNone()
    {
        using Trainer<TinyModel<Untied>> trainer = new(Batches.Uneven(0), new TrainerOptions());
        Assert.Contains(nameof(TrainerOptions.TimesActions), Assert.Throws<InvalidOperationException>(() => trainer.ActionTimes(0)).Message, StringComparison.Ordinal);
    }
}
