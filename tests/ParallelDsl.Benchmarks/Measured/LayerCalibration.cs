using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>What layers and hops cost on two ranks that work at the same time: from a pipeline in which every layer is a stage of its own, all
/// forwards come first, and B and W are apart. No pipeline that is predicted has these stages or this order.</summary>
internal static class LayerCalibration
{
    // Embedding and head are layers of their own, and the head weighs as much as three blocks.
    private const int LayersOfLastRank = 4;

    /// <summary>The pipeline to run for it.</summary>
    public static PipelineCandidate Pipeline(int layers, int microBatches)
    {
        PipelineProblem unknown = new(Enumerable.Repeat(new PipelineLayer(1, 1, 1), layers).ToEquatableArray(), Devices: 2, microBatches);
        return NamedPipelines.Of(
            unknown,
            PipelineSchedule.GPipe,
            partition: Enumerable.Repeat(1, layers).ToEquatableArray(),
            placement: Enumerable.Range(0, layers).Select(layer => layer < layers - LayersOfLastRank ? 0 : 1).ToEquatableArray());
    }

    /// <summary>A problem with the medians of <paramref name="steps"/>, in nanoseconds.</summary>
    public static PipelineProblem Problem(IReadOnlyList<RecordedStep> steps, int layers, int microBatches)
    {
        ILookup<(ActionKind Kind, int Stage), long> times = steps
            .SelectMany(step => step.Ranks.SelectMany(rank => rank))
            .ToLookup(timed => (timed.Action.Kind, timed.Action.Stage), timed => timed.End - timed.Start);
        long Cost(ActionKind kind, int layer) => Median(times[(kind, layer)]);
        return new PipelineProblem(
            Enumerable.Range(0, layers)
                .Select(layer => new PipelineLayer(
                    Cost(ActionKind.Forward, layer), Cost(ActionKind.BackwardInput, layer), Cost(ActionKind.BackwardWeight, layer)))
                .ToEquatableArray(),
            Devices: 2,
            microBatches,
            PinnedFirst: 1,
            PinnedLast: 1,
            Hop: Median(steps.SelectMany(Hops)));
    }

    /// <summary>From the end of the action that makes a value to its arrival, where the receiver was waiting for it already.</summary>
    private static IEnumerable<long> Hops(RecordedStep step)
    {
        Dictionary<PipelineAction, TimedAction> all = step.Ranks.SelectMany(rank => rank).ToDictionary(timed => timed.Action);
        foreach (TimedAction received in all.Values)
        {
            (ActionKind kind, int stage, int unit) = received.Action;
            PipelineAction? maker = kind switch
            {
                ActionKind.ReceiveForward => new(ActionKind.Forward, stage - 1, unit),
                ActionKind.ReceiveBackward => new(ActionKind.BackwardInput, stage + 1, unit),
                _ => null,
            };
            if (maker is { } action && received.Start < all[action].End)
                yield return received.End - all[action].End;
        }
    }

    private static long Median(IEnumerable<long> values)
    {
        long[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
