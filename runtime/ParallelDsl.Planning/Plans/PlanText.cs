using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>A plan as text of at most <see cref="Width"/> columns, ASCII but for the names that the user chose, lines ended by
/// <c>\n</c>, the same on every machine. Long plans are abbreviated; JSON has everything.</summary>
public static class PlanText
{
    /// <summary>No line is longer.</summary>
    public const int Width = 100;

    /// <summary>Tables longer than this show their first rows and their last one.</summary>
    private const int MostRows = 24;

    private const int Indent = 2;
    private const int KeyWidth = 12;

    /// <summary>The whole plan: what was declared, stages, memory, batching, rings, simulated figures and the timeline.</summary>
    public static string Write(ParallelPlan plan)
    {
        var text = new StringBuilder();
        WriteHeader(text, plan);
        text.Append('\n').Append(Table(plan));
        text.Append('\n');
        WriteMemory(text, plan);
        text.Append('\n');
        WriteConstants(text, plan);
        text.Append('\n').Append(Timeline(plan));
        return text.ToString();
    }

    /// <summary>The stages: layers, position on the pipeline axis, ranks, simulated costs of one full unit and parameters.</summary>
    public static string Table(ParallelPlan plan)
    {
        long longest = plan.Stages
            .Select(stage => Math.Max(Math.Max(stage.Forward, stage.BackwardInput), Math.Max(stage.BackwardWeight, stage.Hop)))
            .DefaultIfEmpty().Max();
        (string unit, long divisor) = CommonUnit(longest);

        var text = new StringBuilder();
        text.Append(Fit($"Stages (F, B, W and hop of one full unit, {unit}, simulated)", Width)).Append('\n');
        var table = new PlanTextTable(Width, Indent);
        table.Number("stage").Text("layers").Number("position").Text("ranks")
            .Number("F").Number("B").Number("W").Number("hop").Number("parameters");
        EquatableArray<string> ranks = RanksByPosition(plan);
        foreach (int index in Shown(plan.Stages.Count, MostRows))
        {
            if (index < 0)
            {
                table.Row("...", $"{plan.Stages.Count - MostRows} more", "", "", "", "", "", "", "");
                continue;
            }

            PlannedStage stage = plan.Stages[index];
            table.Row(
                Readable.Exact(stage.Index), LayerNames(plan, stage), Readable.Exact(stage.Device),
                ranks[stage.Device], In(stage.Forward), In(stage.BackwardInput), In(stage.BackwardWeight), In(stage.Hop),
                Readable.Count(Parameters(plan, stage)));
        }

        table.WriteTo(text);
        return text.ToString();

        string In(long nanoseconds) => Readable.Exact((nanoseconds / divisor) + (nanoseconds % divisor * 2 >= divisor ? 1 : 0));
    }

    /// <summary>The simulated step: a row for each position of the pipeline axis, a character for each span of time, and a legend.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="width">No line is longer; at least 40.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="width"/> is under 40.</exception>
    public static string Timeline(ParallelPlan plan, int width = Width)
    {
        Timeline timeline = PlanTimeline.Of(plan);
        string end = Readable.Duration(timeline.Makespan);
        return TimelineText.Write(
            timeline, $"Timeline at each pipeline position ({end}, simulated)", end, plan.Batching.UnitsPerDataRank, width);
    }

    /// <summary>The ranks of each position of the pipeline axis as a short list: <c>0-3, 8-11</c>.</summary>
    public static EquatableArray<string> RanksByPosition(ParallelPlan plan)
    {
        var ranks = new List<int>[plan.Mesh.Pipeline];
        for (int position = 0; position < ranks.Length; position++)
            ranks[position] = [];
        for (int rank = 0; rank < plan.Mesh.Size; rank++)
            ranks[plan.Mesh.CoordinateOf(rank).Pipeline].Add(rank);
        return ranks.Select(Runs).ToEquatableArray();
    }

    /// <summary>The layers of a stage: <c>Tokens .. Blocks[5]</c>, <c>Blocks[6..11]</c>.</summary>
    public static string LayerNames(ParallelPlan plan, PlannedStage stage)
    {
        PlannedLayer first = plan.Layers[stage.FirstLayer], last = plan.Layers[stage.FirstLayer + stage.LayerCount - 1];
        if (first == last)
            return first.Name;
        return first.Declared == last.Declared
            ? $"{plan.Model.Layers[first.Declared].Name}[{Readable.Exact(PieceOf(first))}..{Readable.Exact(PieceOf(last))}]"
            : first.Name + " .. " + last.Name;
    }

