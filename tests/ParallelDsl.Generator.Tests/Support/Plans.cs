using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests.Support;

/// <summary>Plan files that tests give to the generator.</summary>
internal static class Plans
{
    private static readonly PlanRequest Request = new(
        new ModelSpec("Demo.Gpt", 8_192, new(
        [
            new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: 50_257, Width: 768),
            new LayerSpec("Blocks", LayerKind.TransformerBlock, 12, Heads: 12, KeyValueHeads: 4, FeedForward: 2_048),
            new LayerSpec("Head", LayerKind.LanguageModelHead),
        ])),
        new ClusterSpec("Lab", new([new NodeGroup(2, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 4, 400)])),
        new AxesSpec(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 8));

    /// <summary>The plan that <see cref="Sources.Gpt"/> gets without a file.</summary>
    public static string Gpt { get; } = Of(Request);

    /// <summary>The plan of <see cref="Sources.Adaptive"/> with GPipe's order in place of what a search finds.</summary>
    public static string Adaptive
    {
        get
        {
            AxesSpec axes = Request.Axes with { Schedule = PipelineSchedule.GPipe };
            ParallelPlan plan = Plan(Request with { Axes = axes });
            return PlanJson.Write(plan with { Axes = plan.Axes with { Schedule = PipelineSchedule.Adaptive, Chunks = 0 } });
        }
    }

    /// <summary>The plan of <see cref="Sources.OnMesh"/> on five devices of one node, with two rings of which one uses a link of the other.</summary>
    public static string UnsoundRings { get; } = WithRows(
        Of(Request with
        {
            Cluster = new ClusterSpec("Lab", new([new NodeGroup(1, 5, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, 1, 400)])),
            Axes = new AxesSpec(1, 5, 1, Datapath: Datapath.Hamiltonian, InterNodeDatapath: Datapath.Hamiltonian),
            Model = Request.Model with { ContextLength = 7_680 },
        }),
        ["[0, 1, 2, 3, 4]", "[0, 2, 3, 1, 4]"]);

    /// <summary>Where the second of those stands, lines and characters from 0.</summary>
    public static string UnsoundPlace { get; } = FormattableString.Invariant(
        $"({UnsoundRings[..UnsoundRings.IndexOf("[0, 2, 3, 1, 4]", StringComparison.Ordinal)].Count(character => character == '\n')},4)");

    /// <summary>A plan file with other rows of rings. Its digest is not made anew.</summary>
    public static string WithRows(string file, string[] rows)
    {
        int start = file.IndexOf("  \"rings\": [", StringComparison.Ordinal), end = file.IndexOf("\n  ]", start, StringComparison.Ordinal);
        return file[..start] + "  \"rings\": [" + string.Join(",", rows.Select(row => "\n    " + row)) + file[end..];
    }

    private static string Of(PlanRequest request) => PlanJson.Write(Plan(request));

    private static ParallelPlan Plan(PlanRequest request) => Assert.IsType<Planned>(Planner.Plan(request)).Plan;
}
