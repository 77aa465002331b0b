using ParallelDsl.Planning.Memory;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Plans a pipeline whose layout and order are searched for (<see cref="PipelineSchedule.Adaptive"/>): what the search is given,
/// how far it goes within a compilation, and what happens where memory is tight.</summary>
internal static class AdaptivePlanning
{
    /// <summary>Actions that a search within a compilation simulates, so that it takes some hundredths of a second.</summary>
    public const int SimulatedActions = 400_000;

    /// <summary>Candidates that it tries at least, however large they are.</summary>
    public const int LeastCandidates = 24;

    /// <summary>An adaptive program has no more actions, transfers included, unless its known schedules have: code lists no more.</summary>
    private const int MaximumActions = 200_000;

    private const int MaximumStagesPerDevice = 8;

    /// <summary>Searches under ever smaller caps before known schedules are asked.</summary>
    private const int Tries = 3;

    // Larger ones would take seconds: the scheduler looks at every device for every action, and a hop is the slowest of all ranks'.
    private const long MaximumSteps = 20_000_000;
    private const long MaximumHops = 4_000_000;

    /// <summary>Why a compiler should not search, or null.</summary>
    public static string? Excess(AxesSpec axes)
    {
        long actions = 3L * axes.Pipeline * axes.MicroBatches;
        long hops = (long)axes.Data * axes.Sequence * axes.Pipeline * axes.Pipeline;
        return actions * axes.Pipeline > MaximumSteps || hops > MaximumHops
            ? Invariant($"an adaptive pipeline of {axes.Pipeline:N0} positions and {axes.MicroBatches:N0} micro-batches on ")
                + Invariant($"{(long)axes.Data * axes.Sequence * axes.Pipeline:N0} ranks takes too long to search for; choose another schedule")
            : null;
    }

    /// <summary>The sketch of the best pipeline that is found and fits. Where none does, the leanest known schedule, which does not fit
    /// either.</summary>
    public static PlanSketch Sketch(PlanFrame frame, CancellationToken cancellation)
    {
        foreach (PipelineProblem problem in Problems(frame, cancellation))
        {
            PlanSketch sketch = Sketch(frame, AdaptiveTuner.Tune(problem, Options(frame, CandidatesFor(frame.Request.Axes)), cancellation));
            if (sketch.Fits)
                return sketch;
        }

        return BestKnown(frame, cancellation);
    }

    /// <summary>The sketch of what a search found.</summary>
    public static PlanSketch Sketch(PlanFrame frame, PipelineCandidate found) =>
        new(frame, new StageLayout(found.Boundaries, found.StageDevices), _ => found.Orders);

    /// <summary>How far a search goes.</summary>
    public static TuningOptions Options(PlanFrame frame, int candidates)
    {
        // F, B and W of every stage, and four transfers at each boundary.
        long actions = 7L * frame.Request.Axes.Pipeline * frame.Request.Axes.MicroBatches;
        return new TuningOptions(
            candidates, MaximumStagesPerDevice: (int)Math.Max(1, Math.Min(MaximumStagesPerDevice, MaximumActions / actions)));
    }

    // A candidate has two stages a device, more or less.
    private static int CandidatesFor(AxesSpec axes) =>
        (int)Math.Max(LeastCandidates, SimulatedActions / (2 * 3L * axes.Pipeline * axes.MicroBatches));

