using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>The orders of computation of the known schedules: for each device its actions F and X (or B and W), without transfers, and
/// the placement over which each schedule is defined.</summary>
public static class PipelineOrders
{
    /// <summary>The stages that a device has where a declaration does not say: 2 for <see cref="PipelineSchedule.Interleaved"/>,
    /// <see cref="PipelineSchedule.ZeroBubbleV"/> and <see cref="PipelineSchedule.DualPipeV"/>, else 1.</summary>
    public static int DefaultChunks(PipelineSchedule schedule) => schedule == PipelineSchedule.Interleaved || IsV(schedule) ? 2 : 1;

    /// <summary>The fewest micro-batches that the schedule takes in a step: as many as devices, and twice as many for
    /// <see cref="PipelineSchedule.DualPipeV"/>, which fills a pipeline from both of its ends. (Fewer work with most, and leave devices
    /// idle for good.) What a declaration means that does not say.</summary>
    public static int LeastMicroBatches(PipelineSchedule schedule, int devices) =>
        schedule == PipelineSchedule.DualPipeV ? checked(2 * devices) : devices;

    /// <summary>Whether the schedule always writes B and W: the zero-bubble ones, which live from the freedom to delay W. DualPipeV writes
    /// X where it gains nothing from that, and B and W where it does; the others write X unless they are asked to split.</summary>
    public static bool SplitsBackward(PipelineSchedule schedule) =>
        schedule is PipelineSchedule.ZeroBubbleH1 or PipelineSchedule.ZeroBubbleH2 or PipelineSchedule.ZeroBubbleV;

    /// <summary>The device of each stage, as the schedule wants it. Zero-bubble V and DualPipeV fold 2p stages into a V: stage s lies on
    /// device s, or 2p - 1 - s past the turn, so that the first device has the first stage and the last. With the others stage s lies on
    /// device s modulo p.</summary>
    /// <param name="schedule">Which schedule.</param>
    /// <param name="devices">p, the positions of the pipeline axis.</param>
    /// <param name="chunks">v, the stages a device; null for <see cref="DefaultChunks"/>.</param>
    /// <exception cref="ArgumentException">A count is not positive, the schedule does not allow it, or has no placement of its
    /// own.</exception>
    public static EquatableArray<int> PlacementOf(PipelineSchedule schedule, int devices, int? chunks = null)
    {
        int stagesEach = chunks ?? DefaultChunks(schedule);
        Check(schedule, devices, 1, stagesEach);
        EquatableArray<int> cyclic = PipelinePrograms.CyclicPlacement(devices * stagesEach, devices);
        return IsV(schedule)
            ? cyclic.Select((device, stage) => stage < devices ? device : devices - 1 - device).ToEquatableArray()
            : cyclic;
    }