    private static int PieceOf(PlannedLayer layer) => layer.IsSlice ? layer.Slice : layer.Repetition;

    /// <summary>The weights of a stage, as a number of parameters.</summary>
    public static long Parameters(ParallelPlan plan, PlannedStage stage)
    {
        long sum = 0;
        for (int i = 0; i < stage.LayerCount; i++)
            sum = checked(sum + plan.Layers[stage.FirstLayer + i].Parameters);
        return sum;
    }

    /// <summary>The schedule as people call it: <c>GPipe</c>, <c>1F1B</c>, <c>interleaved 1F1B, 2 stages a position</c>.</summary>
    public static string ScheduleName(AxesSpec axes) => axes.Schedule switch
    {
        PipelineSchedule.GPipe => "GPipe",
        PipelineSchedule.OneForwardOneBackward => "1F1B",
        PipelineSchedule.Interleaved => "interleaved 1F1B, " + Readable.Exact(axes.Chunks) + " stages a position",
        PipelineSchedule.ZeroBubbleH1 => "ZB-H1",
        PipelineSchedule.ZeroBubbleH2 => "ZB-H2",
        PipelineSchedule.ZeroBubbleV => "ZB-V",
        PipelineSchedule.DualPipeV => "DualPipeV",
        PipelineSchedule.Adaptive => "adaptive",
        _ => axes.Schedule.ToString(),
    };

    /// <summary>How many micro-batches a step has: <c>8 micro-batches</c>.</summary>
    public static string MicroBatches(ParallelPlan plan) =>
        Readable.Exact(plan.Batching.UnitsPerDataRank) + (plan.Batching.UnitsPerDataRank == 1 ? " micro-batch" : " micro-batches");

    /// <summary>The machines in one line: <c>2 nodes of 4 x NVIDIA H100 SXM (switch, 4 x 400 Gb/s)</c>.</summary>
    public static string Nodes(ClusterSpec cluster) => string.Join("; ", cluster.Nodes.Select(group =>
    {
        string nodes = group.Count == 1 ? "1 node of " : Readable.Exact(group.Count) + " nodes of ";
        string network = group.NicsPerNode > 0 ? $", {Readable.Exact(group.NicsPerNode)} x {Readable.Exact(group.NicGbps)} Gb/s" : "";
        string fabric = group.DevicesPerNode > 1 ? group.Fabric switch { Fabric.Switch => "switch, ", Fabric.Mesh => "mesh, ", _ => "PCIe, " } : "";
        return $"{nodes}{Readable.Exact(group.DevicesPerNode)} x {group.Device.Name} ({fabric}{Readable.Bytes(group.Device.MemoryBytes)} each{network})";
    }));

    /// <summary>Control characters become spaces, halves of characters become question marks, and what is too long ends in <c>...</c>.</summary>
    internal static string Fit(string value, int width)
    {
        value = Clean(value);
        if (value.Length <= width)
            return value;
        if (width <= 3)
            return new string('.', width);
        int kept = width - 3;
        if (char.IsHighSurrogate(value[kept - 1]))
            kept--;
        return new StringBuilder(value, 0, kept, width).Append("...").ToString();
    }

    private static string Clean(string value)
    {
        if (!value.Any(character => char.IsControl(character) || char.IsSurrogate(character)))
            return value;
        char[] cleaned = value.ToCharArray();
        for (int i = 0; i < cleaned.Length; i++)
        {
            if (char.IsControl(cleaned[i]))
                cleaned[i] = ' ';
            else if (i + 1 < cleaned.Length && char.IsSurrogatePair(cleaned[i], cleaned[i + 1]))
                i++;
            else if (char.IsSurrogate(cleaned[i]))
                cleaned[i] = '?';
        }

        return new string(cleaned);
    }

    /// <summary>The indices of <paramref name="count"/> rows, of which at most <paramref name="most"/> are shown; -1 stands for those left out.</summary>
    internal static IEnumerable<int> Shown(int count, int most)
    {
        for (int i = 0; i < count; i++)
        {
            if (count <= most || i < most - 1 || i == count - 1)
                yield return i;
            else if (i == most - 1)
                yield return -1;
        }
    }

