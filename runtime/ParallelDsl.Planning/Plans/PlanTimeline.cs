using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>Replays what a plan says.</summary>
public static class PlanTimeline
{
    /// <summary>The simulated step of <paramref name="plan"/>: its programs, timed with the costs of its stages.</summary>
    /// <exception cref="ArgumentException">The programs wait for one another or a cost is negative: no planner made this plan.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static Timeline Of(ParallelPlan plan) => PipelineSimulator.Run(
        plan.Programs,
        plan.Stages.Select(stage => stage.Device).ToEquatableArray(),
        new StageCosts(
            plan.Stages.Select(stage => stage.Forward).ToEquatableArray(),
            plan.Stages.Select(stage => stage.BackwardInput).ToEquatableArray(),
            plan.Stages.Select(stage => stage.BackwardWeight).ToEquatableArray(),
            plan.Stages.Select(stage => stage.Hop).ToEquatableArray()));
}
