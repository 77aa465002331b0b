using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Tests;

/// <summary>Plans that the tests draw, made by the planner.</summary>
internal static class SamplePlans
{
    /// <summary>The model of the README on two nodes of four.</summary>
    public static ParallelPlan Gpt { get; } = Make(
        Transformer("Samples.Gpt", 12, 8_192, 50_257, 768, 12, 4, 2_048), Nodes("Lab", 2, 4, DeviceKind.H100Sxm, 4, 400),
        new AxesSpec(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 8));

    /// <summary>Interleaved over a long sequence axis.</summary>
    public static ParallelPlan Interleaved { get; } = Make(
        Transformer("Samples.Large", 30, 16_384, 128_256, 4_096, 32, 8, 14_336), Nodes("Pod", 4, 8, DeviceKind.H200Sxm, 8, 400),
        new AxesSpec(1, 4, 8, PipelineSchedule.Interleaved, 16, 2));

    /// <summary>One rank, one micro-batch.</summary>
    public static ParallelPlan Single { get; } = Make(
        Transformer("Tiny", 2, 64, 256, 16, 2, 2, 32), Nodes("Desk", 1, 1, DeviceKind.Host, 0, 0), new AxesSpec());

    /// <summary>Many positions, many micro-batches, many ranks.</summary>
    public static ParallelPlan Huge { get; } = Make(
        Transformer("Samples.Huge", 254, 4_096, 128_256, 2_048, 16, 16, 8_192), Nodes("Site", 64, 8, DeviceKind.H100Sxm, 8, 400),
        new AxesSpec(2, 2, 128, PipelineSchedule.OneForwardOneBackward, 256));

    /// <summary>A name that every writer has to escape.</summary>
    public static ParallelPlan Hostile { get; } = Single with
    {
        Model = Single.Model with { Name = "</script><b>&\"'\u0001\uD800 Größe 模型" },
        Cluster = Single.Cluster with { Name = "]]> <img src=x onerror=alert(1)> \n\t\u0000" },
    };

    /// <summary>The plan of a request that the planner accepts.</summary>
    public static ParallelPlan Make(ModelSpec model, ClusterSpec cluster, AxesSpec axes) =>
        Planner.Plan(new PlanRequest(model, cluster, axes)) switch
        {
            Planned planned => planned.Plan,
            Infeasible infeasible => throw new InvalidOperationException(string.Join("; ", infeasible.Problems.Select(problem => problem.Message))),
            var other => throw new InvalidOperationException(other.ToString()),
        };

    public static ModelSpec Transformer(
        string name, int blocks, int context, int vocabulary, int width, int heads, int keyValueHeads, int feedForward) => new(
        name,
        context,
        new EquatableArray<LayerSpec>(
        [
            new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: vocabulary, Width: width),
            new LayerSpec("Blocks", LayerKind.TransformerBlock, blocks, Heads: heads, KeyValueHeads: keyValueHeads, FeedForward: feedForward),
            new LayerSpec("Head", LayerKind.LanguageModelHead),
        ]));

    public static ClusterSpec Nodes(string name, int nodes, int devices, DeviceKind kind, int nics, int gigabits) =>
        new(name, new([new NodeGroup(nodes, devices, DeviceCatalogue.Of(kind), Fabric.Switch, nics, gigabits)]));
}