    private static void WriteHeader(StringBuilder text, ParallelPlan plan)
    {
        ModelSpec model = plan.Model;
        long parameters = 0;
        foreach (PlannedLayer layer in plan.Layers)
            parameters = checked(parameters + layer.Parameters);

        text.Append(Fit("Plan of " + model.Name, Width)).Append('\n');
        Entry(text, "model", $"{Readable.Exact(plan.Layers.Count, "layer")}, {Readable.Count(parameters)} parameters ({Readable.Exact(parameters)}), "
            + $"context {Readable.Exact(model.ContextLength)} tokens");
        Entry(text, "layers", string.Join("; ", model.Layers.Select(layer => Describe(layer, plan.Axes))));
        Entry(text, "cluster", plan.Cluster.Name + ": " + Nodes(plan.Cluster));
        Entry(text, "mesh", $"{Readable.Exact(plan.Mesh.Data)} data x {Readable.Exact(plan.Mesh.Sequence)} sequence x "
            + $"{Readable.Exact(plan.Mesh.Pipeline)} pipeline = {Readable.Exact(plan.Mesh.Size, "rank")}; neighbours along "
            + string.Join(", then ", plan.Mesh.Order.Select(AxisName)));
        Entry(text, "schedule", $"{ScheduleName(plan.Axes)}, {MicroBatches(plan)}");
        Entry(text, "digest", PlanDigest.Of(plan));
    }

    private static void WriteMemory(StringBuilder text, ParallelPlan plan)
    {
        text.Append("Memory of a rank at each position (units: stage activations held at the fullest moment)\n");
        var table = new PlanTextTable(Width, Indent);
        table.Number("position").Number("weights").Number("gradients").Number("optimizer").Number("activations").Number("workspace")
            .Number("needed").Number("available").Number("units");
        foreach (int index in Shown(plan.Memory.Count, MostRows))
        {
            if (index < 0)
            {
                table.Row("...", "", "", "", "", "", "", "", "");
                continue;
            }

            DeviceMemory memory = plan.Memory[index];
            table.Row(
                Readable.Exact(memory.Device), Readable.Bytes(memory.Weights), Readable.Bytes(memory.Gradients),
                Readable.Bytes(memory.Optimizer), Readable.Bytes(memory.Activations), Readable.Bytes(memory.Workspace),
                Readable.Bytes(memory.Needed), Readable.Bytes(memory.Available), Readable.Exact(memory.UnitsInFlight));
        }

        table.WriteTo(text);
    }

    private static void WriteConstants(StringBuilder text, ParallelPlan plan)
    {
        BatchingPlan batching = plan.Batching;
        text.Append("Batching and rings\n");
        Entry(text, "unit", $"{Readable.Exact(batching.UnitTokens)} tokens, {Readable.Exact(batching.UnitTokensPerRank)} on each sequence rank; "
            + $"a sequence takes a multiple of {Readable.Exact(batching.Granule)}");
        Entry(text, "step", $"{Readable.Exact(batching.UnitsPerDataRank, "unit")} on each of {Readable.Exact(plan.Mesh.Data, "data rank")} = "
            + $"{Readable.Exact((long)batching.UnitsPerDataRank * batching.UnitTokens * plan.Mesh.Data)} tokens at most");
        WriteStrategy(text, plan);

        string? none = WithoutRings(plan);
        int rings = none is null ? plan.Rings.Count : 0;
        if (none is not null)
            Entry(text, "rings", none);
        foreach (int index in Shown(rings, MostRows))
        {
            if (index < 0)
                Entry(text, "...", Readable.Exact(rings - MostRows) + " more rings");
            else
                Entry(text, "ring " + Readable.Exact(index), RingText(plan.Rings[index]));
        }

        if (plan.Reductions.Count > 0)
        {
            Entry(text, "gradients", "summed over replicas by " + string.Join("; ", plan.Reductions.GroupBy(reduction => reduction.Describe())
                .Select(same => same.Count() == plan.Reductions.Count ? same.Key : same.Key + " at " + Readable.Exact(same.Count(), "position"))));
        }

        Estimates estimates = plan.Estimates;
        text.Append("\nOne full step, simulated\n");
        Entry(text, "makespan", $"{Readable.Duration(estimates.Makespan)} ({Readable.Exact(estimates.Makespan)} ns)");
        Entry(text, "busy", BusyPercent(estimates) + " of the step, mean of the pipeline positions; the rest is bubbles");
        Entry(text, "compute", Readable.Flops(estimates.DataRankFlops) + " on each data rank");
        Entry(text, "sent", $"by one rank: data {Readable.Bytes(estimates.DataBytes)}, sequence {Readable.Bytes(estimates.SequenceBytes)}, "
            + $"pipeline {Readable.Bytes(estimates.PipelineBytes)}");
    }

