namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The starting points of a search: stage counts, even partitions, regular placements and plain preferences, the most promising
/// first.</summary>
internal static class TuningSweep
{
    // Partitions of each number of stages.
    private const int Partitions = 4;

    private static readonly (int Percent, int Patience, bool Alternates)[] Preferences =
    [
        (300, 0, false), (200, 400, false), (100, 0, true), (150, 0, false), (200, 0, false), (300, 400, false),
        (150, 400, false), (100, 400, false), (400, 0, false), (120, 0, false), (100, 400, true), (250, 200, false),
    ];

    /// <summary>All points; a search takes as many as it can afford.</summary>
    public static IEnumerable<TuningPoint> Points(PipelineProblem problem, TuningOptions options)
    {
        Layout[][] layouts = [.. Layouts(problem, options).Select(group => group.ToArray())];
        int preferences = options.TunesOrder ? Preferences.Length : 1;

        // The first layouts of every stage count with two preferences each, then the other preferences, then the other layouts.
        for (int pass = 0; pass < 2; pass++)
        {
            for (int rank = 0; rank < layouts.Max(group => group.Length); rank++)
            {
                foreach (Layout[] group in layouts)
                {
                    if (rank >= group.Length)
                        continue;
                    for (int preference = pass == 0 ? 0 : 2; preference < (pass == 0 ? Math.Min(2, preferences) : preferences); preference++)
                        yield return Point(group[rank], options.TunesOrder ? Preferences[preference] : (100, 0, true));
                }

                // A wide first look: the other layouts wait until the first have had every preference.
                if (pass == 0 && rank == 1)
                    break;
            }
        }
    }

    private static TuningPoint Point(Layout layout, (int Percent, int Patience, bool Alternates) preference) => new(layout.Clone())
    {
        ForwardPercent = preference.Percent,
        InputPercent = preference.Percent,
        Patience = preference.Patience,
        Alternates = preference.Alternates,
    };

    // One group for each number of stages and shape of the placement.
    private static IEnumerable<IEnumerable<Layout>> Layouts(PipelineProblem problem, TuningOptions options)
    {
        int devices = problem.Devices;
        if (options.Partition is { } given)
        {
            yield return Placements(given.Count, options, devices)
                .Select(placement => Layout.Of(problem, given, placement));
            yield break;
        }

        int most = (int)Math.Min(problem.FreeLayers, (long)devices * options.MaximumStagesPerDevice);
        if (options.Placement is { } fixedPlacement)
            most = fixedPlacement.Count;
        var partitions = new EvenPartitions(problem, most, Partitions);
        foreach (int stages in StageCounts(devices, most, options))
        {
            foreach (int[] placement in Placements(stages, options, devices))
                yield return partitions.Of(stages).Select(partition => Layout.Of(problem, partition, placement));
        }
    }

    // Multiples of the devices first; then one more than that, for a first or last stage of its own.
    private static IEnumerable<int> StageCounts(int devices, int most, TuningOptions options)
    {
        if (options.Placement is { } placement)
        {
            yield return placement.Count;
            yield break;
        }

        for (int stages = devices; stages <= most; stages += devices)
            yield return stages;
        for (int stages = devices + 1; stages <= Math.Min(most, 3 * devices) && devices > 1; stages++)
        {
            if (stages % devices != 0)
                yield return stages;
        }
    }

    // Cyclic, and to and fro.
    private static IEnumerable<int[]> Placements(int stages, TuningOptions options, int devices)
    {
        if (options.Placement is { } given)
        {
            yield return [.. given];
            yield break;
        }

        yield return [.. Enumerable.Range(0, stages).Select(stage => stage % devices)];
        if (stages > devices)
        {
            yield return [.. Enumerable.Range(0, stages).Select(stage =>
                stage / devices % 2 == 0 ? stage % devices : devices - 1 - (stage % devices))];
        }
    }
}
