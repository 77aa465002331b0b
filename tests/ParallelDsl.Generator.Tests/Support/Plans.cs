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

    private static string Of(PlanRequest request) => PlanJson.Write(Plan(request));

    private static ParallelPlan Plan(PlanRequest request) => Assert.IsType<Planned>(Planner.Plan(request)).Plan;
}
