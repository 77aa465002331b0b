using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Reporting;

/// <summary>Draws a ring set: the devices in a circle, all ways together in colours, then each on its own.</summary>
public static class RingSvg
{
    private const double Width = 1160;
    private const double Top = 62;
    private const double LargeRadius = 200;
    private const double SmallRadius = 66;
    private const double Label = 24;
    private const double Gap = 34;
    private const int MostPanels = 64;
    private const int MostNamed = 32;
    private const int MostTogether = 1_024;

    /// <summary>The drawing as an SVG file, readable in light and dark. Of very many ways only the first are drawn.</summary>
    public static string Write(string heading, RingSet set) => Write(heading, set, standalone: true);

    internal static string Write(string heading, RingSet set, bool standalone)
    {
        List<(int From, int To)>[] ways = Ways(set);
        int arcs = ways.Sum(way => way.Count), drawn = Math.Min(ways.Length, MostPanels);
        bool together = arcs <= MostTogether;
        double cell = (2 * (SmallRadius + Label)) + Gap, left = together ? (2 * (LargeRadius + Label)) + Gap : 0;
        int columns = (int)((Width - left + Gap) / cell), rows = (drawn + columns - 1) / columns;
        double height = Math.Max(together ? 2 * (LargeRadius + Label) : 0, rows * (cell + 6));
        var canvas = new SvgCanvas(Width, Top + height + (drawn < ways.Length ? 24 : 0), heading, standalone);
        canvas.Text(0.5, 44, (together ? "all at once, then " : "") + (set.Kind == RingSetKind.Pairwise
            ? "of each slot to whom every device sends it in the first round"
            : "each ring on its own; the larger dot is where it begins"), "muted");
        if (together)
            DrawTogether(canvas, set, ways);

        for (int way = 0; way < drawn; way++)
        {
            double x = left + (way % columns * cell) + Label + SmallRadius, y = Top + (way / columns * (cell + 6)) + Label + SmallRadius;
            var circle = new Circle(set, x, y, SmallRadius);
            foreach ((int from, int to) in ways[way])
                DrawArc(canvas, circle, from, to, way, 0);
            DrawDevices(canvas, circle, set, set.Kind == RingSetKind.Pairwise ? -1 : ways[way][0].From);
            canvas.Text(x, y + SmallRadius + Label + 14, (set.Kind == RingSetKind.Pairwise ? "slot " : "ring ") + Readable.Exact(way), "small muted", "middle");
        }

        if (drawn < ways.Length)
            canvas.Text(0.5, Top + height + 16, $"and {Readable.Exact(ways.Length - drawn)} more", "muted");
        return canvas.Finish();
    }

    private static List<(int From, int To)>[] Ways(RingSet set)
    {
        if (set.Kind == RingSetKind.Pairwise)
        {
            return [.. Enumerable.Range(1, set.Slots).Select(step =>
                Enumerable.Range(0, set.Devices).Select(device => (device, (device + step) % set.Devices)).ToList())];
        }

        return [.. set.Rings.Select(ring => Enumerable.Range(0, set.IsClosed ? ring.Count : ring.Count - 1)
            .Select(place => (ring[place], ring[(place + 1) % ring.Count])).ToList())];
    }

    // The two directions of a link lie beside each other.
    private static void DrawTogether(SvgCanvas canvas, RingSet set, List<(int From, int To)>[] ways)
    {
        var circle = new Circle(set, Label + LargeRadius, Top + Label + LargeRadius, LargeRadius);
        for (int way = 0; way < ways.Length; way++)
        {
            foreach ((int from, int to) in ways[way])
                DrawArc(canvas, circle, from, to, way, 2.2);
        }

        DrawDevices(canvas, circle, set, -1);
    }

    private static void DrawArc(SvgCanvas canvas, Circle circle, int from, int to, int way, double aside)
    {
        ((double startX, double startY), (double endX, double endY)) = (circle.At(from), circle.At(to));
        double length = Math.Sqrt(((endX - startX) * (endX - startX)) + ((endY - startY) * (endY - startY)));
        (double alongX, double alongY) = ((endX - startX) / length, (endY - startY) / length);
        double gap = circle.Dot + 1.5, head = circle.Dot + 3;
        double x1 = startX + (alongX * gap) - (alongY * aside), y1 = startY + (alongY * gap) + (alongX * aside);
        double x2 = endX - (alongX * gap) - (alongY * aside), y2 = endY - (alongY * gap) + (alongX * aside);
        string hue = "p" + Readable.Exact(way % ReportTheme.Hues);
        canvas.Path($"M{N(x1)} {N(y1)}L{N(x2)} {N(y2)}", "curve-thin " + hue, $"{Readable.Exact(from)} to {Readable.Exact(to)}");
        double backX = x2 - (alongX * head), backY = y2 - (alongY * head), side = head * 0.45;
        canvas.Path(
            $"M{N(x2)} {N(y2)}L{N(backX - (alongY * side))} {N(backY + (alongX * side))}L{N(backX + (alongY * side))} {N(backY - (alongX * side))}Z",
            "line " + hue);
    }

    private static void DrawDevices(SvgCanvas canvas, Circle circle, RingSet set, int first)
    {
        for (int device = 0; device < set.Devices; device++)
        {
            (double x, double y) = circle.At(device);
            double dot = device == first ? circle.Dot + 1.5 : circle.Dot;
            canvas.Rectangle(x - dot, y - dot, 2 * dot, 2 * dot, "text", dot, DeviceName(set, device));
            if (set.Devices > MostNamed && (circle.Dot < 3 || set.Devices > 2 * MostNamed))
                continue;
            (double nameX, double nameY) = circle.Beside(device, 14);
            canvas.Text(nameX, nameY + 4, Readable.Exact(device), "small muted", "middle");
        }
    }

    private static string DeviceName(RingSet set, int device) => set.Nodes == 1
        ? "device " + Readable.Exact(device)
        : $"device {Readable.Exact(device)}: {Readable.Exact(device % set.DevicesPerNode)} of node {Readable.Exact(device / set.DevicesPerNode)}";

    private static string N(double value) => SvgCanvas.Number(value);

    // Devices clockwise from the top, with the room of one device between nodes.
    private sealed record Circle(RingSet Set, double X, double Y, double Radius)
    {
        public double Dot => Radius > 100 ? 4 : Set.Devices > 16 ? 2 : 3;

        public (double X, double Y) At(int device) => Beside(device, 0);

        public (double X, double Y) Beside(int device, double distance)
        {
            int nodes = Set.Nodes == 1 ? 0 : Set.Nodes;
            double place = device + (nodes == 0 ? 0 : (device / Set.DevicesPerNode) + 0.5);
            double angle = 2 * Math.PI * place / (Set.Devices + nodes);
            return (X + ((Radius + distance) * Math.Sin(angle)), Y - ((Radius + distance) * Math.Cos(angle)));
        }
    }
}
