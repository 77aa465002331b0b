namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Searches for partition, placement and order together: <see cref="TuningSearch"/> from its first round to its last.</summary>
public static class AdaptiveTuner
{
    /// <summary>The best pipeline within the budget. Never slower than 1F1B and interleaved 1F1B with two
    /// stages a device, where they keep the cap and fit the options; with a budget of 1,000 or more, than any known schedule.</summary>
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
