namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The smallest activation cap that a pipeline can keep: every device has to hold one unit in all its stages.</summary>
internal static class SmallestCap
{
    /// <summary>The smallest cap under which a layout was found. There is none smaller where layers hold equally much, or nothing, and
    /// where there are no more than a dozen or so.</summary>
    public static long Of(PipelineProblem problem, TuningOptions options)
    {
        var table = new StageTable(problem with { ActivationCap = long.MaxValue / 2 });
        table.Fill(LayoutOf(problem, options));
        long most = 0;
        for (int device = 0; device < problem.Devices; device++)
            most = Math.Max(most, table.HeldOf[device] + table.Problem.ActivationCap - table.RoomOf[device]);
        return most;
    }

    /// <summary>A point that keeps the smallest cap.</summary>
    public static TuningPoint Point(PipelineProblem problem, TuningOptions options) =>
        new(LayoutOf(problem, options)) { ForwardPercent = 300, InputPercent = 300 };

    /// <summary>What is sure to be held by some device: one unit in the stage that holds most, or an even share of one in all.</summary>
    public static long Bound(PipelineProblem problem)
    {
        long largest = problem.Layers.Max(layer => layer.Held + layer.Resident);
        long all = problem.Layers.Sum(layer => layer.Held + layer.Resident);
        return Math.Max(largest, (all + problem.Devices - 1) / problem.Devices);
    }

    private static int MostStages(PipelineProblem problem, TuningOptions options) =>
        (int)Math.Min(problem.FreeLayers, (long)problem.Devices * options.MaximumStagesPerDevice);

    // Stages as small as can be, shared as evenly as can be.
    private static Layout LayoutOf(PipelineProblem problem, TuningOptions options)
    {
        int[] partition = options.Partition is { } given
            ? [.. given]
            : options.Placement is { } placement
                ? Lightest(problem, placement)
                : [.. NamedPipelines.EvenPartition(problem, MostStages(problem, options))];
        if (options.Placement is { } devices)
            return Layout.Of(problem, partition, devices);
        Layout layout = Layout.Of(problem, partition, new int[partition.Length]);
        var sums = new LayerSums(problem);
        long Size(int stage) =>
            sums.Held(layout.First[stage], layout.First[stage + 1]) + sums.Resident(layout.First[stage], layout.First[stage + 1]);
        long[] sizes = [.. Enumerable.Range(0, partition.Length).Select(Size)];
        new Sharing(sizes, problem.Devices).Run().CopyTo(layout.Device, 0);
        return layout;
    }

    /// <summary>Shares things among devices so that the fullest holds the least, every device at least one: the largest thing first, to the
    /// emptiest device; where there are few, every other way that could be better too.</summary>
    private sealed class Sharing(long[] sizes, int devices)
    {
        private const int MostThings = 16;
        private const int MostSteps = 20_000;

        private readonly int[] _order = [.. Enumerable.Range(0, sizes.Length).OrderByDescending(thing => sizes[thing]).ThenBy(thing => thing)];
        private readonly int[] _device = new int[sizes.Length];
        private readonly int[] _count = new int[devices];
        private readonly long[] _held = new long[devices];
        private int[] _best = [];
        private long _least = long.MaxValue;
        private int _steps;

        public int[] Run()
        {
            for (int next = 0; next < sizes.Length; next++)
                Put(_order[next], Choices(next).OrderBy(device => _held[device]).ThenBy(device => _count[device]).First());
            (_least, _best) = (_held.Max(), (int[])_device.Clone());
            if (sizes.Length <= MostThings)
            {
                Array.Clear(_held, 0, devices);
                Array.Clear(_count, 0, devices);
                Place(0);
            }

            return _best;
        }

        // Devices without anything get the last things.
        private IEnumerable<int> Choices(int next)
        {
            bool last = _count.Count(count => count == 0) == sizes.Length - next;
            return Enumerable.Range(0, devices).Where(device => !last || _count[device] == 0);
        }

        private void Place(int next)
        {
            if (_held.Max() >= _least || ++_steps > MostSteps)
                return;
            if (next == sizes.Length)
            {
                (_least, _best) = (_held.Max(), (int[])_device.Clone());
                return;
            }

            // Of empty devices one is as good as another.
            bool triedEmpty = false;
            foreach (int device in Choices(next))
            {
                if (_count[device] == 0 && triedEmpty)
                    continue;
                triedEmpty |= _count[device] == 0;
                Put(_order[next], device);
                Place(next + 1);
                Take(_order[next], device);
            }
        }

        private void Put(int thing, int device)
        {
            _device[thing] = device;
            _held[device] += sizes[thing];
            _count[device]++;
        }

        private void Take(int thing, int device)
        {
            _held[device] -= sizes[thing];
            _count[device]--;
        }
    }

    // For a given placement: layers go one by one to stages whose device holds less, as long as the fullest holds less for it.
    private static int[] Lightest(PipelineProblem problem, EquatableArray<int> placement)
    {
        int[] partition = [.. NamedPipelines.EvenPartition(problem, placement.Count)];
        var sums = new LayerSums(problem);
        LayoutTuner.Climb(partition, layers =>
        {
            Layout layout = Layout.Of(problem, layers, placement);
            var held = new long[problem.Devices];
            for (int stage = 0; stage < layers.Length; stage++)
            {
                held[placement[stage]] += sums.Held(layout.First[stage], layout.First[stage + 1])
                    + sums.Resident(layout.First[stage], layout.First[stage + 1]);
            }

            // Of several fullest devices each that holds less is a step forward.
            long fullest = held.Max();
            return (fullest * (problem.Devices + 1L)) + held.Count(size => size == fullest);
        });
        return partition;
    }
}
