using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Reporting;

/// <summary>Draws the mesh on the machines: ranks in their nodes, coloured by position on the pipeline axis, with the rings of the sequence
/// axis as arrows.</summary>
public static class MeshSvg
{
    private const double Width = 1160;
    private const double Top = 84;
    private const double RankWidth = 104;
    private const double RankHeight = 52;
    private const double Gap = 26;
    private const double RowGap = 48;
    private const double ArcHeight = 18;
    private const double Padding = 18;
    private const double NodeTitle = 30;
    private const int RanksInRow = 4;
    private const int MostRanks = 128;

    /// <summary>The drawing as an SVG file, readable in light and dark. Of very many nodes only the first are drawn.</summary>
    public static string Write(ParallelPlan plan) => Write(plan, standalone: true);

    /// <summary>What the drawing shows.</summary>
    internal static string Heading(ParallelPlan plan) => $"{Readable.Exact(plan.Mesh.Size, "rank")} on {plan.Cluster.Name}";

    internal static string Write(ParallelPlan plan, bool standalone)
    {
        List<Node> nodes = Nodes(plan.Cluster);
        int drawn = 0, ranksDrawn = 0;
        while (drawn < nodes.Count && (drawn == 0 || ranksDrawn + nodes[drawn].Devices <= MostRanks))
            ranksDrawn += nodes[drawn++].Devices;
        (List<Box> boxes, double bottom) = Place(nodes.Take(drawn));

        Mesh mesh = plan.Mesh;
        var canvas = new SvgCanvas(Width, bottom + (drawn < nodes.Count ? 30 : 2), Heading(plan), standalone);
        canvas.Text(0.5, 44, $"{Readable.Exact(mesh.Data)} data × {Readable.Exact(mesh.Sequence)} sequence × {Readable.Exact(mesh.Pipeline)} pipeline; "
            + "d, s, p: the coordinate of a rank; coloured by p"
            + (mesh.Sequence > 1 ? "; arrows: the way of keys and values along the sequence axis" : ""), "muted");
        DrawLegend(canvas, mesh);
        foreach (Box box in boxes)
        {
            canvas.Rectangle(box.X, box.Y, box.Width, box.Height, "node", 8);
            canvas.Text(box.X + Padding, box.Y + 21, SvgCanvas.Fit(
                $"node {Readable.Exact(box.Node.Index)}: {Readable.Exact(box.Node.Devices)} × {box.Node.Group.Device.Name}", box.Width - (2 * Padding)), "strong muted");
        }

        DrawRings(canvas, plan, boxes);
        foreach (Box box in boxes)
        {
            for (int device = 0; device < box.Node.Devices; device++)
                DrawRank(canvas, plan, box.Node.FirstRank + device, box.At(device));
        }

        if (drawn < nodes.Count)
            canvas.Text(0.5, bottom + 20, $"and {Readable.Exact(nodes.Count - drawn)} more nodes", "muted");
        return canvas.Finish();
    }

    /// <summary>The nodes of a cluster, one by one, each with the first of its ranks.</summary>
    private static List<Node> Nodes(ClusterSpec cluster)
    {
        var nodes = new List<Node>();
        int rank = 0;
        foreach (NodeGroup group in cluster.Nodes)
        {
            for (int i = 0; i < group.Count; i++)
            {
                nodes.Add(new Node(nodes.Count, rank, group.DevicesPerNode, group));
                rank += group.DevicesPerNode;
            }
        }

        return nodes;
    }

    private static (List<Box> Boxes, double Bottom) Place(IEnumerable<Node> nodes)
    {
        var boxes = new List<Box>();
        double x = 0.5, y = Top, rowBottom = Top;
        foreach (Node node in nodes)
        {
            int columns = Math.Min(RanksInRow, node.Devices), rows = (node.Devices + RanksInRow - 1) / RanksInRow;
            double width = (columns * (RankWidth + Gap)) - Gap + (2 * Padding);
            double height = NodeTitle + (rows * (RankHeight + RowGap)) - RowGap + (2 * Padding);
            if (x > 1 && x + width > Width)
                (x, y) = (0.5, rowBottom + 20);
            boxes.Add(new Box(node, x, y, width, height));
            rowBottom = Math.Max(rowBottom, y + height);
            x += width + 20;
        }

        return (boxes, rowBottom);
    }

    private static void DrawLegend(SvgCanvas canvas, Mesh mesh)
    {
        double x = 0.5;
        for (int position = 0; position < Math.Min(mesh.Pipeline, ReportTheme.Hues); position++)
        {
            canvas.Rectangle(x, 58, 14, 14, Hue(position), 2);
            string label = "p" + Readable.Exact(position);
            canvas.Text(x + 19, 69.5, label, "muted");
            x += 52;
        }

        if (mesh.Pipeline > ReportTheme.Hues)
            canvas.Text(x, 69.5, "and so on, the same colours again", "muted");
    }

