namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Small random changes of a <see cref="TuningPoint"/>, by phase.</summary>
internal static class TuningMoves
{
    /// <summary>A changed copy, or null where the change that was drawn is not possible.</summary>
    public static TuningPoint? Draw(PipelineProblem problem, TuningPoint point, TuningPhase phase, TuningFreedom freedom, ref SearchRandom random)
    {
        TuningPoint changed = point.Clone();
        bool done = phase switch
        {
            TuningPhase.Partition when freedom.Partition => MoveBoundary(problem, changed, ref random),
            TuningPhase.Placement when freedom.Placement => random.Next(10) switch
            {
                < 4 => MoveStage(problem, changed, ref random),
                < 8 => SwapStages(changed, ref random),
                8 when freedom.Partition => Split(problem, changed, freedom.MostStages, ref random),
                9 when freedom.Partition => Merge(problem, changed, ref random),
                _ => SwapStages(changed, ref random),
            },
            TuningPhase.Schedule when freedom.Order => ChangePreference(changed, ref random),
            _ => false,
        };
        return done ? changed : null;
    }

    // A layer, or now and then several, from a stage to the one before or after it; now and then all boundaries between two stages shift,
    // so that a distant stage gives the layer.
    private static bool MoveBoundary(PipelineProblem problem, TuningPoint point, ref SearchRandom random)
    {
        Layout layout = point.Layout;
        if (layout.Stages < 2)
            return false;
        int first = 1 + random.Next(layout.Stages - 1), last = first;
        if (random.Next(4) == 0)
            last = first + random.Next(layout.Stages - first);
        int step = random.Next(2) == 0 ? 1 : -1;
        for (int boundary = first; boundary <= last; boundary++)
            layout.First[boundary] += step;
        for (int stage = first - 1; stage <= last; stage++)
        {
            if (layout.FreeLayersOf(problem, stage) < 1)
                return false;
        }

        return true;
    }

    private static bool MoveStage(PipelineProblem problem, TuningPoint point, ref SearchRandom random)
    {
        int stage = random.Next(point.Layout.Stages), device = random.Next(problem.Devices);
        if (point.Layout.Device[stage] == device)
            return false;
        point.Layout.Device[stage] = device;
        return true;
    }

    private static bool SwapStages(TuningPoint point, ref SearchRandom random)
    {
        int[] devices = point.Layout.Device;
        int one = random.Next(devices.Length), other = random.Next(devices.Length);
        (devices[one], devices[other]) = (devices[other], devices[one]);
        return devices[one] != devices[other];
    }

    private static bool Merge(PipelineProblem problem, TuningPoint point, ref SearchRandom random)
    {
        Layout layout = point.Layout;
        if (layout.Stages <= problem.Devices)
            return false;
        int stage = random.Next(layout.Stages - 1);
        point.Layout = Layout.Of(Without(layout.First, stage + 1), Without(layout.Device, stage + random.Next(2)));
        point.ForwardShift = Without(point.ForwardShift, stage);
        point.InputShift = Without(point.InputShift, stage);
        point.WeightDelay = Without(point.WeightDelay, stage);
        return true;
    }

    private static bool Split(PipelineProblem problem, TuningPoint point, long most, ref SearchRandom random)
    {
        Layout layout = point.Layout;
        if (layout.Stages >= most)
            return false;
        int stage = random.Next(layout.Stages), layers = layout.FreeLayersOf(problem, stage);
        if (layers < 2)
            return false;
        int cut = layout.First[stage] + (stage == 0 ? problem.PinnedFirst : 0) + 1 + random.Next(layers - 1);
        point.Layout = Layout.Of(
            With(layout.First, stage + 1, cut), With(layout.Device, stage + random.Next(2), random.Next(problem.Devices)));
        point.ForwardShift = With(point.ForwardShift, stage, point.ForwardShift[stage]);
        point.InputShift = With(point.InputShift, stage, point.InputShift[stage]);
        point.WeightDelay = With(point.WeightDelay, stage, point.WeightDelay[stage]);
        return true;
    }

    private static bool ChangePreference(TuningPoint point, ref SearchRandom random)
    {
        int choice = random.Next(20);
        if (choice < 2)
        {
            point.Patience = 200 * random.Next(5);
            return true;
        }

        point.Alternates = false;
        if (choice < 5)
        {
            int percent = random.Between(100, 400);
            if (choice == 2)
                point.ForwardPercent = percent;
            else if (choice == 3)
                point.InputPercent = percent;
            else
                point.TurnPercent = random.Between(-50, 150);
            return true;
        }

        int stage = random.Next(point.Layout.Stages);
        int reach = random.Next(3) == 0 ? 1500 : 300;
        int shift = random.Between(-reach, reach);
        if (choice < 11)
            point.ForwardShift[stage] = Bounded(point.ForwardShift[stage] + shift);
        else if (choice < 17)
            point.InputShift[stage] = Bounded(point.InputShift[stage] + shift);
        else
            point.WeightDelay[stage] = random.Next(3) == 0 ? 0 : random.Between(1, 3000);
        return true;
    }

    private static int Bounded(int shift) => Math.Max(-20_000, Math.Min(20_000, shift));

    private static int[] Without(int[] items, int index)
    {
        var rest = new int[items.Length - 1];
        Array.Copy(items, rest, index);
        Array.Copy(items, index + 1, rest, index, rest.Length - index);
        return rest;
    }

    private static int[] With(int[] items, int index, int item)
    {
        var more = new int[items.Length + 1];
        Array.Copy(items, more, index);
        more[index] = item;
        Array.Copy(items, index, more, index + 1, items.Length - index);
        return more;
    }
}

/// <summary>What tuning may change.</summary>
/// <param name="Partition">Which layers go together.</param>
/// <param name="Placement">Where stages lie, and with the partition how many there are.</param>
/// <param name="Order">In which order devices work.</param>
/// <param name="MostStages">How many stages there may be.</param>
internal readonly record struct TuningFreedom(bool Partition, bool Placement, bool Order, long MostStages);
