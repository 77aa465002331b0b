using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

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
        Transformer("Samples.Tiny", 2, 64, 256, 16, 2, 2, 32), Nodes("Desk", 1, 1, DeviceKind.Host, 0, 0), new AxesSpec());

    /// <summary>Many positions, many micro-batches, many ranks.</summary>
    public static ParallelPlan Huge { get; } = Make(
        Transformer("Samples.Huge", 254, 4_096, 128_256, 2_048, 16, 16, 8_192), Nodes("Site", 64, 8, DeviceKind.H100Sxm, 8, 400),
        new AxesSpec(2, 2, 128, PipelineSchedule.OneForwardOneBackward, 256));

    /// <summary>For drawings that are compared with accepted ones: only the programs are the planner's, all figures are set here, so that a
    /// better cost model does not change the drawings.</summary>
    public static ParallelPlan Fixed { get; } = MakeFixed();

    /// <summary>A name that every writer has to escape.</summary>
    public static ParallelPlan Hostile { get; } = Single with
    {
        Model = Single.Model with { Name = "</script><b>&\"'\u0001\uD800 Größe 模型" },
        Cluster = Single.Cluster with { Name = "]]> <img src=x onerror=alert(1)> \n\t\u0000" },
    };

    private static ParallelPlan MakeFixed()
    {
        ParallelPlan plan = Make(
            Transformer("Samples.Fixed", 6, 4_096, 32_000, 512, 8, 4, 1_536), Nodes("Lab", 2, 4, DeviceKind.H100Sxm, 4, 400),
            new AxesSpec(2, 2, 2, PipelineSchedule.Interleaved, 4, 2));
        plan = plan with
        {
            Layers = plan.Layers.Select(layer => layer with
            {
                Parameters = 1_000_000 * (layer.Index + 1),
                LinearFlops = 6_000_000,
                AttentionFlops = 2_048,
                ActivationBytes = 40_960,
                OutputBytes = 1_024,
                KeyValueBytes = 1_024,
            }).ToEquatableArray(),
            Cluster = plan.Cluster with
            {
                Nodes = plan.Cluster.Nodes.Select(group => group with { Device = group.Device with { Source = "a test" } }).ToEquatableArray(),
            },
            Mesh = plan.Mesh with { Order = [Axis.Sequence, Axis.Data, Axis.Pipeline] },
            Stages =
            [
                new PlannedStage(0, 0, 2, 0, 300_000, 500_000, 200_000, 20_000),
                new PlannedStage(1, 2, 2, 1, 400_000, 600_000, 300_000, 20_000),
                new PlannedStage(2, 4, 2, 0, 350_000, 550_000, 250_000, 20_000),
                new PlannedStage(3, 6, 2, 1, 450_000, 450_000, 450_000, 0),
            ],
            Batching = new BatchingPlan(4, 4_096, 2_048, 4),
            Memory =
            [
                new DeviceMemory(0, 4_000_000_000, 8_000_000_000, 24_000_000_000, 30_000_000_000, 500_000_000, 5, 85_899_345_920),
                new DeviceMemory(1, 5_000_000_000, 10_000_000_000, 30_000_000_000, 12_000_000_000, 500_000_000, 3, 85_899_345_920),
            ],
        };
        Timeline timeline = PlanTimeline.Of(plan);
        return plan with { Estimates = new Estimates(timeline.Makespan, timeline.Work, 123_456_789_000_000, 3_000_000_000, 4_000_000, 50_000_000) };
    }

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