    private static void DrawRank(SvgCanvas canvas, ParallelPlan plan, int rank, (double X, double Y) corner)
    {
        Coordinate coordinate = plan.Mesh.CoordinateOf(rank);
        IEnumerable<string> stages = plan.Stages.Where(stage => stage.Device == coordinate.Pipeline)
            .Select(stage => $"stage {Readable.Exact(stage.Index)}: {PlanText.LayerNames(plan, stage)}");
        canvas.Rectangle(corner.X, corner.Y, RankWidth, RankHeight, Hue(coordinate.Pipeline), 6, string.Join("; ", stages));
        canvas.Text(corner.X + (RankWidth / 2), corner.Y + 22, "rank " + Readable.Exact(rank), "strong text", "middle");
        canvas.Text(
            corner.X + (RankWidth / 2), corner.Y + 40,
            $"d{Readable.Exact(coordinate.Data)} s{Readable.Exact(coordinate.Sequence)} p{Readable.Exact(coordinate.Pipeline)}", "text", "middle");
    }

    private static void DrawRings(SvgCanvas canvas, ParallelPlan plan, List<Box> boxes)
    {
        if (PlanText.WithoutRings(plan) is not null)
            return;
        var corners = new Dictionary<int, (double X, double Y)>();
        foreach (Box box in boxes)
        {
            for (int device = 0; device < box.Node.Devices; device++)
                corners[box.Node.FirstRank + device] = box.At(device);
        }

        for (int data = 0; data < plan.Mesh.Data; data++)
        {
            for (int pipeline = 0; pipeline < plan.Mesh.Pipeline; pipeline++)
            {
                foreach (var ring in plan.Rings)
                {
                    for (int i = 0; ring.Count > 1 && i < ring.Count; i++)
                    {
                        int from = plan.Mesh.RankOf(new Coordinate(data, ring[i], pipeline));
                        int to = plan.Mesh.RankOf(new Coordinate(data, ring[(i + 1) % ring.Count], pipeline));
                        if (corners.TryGetValue(from, out var start) && corners.TryGetValue(to, out var end))
                            DrawHop(canvas, start, end);
                    }
                }
            }
        }
    }

    /// <summary>One hop, from box to box: to the right above the ranks, to the left below them, so that both ways of a pair are seen.</summary>
    private static void DrawHop(SvgCanvas canvas, (double X, double Y) from, (double X, double Y) to)
    {
        const double Inset = RankWidth * 0.3;
        if (from.Y == to.Y)
        {
            bool rightward = to.X > from.X;
            double edge = rightward ? from.Y : from.Y + RankHeight, height = (rightward ? -1 : 1) * ArcHeight;
            double start = rightward ? from.X + RankWidth - Inset : from.X + Inset, end = rightward ? to.X + Inset : to.X + RankWidth - Inset;
            DrawArrow(canvas, (start, edge), (start, edge + height), (end, edge + height), (end, edge));
            return;
        }

        bool downward = to.Y > from.Y;
        (double X, double Y) leave = (from.X + (downward ? Inset : RankWidth - Inset), downward ? from.Y + RankHeight : from.Y);
        (double X, double Y) arrive = (to.X + (downward ? Inset : RankWidth - Inset), downward ? to.Y : to.Y + RankHeight);
        double bend = (downward ? 1 : -1) * Math.Max(ArcHeight, Math.Abs(arrive.Y - leave.Y) / 2);
        DrawArrow(canvas, leave, (leave.X, leave.Y + bend), (arrive.X, arrive.Y - bend), arrive);
    }

    private static void DrawArrow(
        SvgCanvas canvas, (double X, double Y) start, (double X, double Y) first, (double X, double Y) second, (double X, double Y) end)
    {
        // The head points along the last tangent, which is vertical: hops enter a box from above or below.
        double down = end.Y > second.Y ? 1 : -1;
        double neck = end.Y - (down * 7);
        canvas.Path($"M{At(start)}C{At(first)} {At(second)} {At((end.X, neck))}", "curve-thin ring");
        canvas.Path($"M{At((end.X, end.Y - down))}L{At((end.X - 4, neck - down))}L{At((end.X + 4, neck - down))}Z", "ring-head");

        static string At((double X, double Y) point) => SvgCanvas.Number(point.X) + " " + SvgCanvas.Number(point.Y);
    }

    private static string Hue(int position) => "p" + Readable.Exact(position % ReportTheme.Hues);

    private sealed record Node(int Index, int FirstRank, int Devices, NodeGroup Group);

    private sealed record Box(Node Node, double X, double Y, double Width, double Height)
    {
        /// <summary>The corner of a device's box.</summary>
        public (double X, double Y) At(int device) => (
            X + Padding + (device % RanksInRow * (RankWidth + Gap)),
            Y + Padding + NodeTitle + (device / RanksInRow * (RankHeight + RowGap)));
    }
}
