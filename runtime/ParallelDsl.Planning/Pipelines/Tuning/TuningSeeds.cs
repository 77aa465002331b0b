namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The known schedules that a search starts from and never does worse than.</summary>
internal static class TuningSeeds
{
    /// <summary>Every known schedule that keeps the cap, with an even number of layers in each stage and with an even load.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="options">A given partition or placement leaves only the schedules that have it.</param>
    /// <param name="all">Whether those that take long to make are wanted too.</param>
    public static IEnumerable<PipelineCandidate> Of(PipelineProblem problem, TuningOptions options, bool all)
    {
        int most = (int)Math.Min(problem.FreeLayers, (long)problem.Devices * options.MaximumStagesPerDevice);
        var even = new EvenPartitions(problem, Math.Min(most, problem.Devices * 8), 1);
        foreach ((PipelineSchedule schedule, int chunks) in Schedules(problem, all))
        {
            int stages = problem.Devices * chunks;
            if (stages > most)
                continue;
            EquatableArray<int> layers = options.Partition ?? NamedPipelines.EvenPartition(problem, stages);
            if (layers.Count != stages)
                continue;
            EquatableArray<int> load = options.Partition ?? new([.. even.Of(stages).First()]);
            foreach (EquatableArray<int> partition in load == layers ? [layers] : new[] { layers, load })
            {
                if (options.Placement is { } placement && placement != PipelineOrders.PlacementOf(schedule, problem.Devices, chunks))
                    continue;
                PipelineCandidate candidate = NamedPipelines.Of(problem, schedule, chunks, partition);
                if (candidate.Peak <= problem.ActivationCap)
                    yield return candidate;
            }
        }
    }

    /// <summary>The schedules that the problem's counts allow, and their stages a device.</summary>
    public static IEnumerable<(PipelineSchedule Schedule, int Chunks)> Schedules(PipelineProblem problem, bool all)
    {
        yield return (PipelineSchedule.OneForwardOneBackward, 1);
        if (problem.MicroBatches % problem.Devices == 0)
            yield return (PipelineSchedule.Interleaved, 2);
        if (!all)
            yield break;
        yield return (PipelineSchedule.GPipe, 1);
        for (int chunks = 3; chunks <= 8 && problem.MicroBatches % problem.Devices == 0; chunks++)
            yield return (PipelineSchedule.Interleaved, chunks);
        if (problem.SplitBackward)
        {
            yield return (PipelineSchedule.ZeroBubbleH1, 1);
            yield return (PipelineSchedule.ZeroBubbleH2, 1);
            yield return (PipelineSchedule.ZeroBubbleV, 2);

            // It splits some of its backwards itself.
            if (problem.MicroBatches >= 2L * problem.Devices)
                yield return (PipelineSchedule.DualPipeV, 2);
        }
    }
}
