using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>One pipeline as text of at most 100 columns, with its timeline drawn.</summary>
internal static class RunText
{
    public const int Width = 100;
    private const int Indent = 2;
    private const int KeyWidth = 16;

    /// <summary>Writes figures, devices and timeline.</summary>
    /// <param name="run">The pipeline.</param>
    /// <param name="layout">Its Megatron layout, or null.</param>
    public static string Write(PipelineRun run, string? layout)
    {
        PipelineCandidate pipeline = run.Pipeline;
        Timeline timeline = pipeline.Timeline;
        var text = new StringBuilder();
        text.Append(TitleOf(run)).Append(", ").Append(run.Schedule).Append(", simulated\n\n");
        Entry(text, "makespan", $"{Ticks(timeline.Makespan)}, {Readable.Percent(run.Bubble, timeline.Makespan * run.Problem.Devices)} bubbles");
        Entry(text, "longest span", Ticks(timeline.Span));
        Entry(text, "lower bound", Ticks(run.LowerBound)
            + (run.HasFixedLayout ? " for this partition and placement; " : " for any pipeline of these layers; ")
            + Above(timeline.Makespan, run.LowerBound));
        Entry(text, "peak held", $"{Readable.Exact(pipeline.Peak)} layers x micro-batches");
        Entry(text, "backward", run.Mixes ? "partly split into B and W" : run.Splits ? "split into B and W" : "not split (X)");
        if (run.HasExclusiveLinks)
            Entry(text, "links", "carry one transfer at a time, which the planning did not consider");
        if (run.Searched > 0)
        {
            string best = pipeline.Schedule == PipelineSchedule.Adaptive ? "" : $"; the best is {ScheduleNames.Of(pipeline.Schedule)}";
            Entry(text, "searched", Readable.Exact(run.Searched, "candidate") + best);
        }

        Entry(text, "partition", StageLists.WritePartition(run.Partition));
        Entry(text, "placement", StageLists.WritePlacement(pipeline.StageDevices, run.Problem.Devices));
        if (layout is not null)
            text.Append("layout: ").Append(layout).Append('\n');

        text.Append("\nDevices (work and bubbles in ticks of 0.01 ms; peak in layers x micro-batches)\n");
        WriteDevices(text, run);
        text.Append('\n').Append(TimelineText.Write(
            timeline, "Timeline of each device (simulated)", Readable.Exact(timeline.Makespan), run.Problem.MicroBatches, Width));
        return text.ToString();
    }

    /// <summary>The model and the counts.</summary>
    public static string TitleOf(PipelineRun run) => $"{Shortened(run.Model.Name)} on {Counted(run.Problem.Devices, "device", "devices")}, "
        + Counted(run.Problem.MicroBatches, "micro-batch", "micro-batches");

    /// <summary>Ticks, and the same in ms.</summary>
    public static string Ticks(long ticks) =>
        $"{Readable.Exact(ticks, "tick")} ({(ticks / 100m).ToString("N2", CultureInfo.InvariantCulture)} ms)";

    private static void WriteDevices(StringBuilder text, PipelineRun run)
    {
        Timeline timeline = run.Pipeline.Timeline;
        PlanTextTable table = new PlanTextTable(Width, Indent).Number("device").Number("work").Number("warm-up").Number("residual")
            .Number("cool-down").Number("bubbles").Number("peak").Text("stages");
        int device = 0;
        foreach (IEnumerable<int> stages in run.Placement)
        {
            table.Row(
                Readable.Exact(device),
                Readable.Exact(timeline.Work[device]),
                Readable.Exact(timeline.WarmupBubble[device]),
                Readable.Exact(timeline.ResidualBubble[device]),
                Readable.Exact(timeline.CooldownBubble[device]),
                Readable.Percent(timeline.Makespan - timeline.Work[device], timeline.Makespan),
                Readable.Exact(run.Pipeline.PeakHeld[device]),
                string.Join(", ", stages.Select(stage => Readable.Exact(stage))));
            device++;
        }

        table.WriteTo(text);
    }

    private static string Above(long makespan, long bound) => makespan == bound ? "reached" : $"makespan +{Readable.Percent(makespan - bound, bound)}";

    private static string Counted(long count, string one, string many) => $"{Readable.Exact(count)} {(count == 1 ? one : many)}";

    private static string Shortened(string name)
    {
        const int longest = 40;
        string line = string.Concat(name.Select(character => char.IsControl(character) ? ' ' : character));
        return line.Length <= longest ? line : line[..(longest - 3)] + "...";
    }

    // Lists have no spaces, so that they can be pasted into options; a line that is too long is broken after a comma or semicolon.
    private static void Entry(StringBuilder text, string key, string value)
    {
        string prefix = new string(' ', Indent) + key.PadRight(KeyWidth);
        const int room = Width - Indent - KeyWidth;
        while (value.Length > room)
        {
            int end = value.LastIndexOfAny([',', ';', ' '], room - 1) + 1;
            end = end == 0 ? room : end;
            text.Append(prefix).Append(value.AsSpan(0, end).TrimEnd()).Append('\n');
            value = value[end..].TrimStart();
            prefix = new string(' ', Indent + KeyWidth);
        }

        text.Append(prefix).Append(value).Append('\n');
    }
}
