namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>All layouts of a small problem, each with its best order: the optimum, where the nodes suffice.</summary>
internal static class SmallProblems
{
    private const int MostLayers = 6;
    private const int MostDevices = 4;

    // Layouts that are looked at.
    private const int MostLayouts = 20_000;

    /// <summary>Whether the problem is small enough to try.</summary>
    public static bool Fits(PipelineProblem problem) =>
        problem.FreeLayers <= MostLayers && problem.Devices <= MostDevices && ExactSearch.Fits(problem.FreeLayers, problem.MicroBatches);

    /// <summary>A pipeline that is faster than <paramref name="limit"/>; the best there is, if nodes are left.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="options">A given partition or placement, and how many stages there may be.</param>
    /// <param name="table">Filled for every layout.</param>
    /// <param name="limit">The makespan to beat.</param>
    /// <param name="nodes">How many states may be looked at.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static (Layout Layout, int[][] Orders)? Search(
        PipelineProblem problem, TuningOptions options, StageTable table, long limit, ref long nodes, CancellationToken cancellation)
    {
        (Layout, int[][])? best = null;

        // The layouts with the lowest bounds first: a good one early spares the rest.
        var layouts = new List<(long Bound, Layout Layout)>();
        foreach (Layout layout in Layouts(problem, options).Take(MostLayouts))
        {
            table.Fill(layout);
            if (table.IsFeasible && PipelineBound.Of(table) is long bound && bound < limit)
                layouts.Add((bound, layout));
        }

        foreach ((long bound, Layout layout) in layouts.OrderBy(item => item.Bound))
        {
            cancellation.ThrowIfCancellationRequested();
            if (bound >= limit || nodes <= 0)
                break;
            table.Fill(layout);
            if (new ExactSearch(table).Run(limit, ref nodes) is { } found)
                (limit, best) = (found.Makespan, (layout, found.Orders));
        }

        return best;
    }

    private static IEnumerable<Layout> Layouts(PipelineProblem problem, TuningOptions options)
    {
        foreach (int[] partition in PartitionsOf(problem, options))
        {
            foreach (int[] placement in PlacementsOf(problem, options, partition.Length))
                yield return Layout.Of(problem, partition, placement);
        }
    }

    // Where actions cost nothing extra, layers in stages of their own can do whatever they do together: same-device hand-overs are free, and
    // memory is taken no earlier and freed no later. Where ticks come from rates, every stage is rounded up, and fewer stages may gain.
    private static IEnumerable<int[]> PartitionsOf(PipelineProblem problem, TuningOptions options)
    {
        int layers = problem.FreeLayers;
        if (options.Partition is { } given)
        {
            yield return [.. given];
            yield break;
        }

        int cuts = layers - 1;
        long most = (long)problem.Devices * options.MaximumStagesPerDevice;
        for (int mask = (1 << cuts) - 1; mask >= 0; mask--)
        {
            var partition = new List<int> { 1 };
            for (int cut = 0; cut < cuts; cut++)
            {
                if ((mask >> cut & 1) != 0)
                    partition.Add(1);
                else
                    partition[partition.Count - 1]++;
            }

            if (partition.Count >= problem.Devices && partition.Count <= most
                && (options.Placement is not { } placement || placement.Count == partition.Count))
            {
                yield return [.. partition];
            }

            if (problem.Overhead == 0 && problem.Rates.Count == 0 && options.Placement is null && layers <= most)
                yield break;
        }
    }

    // Alike devices are numbered in the order in which they first appear.
    private static IEnumerable<int[]> PlacementsOf(PipelineProblem problem, TuningOptions options, int stages)
    {
        if (options.Placement is { } given)
        {
            yield return [.. given];
            yield break;
        }

        var placement = new int[stages];
        while (true)
        {
            if (placement.Distinct().Count() == problem.Devices && (!problem.IsUniform || IsNumberedInOrder(placement)))
                yield return (int[])placement.Clone();
            int stage = stages - 1;
            while (stage >= 0 && placement[stage] == problem.Devices - 1)
                placement[stage--] = 0;
            if (stage < 0)
                yield break;
            placement[stage]++;
        }
    }

    private static bool IsNumberedInOrder(int[] placement)
    {
        int next = 0;
        foreach (int device in placement)
        {
            if (device > next)
                return false;
            if (device == next)
                next++;
        }

        return true;
    }
}
