using System.Globalization;
using System.Text;

namespace ParallelDsl.Reporting;

/// <summary>Draws the losses of a run over its steps.</summary>
public static class LossCurveSvg
{
    private const double Width = 1160;
    private const double Height = 460;
    private const double Left = 64;
    private const double Right = 150;
    private const double Top = 70;
    private const double Bottom = 50;

    /// <summary>The drawing as an SVG file, readable in light and dark.</summary>
    /// <param name="losses">The loss of each step, nats a token. What is not a number, or beyond a million, leaves a gap.</param>
    /// <param name="referenceLosses">The same of a run to compare with, drawn dashed; it may be shorter or empty.</param>
    /// <param name="unigramLoss">The loss of a unigram model on held-out text, a level line.</param>
    /// <param name="heldOutLoss">The model's own loss on held-out text at the end, a mark at the last step.</param>
    public static string Write(
        IReadOnlyList<double> losses,
        IReadOnlyList<double>? referenceLosses = null,
        double? unigramLoss = null,
        double? heldOutLoss = null)
    {
        IReadOnlyList<double> reference = referenceLosses ?? [];
        var canvas = new SvgCanvas(Width, Height, "Loss over the steps of training", standalone: true);
        canvas.Text(0.5, 40, "measured, nats a token", "muted");

        double[] values = [.. losses.Concat(reference).Append(unigramLoss ?? double.NaN).Append(heldOutLoss ?? double.NaN).Where(IsDrawn)];
        if (values.Length == 0)
        {
            canvas.Text(Width / 2, Height / 2, losses.Count == 0 ? "no step was run" : "no loss is a finite number", "muted", "middle");
            return canvas.Finish();
        }

        var scale = new Scale(values.Min(), values.Max(), Math.Max(losses.Count, reference.Count));
        DrawGrid(canvas, scale);
        var labels = new List<(double Y, string Text, string Style)>();
        if (unigramLoss is { } unigram && IsDrawn(unigram))
        {
            canvas.Path($"M{SvgCanvas.Number(Left)} {SvgCanvas.Number(scale.Y(unigram))}H{SvgCanvas.Number(Width - Right)}", "curve dashed level");
            labels.Add((scale.Y(unigram), "unigram " + Loss(unigram), "level-text"));
        }

        DrawCurve(canvas, scale, losses, "curve loss");
        DrawCurve(canvas, scale, reference, "curve dashed reference");
        if (reference.Count > 0)
            canvas.Text(Width - Right, 40, "dashed: the reference run", "reference-text", "end");
        if (heldOutLoss is { } heldOut && IsDrawn(heldOut))
        {
            double x = scale.X(Math.Max(losses.Count, 1) - 1), y = scale.Y(heldOut);
            canvas.Path($"M{SvgCanvas.Number(x - 5)} {SvgCanvas.Number(y)}h10m-5 -5v10", "curve loss", "loss on held-out text");
            labels.Add((y, "held out " + Loss(heldOut), "loss-text"));
        }

        double last = losses.LastOrDefault(IsDrawn, double.NaN);
        if (IsDrawn(last))
            labels.Add((scale.Y(last), "last step " + Loss(last), "strong loss-text"));
        DrawLabels(canvas, labels);
        return canvas.Finish();
    }

    private static void DrawGrid(SvgCanvas canvas, Scale scale)
    {
        double step = NiceStep((scale.Highest - scale.Lowest) / 6);
        for (double level = Math.Ceiling(scale.Lowest / step) * step; level <= scale.Highest; level += step)
        {
            canvas.Line(Left, scale.Y(level), Width - Right, scale.Y(level), "grid");
            canvas.Text(Left - 8, scale.Y(level) + 4, level.ToString("0.###", CultureInfo.InvariantCulture), "small muted", "end");
        }

        int stride = (int)Math.Max(1, NiceStep(scale.Steps / 8.0));
        for (int number = stride; number <= scale.Steps; number += stride)
            canvas.Text(scale.X(number - 1), Height - Bottom + 20, number.ToString("N0", CultureInfo.InvariantCulture), "small muted", "middle");
        canvas.Line(Left, Height - Bottom, Width - Right, Height - Bottom, "axis");
        canvas.Text((Left + Width - Right) / 2, Height - Bottom + 40, "step", "muted", "middle");
    }

    /// <summary>Labels at the ends of their lines, moved down where they would lie on one another.</summary>
    private static void DrawLabels(SvgCanvas canvas, List<(double Y, string Text, string Style)> labels)
    {
        const double LineHeight = 18;
        labels.Sort((left, right) => left.Y.CompareTo(right.Y));
        double free = 0;
        foreach ((double y, string text, string style) in labels)
        {
            double place = Math.Max(y, free);
            canvas.Text(Width - Right + 12, place + 4, text, style);
            free = place + LineHeight;
        }
    }

    private static void DrawCurve(SvgCanvas canvas, Scale scale, IReadOnlyList<double> losses, string style)
    {
        var path = new StringBuilder();
        bool pen = false;
        for (int i = 0; i < losses.Count; i++)
        {
            if (IsDrawn(losses[i]))
                path.Append(pen ? 'L' : 'M').Append(SvgCanvas.Number(scale.X(i))).Append(' ').Append(SvgCanvas.Number(scale.Y(losses[i])));
            pen = IsDrawn(losses[i]);
        }

        if (path.Length > 0)
            canvas.Path(path.ToString(), style);
    }

    /// <summary>The next of 1, 2, 5 times a power of ten.</summary>
    private static double NiceStep(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(rough, 1e-9))));
        double leading = rough / power;
        return power * (leading <= 1 ? 1 : leading <= 2 ? 2 : leading <= 5 ? 5 : 10);
    }

    /// <summary>Not what is infinite, no number, or so far off that nothing else could be seen.</summary>
    private static bool IsDrawn(double value) => Math.Abs(value) <= 1e6;

    private static string Loss(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private sealed class Scale
    {
        public Scale(double lowest, double highest, int steps)
        {
            // Room above and below; a level curve still needs some height to be drawn in.
            double margin = Math.Max((highest - lowest) * 0.06, Math.Max(Math.Abs(highest) * 1e-6, 1e-6));
            (Lowest, Highest, Steps) = (lowest - margin, highest + margin, steps);
        }

        public double Lowest { get; }

        public double Highest { get; }

        public int Steps { get; }

        public double X(int step) => Left + ((Width - Left - Right) * (Steps > 1 ? step / (Steps - 1.0) : 0.5));

        public double Y(double value) => Top + ((Height - Top - Bottom) * ((Highest - value) / (Highest - Lowest)));
    }
}
