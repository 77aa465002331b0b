using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>Plans of every schedule.</summary>
public class ScheduleTests
{
    private static ClusterSpec Node(int devices) =>
        new("Node", [new(1, devices, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 0, 0)]);

    public static TheoryData<PipelineSchedule> Schedules() => [.. Enum.GetValues<PipelineSchedule>()];

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Every_schedule_has_a_sound_plan(PipelineSchedule schedule)
    {
        foreach (int pipeline in (int[])[1, 2, 4, 8])
        {
            ParallelPlan plan = Requests.Plan(new(
                Requests.Gpt(context: 1_024, repeat: 30), Node(2 * pipeline), new AxesSpec(2, 1, pipeline, schedule)));
            Assert.Empty(PlanChecks.Validate(plan));
            Assert.Equal(schedule, plan.Axes.Schedule);
            Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
            Assert.True(plan.Estimates.Makespan >= plan.Estimates.Work.Max());
        }
    }

    [Theory]
    [InlineData(PipelineSchedule.ZeroBubbleV, 4, 4)]
    [InlineData(PipelineSchedule.DualPipeV, 4, 8)]
    public void A_V_has_its_first_and_its_last_stage_on_one_device(PipelineSchedule schedule, int pipeline, int microBatches)
    {
        ParallelPlan plan = Requests.Plan(new(
            Requests.Gpt(context: 1_024, repeat: 30, tied: true), Node(pipeline), new AxesSpec(1, 1, pipeline, schedule)));
        Assert.Equal([0, 1, 2, 3, 3, 2, 1, 0], plan.Stages.Select(stage => stage.Device));
        Assert.Equal((2, microBatches), (plan.Axes.Chunks, plan.Axes.MicroBatches));

        // At the turn nothing moves, and a tied head finds the embedding's table.
        Assert.Equal([false, false, false, true, false, false, false, true], plan.Stages.Select(stage => stage.Hop == 0));
        long parameters = plan.Stages.Where(stage => stage.Device == 0)
            .Sum(stage => plan.Layers.Skip(stage.FirstLayer).Take(stage.LayerCount).Sum(layer => layer.Parameters));
        Assert.Equal(parameters * 2, plan.Memory[0].Weights);

        // Position 0 sends over one boundary of each of its stages; the position of the turn too; those between over all four.
        Assert.Equal(4L * 1_024 * 768 * 2 * microBatches, plan.Estimates.PipelineBytes);
    }

