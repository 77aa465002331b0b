using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Reporting;

/// <summary>Draws a planned step: a row for each rank of the data and sequence axes, a column for each unit, once for the forwards and once for
/// the backwards. A box is the rank's share of a slice, as wide as what it computes, with the number of its sequence.</summary>
public static class StepSvg
{
    private const double Width = 1160;
    private const double Left = 62;
    private const double Top = 84;
    private const double PanelTitle = 44;
    private const double PanelGap = 20;
    private const double RowHeight = 18;
    private const double BarHeight = 15;
    private const double ColumnGap = 12;
    private const int MostRows = 64;
    private const int MostUnits = 16;

    // Narrower boxes of one zone are drawn as one.
    private const double Narrow = 4;

    private static readonly (Zone Zone, string Name, string Style)[] Zones =
    [
        (Zone.InterNode, "on ranks of several nodes", "w0"),
        (Zone.IntraNode, "on several ranks of a node", "b0"),
        (Zone.Local, "on one rank", "f0"),
    ];

    /// <summary>The drawing as an SVG file, readable in light and dark.</summary>
    /// <param name="plan">The plan by whose constants the step was planned.</param>
    /// <param name="step">The step.</param>
    public static string Write(ParallelPlan plan, StepPlan step)
    {
        int rows = Math.Min(step.AttentionRanks, MostRows), units = Math.Min(step.MicroBatches, MostUnits);
        double height = Top + (2 * (PanelTitle + (rows * RowHeight) + PanelGap));
        string name = plan.Model.Name[(plan.Model.Name.LastIndexOf('.') + 1)..];
        string heading = $"{name}: a step of {Readable.Exact(step.SequenceCount, "sequence")}, {Readable.Exact(step.TotalTokens)} tokens";
        var canvas = new SvgCanvas(Width, height, heading, standalone: true);
        string left = rows < step.AttentionRanks ? $"; {Readable.Exact(step.AttentionRanks - rows)} ranks not drawn" : "";
        left += units < step.MicroBatches ? $"; {Readable.Exact(step.MicroBatches - units)} units not drawn" : "";
        canvas.Text(0.5, 44, "floating-point operations of each rank's share of a slice, by sequence; the dashed line is the mean of all units" + left, "muted");
        double x = 0.5;
        foreach ((_, string zone, string style) in Zones)
        {
            canvas.Rectangle(x, 58, 14, 14, style, 2);
            canvas.Text(x + 20, 69.5, zone, "muted");
            x += 48 + (zone.Length * 6.8);
        }

        SequenceCosts costs = SequenceCosts.Of(plan.Layers);
        DrawPass(canvas, step, costs, backward: false, Top, rows, units);
        DrawPass(canvas, step, costs, backward: true, Top + PanelTitle + (rows * RowHeight) + PanelGap, rows, units);
        return canvas.Finish();
    }

    private static void DrawPass(SvgCanvas canvas, StepPlan step, SequenceCosts costs, bool backward, double top, int rows, int units)
    {
        List<Share>[,] shares = SharesOf(step, costs, backward);
        decimal most = 1, sum = 0;
        foreach (List<Share> cell in shares)
        {
            decimal total = cell.Sum(share => (decimal)share.Flops);
            (most, sum) = (Math.Max(most, total), sum + total);
        }

        decimal mean = sum / shares.Length;
        double column = (Width - Left) / units, scale = (column - ColumnGap) / (double)most;
        string pass = backward ? "backward" : "forward";
        canvas.Text(0.5, top + 14, pass, "strong text");
        canvas.Text(Left + 20, top + 14, $"mean {Readable.Flops((long)mean)} a unit, most {Readable.Flops((long)most)}", "small muted");
        for (int row = 0; row < rows; row++)
            canvas.Text(0.5, top + PanelTitle + (row * RowHeight) + 12, "rank " + Readable.Exact(row), "small text");
        for (int unit = 0; unit < units; unit++)
        {
            double x = Left + (unit * column);
            canvas.Text(x, top + PanelTitle - 6, "unit " + Readable.Exact(unit), "small muted");
            for (int row = 0; row < rows; row++)
                DrawCell(canvas, step, shares[row, unit], pass, x, top + PanelTitle + (row * RowHeight), scale);
            double line = x + ((double)mean * scale);
            canvas.Line(line, top + PanelTitle - 2, line, top + PanelTitle + (rows * RowHeight), "axis dashed");
        }
    }

    private static void DrawCell(SvgCanvas canvas, StepPlan step, List<Share> shares, string pass, double x, double y, double scale)
    {
        foreach ((Zone zone, string name, string style) in Zones)
        {
            Share[] drawn = [.. shares.Where(share => step.RingZones[step.Slices[share.Slice].Ring] == zone)];
            for (int first = 0; first < drawn.Length;)
            {
                int end = first;
                decimal flops = 0;
                do
                {
                    flops += drawn[end].Flops;
                }
                while (++end < drawn.Length && (double)flops * scale < Narrow);
                double width = (double)flops * scale;
                Slice slice = step.Slices[drawn[first].Slice];
                string what = end - first > 1
                    ? Readable.Exact(end - first, "slice")
                    : $"sequence {Readable.Exact(slice.Sequence)}, tokens {Readable.Exact(slice.Start)} to {Readable.Exact(slice.End - 1)}, "
                        + $"ring of {Readable.Exact(step.RingSize(slice.Ring))}";
                canvas.Rectangle(x, y, Math.Max(0, width - Math.Min(0.75, width / 4)), BarHeight, style, 0, $"{pass}, {name}: {what}, {Readable.Flops((long)flops)}");
                string label = Readable.Exact(slice.Sequence);
                if (end - first == 1 && width > 5 + (label.Length * 6.5))
                    canvas.Text(x + (width / 2), y + 11.5, label, "small on-action", "middle");
                x += width;
                first = end;
            }
        }
    }

    // What every rank computes of every slice, by rank and unit.
    private static List<Share>[,] SharesOf(StepPlan step, SequenceCosts costs, bool backward)
    {
        var shares = new List<Share>[step.AttentionRanks, step.MicroBatches];
        for (int rank = 0; rank < step.AttentionRanks; rank++)
        {
            for (int unit = 0; unit < step.MicroBatches; unit++)
                shares[rank, unit] = [];
        }

        (long pair, long token) = backward ? (costs.PairBackward, costs.TokenBackward) : (costs.PairForward, costs.TokenForward);
        for (int index = 0; index < step.SliceCount; index++)
        {
            Slice slice = step.Slices[index];
            ReadOnlySpan<int> ranks = step.RanksOf(slice.Ring);
            for (int member = 0; member < ranks.Length; member++)
            {
                Segments segments = ZigzagSplit.SegmentsOf(slice.Length, ranks.Length, member);
                long area = 0;
                for (int i = 0; i < segments.Count; i++)
                    area += SequenceCosts.Area(slice.Start + segments[i].Start, segments[i].Length);
                if (segments.Tokens > 0)
                    shares[ranks[member], backward ? slice.BackwardUnit : slice.ForwardUnit].Add(new(index, (pair * area) + (token * segments.Tokens)));
            }
        }

        return shares;
    }

    private readonly record struct Share(int Slice, long Flops);
}
