using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Execution;

/// <summary>The executor runs any program that validation accepts, not only those of the schedules.</summary>
public sealed class ProgramTests
{
    private const int MicroBatches = 4;

    [Theory]
    [InlineData(PipelineSchedule.GPipe, 2, 1)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, 4, 1)]
    [InlineData(PipelineSchedule.Interleaved, 2, 2)]
    public void ASplitBackwardGivesTheSameBits(PipelineSchedule schedule, int devices, int chunks)
    {
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, devices, schedule, MicroBatches, chunks, UnitTokens: 96));
        ParallelPlan split = plan with { Programs = PipelinePrograms.Build(schedule, devices, MicroBatches, chunks, splitBackward: true) };
        AssertSame(plan, split);
    }

    [Fact]
    public void LateWeightGradientsGiveTheSameBits()
    {
        // All W at the end of the device's program: the gradients of every unit are held until then.
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 2, PipelineSchedule.OneForwardOneBackward, MicroBatches, UnitTokens: 96));
        EquatableArray<PipelineProgram> split = PipelinePrograms.Build(PipelineSchedule.OneForwardOneBackward, 2, MicroBatches, 1, splitBackward: true);
        EquatableArray<PipelineProgram> late = new([.. split.Select(program => new PipelineProgram(new([
            .. program.Actions.Where(action => action.Kind != ActionKind.BackwardWeight),
            .. program.Actions.Where(action => action.Kind == ActionKind.BackwardWeight)])))]);
        Assert.Empty(PipelineValidation.Validate(late, new([0, 1]), MicroBatches));
        AssertSame(plan, plan with { Programs = late });
    }

    [Fact]
    public void AVShapedPlacementHandsOverOnTheSameDevice()
    {
        // Stages 0 and 3 on device 0, 1 and 2 on device 1: between 1 and 2 nothing is sent.
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(1, 1, 2, PipelineSchedule.Interleaved, MicroBatches, 2, UnitTokens: 96));
        EquatableArray<int> devices = new([0, 1, 1, 0]);
        List<PipelineAction>[] orders = [[], []];
        for (int unit = 0; unit < MicroBatches; unit++)
        {
            for (int stage = 0; stage < 4; stage++)
                orders[devices[stage]].Add(new(ActionKind.Forward, stage, unit));
            for (int stage = 3; stage >= 0; stage--)
                orders[devices[stage]].Add(new(ActionKind.Backward, stage, unit));
        }

        ParallelPlan bent = plan with
        {
            Stages = plan.Stages.Select(stage => stage with { Device = devices[stage.Index] }).ToEquatableArray(),
            Programs = PipelinePrograms.WithTransfers(orders.Select(order => new EquatableArray<PipelineAction>([.. order])).ToEquatableArray(), devices, MicroBatches),
        };
        Assert.Empty(PipelineValidation.Validate(bent.Programs, devices, MicroBatches));
        AssertSame(plan, bent);
    }

    private static void AssertSame(ParallelPlan expected, ParallelPlan actual)
    {
        TrainerOptions options = new() { Steps = 3 };
        using Trainer<TinyModel<Untied>> first = new(Batches.Uneven(0), options, expected), second = new(Batches.Uneven(0), options, actual);
        for (int step = 0; step < 3; step++)
        {
            Assert.Equal(first.Step(Batches.Uneven(step)).Loss, second.Step(Batches.Uneven(step)).Loss);
            SortedDictionary<string, float[]> gradients = GradientTable.Gradients(second);
            Assert.All(GradientTable.Gradients(first), pair => Assert.Equal(pair.Value, gradients[pair.Key]));
        }
    }
}