    [Fact]
    public void Zero_bubbles_follow_the_costs_of_the_stages()
    {
        AxesSpec axes = new(1, 1, 4, PipelineSchedule.ZeroBubbleH2, 8);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(context: 1_024, repeat: 30), Node(4), axes));
        EquatableArray<PipelineProgram> own = PipelinePrograms.Build(axes.Schedule, 4, 8, costs: Planner.CostsOf(plan.Stages));
        Assert.Equal(own, plan.Programs);
        Assert.NotEqual(PipelinePrograms.Build(axes.Schedule, 4, 8), plan.Programs);
    }

    [Fact]
    public void A_position_that_splits_backwards_holds_the_gradients_of_all_layers()
    {
        AxesSpec axes = new(1, 1, 2, PipelineSchedule.OneForwardOneBackward, 4);
        ModelSpec model = Requests.Gpt(context: 1_024, repeat: 30);
        ParallelPlan whole = Requests.Plan(new(model, Node(2), axes));
        ParallelPlan split = Requests.Plan(new(model, Node(2), axes with { Schedule = PipelineSchedule.ZeroBubbleH1 }));
        Assert.True(split.Memory[0].Workspace > 5 * whole.Memory[0].Workspace, $"{split.Memory[0].Workspace} and {whole.Memory[0].Workspace}");
    }

    [Theory]
    [InlineData(4, 16, 30)]
    [InlineData(8, 8, 62)]
    [InlineData(3, 7, 11)]
    public void An_adaptive_pipeline_is_no_slower_than_known_ones_that_fit(int pipeline, int microBatches, int blocks)
    {
        ModelSpec model = Requests.Gpt(context: 1_024, repeat: blocks);
        long Step(PipelineSchedule schedule) => Planner.Plan(
            new(model, Node(pipeline), new AxesSpec(1, 1, pipeline, schedule, microBatches))) is Planned planned
                ? planned.Plan.Estimates.Makespan
                : long.MaxValue;
        long adaptive = Step(PipelineSchedule.Adaptive);
        foreach (PipelineSchedule schedule in Enum.GetValues<PipelineSchedule>())
            Assert.True(adaptive <= Step(schedule), $"{schedule} takes {Step(schedule)}, adaptive {adaptive}");
    }

    [Fact]
    public void An_adaptive_plan_is_the_same_every_time_and_leaves_its_chunks_open()
    {
        PlanRequest request = new(Requests.Gpt(repeat: 30), Requests.Lab, new AxesSpec(2, 1, 4, PipelineSchedule.Adaptive, 8));
        ParallelPlan plan = Requests.Plan(request);
        Assert.Equal(plan, Requests.Plan(request));
        Assert.Equal(0, plan.Axes.Chunks);
        Assert.Contains("  schedule    adaptive, ", PlanText.Write(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Slower_positions_get_less_work()
    {
        ClusterSpec cluster = new("Mixed", [
            new(1, 2, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 4, 400), new(1, 2, DeviceCatalogue.Of(DeviceKind.A100Sxm80), Fabric.Switch, 4, 400)]);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(repeat: 40), cluster, new AxesSpec(1, 1, 4, PipelineSchedule.Adaptive, 16)));
        int LayersOf(int position) => plan.Stages.Where(stage => stage.Device == position).Sum(stage => stage.LayerCount);
        Assert.True(LayersOf(0) > LayersOf(3), $"{LayersOf(0)} and {LayersOf(3)}");
    }

    /// <summary>From where everything fits to where nothing does: whatever is planned fits, and the step from one to the other is a problem
    /// with a message.</summary>
    [Fact]
    public void Tight_memory_is_kept()
    {
        int planned = 0, infeasible = 0;
        for (int gibibytes = 60; gibibytes >= 4; gibibytes -= 4)
        {
            DeviceSpec device = DeviceCatalogue.Of(DeviceKind.H100Sxm) with { Kind = DeviceKind.Custom, MemoryBytes = (long)gibibytes << 30 };
            ClusterSpec cluster = new("Small", [new(1, 4, device, Fabric.Switch, 0, 0)]);
            PlanRequest request = new(Requests.Gpt(context: 32_768, repeat: 30), cluster, new AxesSpec(1, 1, 4, PipelineSchedule.Adaptive, 16));
            switch (Planner.Plan(request))
            {
                case Planned plan:
                    planned++;
                    Assert.Equal(0, infeasible);
                    Assert.All(plan.Plan.Memory, memory => Assert.True(memory.Needed <= memory.Available));
                    break;
                case Infeasible problems:
                    infeasible++;
                    Assert.Equal(PlanProblemCode.DoesNotFit, Assert.Single(problems.Problems).Code);
                    Assert.IsNotType<Planned>(Planner.Plan(request with { Axes = request.Axes with { Schedule = PipelineSchedule.OneForwardOneBackward } }));
                    break;
            }
        }

        Assert.True(planned > 3 && infeasible > 1, $"{planned} planned, {infeasible} infeasible");
    }

    [Fact]
    public void A_search_that_takes_too_long_is_refused()
    {
        PlanResult result = Planner.Plan(new(
            Requests.Gpt(repeat: 600), Node(512), new AxesSpec(1, 1, 512, PipelineSchedule.Adaptive, 512)));
        Assert.Contains("choose another schedule", Assert.IsType<TooLarge>(result).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_search_can_be_cancelled() => Assert.Throws<OperationCanceledException>(() => Planner.Plan(
        new(Requests.Gpt(), Requests.Lab, new AxesSpec(2, 2, 2, PipelineSchedule.Adaptive)), new CancellationToken(canceled: true)));
}
