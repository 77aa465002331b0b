using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Reporting;

/// <summary>Draws what a rank needs at each position of the pipeline axis: stacked bars against the memory of its device.</summary>
public static class MemorySvg
{
    /// <summary>What the drawing shows.</summary>
    internal const string Heading = "Memory of a rank at each position of the pipeline axis";

    private const double Width = 1160;
    private const double Left = 168;
    private const double Right = 200;
    private const double Top = 96;
    private const double BarHeight = 26;
    private const double RowHeight = 40;
    private const int MostRows = 64;

    /// <summary>Under this share of the limit the bars are drawn to their own scale, and the limit is said in words.</summary>
    private const double SmallShare = 0.2;

    private static readonly (string Name, Func<DeviceMemory, long> Bytes)[] Parts =
    [
        ("weights", memory => memory.Weights),
        ("gradients", memory => memory.Gradients),
        ("optimizer", memory => memory.Optimizer),
        ("activations", memory => memory.Activations),
        ("workspace", memory => memory.Workspace),
    ];

    /// <summary>The drawing as an SVG file, readable in light and dark. Of very many positions the first and the last one are drawn.</summary>
    public static string Write(ParallelPlan plan) => Write(plan, standalone: true);

    internal static string Write(ParallelPlan plan, bool standalone)
    {
        DeviceMemory[] rows = [.. plan.Memory.Where((_, row) => plan.Memory.Count <= MostRows || row < MostRows - 1 || row == plan.Memory.Count - 1)];
        double bottom = Top + (rows.Length * RowHeight);
        var canvas = new SvgCanvas(Width, bottom + 8, Heading, standalone);
        if (rows.Length == 0)
            return canvas.Finish();

        double needed = rows.Max(memory => (double)memory.Needed), available = rows.Max(memory => (double)memory.Available);
        bool limitIsDrawn = needed >= SmallShare * available;
        double scale = (Width - Left - Right) / Math.Max(limitIsDrawn ? Math.Max(needed, available) : needed, 1);
        canvas.Text(0.5, 44, "calculated at the fullest moment of the step"
            + (limitIsDrawn ? "; the red line is the memory of the device" : "; drawn to its own scale, the device has far more")
            + (rows.Length < plan.Memory.Count ? $"; {Readable.Exact(plan.Memory.Count - rows.Length)} positions not drawn" : ""), "muted");
        DrawLegend(canvas);
        for (int i = 0; i < rows.Length; i++)
            DrawRow(canvas, rows[i], Top + (i * RowHeight), scale, limitIsDrawn);
        return canvas.Finish();
    }

    private static void DrawLegend(SvgCanvas canvas)
    {
        double x = Left;
        foreach ((string name, _) in Parts)
        {
            canvas.Rectangle(x, 62, 14, 14, name, 2);
            canvas.Text(x + 20, 73.5, name, "muted");
            x += 48 + (name.Length * 6.8);
        }
    }

    private static void DrawRow(SvgCanvas canvas, DeviceMemory memory, double y, double scale, bool limitIsDrawn)
    {
        canvas.Text(0.5, y + 18, "position " + Readable.Exact(memory.Device), "strong text");
        canvas.Rectangle(Left, y, Width - Left - Right, BarHeight, "track", 3);
        double x = Left;
        foreach ((string name, Func<DeviceMemory, long> bytes) in Parts)
        {
            double width = bytes(memory) * scale;
            if (width <= 0)
                continue;
            canvas.Rectangle(x, y, width > 2 ? width - 1 : width, BarHeight, name, width > 6 ? 2 : 0, $"{name}: {Readable.Bytes(bytes(memory))}");
            string label = Readable.Bytes(bytes(memory));
            if (width > (label.Length * 7) + 10)
                canvas.Text(x + (width / 2), y + 17.5, label, "small on-action", "middle");
            x += width;
        }

        if (limitIsDrawn)
        {
            double limit = Left + (memory.Available * scale);
            canvas.Path($"M{SvgCanvas.Number(limit)} {SvgCanvas.Number(y - 5)}V{SvgCanvas.Number(y + BarHeight + 5)}", "curve limit");
        }

        bool fits = memory.Needed <= memory.Available;
        canvas.Text(Width - Right + 12, y + 12, $"{Readable.Bytes(memory.Needed)} of {Readable.Bytes(memory.Available)}", fits ? "strong text" : "strong limit-text");
        canvas.Text(Width - Right + 12, y + 27, Readable.Percent(memory.Needed, memory.Available), fits ? "small muted" : "small limit-text");
    }
}
