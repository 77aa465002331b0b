using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Reporting;

/// <summary>Draws what each rank computes in a step: a row for each rank with a bar for its forwards and one for its backwards, the parts of
/// which tell how far its sequences are spread. Plans below each other have one scale.</summary>
public static class RankLoadSvg
{
    private const double Width = 1160;
    private const double Left = 76;
    private const double Gap = 84;
    private const double BarWidth = (Width - Left - (2 * Gap)) / 2;
    private const double Top = 84;
    private const double PanelTitle = 52;
    private const double PanelGap = 22;
    private const double RowHeight = 16;
    private const double BarHeight = 13;
    private const int MostRows = 64;

    private static readonly (string Name, string Style, Func<PassWork, long> Flops)[] Parts =
    [
        ("linear modules", "workspace", work => work.Linear),
        ("attention on one rank", "f0", work => work.Local),
        ("attention inside a node", "b0", work => work.IntraNode),
        ("attention between nodes", "w0", work => work.InterNode),
    ];

    /// <summary>The drawing as an SVG file, readable in light and dark. Of very many ranks of a plan the first and the last one are
    /// drawn.</summary>
    /// <param name="heading">What all the plans are for.</param>
    /// <param name="panels">The plans.</param>
    public static string Write(string heading, IReadOnlyList<RankLoadPanel> panels) => Write(heading, panels, standalone: true);

    internal static string Write(string heading, IReadOnlyList<RankLoadPanel> panels, bool standalone)
    {
        double height = Top + panels.Sum(panel => PanelTitle + (RowsOf(panel).Count * RowHeight) + PanelGap);
        var canvas = new SvgCanvas(Width, height, heading, standalone);
        DrawLegend(canvas);
        double forward = panels.Max(panel => panel.Ranks.Max(rank => (double)rank.Forward.Total));
        double backward = panels.Max(panel => panel.Ranks.Max(rank => (double)rank.Backward.Total));
        double y = Top;
        foreach (RankLoadPanel panel in panels)
        {
            List<RankWork> rows = RowsOf(panel);
            string left = rows.Count < panel.Ranks.Count ? $"; {Readable.Exact(panel.Ranks.Count - rows.Count)} ranks not drawn" : "";
            canvas.Text(0.5, y + 14, SvgCanvas.Fit(panel.Title, Width * 0.5), "strong text");
            canvas.Text(0.5, y + 31, SvgCanvas.Fit(panel.Note + left, Width), "small muted");
            DrawSide(canvas, "forward", panel, rows, Left, y + PanelTitle, BarWidth / Math.Max(forward, 1), rank => rank.Forward);
            DrawSide(canvas, "backward", panel, rows, Left + BarWidth + Gap, y + PanelTitle, BarWidth / Math.Max(backward, 1), rank => rank.Backward);
            for (int row = 0; row < rows.Count; row++)
                canvas.Text(0.5, y + PanelTitle + (row * RowHeight) + 11, "rank " + Readable.Exact(rows[row].Rank), "small text");
            y += PanelTitle + (rows.Count * RowHeight) + PanelGap;
        }

        return canvas.Finish();
    }

    private static List<RankWork> RowsOf(RankLoadPanel panel) =>
        [.. panel.Ranks.Where((_, row) => panel.Ranks.Count <= MostRows || row < MostRows - 1 || row == panel.Ranks.Count - 1)];

    private static void DrawLegend(SvgCanvas canvas)
    {
        canvas.Text(0.5, 44, "floating-point operations of each rank in one step; the dashed line is the mean of all ranks", "muted");
        double x = 0.5;
        foreach ((string name, string style, _) in Parts)
        {
            canvas.Rectangle(x, 58, 14, 14, style, 2);
            canvas.Text(x + 20, 69.5, name, "muted");
            x += 48 + (name.Length * 6.8);
        }
    }

    private static void DrawSide(
        SvgCanvas canvas, string pass, RankLoadPanel panel, List<RankWork> rows, double left, double top, double scale, Func<RankWork, PassWork> work)
    {
        decimal mean = panel.Ranks.Average(rank => (decimal)work(rank).Total);
        canvas.Text(left, top - 6, $"{pass}, mean {Readable.Flops((long)mean)}", "small muted");
        for (int row = 0; row < rows.Count; row++)
        {
            double x = left, y = top + (row * RowHeight);
            PassWork drawn = work(rows[row]);
            foreach ((string name, string style, Func<PassWork, long> flops) in Parts)
            {
                double width = flops(drawn) * scale;
                if (width <= 0)
                    continue;
                canvas.Rectangle(
                    x, y, width, BarHeight, style, 0, $"rank {Readable.Exact(rows[row].Rank)}, {pass}, {name}: {Readable.Flops(flops(drawn))}");
                x += width;
            }

            canvas.Text(left + BarWidth + 8, y + 11, Readable.Flops(drawn.Total), "small muted");
        }

        double line = left + ((double)mean * scale);
        canvas.Line(line, top - 2, line, top + (rows.Count * RowHeight), "axis dashed");
    }
}
