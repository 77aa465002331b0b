using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>Requests that several tests plan.</summary>
internal static class Requests
{
    public static ModelSpec Gpt(int context = 8_192, int repeat = 12, bool tied = false) => new("Samples.Gpt", context, [
        new("Tokens", LayerKind.Embedding, Vocabulary: 50_257, Width: 768),
        new("Blocks", LayerKind.TransformerBlock, repeat, Heads: 12, KeyValueHeads: 4, FeedForward: 2_048),
        new("Head", LayerKind.LanguageModelHead, TiedWeights: tied),
    ]);

    public static ModelSpec Tiny(int context = 64) => new("Tests.Tiny", context, [
        new("Tokens", LayerKind.Embedding, Vocabulary: 97, Width: 32),
        new("Blocks", LayerKind.TransformerBlock, 6, Heads: 4, KeyValueHeads: 2, FeedForward: 48),
        new("Head", LayerKind.LanguageModelHead),
    ]);

    /// <summary>Blocks of so many heads of 64 columns.</summary>
    public static ModelSpec Heads(int heads, int keyValueHeads) => new("Tests.Heads", 6_144, [
        new("Tokens", LayerKind.Embedding, Vocabulary: 50_257, Width: 64 * heads),
        new("Blocks", LayerKind.TransformerBlock, 12, Heads: heads, KeyValueHeads: keyValueHeads, FeedForward: 2_048),
        new("Head", LayerKind.LanguageModelHead),
    ]);

    public static ClusterSpec Lab { get; } =
        new("Lab", [new(2, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 4, 400)]);

    public static ClusterSpec Hosts(int count) =>
        new("Host", [new(1, count, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, 0, 0)]);

    public static PlanRequest Pinned { get; } = new(Gpt(), Lab, new AxesSpec(2, 2, 2, MicroBatches: 8));

    public static PlanRequest PinnedInterleaved { get; } =
        new(Gpt(tied: true), Lab, new AxesSpec(2, 1, 4, PipelineSchedule.Interleaved, 8));

    public static PlanRequest PinnedHost { get; } = new(Tiny(), Hosts(8), new AxesSpec(2, 2, 2, PipelineSchedule.GPipe, 4, UnitTokens: 128));

    public static ParallelPlan Plan(PlanRequest request) => Assert.IsType<Planned>(Planner.Plan(request)).Plan;

    public static EquatableArray<PlanProblem> Problems(PlanRequest request) => Assert.IsType<Infeasible>(Planner.Plan(request)).Problems;
}
