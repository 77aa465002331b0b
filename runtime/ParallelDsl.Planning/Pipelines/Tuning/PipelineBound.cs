namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Times that no pipeline can beat.</summary>
public static class PipelineBound
{
    /// <summary>A makespan that no partition, placement or order of <paramref name="problem"/> beats, in ticks: the work shared evenly; one
    /// unit's way through all layers and back; and for each layer, which cannot be divided, all units' passes of it after the way to it,
    /// and before the way back. Where devices differ, as if all were the fastest. Memory is not considered.</summary>
    public static long Of(PipelineProblem problem)
    {
        int fastest = Fastest(problem);
        long units = problem.MicroBatches, devices = problem.Devices, overhead = problem.Overhead;
        int actions = problem.SplitBackward ? 3 : 2;
        var sums = new LayerSums(problem);
        int layers = problem.Layers.Count;

        // X holds B and W, and what waits for B waits for W too.
        long On(int first, int end) => sums.Forward(fastest, first, end);
        long Back(int first, int end) =>
            sums.Input(fastest, first, end) + (problem.SplitBackward ? 0 : sums.Weight(fastest, first, end));
        long Late(int first, int end) => problem.SplitBackward ? sums.Weight(fastest, first, end) : 0;
        long All(int first, int end) => On(first, end) + Back(first, end) + Late(first, end);

        // Every device has at least one stage.
        long bound = ((All(0, layers) * units) + (actions * overhead * units * devices) + devices - 1) / devices;
        bound = Math.Max(bound, On(0, layers) + Back(0, layers)
            + (2 * overhead * devices) + (2 * (devices - 1) * ShortestHop(problem)));
        for (int first = 0; first < layers; first++)
        {
            // Pinned layers cannot be parted from the layer beside them.
            int end = first + 1;
            if (first == 0)
                end += problem.PinnedFirst;
            if (end > layers - problem.PinnedLast - 1)
                end = layers;
            long passes = units * (On(first, end) + Back(first, end) + (2 * overhead));
            long weights = units * (Late(first, end) + (problem.SplitBackward ? overhead : 0));

            // Layers before it may share its stage: then they share its overhead, and the tick that rates round up to.
            long rounding = problem.Rates.Count == 0 ? 0 : problem.SplitBackward ? 1 : 2;
            long before = first == 0 ? 0 : Math.Max(0, On(0, first) - rounding), back = first == 0 ? 0 : Math.Max(0, Back(0, first) - rounding);
            bound = Math.Max(bound, before + passes + Math.Max(weights, back));
            first = end - 1;
        }

        return bound;
    }

    /// <summary>A makespan that no order of a given layout beats, in ticks: for each device its work, after the way to its first stage and
    /// before the way back from it; and one unit's way through all stages and back.</summary>
    public static long Of(PipelineProblem problem, EquatableArray<int> boundaries, EquatableArray<int> stageDevices)
    {
        var table = new StageTable(problem);
        table.Fill(Layout.Of([.. boundaries], [.. stageDevices]));
        return Math.Max(Of(table), Of(problem));
    }

    internal static long Of(StageTable table)
    {
        long bound = 0, chain = 0;
        for (int stage = 0; stage < table.Stages; stage++)
            chain += table.Forward[stage] + table.Input[stage] + (2 * table.Hop[stage]);
        for (int device = 0; device < table.Devices; device++)
        {
            long head = 0, back = 0, weights = 0;
            for (int stage = 0; stage < table.StagesOf[device][0]; stage++)
            {
                head += table.Forward[stage] + table.Hop[stage];
                back += table.Input[stage] + table.Hop[stage];
            }

            for (int i = 0; i < table.StageCount[device]; i++)
                weights += table.Weight[table.StagesOf[device][i]] * table.MicroBatches;
            bound = Math.Max(bound, head + table.Work[device] + Math.Max(0, back - weights));
        }

        return Math.Max(bound, chain);
    }

    private static int Fastest(PipelineProblem problem)
    {
        int fastest = 0;
        for (int device = 1; device < problem.Rates.Count; device++)
        {
            if (problem.Rates[device] > problem.Rates[fastest])
                fastest = device;
        }

        return fastest;
    }

    private static long ShortestHop(PipelineProblem problem)
    {
        long shortest = long.MaxValue;
        for (int from = 0; from < problem.Devices; from++)
        {
            for (int to = 0; to < problem.Devices; to++)
                shortest = from == to ? shortest : Math.Min(shortest, problem.HopBetween(from, to));
        }

        return shortest == long.MaxValue ? 0 : shortest;
    }
}
