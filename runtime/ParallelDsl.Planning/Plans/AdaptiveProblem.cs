using ParallelDsl.Planning.Memory;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Plans;

/// <summary>The pipeline of a frame as a search takes it.</summary>
internal static class AdaptiveProblem
{
    /// <summary>The problem: work in FLOPs, memory in bytes, the cap that of the smallest device.</summary>
    public static PipelineProblem Of(PlanFrame frame)
    {
        AxesSpec axes = frame.Request.Axes;
        int devices = axes.Pipeline;
        long tokens = frame.Batching.UnitTokensPerRank;
        long elementBytes = LayerCosts.ElementBytes(frame.Type);
        long hidden = frame.Layers[0].OutputBytes;

        // Hops between any two positions; one figure where they are all alike.
        var hops = new long[devices * devices];
        for (int from = 0; from < devices; from++)
        {
            for (int to = 0; to < devices; to++)
                hops[(from * devices) + to] = frame.Positions.Hop(from, to, hidden * tokens);
        }

        long hop = devices == 1 ? 0 : hops[1];
        bool alike = Enumerable.Range(0, hops.Length).All(index => index / devices == index % devices || hops[index] == hop);
        long workspace = tokens * (MemoryPlanner.PipelineBytes(hidden, devices) + frame.RingBytes(frame.Layers, 1)
            + (frame.Layers.Max(layer => frame.BackwardElements(layer).Scratch) * elementBytes));
        return new PipelineProblem(
            frame.Layers.Select(layer => LayerOf(frame, layer)).ToEquatableArray(),
            devices,
            axes.MicroBatches,
            Hop: alike ? hop : 0,
            Hops: alike ? default : new(hops),
            ActivationCap: frame.Positions.Memory.Min() - workspace,
            Rates: frame.Positions.Rates);
    }

    // What is held between B and W counts as if it were held from F on: how many units wait for W only the order tells, and to find an
    // order that does not fit is of no use.
    private static PipelineLayer LayerOf(PlanFrame frame, PlannedLayer layer)
    {
        bool tied = layer.Kind == LayerKind.LanguageModelHead && frame.Request.Model.Layers[layer.Declared].TiedWeights;
        long parameters = layer.Parameters + (tied ? LayerCosts.TiedParameters(frame.Request.Model, layer) : 0);
        long gradients = frame.BackwardElements(layer).Held * LayerCosts.ElementBytes(frame.Type);
        return new PipelineLayer(
            frame.Work.Forward(layer),
            frame.Work.BackwardInput(layer),
            frame.Work.BackwardWeight(layer),
            (layer.ActivationBytes + gradients) * frame.Batching.UnitTokensPerRank,
            parameters * (LayerCosts.WeightBytes(frame.Type) + LayerCosts.GradientBytes + LayerCosts.OptimizerBytes(frame.Type)));
    }
}
