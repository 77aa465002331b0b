using System.Text;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>The simulated step in characters: lower case is a forward, upper case its backward, a dot is idle.</summary>
internal static class PlanTextTimeline
{
    private const char Idle = '.';
    private const char WeightGradient = '+';
    private const int MostRows = 32;
    private const int LeastWidth = 40;
    private const int Letters = 26;

    /// <summary>Writes caption, rows, axis and legend.</summary>
    public static string Write(ParallelPlan plan, int width)
    {
        if (width < LeastWidth)
            throw new ArgumentOutOfRangeException(nameof(width), width, $"A timeline needs at least {LeastWidth} columns.");

        Timeline timeline = PlanTimeline.Of(plan);
        var text = new StringBuilder();
        text.Append(PlanText.Fit($"Timeline at each pipeline position ({Readable.Duration(timeline.Makespan)}, simulated)", width)).Append('\n');
        if (timeline.Makespan <= 0)
            return text.Append("  nothing takes any time\n").ToString();

        int labelWidth = Readable.Exact(timeline.Devices.Count - 1).Length;
        int indent = labelWidth + 3;
        int spans = (int)Math.Min(width - indent, timeline.Makespan);
        foreach (int device in PlanText.Shown(timeline.Devices.Count, MostRows))
        {
            text.Append((device < 0 ? "..." : Readable.Exact(device)).PadLeft(labelWidth + 1)).Append("  ");
            if (device < 0)
                text.Append(Readable.Exact(timeline.Devices.Count - MostRows)).Append(" more\n");
            else
                text.Append([.. TimelineSpans.Of(timeline.Devices[device], timeline.Makespan, spans).Select(Mark)]).Append('\n');
        }

        string end = Readable.Duration(timeline.Makespan);
        text.Append(' ', indent).Append('0').Append(end.PadLeft(Math.Max(spans - 1, end.Length + 1))).Append('\n');
        bool splits = timeline.Devices.Any(actions => actions.Any(timed => timed.Action.Kind == ActionKind.BackwardWeight));
        WriteLegend(text, plan.Batching.UnitsPerDataRank, splits, width);
        return text.ToString();
    }

    private static char Mark(PipelineAction? action) => action switch
    {
        null => Idle,
        { Kind: ActionKind.Forward } => (char)('a' + (action.Value.MicroBatch % Letters)),
        { Kind: ActionKind.BackwardWeight } => WeightGradient,
        _ => (char)('A' + (action.Value.MicroBatch % Letters)),
    };

    private static void WriteLegend(StringBuilder text, int microBatches, bool splits, int width)
    {
        string letters = microBatches == 1 ? "a" : "a-" + (char)('a' + Math.Min(microBatches, Letters) - 1);
        var parts = new List<string>
        {
            $"{letters} forward of micro-batch {(microBatches == 1 ? "0" : "0-" + Readable.Exact(microBatches - 1))}",
            $"{letters.ToUpperInvariant()} its backward",
        };
        if (splits)
            parts.Add(WeightGradient + " weight gradients");
        parts.Add(Idle + " idle");
        if (microBatches > Letters)
            parts.Add("letters repeat after z");

        string line = "  ";
        foreach (string part in parts)
        {
            if (line.Length > 2 && line.Length + 2 + part.Length > width)
            {
                text.Append(line).Append('\n');
                line = "  ";
            }

            line += line.Length > 2 ? "; " + part : part;
        }

        text.Append(PlanText.Fit(line, width)).Append('\n');
    }
}
