using System.Text;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Reporting;

/// <summary>Writes a plan as one page: drawings, tables and the plan itself as JSON. The page needs nothing else: no script, no font, no
/// picture from elsewhere, and its content policy forbids them. It follows the reader's choice of light or dark.</summary>
public static class PlanHtml
{
    private const int MostRows = 200;

    /// <summary>The page as text.</summary>
    public static string Write(ParallelPlan plan)
    {
        var html = new HtmlText();
        html.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
            .Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n")
            .Raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n")
            .Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n")
            .Element("title", "Plan of " + plan.Model.Name)
            .Raw("<style>\n").Raw(PlanHtmlStyle.Css).Raw(ReportTheme.Css).Raw("</style>\n</head>\n<body>\n<main>\n");
        WriteHeader(html, plan);
        WriteFigure(html, TimelineSvg.Heading(plan), TimelineSvg.Write(plan, standalone: false));
        WriteStages(html, plan);
        WriteMemory(html, plan);
        WriteFigure(html, MeshSvg.Heading(plan), MeshSvg.Write(plan, standalone: false));
        WriteConstants(html, plan);
        WriteLayers(html, plan);
        string json = PlanJson.Write(plan);
        html.Raw("<details>\n").Element("summary", $"The plan as JSON ({Readable.Bytes(Encoding.UTF8.GetByteCount(json))})")
            .Raw("<pre id=\"plan\">").Text(json).Raw("</pre>\n</details>\n");
        html.Raw("<footer>\n").Element("p", "Durations, busy shares and traffic are simulated from published peak rates, not measured. Plan "
            + PlanDigest.Of(plan) + ".").Raw("</footer>\n</main>\n</body>\n</html>\n");
        return html.ToString();
    }

    private static void WriteHeader(HtmlText html, ParallelPlan plan)
    {
        long parameters = plan.Layers.Sum(layer => layer.Parameters);
        html.Raw("<header>\n").Element("p", "Parallel training plan", "eyebrow").Element("h1", plan.Model.Name);
        html.Element("p", $"{Readable.Exact(plan.Layers.Count, "layer")} with a context of {Readable.Exact(plan.Model.ContextLength)} tokens, on "
            + $"{plan.Cluster.Name}: {PlanText.Nodes(plan.Cluster)}.", "lead").Raw("<dl class=\"tiles\">\n");
        Tile(html, "parameters", Readable.Count(parameters), Readable.Exact(parameters));
        Tile(html, "ranks", Readable.Exact(plan.Mesh.Size), $"{Readable.Exact(plan.Mesh.Data)} data × {Readable.Exact(plan.Mesh.Sequence)} sequence × "
            + $"{Readable.Exact(plan.Mesh.Pipeline)} pipeline");
        Tile(html, "step, simulated", Readable.Duration(plan.Estimates.Makespan), $"{PlanText.ScheduleName(plan.Axes)}, "
            + $"{PlanText.MicroBatches(plan)}");
        Tile(html, "computing, simulated", PlanText.BusyPercent(plan.Estimates), "of the step; the rest is bubbles");
        DeviceMemory? fullest = plan.Memory.MaxBy(memory => memory.Available <= 0 ? 0 : (decimal)memory.Needed / memory.Available);
        if (fullest is not null)
        {
            Tile(html, "memory, fullest position", Readable.Percent(fullest.Needed, fullest.Available),
                $"{Readable.Bytes(fullest.Needed)} of {Readable.Bytes(fullest.Available)}");
        }

        long tokens = (long)plan.Batching.UnitsPerDataRank * plan.Batching.UnitTokens * plan.Mesh.Data;
        Tile(html, "tokens a step, at most", Readable.Count(tokens), $"{Readable.Exact(tokens)}");
        html.Raw("</dl>\n</header>\n");
    }

    private static void Tile(HtmlText html, string name, string value, string note) =>
        html.Raw("<div>").Element("dt", name).Element("dd", value, "value").Element("dd", note, "note").Raw("</div>\n");

    private static void WriteFigure(HtmlText html, string title, string svg)
    {
        html.Raw("<section>\n").Element("h2", title);
        html.Figure(title, svg).Raw("</section>\n");
    }

