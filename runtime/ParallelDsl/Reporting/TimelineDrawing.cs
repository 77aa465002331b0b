using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Reporting;

/// <summary>A drawing of a simulated run: a row for each device, a box for each action. A run of very many actions is drawn in spans of
/// time, and only the first rows and the last one where there are very many.</summary>
internal sealed class TimelineDrawing
{
    private const double Width = 1160;
    private const double Left = 168;
    private const double Right = 20;
    private const double Top = 92;
    private const double RowHeight = 34;
    private const double RowGap = 8;
    private const int MostRows = 64;
    private const int MostBoxes = 12_000;

    // The part of an unsplit backward's box that is drawn as W, where the run has both kinds.
    private const double Band = 7;

    private int[] _chunks = [];
    private bool _splits;
    private bool _mixes;

    /// <summary>What the drawing shows, with the word "simulated".</summary>
    public required string Heading { get; init; }

    /// <summary>One line under the heading.</summary>
    public required string Caption { get; init; }

    /// <summary>What is drawn.</summary>
    public required Timeline Timeline { get; init; }

    /// <summary>The device of every stage.</summary>
    public required EquatableArray<int> StageDevices { get; init; }

    /// <summary>What a row is called, in the singular.</summary>
    public required string RowNoun { get; init; }

    /// <summary>The second line before a row.</summary>
    public required Func<int, string> RowNote { get; init; }

    /// <summary>The text that appears when an action is pointed at.</summary>
    public required Func<TimedAction, string> Tip { get; init; }

    /// <summary>A time as the axis says it.</summary>
    public required Func<long, string> Time { get; init; }

    /// <summary>The line under the axis.</summary>
    public required string Footer { get; init; }

    /// <summary>What a kind of action is called in <see cref="Tip"/> and legend.</summary>
    public static string NameOf(ActionKind kind) => kind switch
    {
        ActionKind.Forward => "forward",
        ActionKind.Backward => "backward",
        ActionKind.BackwardInput => "input gradient",
        _ => "weight gradient",
    };

    /// <summary>The text of the drawing.</summary>
    /// <param name="standalone">Whether it is a file of its own or part of a page.</param>
    public string Write(bool standalone)
    {
        int count = Timeline.Devices.Count;
        int[] rows = [.. Enumerable.Range(0, count).Where(row => count <= MostRows || row < MostRows - 1 || row == count - 1)];
        double bottom = Top + (rows.Length * (RowHeight + RowGap));
        var canvas = new SvgCanvas(Width, bottom + 44, Heading, standalone);

        canvas.Text(0.5, 44, SvgCanvas.Fit(Caption
            + (rows.Length < count ? $"; {Readable.Exact(count - rows.Length)} {RowNoun}s not drawn" : ""), Width), "muted");
        _chunks = Chunks();
        _splits = Has(ActionKind.BackwardWeight);
        _mixes = _splits && Has(ActionKind.Backward);
        DrawLegend(canvas);
        if (Timeline.Makespan <= 0)
            return canvas.Finish();

        DrawAxis(canvas, bottom);
        bool inSpans = rows.Sum(row => Timeline.Devices[row].Count) > MostBoxes;
        for (int i = 0; i < rows.Length; i++)
        {
            double y = Top + (i * (RowHeight + RowGap));
            int row = rows[i];
            canvas.Text(0.5, y + 15, RowNoun + " " + Readable.Exact(row), "strong text");
            canvas.Text(0.5, y + 30, SvgCanvas.Fit(RowNote(row), (Left - 10) * 1.15), "small muted");
            canvas.Rectangle(Left, y, Width - Left - Right, RowHeight, "track", 3);
            if (inSpans)
                DrawSpans(canvas, row, y);
            else
                DrawBoxes(canvas, row, y);
        }

        return canvas.Finish();
    }

    private bool Has(ActionKind kind) => Timeline.Devices.Any(actions => actions.Any(timed => timed.Action.Kind == kind));

    /// <summary>Which of its device's stages every stage is, from 0.</summary>
    private int[] Chunks()
    {
        var chunks = new int[StageDevices.Count];
        var stages = new Dictionary<int, int>();
        for (int stage = 0; stage < chunks.Length; stage++)
        {
            chunks[stage] = stages.GetValueOrDefault(StageDevices[stage]);
            stages[StageDevices[stage]] = chunks[stage] + 1;
        }

        return chunks;
    }

