using System.Text;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>A simulated run in characters: lower case is a forward, upper case its backward, a dot is idle.</summary>
public static class TimelineText
{
    private const char Idle = '.';
    private const char WeightGradient = '+';
    private const int MostRows = 32;
    private const int LeastWidth = 40;
    private const int Letters = 26;

    /// <summary>Writes caption, rows, axis and legend, a row for each device, at most 32 of them.</summary>
    /// <param name="timeline">The simulated run.</param>
    /// <param name="caption">The line above it.</param>
    /// <param name="end">What the end of the axis is called: the makespan with its unit.</param>
    /// <param name="microBatches">The units of the run.</param>
    /// <param name="width">Columns, at least 40.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="width"/> is too small.</exception>
    public static string Write(Timeline timeline, string caption, string end, int microBatches, int width)
    {
        if (width < LeastWidth)
            throw new ArgumentOutOfRangeException(nameof(width), width, $"A timeline needs at least {LeastWidth} columns.");

        var text = new StringBuilder();
        text.Append(PlanText.Fit(caption, width)).Append('\n');
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

        text.Append(' ', indent).Append('0').Append(end.PadLeft(Math.Max(spans - 1, end.Length + 1))).Append('\n');
        bool splits = timeline.Devices.Any(actions => actions.Any(timed => timed.Action.Kind == ActionKind.BackwardWeight));
        WriteLegend(text, microBatches, splits, width);
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
