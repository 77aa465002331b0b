using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Reporting;

/// <summary>Draws the simulated step: a row for each position of the pipeline axis, a box for each action.</summary>
public static class TimelineSvg
{
    /// <summary>The drawing as an SVG file, readable in light and dark. A step of very many actions is drawn in spans of time, and only
    /// the first positions and the last one where there are very many.</summary>
    public static string Write(ParallelPlan plan) => Write(plan, standalone: true);

    /// <summary>What the drawing shows.</summary>
    internal static string Heading(ParallelPlan plan) =>
        $"One training step of {plan.Model.Name}, simulated: {Readable.Duration(plan.Estimates.Makespan)}";

    internal static string Write(ParallelPlan plan, bool standalone)
    {
        EquatableArray<string> ranks = PlanText.RanksByPosition(plan);
        var drawing = new TimelineDrawing
        {
            Heading = Heading(plan),
            Caption = $"{PlanText.ScheduleName(plan.Axes)}, {PlanText.MicroBatches(plan)} of "
                + $"{Readable.Exact(plan.Batching.UnitTokens)} tokens; computing {PlanText.BusyPercent(plan.Estimates)} of the time, the rest is bubbles",
            Timeline = PlanTimeline.Of(plan),
            StageDevices = plan.Stages.Select(stage => stage.Device).ToEquatableArray(),
            RowNoun = "position",
            RowNote = position => "ranks " + ranks[position],
            Tip = timed => Describe(plan, timed),
            Time = Readable.Duration,
            Footer = "simulated time; point at a box for its stage and duration",
        };
        return drawing.Write(standalone);
    }

    private static string Describe(ParallelPlan plan, TimedAction timed) =>
        $"{TimelineDrawing.NameOf(timed.Action.Kind)} of micro-batch {Readable.Exact(timed.Action.MicroBatch)}, "
        + $"stage {Readable.Exact(timed.Action.Stage)} ({PlanText.LayerNames(plan, plan.Stages[timed.Action.Stage])}): "
        + $"{Readable.Exact(timed.Start)} to {Readable.Exact(timed.End)} ns, {Readable.Duration(timed.End - timed.Start)}";
}