    /// <summary>The class of an action: its kind, and the shade of its stage among those of the same device.</summary>
    private string Style(PipelineAction action)
    {
        char kind = action.Kind switch { ActionKind.Forward => 'f', ActionKind.BackwardWeight => 'w', _ => 'b' };
        return kind + Shade(action);
    }

    private string Shade(PipelineAction action) => Readable.Exact(_chunks[action.Stage] % ReportTheme.Shades);

    private void DrawBoxes(SvgCanvas canvas, int row, double y)
    {
        foreach (TimedAction timed in Timeline.Devices[row])
        {
            if (!timed.Action.IsCompute || timed.End <= timed.Start)
                continue;
            double x = X(timed.Start), width = X(timed.End) - x;
            // A hair between neighbours, where there is room for one.
            double drawn = width > 3 ? width - 1 : width;
            canvas.Rectangle(x, y, drawn, RowHeight, Style(timed.Action), width > 6 ? 2 : 0, Tip(timed));
            if (_mixes && timed.Action.Kind == ActionKind.Backward)
                canvas.Rectangle(x, y + RowHeight - Band, drawn, Band, "w" + Shade(timed.Action));
            string label = Readable.Exact(timed.Action.MicroBatch);
            if (width >= (8 * label.Length) + 4)
                canvas.Text(x + (drawn / 2), y + 22, label, "on-action", "middle");
            else if (width >= (6.3 * label.Length) + 2)
                canvas.Text(x + (drawn / 2), y + 21, label, "small on-action", "middle");
        }
    }

    private void DrawSpans(SvgCanvas canvas, int row, double y)
    {
        int count = (int)Math.Min(1 + (long)(Width - Left - Right), Timeline.Makespan);
        IReadOnlyList<PipelineAction?> spans = TimelineSpans.Of(Timeline.Devices[row], Timeline.Makespan, count);
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

        string? StyleAt(int index) => spans[index] is { } action ? Style(action) : null;
    }

    private void DrawLegend(SvgCanvas canvas)
    {
        int chunks = _chunks.Select(chunk => chunk + 1).DefaultIfEmpty(1).Max();
        double x = Left;
        foreach ((char kind, string name) in new[]
        {
            ('f', "forward"), ('b', _splits ? "input gradient" : "backward"), ('w', "weight gradient"), ('x', "both in one"),
        })
        {
            if ((kind == 'w' && !_splits) || (kind == 'x' && !_mixes))
                continue;
            for (int chunk = 0; chunk < Math.Min(chunks, ReportTheme.Shades); chunk++)
            {
                canvas.Rectangle(x, 62, 14, 14, (kind == 'x' ? "b" : kind) + Readable.Exact(chunk), 2);
                if (kind == 'x')
                    canvas.Rectangle(x, 72, 14, 4, "w" + Readable.Exact(chunk));
                x += 17;
            }

            // Three or four long labels would leave the frame.
            string label = chunks > 1 && !_splits ? $"{name}, a shade for each stage of a {RowNoun}" : name;
            canvas.Text(x + 3, 73.5, label, "muted");
            x += 24 + (label.Length * 6.8);
        }

        canvas.Rectangle(x, 62, 14, 14, "track", 2);
        canvas.Text(x + 20, 73.5, "idle", "muted");
        x += 62;
        canvas.Text(x, 73.5, chunks > 1 && _splits ? "numbers: micro-batches; shades: stages" : "numbers are micro-batches", "muted");
    }

    private void DrawAxis(SvgCanvas canvas, double bottom)
    {
        long step = Step(Timeline.Makespan);
        for (long time = 0; time <= Timeline.Makespan; time += step)
        {
            double x = X(time);
            canvas.Line(x, Top - 6, x, bottom, "grid");
            canvas.Text(x, bottom + 16, time == 0 ? "0" : Time(time), "small muted", x > Width - Right - 30 ? "end" : "middle");
            if (time > long.MaxValue - step)
                break;
        }

        canvas.Line(Left, bottom, Width - Right, bottom, "axis");
        canvas.Text(Left, bottom + 36, Footer, "small muted");
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

    private double X(long time) => Left + ((Width - Left - Right) * ((double)time / Timeline.Makespan));
}
