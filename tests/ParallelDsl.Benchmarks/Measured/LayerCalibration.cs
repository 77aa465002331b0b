using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>What layers and hops cost on two ranks that work at the same time: from a 1F1B in which every layer is a stage of its own and B and W
/// are apart. No pipeline that is predicted has these stages, nor such a share of layers between the ranks.</summary>
internal static class LayerCalibration
{
    private const int Ranks = 2;

    // The head, which weighs more than two blocks, and two blocks.
    private const int LayersOfLastRank = 3;

    /// <summary>The pipeline to run for it.</summary>
    public static PipelineCandidate Pipeline(int layers, int microBatches)
    {
        int[] first = [0, layers - LayersOfLastRank, layers];
        PipelineProblem unknown = new(Enumerable.Repeat(new PipelineLayer(1, 1, 1), layers).ToEquatableArray(), Ranks, microBatches);
        EquatableArray<EquatableArray<PipelineAction>> orders =
            PipelineOrders.Of(PipelineSchedule.OneForwardOneBackward, Ranks, microBatches, splitBackward: true);
        return PipelineCandidate.Of(
            unknown,
            PipelineSchedule.OneForwardOneBackward,
            Enumerable.Range(0, layers + 1).ToEquatableArray(),
            Enumerable.Range(0, layers).Select(layer => layer < first[1] ? 0 : 1).ToEquatableArray(),
            orders.Select(order => order.SelectMany(action => ByLayer(action, first[action.Stage], first[action.Stage + 1])).ToEquatableArray())
                .ToEquatableArray());
    }

    /// <summary>A problem with the medians of <paramref name="steps"/>, in nanoseconds.</summary>
    public static PipelineProblem Problem(IReadOnlyList<RecordedStep> steps, int layers, int microBatches)
    {
        ILookup<(ActionKind Kind, int Stage), long> times = steps
            .SelectMany(step => step.Ranks.SelectMany(rank => rank))
            .ToLookup(timed => (timed.Action.Kind, timed.Action.Stage), timed => timed.End - timed.Start);
        long Cost(ActionKind kind, int layer) => Median.Of(times[(kind, layer)]);
        return new PipelineProblem(
            Enumerable.Range(0, layers)
                .Select(layer => new PipelineLayer(
                    Cost(ActionKind.Forward, layer), Cost(ActionKind.BackwardInput, layer), Cost(ActionKind.BackwardWeight, layer)))
                .ToEquatableArray(),
            Ranks,
            microBatches,
            PinnedFirst: 1,
            PinnedLast: 1,
            Hop: Median.Of(steps.SelectMany(Hops)));
    }

    private static IEnumerable<PipelineAction> ByLayer(PipelineAction action, int first, int end)
    {
        IEnumerable<int> layers = Enumerable.Range(first, end - first);
        return (action.Kind == ActionKind.Forward ? layers : layers.Reverse()).Select(layer => action with { Stage = layer });
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
}
