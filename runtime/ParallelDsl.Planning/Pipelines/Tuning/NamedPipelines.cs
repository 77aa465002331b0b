using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>The known schedules on a <see cref="PipelineProblem"/>: what a search has to beat.</summary>
public static class NamedPipelines
{
    /// <summary>As many free layers in every stage as can be, the larger stages later.</summary>
    public static EquatableArray<int> EvenPartition(PipelineProblem problem, int stages)
    {
        var layers = new int[stages];
        for (int stage = 0; stage < stages; stage++)
            layers[stage] = (int)(((stage + 1L) * problem.FreeLayers / stages) - ((long)stage * problem.FreeLayers / stages));
        return new(layers);
    }

    /// <summary>Runs a known schedule.</summary>
    /// <param name="problem">The pipeline. Its cap is not looked at: a fixed order holds what it holds.</param>
    /// <param name="schedule">Which schedule, any but <see cref="PipelineSchedule.Adaptive"/>.</param>
    /// <param name="chunks">Stages a device; null for the schedule's default.</param>
    /// <param name="partition">Free layers of every stage; null for as many in each.</param>
    /// <param name="placement">The device of every stage; null for the schedule's own. Devices may be numbered otherwise than there;
    /// GPipe alone runs on any placement.</param>
    /// <exception cref="ArgumentException">The schedule does not allow the counts, the partition or the placement.</exception>
    public static PipelineCandidate Of(
        PipelineProblem problem,
        PipelineSchedule schedule,
        int? chunks = null,
        EquatableArray<int>? partition = null,
        EquatableArray<int>? placement = null)
    {
        problem.Check();
        EquatableArray<int> own = PipelineOrders.PlacementOf(schedule, problem.Devices, chunks);
        EquatableArray<int> stageDevices = placement ?? own;
        if (stageDevices.Count > problem.FreeLayers)
            throw new ArgumentException(Invariant($"{problem.FreeLayers} layers do not make {stageDevices.Count} stages"));
        EquatableArray<int> boundaries = BoundariesOf(problem, partition ?? EvenPartition(problem, stageDevices.Count), stageDevices);
        EquatableArray<EquatableArray<PipelineAction>> orders;
        if (Renumbering(own, stageDevices, problem.Devices) is { } numbers)
        {
            EquatableArray<EquatableArray<PipelineAction>> named = PipelineOrders.Of(
                schedule, problem.Devices, problem.MicroBatches, chunks, problem.SplitBackward, problem.CostsOf(boundaries, stageDevices));
            var renumbered = new EquatableArray<PipelineAction>[problem.Devices];
            for (int device = 0; device < problem.Devices; device++)
                renumbered[numbers[device]] = named[device];
            orders = new(renumbered);
        }
        else if (schedule == PipelineSchedule.GPipe)
        {
            orders = ForwardsFirst(problem, boundaries, stageDevices);
        }
        else
        {
            throw new ArgumentException(Invariant(
                $"{schedule} runs over stages on devices {string.Join(", ", own)}, and the placement is {string.Join(", ", stageDevices)}"),
                nameof(placement));
        }

        return PipelineCandidate.Of(problem, schedule, boundaries, stageDevices, orders);
    }

    /// <summary>The boundaries of a partition of the free layers.</summary>
    /// <exception cref="ArgumentException">The partition or the placement does not fit the problem.</exception>
    public static EquatableArray<int> BoundariesOf(
        PipelineProblem problem, EquatableArray<int> partition, EquatableArray<int> stageDevices)
    {
        if (partition.Count != stageDevices.Count)
            throw new ArgumentException(Invariant($"the partition has {partition.Count} stages, and the placement {stageDevices.Count}"));
        for (int stage = 0; stage < partition.Count; stage++)
        {
            if (partition[stage] < 1)
                throw new ArgumentException(Invariant($"stage {stage} of the partition has {partition[stage]} layers; every stage needs one"));
            if (stageDevices[stage] < 0 || stageDevices[stage] >= problem.Devices)
                throw new ArgumentException(Invariant($"stage {stage} lies on device {stageDevices[stage]} of {problem.Devices}"));
        }

        long layers = partition.Sum(count => (long)count);
        if (layers != problem.FreeLayers)
            throw new ArgumentException(Invariant($"the partition has {layers} layers, and the model {problem.FreeLayers}"));
        for (int device = 0; device < problem.Devices; device++)
        {
            if (!stageDevices.Contains(device))
                throw new ArgumentException(Invariant($"device {device} has no stage"));
        }

        return new(Layout.Of(problem, partition, stageDevices).First);
    }

    // What each device of one placement is called in the other; null where they differ in more than names.
    private static int[]? Renumbering(EquatableArray<int> own, EquatableArray<int> other, int devices)
    {
        if (own.Count != other.Count)
            return null;
        var numbers = Enumerable.Repeat(-1, devices).ToArray();
        for (int stage = 0; stage < own.Count; stage++)
        {
            if (numbers[own[stage]] < 0)
                numbers[own[stage]] = other[stage];
            else if (numbers[own[stage]] != other[stage])
                return null;
        }

        return numbers.Distinct().Count() == devices ? numbers : null;
    }

    private static EquatableArray<EquatableArray<PipelineAction>> ForwardsFirst(
        PipelineProblem problem, EquatableArray<int> boundaries, EquatableArray<int> stageDevices)
    {
        var table = new StageTable(problem with { ActivationCap = long.MaxValue });
        table.Fill(Layout.Of([.. boundaries], [.. stageDevices]));
        var rule = new SchedulingRule();
        rule.Stretch(table, 100, 100, checked(200 * problem.MicroBatches));
        var scheduler = new ListScheduler(table) { ForwardsFirst = true };
        scheduler.Run(rule);
        return scheduler.Orders();
    }
}
