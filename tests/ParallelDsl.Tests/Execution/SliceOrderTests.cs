using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Slices that come in a wrong order fail loudly, and by name.</summary>
public sealed class SliceOrderTests
{
    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(5, 12);

    [Fact]
    public void ABackwardBeforeThatOfTheNextSliceFails() => Check(
        new(1, 0, 4, 0, 0, 0),
        new(1, 4, 8, 0, 1, 1),
        PipelineSchedule.GPipe,
        "the backward of slice 0 of sequence 1 comes too early: before the backward of slice 1, which gives back gradients of its keys");

    [Fact]
    public void ABackwardBeforeItsForwardFails() => Check(
        new(1, 0, 4, 0, 0, 0),
        new(1, 4, 8, 0, 1, 0),
        PipelineSchedule.OneForwardOneBackward,
        "the backward of slice 1 of sequence 1 comes too early: before its forward");

    [Fact]
    public void AForwardBeforeThatOfThePreviousSliceFails() => Check(
        new(1, 0, 4, 0, 1, 1),
        new(1, 4, 8, 0, 0, 1),
        PipelineSchedule.GPipe,
        "the forward of slice 1 of sequence 1 comes too early: before the forward of slice 0, whose keys it reads");

    [Fact]
    public void AMissingBackwardFails()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 1, PipelineSchedule.GPipe, 2, UnitTokens: 96));
        ParallelPlan without = plan with
        {
            Programs = new([new PipelineProgram(plan.Programs[0].Actions
                .Where(action => action != new PipelineAction(ActionKind.Backward, 0, 1))
                .ToEquatableArray())]),
        };
        RankFailedException exception = Assert.Throws<RankFailedException>(
            () => StepRun.Of(without, Batch, StepOf(plan, new(1, 0, 4, 0, 0, 1), new(1, 4, 8, 0, 1, 0))));
        Assert.IsType<InvalidOperationException>(exception.InnerException);
        Assert.Contains("without the backward of slice 0 of sequence 1", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AUnitThatIsTooFullFails()
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 1, PipelineSchedule.GPipe, 2, UnitTokens: 48));
        List<int[]> batch = StepPlanTests.BatchOf(30, 20);
        StepPlan step = new();
        step.Reserve(1, 1, 2, 2);
        step.SetLength(0, 30, 48);
        step.SetLength(1, 20, 48);
        RandomStep.AddRing(step, [0], plan);
        step.AddSlice(new(0, 0, 30, 0, 0, 0));
        step.AddSlice(new(1, 0, 20, 0, 0, 0));
        step.Gather();
        RankFailedException exception = Assert.Throws<RankFailedException>(() => StepRun.Of(plan, batch, step));
        Assert.Contains("Unit 0 has 50 tokens on rank 0, and the plan has room for 48", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankThatKnowsAnotherRingIsFoundAndNamed()
    {
        // Rank 1 takes the long sequence to be local: it never receives what rank 0 sends it, and never sends what rank 0 waits for.
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 2, 1, PipelineSchedule.GPipe, 2, UnitTokens: 192));
        TransportException exception = Assert.Throws<TransportException>(() => RankThreads.Run(
            InProcessWorld.Create(2, capacity: 1),
            transport =>
            {
                using RankModel model = RankModel.Create<TinyModel<Untied>>(plan, transport.Rank);
                model.Store.Initialize(1);
                using ThreadTeam team = new(1);
                using RankSession session = new(model, transport, team);
                StepPlan step = new();
                step.Reserve(1, 2, 2, 1);
                step.SetLength(0, 12, 48);
                RandomStep.AddRing(step, transport.Rank == 0 ? [0, 1] : [1], plan);
                step.AddSlice(new(0, 0, 12, 0, 0, 0));
                step.Gather();
                session.ComputeGradients(Batch[1..], step);
            },
            TimeSpan.FromMilliseconds(500)));
        Assert.Contains("rank 0 waits to receive", exception.Message, StringComparison.Ordinal);
        Assert.Contains("from rank 1 (tag 1)", exception.Message, StringComparison.Ordinal);
    }

    private static void Check(Slice first, Slice second, PipelineSchedule schedule, string message)
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 1, schedule, 2, UnitTokens: 96));
        RankFailedException exception = Assert.Throws<RankFailedException>(() => StepRun.Of(plan, Batch, StepOf(plan, first, second)));
        Assert.IsType<InvalidOperationException>(exception.InnerException);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    private static StepPlan StepOf(ParallelPlan plan, Slice first, Slice second)
    {
        StepPlan step = new();
        step.Reserve(1, 1, 2, 2);
        step.SetLength(0, 5, 48);
        step.SetLength(1, 12, 48);
        RandomStep.AddRing(step, [0], plan);
        step.AddSlice(new(0, 0, 5, 0, 0, 0));
        step.AddSlice(first);
        step.AddSlice(second);
        step.Gather();
        return step;
    }
}
