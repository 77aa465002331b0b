using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Plans a pipeline whose layout and order are searched for (<see cref="PipelineSchedule.Adaptive"/>): how far the
/// search goes within a compilation, and what happens where memory is tight.</summary>
internal static class AdaptivePlanning
{
    /// <summary>Actions that a search within a compilation simulates, more or less: what bounds the time that it takes.</summary>
    public const int SimulatedActions = 150_000;

    /// <summary>Candidates that it tries at least, however large they are.</summary>
    public const int LeastCandidates = 12;

    // Known schedules, proof and simulation of the result cost as much as so many candidates.
    private const int OtherWork = 12;

    // A search through many small ones takes longer than their actions tell.
    private const int MostCandidates = 1_000;

    /// <summary>An adaptive program has no more actions, transfers included, unless its known schedules have: code lists no more.</summary>
    private const int MaximumActions = 200_000;

    private const int MaximumStagesPerDevice = 8;

    /// <summary>Searches under ever smaller caps before known schedules are asked.</summary>
    private const int Tries = 3;

    // Larger ones would take seconds: the scheduler looks at every device for every action, and a hop is the slowest of all ranks'.
    private const long MaximumSteps = 20_000_000;
    private const long MaximumHops = 4_000_000;
    private const long MaximumPartitions = 200_000_000;

    /// <summary>Why a compiler should not search, or null.</summary>
    public static string? Excess(AxesSpec axes, long layers)
    {
        long actions = 3L * axes.Pipeline * axes.MicroBatches;
        long partitions = layers * layers * axes.Pipeline;
        long hops = (long)axes.Data * axes.Sequence * axes.Pipeline * axes.Pipeline;
        return actions * axes.Pipeline > MaximumSteps || partitions > MaximumPartitions || hops > MaximumHops
            ? Invariant($"an adaptive pipeline of {layers:N0} layers, {axes.Pipeline:N0} positions and {axes.MicroBatches:N0} micro-batches on ")
                + Invariant($"{(long)axes.Data * axes.Sequence * axes.Pipeline:N0} ranks takes too long to search for; choose another schedule")
            : null;
    }

    /// <summary>The sketch of the fastest that fits, of what a short search finds and of known schedules (<see cref="KnownSchedules"/>); where
    /// nothing fits, of the one that exceeds the memory the least.</summary>
    public static PlanSketch Sketch(PlanFrame frame, CancellationToken cancellation)
    {
        PlanSketch? best = Problems(frame, cancellation)
            .Select(problem => Sketch(frame, AdaptiveTuner.Tune(problem, Options(frame, CandidatesFor(frame.Request.Axes)), cancellation)))
            .FirstOrDefault(found => found.Fits);
        foreach ((PipelineSchedule schedule, int chunks) in KnownSchedules(frame, all: best is null))
        {
            cancellation.ThrowIfCancellationRequested();
            PlanSketch known = PlanSketch.Known(frame, schedule, chunks);
            if (best is null || IsBetter(known, best))
                best = known;
        }

        return best!;
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
    private static int CandidatesFor(AxesSpec axes) => (int)Math.Min(
        MostCandidates, Math.Max(LeastCandidates, (SimulatedActions / (2 * 3L * axes.Pipeline * axes.MicroBatches)) - OtherWork));

    /// <summary>The problem to search; then, as long as whoever asks found nothing that fits, the same with smaller caps: the search counts
    /// what is held at one moment, and memory is planned stage by stage.</summary>
    public static IEnumerable<PipelineProblem> Problems(PlanFrame frame, CancellationToken cancellation)
    {
        PipelineProblem problem = AdaptiveProblem.Of(frame);
        TuningOptions options = Options(frame, CandidatesFor(frame.Request.Axes));
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!problem.IsWithinRange || SmallestCap.Of(problem, options) > problem.ActivationCap)
                yield break;
            yield return problem;
            problem = problem with { ActivationCap = problem.ActivationCap - (problem.ActivationCap / 8) };
        }
    }

    private static bool IsBetter(PlanSketch sketch, PlanSketch other)
    {
        if (sketch.Fits != other.Fits)
            return sketch.Fits;
        return sketch.Fits
            ? sketch.Simulate().Makespan < other.Simulate().Makespan
            : sketch.Memory.Max(position => position.Needed - position.Available)
                < other.Memory.Max(position => position.Needed - position.Available);
    }

    // 1F1B and interleaved 1F1B, whose unsplit backwards hold less than a search counts; one in the shape of a V, which a short search may
    // miss: of the two DualPipeV where it is allowed, since the zero-bubble ones take the longest to make. Those only where a search
    // found nothing.
    private static IEnumerable<(PipelineSchedule Schedule, int Chunks)> KnownSchedules(PlanFrame frame, bool all)
    {
        (int devices, int microBatches) = (frame.Request.Axes.Pipeline, frame.Request.Axes.MicroBatches);
        bool halves = 2 * devices <= frame.Layers.Count;
        bool dual = halves && microBatches >= PipelineOrders.LeastMicroBatches(PipelineSchedule.DualPipeV, devices);
        yield return (PipelineSchedule.OneForwardOneBackward, 1);
        if (halves && microBatches % devices == 0)
            yield return (PipelineSchedule.Interleaved, 2);
        if (all)
            yield return (PipelineSchedule.ZeroBubbleH1, 1);

        if (dual)
            yield return (PipelineSchedule.DualPipeV, 2);
        if (halves && (all || !dual))
            yield return (PipelineSchedule.ZeroBubbleV, 2);
    }
}