    private static void WriteStrategy(StringBuilder text, ParallelPlan plan)
    {
        BatchingPlan batching = plan.Batching;
        if (plan.Axes.Packing == ParallelDsl.Packing.Asymmetric)
        {
            Entry(text, "packing", batching.Window > 1
                ? $"by cost; slices may be exchanged within {Readable.Exact(batching.Window, "unit")}, other units in the backward"
                : "by cost, whole sequences, the same units in the backward");
        }

        if (plan.Axes.Balance == SequenceBalance.Hierarchical)
        {
            Entry(text, "balance", "every sequence on as few ranks as it needs"
                + (batching.Remaps ? "; rows are moved to equal shares for all but attention" : "")
                + (batching.Routes ? "; transfers between nodes take several network interfaces where that is faster" : ""));
        }

        if (plan.Axes.Balance == SequenceBalance.Hierarchical || plan.Axes.OverlapPercent != 100)
            Entry(text, "overlap", Overlap(plan));
        if (plan.Axes.AttentionPercent != 100)
            Entry(text, "weight", $"in balancing, attention weighs {Readable.Exact(plan.Axes.AttentionPercent)} % of its FLOPs");
        if (Datapaths(plan) is { } datapaths)
            Entry(text, "datapath", datapaths);
    }

    private static string Overlap(ParallelPlan plan)
    {
        (BatchingPlan batching, int percent) = (plan.Batching, plan.Axes.OverlapPercent);
        if (percent == 0)
            return "rings are made wherever they balance better, whether their transfers hide or not";
        string inside = Readable.Exact(batching.IntraNodeTokens, "token");
        string between = batching.InterNodeTokens > 0 ? $", from {Readable.Exact(batching.InterNodeTokens, "token")} between nodes" : "";
        return percent == 100
            ? $"a ring hides its transfers from {inside} a rank inside a node{between}"
            : $"rings are made from {inside} a rank inside a node{between}: {Readable.Exact(percent)} % of what hides transfers";
    }

    /// <summary>How keys and values travel, or null where it is by rings everywhere.</summary>
    public static string? Datapaths(ParallelPlan plan)
    {
        DatapathChoice? choice = plan.Batching.Datapaths;
        AxesSpec axes = plan.Axes.With(choice);
        if (axes is { Datapath: Datapath.Ring, InterNodeDatapath: Datapath.Ring } && choice is null)
            return null;
        string text = axes.Datapath == axes.InterNodeDatapath
            ? Name(axes.Datapath)
            : $"{Name(axes.Datapath)} inside a node; {Name(axes.InterNodeDatapath)} between nodes";
        if (axes is { InterNodeDatapath: Datapath.Hamiltonian, Rail: NodeRail.Aligned })
            text += "; paths over nodes along rails where they close so";
        return choice is null ? text : $"{text}; chosen{Ratio(choice.IntraNodePercent, "inside a node")}{Ratio(choice.InterNodePercent, "between nodes")}";

        static string Ratio(long percent, string where) =>
            percent == 0 ? string.Empty : $", attention takes {Readable.Exact(percent)} % of a hop of one ring {where}";

        static string Name(Datapath datapath) => datapath switch
        {
            Datapath.Ring => "rings",
            Datapath.AllToAll => "tokens are swapped for heads (all-to-all)",
            Datapath.BidirectionalRing => "rings, half of the keys in each direction",
            Datapath.DoubleRing => "double rings over nodes, one ring inside a node",
            Datapath.Pairwise => "pairwise",
            Datapath.AllGather => "all keys are gathered first (all-gather)",
            Datapath.Hamiltonian => "Hamiltonian rings, pairwise of 4 and 6 ranks",
            _ => datapath.ToString(),
        };
    }