    /// <summary>The problem to search; then, as long as whoever asks found nothing that fits, the same made ever leaner: first what is held
    /// between B and W counts as if it were held from F on, then the cap shrinks. (The search counts what is held at one moment;
    /// memory is planned stage by stage, with the gradients that wait for W, whose number only the order tells.)</summary>
    public static IEnumerable<PipelineProblem> Problems(PlanFrame frame, CancellationToken cancellation)
    {
        PipelineProblem problem = ProblemOf(frame);
        TuningOptions options = Options(frame, CandidatesFor(frame.Request.Axes));
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (attempt == 1)
                problem = problem with { Layers = frame.Layers.Select(layer => LayerOf(frame, layer, withGradients: true)).ToEquatableArray() };
            else if (attempt > 1)
                problem = problem with { ActivationCap = problem.ActivationCap - (problem.ActivationCap / 8) };
            if (!problem.IsWithinRange || SmallestCap.Of(problem, options) > problem.ActivationCap)
                yield break;
            yield return problem;
        }
    }

    /// <summary>The pipeline of <paramref name="frame"/>: work in FLOPs, memory in bytes.</summary>
    private static PipelineProblem ProblemOf(PlanFrame frame)
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
        long workspace = tokens * (MemoryPlanner.TransferBytes(hidden, frame.Layers.Max(layer => layer.KeyValueBytes), axes.Sequence, devices)
            + (frame.Layers.Max(layer => frame.BackwardElements(layer).Scratch) * elementBytes));
        return new PipelineProblem(
            frame.Layers.Select(layer => LayerOf(frame, layer, withGradients: false)).ToEquatableArray(),
            devices,
            axes.MicroBatches,
            Hop: alike ? hop : 0,
            Hops: alike ? default : new(hops),
            ActivationCap: frame.Positions.Memory.Min() - workspace,
            Rates: frame.Positions.Rates);
    }

    private static PipelineLayer LayerOf(PlanFrame frame, PlannedLayer layer, bool withGradients)
    {
        bool tied = layer.Kind == LayerKind.LanguageModelHead && frame.Request.Model.Layers[layer.Declared].TiedWeights;
        long parameters = layer.Parameters + (tied ? LayerCosts.TiedParameters(frame.Request.Model) : 0);
        long gradients = withGradients ? frame.BackwardElements(layer).Held * LayerCosts.ElementBytes(frame.Type) : 0;
        return new PipelineLayer(
            frame.Work.Forward(layer),
            frame.Work.BackwardInput(layer),
            frame.Work.BackwardWeight(layer),
            (layer.ActivationBytes + gradients) * frame.Batching.UnitTokensPerRank,
            parameters * (LayerCosts.WeightBytes(frame.Type) + LayerCosts.GradientBytes + LayerCosts.OptimizerBytes(frame.Type)));
    }

    // Of the known schedules the fastest that fits, else the one that exceeds the memory the least.
    private static PlanSketch BestKnown(PlanFrame frame, CancellationToken cancellation)
    {
        (PlanSketch Sketch, bool Fits, long Figure)? best = null;
        foreach ((PipelineSchedule schedule, int chunks) in KnownSchedules(frame))
        {
            cancellation.ThrowIfCancellationRequested();
            PlanSketch sketch = PlanSketch.Known(frame, schedule, chunks);
            long figure = sketch.Fits ? sketch.Simulate().Makespan : sketch.Memory.Max(position => position.Needed - position.Available);
            if (best is not { } other || (sketch.Fits, -figure).CompareTo((other.Fits, -other.Figure)) > 0)
                best = (sketch, sketch.Fits, figure);
        }

        return best!.Value.Sketch;
    }

    // Those that may be leaner or faster than one another; the first one has the fewest stages, and always has its layers.
    private static IEnumerable<(PipelineSchedule Schedule, int Chunks)> KnownSchedules(PlanFrame frame)
    {
        (int devices, int microBatches) = (frame.Request.Axes.Pipeline, frame.Request.Axes.MicroBatches);
        yield return (PipelineSchedule.OneForwardOneBackward, 1);
        yield return (PipelineSchedule.ZeroBubbleH1, 1);
        if (2 * devices > frame.Layers.Count)
            yield break;
        if (microBatches % devices == 0)
            yield return (PipelineSchedule.Interleaved, 2);
        yield return (PipelineSchedule.ZeroBubbleV, 2);
        if (microBatches >= PipelineOrders.LeastMicroBatches(PipelineSchedule.DualPipeV, devices))
            yield return (PipelineSchedule.DualPipeV, 2);
    }
}
