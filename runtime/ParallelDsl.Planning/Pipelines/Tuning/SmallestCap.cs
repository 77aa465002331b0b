namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The smallest activation cap that a pipeline can keep: every device has to hold one unit in all its stages.</summary>
internal static class SmallestCap
{
    /// <summary>The smallest cap under which a layout was found. Where layers hold equally much, or nothing, there is none smaller.</summary>
    public static long Of(PipelineProblem problem, TuningOptions options)
    {
        var table = new StageTable(problem with { ActivationCap = long.MaxValue / 2 });
        table.Fill(LayoutOf(problem, options));
        long most = 0;
        for (int device = 0; device < problem.Devices; device++)
            most = Math.Max(most, table.HeldOf[device] + table.Problem.ActivationCap - table.RoomOf[device]);
        return most;
    }

    /// <summary>A point that keeps the smallest cap, with its makespan.</summary>
    public static (long Makespan, TuningPoint Point) Point(
        PipelineProblem problem, TuningOptions options, Func<TuningPoint, long, long> evaluate)
    {
        var point = new TuningPoint(LayoutOf(problem, options)) { ForwardPercent = 300, InputPercent = 300 };
        return (evaluate(point, long.MaxValue), point);
    }

    // Stages as small as can be, the heaviest first to the device that holds the least.
    private static Layout LayoutOf(PipelineProblem problem, TuningOptions options)
    {
        int[] partition = options.Partition is { } given
            ? [.. given]
            : options.Placement is { } placement
                ? Lightest(problem, placement)
                : [.. Enumerable.Repeat(1, problem.FreeLayers)];
        if (options.Placement is { } devices)
            return Layout.Of(problem, partition, devices);
        Layout layout = Layout.Of(problem, partition, new int[partition.Length]);
        var sums = new LayerSums(problem);
        long Size(int stage) =>
            sums.Held(layout.First[stage], layout.First[stage + 1]) + sums.Resident(layout.First[stage], layout.First[stage + 1]);
        var held = new long[problem.Devices];
        var stages = new int[problem.Devices];
        int left = partition.Length, empty = problem.Devices;
        foreach (int stage in Enumerable.Range(0, partition.Length).OrderByDescending(Size).ThenBy(stage => stage))
        {
            int best = -1;
            for (int device = 0; device < problem.Devices; device++)
            {
                // Every device gets a stage.
                if (left == empty && stages[device] > 0)
                    continue;
                if (best < 0 || held[device] < held[best])
                    best = device;
            }

            empty -= stages[best] == 0 ? 1 : 0;
            left--;
            stages[best]++;
            held[best] += Size(stage);
            layout.Device[stage] = best;
        }

        return layout;
    }

    // For a given placement: layers one by one to stages, so that no device holds more than it must.
    private static int[] Lightest(PipelineProblem problem, EquatableArray<int> placement)
    {
        // Boundaries move freely between neighbours, so a few rounds of giving a layer to a lighter stage beside settle it.
        EquatableArray<int> even = NamedPipelines.EvenPartition(problem, placement.Count);
        int[] partition = [.. even];
        var sums = new LayerSums(problem);
        long Worst()
        {
            Layout layout = Layout.Of(problem, partition, placement);
            var held = new long[problem.Devices];
            for (int stage = 0; stage < partition.Length; stage++)
            {
                held[placement[stage]] += sums.Held(layout.First[stage], layout.First[stage + 1])
                    + sums.Resident(layout.First[stage], layout.First[stage + 1]);
            }

            return held.Max();
        }

        long worst = Worst();
        for (bool improved = true; improved;)
        {
            improved = false;
            for (int from = 0; from < partition.Length; from++)
            {
                for (int to = 0; to < partition.Length; to++)
                {
                    if (from == to || partition[from] < 2)
                        continue;
                    partition[from]--;
                    partition[to]++;
                    long changed = Worst();
                    if (changed < worst)
                    {
                        (worst, improved) = (changed, true);
                    }
                    else
                    {
                        partition[from]++;
                        partition[to]--;
                    }
                }
            }
        }

        return partition;
    }
}
