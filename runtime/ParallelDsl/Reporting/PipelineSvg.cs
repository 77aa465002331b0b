using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Reporting;

/// <summary>Draws a simulated pipeline: a row for each device, a box for each F, B, W and X with its micro-batch.</summary>
public static class PipelineSvg
{
    /// <summary>The drawing as an SVG file, readable in light and dark. Very many actions are drawn in spans of time, and only the first
    /// devices and the last one where there are very many.</summary>
    /// <param name="model">The name of the model.</param>
    /// <param name="schedule">What the schedule is called.</param>
    /// <param name="pipeline">The pipeline, its costs in ticks of 0.01 ms.</param>
    public static string Write(string model, string schedule, PipelineCandidate pipeline)
    {
        Timeline timeline = pipeline.Timeline;
        int devices = timeline.Devices.Count;
        int microBatches = 1 + pipeline.Orders.Max(order => order.Max(action => action.MicroBatch));
        var stages = Enumerable.Range(0, pipeline.StageDevices.Count).ToLookup(stage => pipeline.StageDevices[stage]);
        var drawing = new TimelineDrawing
        {
            Heading = $"One training step of {model}, {schedule}, simulated: {Readable.Exact(timeline.Makespan)} ticks",
            Caption = $"{Readable.Exact(devices, "device")}, {Readable.Exact(pipeline.StageDevices.Count, "stage")}, "
                + $"{Readable.Exact(microBatches)} micro-batch{(microBatches == 1 ? "" : "es")}; "
                + $"computing {Readable.Percent(timeline.Work.Sum(), timeline.Makespan * devices)} of the time, the rest is bubbles",
            Timeline = timeline,
            StageDevices = pipeline.StageDevices,
            RowNoun = "device",
            RowNote = device => (stages[device].Count() == 1 ? "stage " : "stages ") + string.Join(", ", stages[device].Select(stage => Readable.Exact(stage))),
            Tip = timed => Describe(pipeline, timed),
            Time = Readable.Exact,
            Footer = "simulated time in ticks of 0.01 ms; point at a box for its stage and duration",
        };
        return drawing.Write(standalone: true);
    }

    private static string Describe(PipelineCandidate pipeline, TimedAction timed)
    {
        (int first, int end) = (pipeline.Boundaries[timed.Action.Stage], pipeline.Boundaries[timed.Action.Stage + 1]);
        string layers = end - first == 1 ? $"layer {Readable.Exact(first)}" : $"layers {Readable.Exact(first)} to {Readable.Exact(end - 1)}";
        return $"{TimelineDrawing.NameOf(timed.Action.Kind)} of micro-batch {Readable.Exact(timed.Action.MicroBatch)}, "
            + $"stage {Readable.Exact(timed.Action.Stage)} ({layers}): {Readable.Exact(timed.Start)} to {Readable.Exact(timed.End)}, "
            + Readable.Exact(timed.End - timed.Start, "tick");
    }
}
