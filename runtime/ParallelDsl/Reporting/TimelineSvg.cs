using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Reporting;

/// <summary>Draws the simulated step: a row for each position of the pipeline axis, a box for each action.</summary>
public static class TimelineSvg
{
    private const double Width = 1160;
    private const double Left = 168;
    private const double Right = 20;
    private const double Top = 92;
    private const double RowHeight = 34;
    private const double RowGap = 8;
    private const int MostRows = 64;
    private const int MostBoxes = 12_000;

    /// <summary>The drawing as an SVG file, readable in light and dark. A step of very many actions is drawn in spans of time, and only
    /// the first positions and the last one where there are very many.</summary>
    public static string Write(ParallelPlan plan) => Write(plan, standalone: true);

    /// <summary>What the drawing shows.</summary>
    internal static string Heading(ParallelPlan plan) =>
        $"One training step of {plan.Model.Name}, simulated: {Readable.Duration(plan.Estimates.Makespan)}";

    internal static string Write(ParallelPlan plan, bool standalone)
    {
        Timeline timeline = PlanTimeline.Of(plan);
        int positions = timeline.Devices.Count;
        int[] rows = [.. Enumerable.Range(0, positions).Where(row => positions <= MostRows || row < MostRows - 1 || row == positions - 1)];
        double bottom = Top + (rows.Length * (RowHeight + RowGap));
        var canvas = new SvgCanvas(Width, bottom + 44, Heading(plan), standalone);

        canvas.Text(0.5, 44, SvgCanvas.Fit($"{PlanText.ScheduleName(plan.Axes)}, {PlanText.MicroBatches(plan)} of "
            + $"{Readable.Exact(plan.Batching.UnitTokens)} tokens; computing {PlanText.BusyPercent(plan.Estimates)} of the time, the rest is bubbles"
            + (rows.Length < positions ? $"; {Readable.Exact(positions - rows.Length)} positions not drawn" : ""), Width), "muted");
        DrawLegend(canvas, plan, timeline);
        if (timeline.Makespan <= 0)
            return canvas.Finish();

        DrawAxis(canvas, timeline.Makespan, bottom);
        bool inSpans = rows.Sum(row => timeline.Devices[row].Count) > MostBoxes;
        EquatableArray<string> ranks = PlanText.RanksByPosition(plan);
        for (int i = 0; i < rows.Length; i++)
        {
            double y = Top + (i * (RowHeight + RowGap));
            int position = rows[i];
            canvas.Text(0.5, y + 15, "position " + Readable.Exact(position), "strong text");
            canvas.Text(0.5, y + 30, SvgCanvas.Fit("ranks " + ranks[position], (Left - 10) * 1.15), "small muted");
            canvas.Rectangle(Left, y, Width - Left - Right, RowHeight, "track", 3);
            if (inSpans)
                DrawSpans(canvas, plan, timeline, position, y);
            else
                DrawBoxes(canvas, plan, timeline, position, y);
        }

        return canvas.Finish();
    }

    /// <summary>The class of an action: its kind, and the shade of its stage among those of the same position.</summary>
    private static string Style(ParallelPlan plan, PipelineAction action)
    {
        char kind = action.Kind switch { ActionKind.Forward => 'f', ActionKind.BackwardWeight => 'w', _ => 'b' };
        return kind + Readable.Exact(Chunk(plan, action.Stage) % ReportTheme.Shades);
    }

    /// <summary>Which of its position's stages a stage is, from 0.</summary>
    private static int Chunk(ParallelPlan plan, int stage)
    {
        int chunk = 0;
        for (int i = 0; i < stage; i++)
            chunk += plan.Stages[i].Device == plan.Stages[stage].Device ? 1 : 0;
        return chunk;
    }

    private static void DrawBoxes(SvgCanvas canvas, ParallelPlan plan, Timeline timeline, int position, double y)
    {
        foreach (TimedAction timed in timeline.Devices[position])
        {
            if (!timed.Action.IsCompute || timed.End <= timed.Start)
                continue;
            double x = X(timed.Start, timeline.Makespan), width = X(timed.End, timeline.Makespan) - x;
            // A hair between neighbours, where there is room for one.
            double drawn = width > 3 ? width - 1 : width;
            canvas.Rectangle(x, y, drawn, RowHeight, Style(plan, timed.Action), width > 6 ? 2 : 0, Describe(plan, timed));
            string label = Readable.Exact(timed.Action.MicroBatch);
            if (width >= (8 * label.Length) + 4)
                canvas.Text(x + (drawn / 2), y + 22, label, "on-action", "middle");
            else if (width >= (6.3 * label.Length) + 2)
                canvas.Text(x + (drawn / 2), y + 21, label, "small on-action", "middle");
        }
    }