    /// <summary>What is in the place of the rings of the sequence axis, or null where keys and values travel on those that the plan
    /// carries.</summary>
    public static string? WithoutRings(ParallelPlan plan)
    {
        // A ring of one rank is none.
        if (plan.Mesh.Sequence < 2)
            return "none";
        return SequenceRings.SetOf(plan) is not null ? null : SequenceRings.DatapathOf(plan) switch
        {
            Datapath.AllToAll => "none: tokens are swapped for heads",
            Datapath.AllGather => "none: every rank sends its keys and values to all at once",
            Datapath.DoubleRing => "inside nodes, in the order of the ranks, and on to the next node after each round",
            _ => "none: every rank sends its own keys and values, in each hop another part to each other",
        };
    }

    /// <summary>The share of the positions' time that computes, in percent.</summary>
    public static string BusyPercent(Estimates estimates)
    {
        if (estimates.Makespan <= 0 || estimates.Work.Count == 0)
            return "-";
        decimal work = 0;
        foreach (long position in estimates.Work)
            work += position;
        return (100m * work / estimates.Makespan / estimates.Work.Count).ToString("0.0", CultureInfo.InvariantCulture) + " %";
    }

    /// <summary>The name of an axis in a sentence.</summary>
    public static string AxisName(Axis axis) => axis switch { Axis.Data => "data", Axis.Sequence => "sequence", _ => "pipeline" };

    private static string Describe(LayerSpec layer, AxesSpec axes)
    {
        string repeat = layer.Repeat > 1 ? Readable.Exact(layer.Repeat) + " x " : "";
        string slices = axes.VocabularySlices > 1 ? Readable.Exact(axes.VocabularySlices) + " vocabulary slices" : "";
        return repeat + layer.Name + layer.Kind switch
        {
            LayerKind.Embedding => $" (vocabulary {Readable.Exact(layer.Vocabulary)}, width {Readable.Exact(layer.Width)}"
                + (slices.Length > 0 ? $", {slices})" : ")"),
            LayerKind.TransformerBlock => $" ({Readable.Exact(layer.Heads)} heads, "
                + (layer.KeyValueHeads > 0 ? $"{Readable.Exact(layer.KeyValueHeads)} key-value heads, " : "")
                + $"feed-forward {Readable.Exact(layer.FeedForward)})",
            _ => (layer.TiedWeights, slices.Length > 0) switch
            {
                (true, true) => $" (tied, {slices})",
                (true, false) => " (tied)",
                (false, true) => $" ({slices})",
                _ => "",
            },
        };
    }

    private static string RingText(EquatableArray<int> ring)
    {
        if (ring.Count == 0)
            return "empty";
        return string.Join(" ", Shown(ring.Count, MostRows).Select(index => index < 0 ? "..." : Readable.Exact(ring[index])))
            + ", back to " + Readable.Exact(ring[0]);
    }

    /// <summary>One named entry, wrapped at words with a hanging indent.</summary>
    private static void Entry(StringBuilder text, string key, string value)
    {
        const int Start = Indent + KeyWidth;
        string prefix = new string(' ', Indent) + Fit(key, KeyWidth - 1).PadRight(KeyWidth);
        string line = "";
        foreach (string word in Fit(value, 6 * (Width - Start)).Split([' '], StringSplitOptions.RemoveEmptyEntries))
        {
            string fitted = Fit(word, Width - Start);
            if (line.Length > 0 && line.Length + 1 + fitted.Length > Width - Start)
            {
                text.Append(prefix).Append(line).Append('\n');
                prefix = new string(' ', Start);
                line = "";
            }

            line += line.Length == 0 ? fitted : " " + fitted;
        }

        text.Append(prefix).Append(line).Append('\n');
    }

    private static string Runs(List<int> ranks)
    {
        var runs = new List<string>();
        for (int i = 0; i < ranks.Count;)
        {
            int end = i;
            while (end + 1 < ranks.Count && ranks[end + 1] == ranks[end] + 1)
                end++;
            string first = ranks[i].ToString(CultureInfo.InvariantCulture);
            string last = ranks[end].ToString(CultureInfo.InvariantCulture);
            runs.Add(end == i ? first : first + "-" + last);
            i = end + 1;
        }

        return string.Join(",", runs);
    }

    /// <summary>The finest unit in which the longest duration of a table has at most seven digits.</summary>
    private static (string Unit, long Divisor) CommonUnit(long longest) => longest switch
    {
        < 10_000_000 => ("ns", 1),
        < 10_000_000_000 => ("us", 1_000),
        < 10_000_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
}