    private static void WriteStages(HtmlText html, ParallelPlan plan)
    {
        EquatableArray<string> ranks = PlanText.RanksByPosition(plan);
        var rows = plan.Stages.Select(stage => new[]
        {
            Readable.Exact(stage.Index), PlanText.LayerNames(plan, stage), Readable.Exact(stage.LayerCount), Readable.Exact(stage.Device),
            Shorten(ranks[stage.Device]), Readable.Exact(stage.Forward), Readable.Exact(stage.BackwardInput), Readable.Exact(stage.BackwardWeight),
            Readable.Exact(stage.Hop), Readable.Exact(PlanText.Parameters(plan, stage)),
        });
        html.Raw("<section>\n").Element("h2", "Stages").Element("p", "F is the forward of one full unit, B the gradient of its input, W the gradient of the "
            + "weights, hop the way of its output to the next stage: nanoseconds, simulated.", "note");
        html.Table(
            ["stage", "<layers", "count", "position", "<ranks", "F", "B", "W", "hop", "parameters"], [.. rows.Take(MostRows)],
            plan.Stages.Count > MostRows ? $"and {Readable.Exact(plan.Stages.Count - MostRows)} more; the JSON below has all" : null);
        html.Raw("</section>\n");
    }

    private static void WriteMemory(HtmlText html, ParallelPlan plan)
    {
        var rows = plan.Memory.Select(memory => new[]
        {
            Readable.Exact(memory.Device), Readable.Bytes(memory.Weights), Readable.Bytes(memory.Gradients), Readable.Bytes(memory.Optimizer),
            Readable.Bytes(memory.Activations), Readable.Bytes(memory.Workspace), Readable.Bytes(memory.Needed), Readable.Bytes(memory.Available),
            Readable.Exact(memory.UnitsInFlight),
        });
        html.Raw("<section>\n").Element("h2", MemorySvg.Heading);
        html.Figure(MemorySvg.Heading, MemorySvg.Write(plan, standalone: false));
        html.Table(
            ["position", "weights", "gradients", "optimizer", "activations", "workspace", "needed", "available", "units in flight"],
            [.. rows.Take(MostRows)],
            plan.Memory.Count > MostRows ? $"and {Readable.Exact(plan.Memory.Count - MostRows)} more; the JSON below has all" : null);
        html.Raw("</section>\n");
    }

    private static void WriteConstants(HtmlText html, ParallelPlan plan)
    {
        BatchingPlan batching = plan.Batching;
        Estimates estimates = plan.Estimates;
        html.Raw("<section>\n").Element("h2", "Batching, rings and traffic").Raw("<dl class=\"facts\">\n");
        html.Fact("unit", $"{Readable.Exact(batching.UnitTokens)} tokens, {Readable.Exact(batching.UnitTokensPerRank)} on each rank of the sequence axis");
        html.Fact("granule", $"a sequence takes a multiple of {Readable.Exact(batching.Granule)} tokens of a unit");
        html.Fact("units a step", $"{Readable.Exact(batching.UnitsPerDataRank)} on each of {Readable.Exact(plan.Mesh.Data, "data rank")}");
        html.Fact("neighbours", "along " + string.Join(", then ", plan.Mesh.Order.Select(PlanText.AxisName)) + ", the axis that moves the most bytes first");
        html.Fact("rings", PlanText.WithoutRings(plan) ?? string.Join("; ", plan.Rings.Take(MostRows).Select(ring =>
            Shorten(string.Join(" → ", ring.Append(ring.Count > 0 ? ring[0] : 0).Select(position => Readable.Exact(position)))))));
        if (PlanText.Datapaths(plan) is { } datapaths)
            html.Fact("datapath", datapaths);
        html.Fact("compute", Readable.Flops(estimates.DataRankFlops) + " a step on each data rank");
        html.Fact("sent by one rank", $"data {Readable.Bytes(estimates.DataBytes)}, sequence {Readable.Bytes(estimates.SequenceBytes)}, pipeline "
            + $"{Readable.Bytes(estimates.PipelineBytes)} a step, simulated");
        html.Raw("</dl>\n</section>\n");
    }

    private static void WriteLayers(HtmlText html, ParallelPlan plan)
    {
        html.Raw("<details>\n").Element("summary", $"The {Readable.Exact(plan.Layers.Count, "layer")}");
        IEnumerable<string[]> rows = plan.Layers.Select((PlannedLayer layer) => new[]
        {
            Readable.Exact(layer.Index), layer.Name, layer.Kind.ToString(), Readable.Exact(layer.Parameters), Readable.Flops(layer.LinearFlops),
            Readable.Flops(layer.AttentionFlops), Readable.Bytes(layer.ActivationBytes), Readable.Bytes(layer.OutputBytes), Readable.Bytes(layer.KeyValueBytes),
        });
        html.Table(
            ["layer", "<name", "<kind", "parameters", "F a token", "attention a pair", "activations a token", "output a token", "keys and values a token"],
            [.. rows.Take(MostRows)],
            plan.Layers.Count > MostRows ? $"and {Readable.Exact(plan.Layers.Count - MostRows)} more; the JSON below has all" : null);
        html.Raw("</details>\n");
    }

    private static string Shorten(string list) => list.Length <= 60 ? list : string.Concat(list.AsSpan(0, 58), " …");
}
