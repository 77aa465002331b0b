using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>A step that was run, in nanoseconds.</summary>
/// <param name="Ranks">For each rank the actions of its program.</param>
/// <param name="Waits">How long each rank's thread was ready to run and had no processor.</param>
internal sealed record RecordedStep(TimedAction[][] Ranks, long[] Waits)
{
    // A step that lost more than this part of its time to other processes says little about the pipeline.
    private const double Disturbed = 0.01;

    /// <summary>From the start of the first computation to the end of the last, over all ranks; gradient reduction and optimizer excluded.</summary>
    public long Makespan => Computations.Max(timed => timed.End) - Computations.Min(timed => timed.Start);

    /// <summary>Whether the ranks had the processors to themselves.</summary>
    public bool IsQuiet => Waits.Max() <= Disturbed * Makespan;

    private IEnumerable<TimedAction> Computations => Ranks.SelectMany(rank => rank).Where(timed => timed.Action.IsCompute);
}
