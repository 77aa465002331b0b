namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Tunes the partition alone, for a known schedule whose order does not depend on costs: what Megatron-LM's layout strings allow,
/// and the baseline that a search of everything has to beat.</summary>
internal static class LayoutTuner
{
    // Even partitions to start from, beside the one with as many layers in each stage.
    private const int Starts = 8;

    /// <summary>The fastest partition that moving single layers between any two stages finds, from several starts, each change judged by
    /// simulation.</summary>
    /// <param name="problem">The pipeline; its cap is not looked at.</param>
    /// <param name="schedule">1F1B or interleaved 1F1B.</param>
    /// <param name="chunks">Stages a device.</param>
    /// <exception cref="ArgumentException">The schedule does not allow the counts, or is another.</exception>
    public static PipelineCandidate Tune(PipelineProblem problem, PipelineSchedule schedule, int chunks)
    {
        if (schedule is not (PipelineSchedule.OneForwardOneBackward or PipelineSchedule.Interleaved or PipelineSchedule.GPipe))
            throw new ArgumentException($"{schedule} depends on costs, and is not tuned by layout", nameof(schedule));
        problem.Check();
        int stages = problem.Devices * chunks;
        EquatableArray<int> placement = PipelineOrders.PlacementOf(schedule, problem.Devices, chunks);
        var table = new StageTable(problem);
        table.Fill(Layout.Of(problem, NamedPipelines.EvenPartition(problem, stages), placement));
        int[][] orders = table.CodesOf(
            PipelineOrders.Of(schedule, problem.Devices, problem.MicroBatches, chunks, problem.SplitBackward));
        int[] lengths = [.. orders.Select(order => order.Length)];
        var replay = new OrderReplay(table);
        long Time(int[] partition)
        {
            table.Fill(Layout.Of(problem, partition, placement));
            return replay.Run(orders, lengths);
        }

        (long Makespan, int[] Partition) best = (long.MaxValue, []);
        foreach (int[] start in new EvenPartitions(problem, stages, Starts).Of(stages)
            .Append([.. NamedPipelines.EvenPartition(problem, stages)]))
        {
            long makespan = Climb(start, Time);
            if (makespan < best.Makespan)
                best = (makespan, start);
        }

        return NamedPipelines.Of(problem, schedule, chunks, new EquatableArray<int>(best.Partition));
    }

    /// <summary>Moves single layers between any two stages, in place, as long as that lowers the cost.</summary>
    /// <param name="partition">Layers of every stage.</param>
    /// <param name="cost">What a partition costs.</param>
    /// <returns>The lowest cost found.</returns>
    public static long Climb(int[] partition, Func<int[], long> cost)
    {
        long least = cost(partition);
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
                    long changed = cost(partition);
                    if (changed < least)
                    {
                        (least, improved) = (changed, true);
                        continue;
                    }

                    partition[from]++;
                    partition[to]--;
                }
            }
        }

        return least;
    }
}