    /// <summary>The order of each device, for the placement of <see cref="PlacementOf"/>.</summary>
    /// <param name="schedule">Which schedule.</param>
    /// <param name="devices">p, the positions of the pipeline axis.</param>
    /// <param name="microBatches">m: a multiple of p when interleaved, at least 2p for DualPipeV.</param>
    /// <param name="chunks">v, the stages a device; null for <see cref="DefaultChunks"/>. Only interleaving has a choice.</param>
    /// <param name="splitBackward">Writes B and W right after it in place of X.</param>
    /// <param name="costs">What the stages cost, in ticks. Only the zero-bubble schedules depend on it; null for F, B and W of one tick and
    /// free hops.</param>
    /// <param name="lag">Forwards that 1F1B does in advance of what its order needs, at every stage, so that as many more units lie open;
    /// with uniform costs that takes memory and no time. 0 with any other schedule.</param>
    /// <exception cref="ArgumentException">A count is not positive, or the schedule does not allow it; the costs are not those of so many
    /// stages; or the schedule has no order of its own.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static EquatableArray<EquatableArray<PipelineAction>> Of(
        PipelineSchedule schedule,
        int devices,
        int microBatches,
        int? chunks = null,
        bool splitBackward = false,
        StageCosts? costs = null,
        int lag = 0)
    {
        int stagesEach = chunks ?? DefaultChunks(schedule);
        Check(schedule, devices, microBatches, stagesEach);
        if (lag < 0 || (lag > 0 && schedule != PipelineSchedule.OneForwardOneBackward))
            throw new ArgumentException(Invariant($"{schedule} does not run {lag} forwards in advance"), nameof(lag));
        switch (schedule)
        {
            case PipelineSchedule.DualPipeV:
                return DualPipeOrders.Of(devices, microBatches, splitBackward);
            case PipelineSchedule.ZeroBubbleH1 or PipelineSchedule.ZeroBubbleH2 or PipelineSchedule.ZeroBubbleV:
                EquatableArray<int> placement = PlacementOf(schedule, devices, stagesEach);
                costs ??= UnitCosts(placement.Count);
                PipelineSimulator.Check(placement, costs);
                return schedule switch
                {
                    PipelineSchedule.ZeroBubbleH1 => ZeroBubbleOrders.Of(placement, microBatches, costs, devices),
                    PipelineSchedule.ZeroBubbleH2 => ZeroBubbleOrders.Of(placement, microBatches, costs, 2 * devices),
                    _ => ZeroBubbleVOrders.Of(placement, microBatches, costs, 2 * devices),
                };
            default:
                return Alternating(schedule, devices, microBatches, stagesEach, splitBackward, lag);
        }
    }

    /// <summary>Whether the schedule folds two stages a device into a V.</summary>
    internal static bool IsV(PipelineSchedule schedule) => schedule is PipelineSchedule.ZeroBubbleV or PipelineSchedule.DualPipeV;

    private static void Check(PipelineSchedule schedule, int devices, int microBatches, int chunks)
    {
        if (schedule is < PipelineSchedule.GPipe or >= PipelineSchedule.Adaptive)
            throw new ArgumentException(Invariant($"{schedule} has no order of its own"), nameof(schedule));
        if (devices < 1 || microBatches < 1 || chunks < 1)
        {
            throw new ArgumentException(
                Invariant($"a pipeline needs at least one device, micro-batch and chunk, not {devices}, {microBatches} and {chunks}"));
        }

        if (IsV(schedule) && chunks != 2)
            throw new ArgumentException(Invariant($"{schedule} has two stages a device, not {chunks}"), nameof(chunks));
        if (schedule != PipelineSchedule.Interleaved && !IsV(schedule) && chunks != 1)
            throw new ArgumentException(Invariant($"{schedule} has one stage a device, not {chunks}"), nameof(chunks));
    }

    private static StageCosts UnitCosts(int stages)
    {
        EquatableArray<long> one = Enumerable.Repeat(1L, stages).ToEquatableArray();
        return new StageCosts(one, one, one, Enumerable.Repeat(0L, stages).ToEquatableArray());
    }

    // GPipe, 1F1B and interleaved 1F1B, which differ in the length of the warm-up.
    private static EquatableArray<EquatableArray<PipelineAction>> Alternating(
        PipelineSchedule schedule, int devices, int microBatches, int chunks, bool splitBackward, int lag)
    {
        if (schedule == PipelineSchedule.Interleaved && microBatches % devices != 0)
        {
            throw new ArgumentException(
                Invariant($"interleaving takes micro-batches in rounds of {devices} (the devices), and {microBatches} is no multiple of it"),
                nameof(microBatches));
        }

        var orders = new EquatableArray<PipelineAction>[devices];
        for (int device = 0; device < devices; device++)
        {
            int total = microBatches * chunks;

            // The forwards that a device does before its first backward.
            int warmUp = schedule switch
            {
                PipelineSchedule.GPipe => total,
                PipelineSchedule.OneForwardOneBackward => (int)Math.Min(total, devices - 1L - device + lag),
                _ => (2 * (devices - 1 - device)) + ((chunks - 1) * devices), // Megatron-LM
            };
            orders[device] = Order(device, devices, total, chunks, Math.Min(warmUp, total), splitBackward);
        }

        return new(orders);
    }

    // Warm-up forwards, then one forward and one backward in turn, then the backwards that remain.
    private static EquatableArray<PipelineAction> Order(
        int device, int devices, int total, int chunks, int warmUp, bool splitBackward)
    {
        var actions = new PipelineAction[total * (splitBackward ? 3 : 2)];
        int next = 0;
        for (int step = 0; step < total + warmUp; step++)
        {
            if (step < total)
            {
                (int chunk, int microBatch) = At(step, devices, chunks);
                actions[next++] = new(ActionKind.Forward, (chunk * devices) + device, microBatch);
            }

            if (step >= warmUp)
            {
                (int chunk, int microBatch) = At(step - warmUp, devices, chunks);
                int stage = ((chunks - 1 - chunk) * devices) + device;
                actions[next++] = new(splitBackward ? ActionKind.BackwardInput : ActionKind.Backward, stage, microBatch);
                if (splitBackward)
                    actions[next++] = new(ActionKind.BackwardWeight, stage, microBatch);
            }
        }

        return new(actions);
    }

    // Interleaving takes rounds of p micro-batches through every chunk before it goes on to the next round.
    private static (int Chunk, int MicroBatch) At(int step, int devices, int chunks) => chunks == 1
        ? (0, step)
        : (step / devices % chunks, (step / (devices * chunks) * devices) + (step % devices));
}
