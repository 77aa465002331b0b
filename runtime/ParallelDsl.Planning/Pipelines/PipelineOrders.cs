using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>The orders of computation of the known schedules: for each device its actions F and X (or B and W), without transfers.
/// Stage s lies on device s modulo the number of devices.</summary>
public static class PipelineOrders
{
    /// <summary>The order of each device.</summary>
    /// <param name="schedule">Which schedule.</param>
    /// <param name="devices">p, the positions of the pipeline axis.</param>
    /// <param name="microBatches">m, a multiple of p when interleaved.</param>
    /// <param name="chunks">v, the stages a device; 1 unless interleaved.</param>
    /// <param name="splitBackward">Writes B and W right after it in place of X.</param>
    /// <exception cref="ArgumentException">A count is not positive, or the schedule does not allow it.</exception>
    public static EquatableArray<EquatableArray<PipelineAction>> Of(
        PipelineSchedule schedule, int devices, int microBatches, int chunks = 1, bool splitBackward = false)
    {
        if (devices < 1 || microBatches < 1 || chunks < 1)
        {
            throw new ArgumentException(
                Invariant($"a pipeline needs at least one device, micro-batch and chunk, not {devices}, {microBatches} and {chunks}"));
        }

        if (schedule != PipelineSchedule.Interleaved && chunks != 1)
            throw new ArgumentException(Invariant($"{schedule} has one stage a device, not {chunks}"), nameof(chunks));
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
                PipelineSchedule.OneForwardOneBackward => devices - 1 - device,
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