    private static void DrawSpans(SvgCanvas canvas, ParallelPlan plan, Timeline timeline, int position, double y)
    {
        int count = (int)Math.Min(1 + (long)(Width - Left - Right), timeline.Makespan);
        IReadOnlyList<PipelineAction?> spans = TimelineSpans.Of(timeline.Devices[position], timeline.Makespan, count);
        double step = (Width - Left - Right) / count;
        for (int start = 0; start < count;)
        {
            string? style = StyleAt(start);
            int end = start + 1;
            while (end < count && StyleAt(end) == style)
                end++;
            if (style is not null)
                canvas.Rectangle(Left + (start * step), y, (end - start) * step, RowHeight, style);
            start = end;
        }

        string? StyleAt(int index) => spans[index] is { } action ? Style(plan, action) : null;
    }

    private static string Describe(ParallelPlan plan, TimedAction timed)
    {
        string kind = timed.Action.Kind switch
        {
            ActionKind.Forward => "forward",
            ActionKind.Backward => "backward",
            ActionKind.BackwardInput => "input gradient",
            _ => "weight gradient",
        };
        return $"{kind} of micro-batch {Readable.Exact(timed.Action.MicroBatch)}, stage {Readable.Exact(timed.Action.Stage)} "
            + $"({PlanText.LayerNames(plan, plan.Stages[timed.Action.Stage])}): {Readable.Exact(timed.Start)} to {Readable.Exact(timed.End)} ns, "
            + Readable.Duration(timed.End - timed.Start);
    }

    private static void DrawLegend(SvgCanvas canvas, ParallelPlan plan, Timeline timeline)
    {
        int chunks = Enumerable.Range(0, plan.Stages.Count).Select(stage => Chunk(plan, stage) + 1).DefaultIfEmpty(1).Max();
        bool splits = timeline.Devices.Any(actions => actions.Any(timed => timed.Action.Kind == ActionKind.BackwardWeight));
        double x = Left;
        foreach ((char kind, string name) in new[] { ('f', "forward"), ('b', splits ? "input gradient" : "backward"), ('w', "weight gradient") })
        {
            if (kind == 'w' && !splits)
                continue;
            for (int chunk = 0; chunk < Math.Min(chunks, ReportTheme.Shades); chunk++)
            {
                canvas.Rectangle(x, 62, 14, 14, kind + Readable.Exact(chunk), 2);
                x += 17;
            }

            string label = chunks > 1 ? name + ", a shade for each stage of a position" : name;
            canvas.Text(x + 3, 73.5, label, "muted");
            x += 24 + (label.Length * 6.8);
        }

        canvas.Rectangle(x, 62, 14, 14, "track", 2);
        canvas.Text(x + 20, 73.5, "idle", "muted");
        x += 62;
        canvas.Text(x, 73.5, "numbers are micro-batches", "muted");
    }

    private static void DrawAxis(SvgCanvas canvas, long makespan, double bottom)
    {
        long step = Step(makespan);
        for (long time = 0; time <= makespan; time += step)
        {
            double x = X(time, makespan);
            canvas.Line(x, Top - 6, x, bottom, "grid");
            canvas.Text(x, bottom + 16, time == 0 ? "0" : Readable.Duration(time), "small muted", x > Width - Right - 30 ? "end" : "middle");
            if (time > long.MaxValue - step)
                break;
        }

        canvas.Line(Left, bottom, Width - Right, bottom, "axis");
        canvas.Text(Left, bottom + 36, "simulated time; point at a box for its stage and duration", "small muted");
    }

    /// <summary>The distance of the grid lines: 1, 2 or 5 times a power of ten, so that there are four to ten of them.</summary>
    private static long Step(long makespan)
    {
        long power = 1;
        while (makespan / power >= 10)
            power *= 10;
        long leading = makespan / power;
        return leading >= 5 ? power : power < 10 ? 1 : leading >= 2 ? power / 2 : power / 5;
    }

    private static double X(long time, long makespan) => Left + ((Width - Left - Right) * ((double)time / makespan));
}
