namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Searches for partition, placement and order together: <see cref="TuningSearch"/> from its first round to its last.</summary>
public static class AdaptiveTuner
{
    /// <summary>The best pipeline within the budget. Never slower than a known schedule that keeps the cap and fits the options.</summary>
    /// <exception cref="ArgumentException">See <see cref="TuningSearch(PipelineProblem, TuningOptions)"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static PipelineCandidate Tune(PipelineProblem problem, TuningOptions options, CancellationToken cancellation = default)
    {
        var search = new TuningSearch(problem, options);
        while (!search.IsDone)
            search.Advance(cancellation);
        return search.Best;
    }
}
