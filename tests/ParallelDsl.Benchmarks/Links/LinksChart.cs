using System.Globalization;
using ParallelDsl.Reporting;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Draws how much faster each datapath is than the single ring, over the ratio of computation to communication: measured and predicted.</summary>
internal static class LinksChart
{
    private const double Width = 1160;
    private const double Height = 520;
    private const double Left = 64;
    private const double Right = 210;
    private const double Top = 70;
    private const double Bottom = 60;
    private const double LabelHeight = 18;

    public static string Write(FabricResult result)
    {
        SvgCanvas canvas = new(Width, Height, $"Attention on {result.Spec.Fabric.Ranks} ranks, every pair linked: speed over the single ring", standalone: true);
        canvas.Text(0.5, 40, "measured; dashed: predicted by the max-plus model", "muted");
        double[] ratios = result.Spec.Ratios;
        LinkResult[] base0 = [.. ratios.Select(ratio => result.Of(Exchanges.SingleRing, ratio))];
        double most = Math.Ceiling(result.Exchanges.Max(exchange => ratios.Max(ratio => Math.Max(result.Speedup(exchange, ratio), Predicted(exchange, ratio)))));
        for (int level = 0; level <= most; level++)
        {
            canvas.Line(Left, Y(level), Width - Right, Y(level), "grid");
            canvas.Text(Left - 8, Y(level) + 4, level.ToString(CultureInfo.InvariantCulture), "small muted", "end");
        }

        foreach (double ratio in ratios)
            canvas.Text(X(ratio), Height - Bottom + 20, ratio.ToString("0.##", CultureInfo.InvariantCulture), "small muted", "middle");
        canvas.Line(Left, Height - Bottom, Width - Right, Height - Bottom, "axis");
        canvas.Text((Left + Width - Right) / 2, Height - Bottom + 44, "time of computation / time of the single ring's communication (log scale)", "muted", "middle");
        List<(double Y, string Text, string Style)> labels = [];
        for (int index = 0; index < result.Exchanges.Length; index++)
        {
            string exchange = result.Exchanges[index], style = $"p{index}";
            for (int i = 1; i < ratios.Length; i++)
            {
                Segment(ratios[i - 1], result.Speedup(exchange, ratios[i - 1]), ratios[i], result.Speedup(exchange, ratios[i]), $"curve {style}");
                Segment(ratios[i - 1], Predicted(exchange, ratios[i - 1]), ratios[i], Predicted(exchange, ratios[i]), $"curve-thin dashed {style}");
            }

            foreach (double ratio in ratios)
                canvas.Rectangle(X(ratio) - 4, Y(result.Speedup(exchange, ratio)) - 4, 8, 8, style, 2, string.Create(CultureInfo.InvariantCulture, $"{exchange}: {result.Speedup(exchange, ratio):F2}x at {ratio}"));
            labels.Add((Y(result.Speedup(exchange, ratios[0])), string.Create(CultureInfo.InvariantCulture, $"{exchange}, {result.Speedup(exchange, ratios[0]):F2}x"), style));
        }

        // The names stand in a column in the order of the curves' left ends, which is where they differ.
        double y = Top;
        foreach ((double _, string text, string style) in labels.OrderBy(label => label.Y))
        {
            canvas.Rectangle(Width - Right + 16, y - 8, 10, 10, style, 2);
            canvas.Text(Width - Right + 32, y + 1, text, "small");
            y += LabelHeight;
        }

        canvas.Text(Width - Right + 16, y + 4, string.Create(CultureInfo.InvariantCulture, $"(at a ratio of {ratios[0]})"), "small muted");
        return canvas.Finish();

        double X(double ratio) => Left + 20 + ((Width - Right - Left - 40) * Math.Log(ratio / ratios[0]) / Math.Log(ratios[^1] / ratios[0]));

        double Y(double speedup) => Height - Bottom - ((Height - Bottom - Top) * speedup / most);

        double Predicted(string exchange, double ratio) => (base0[Array.IndexOf(ratios, ratio)].Predicted / result.Of(exchange, ratio).Predicted)!.Value;

        void Segment(double x1, double y1, double x2, double y2, string style) =>
            canvas.Path($"M{SvgCanvas.Number(X(x1))} {SvgCanvas.Number(Y(y1))}L{SvgCanvas.Number(X(x2))} {SvgCanvas.Number(Y(y2))}", style);
    }
}
