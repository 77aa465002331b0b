using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>DualPipeV: every device has a stage on the way down the V and one on the way up, and does forwards of one beside backwards of
/// the other. After DeepSeek-AI, DualPipe (arXiv 2412.19437 and its public code), and PyTorch's reading of it.</summary>
/// <remarks>The authors run a forward and a backward that stand beside each other at the same time, to hide transfers. A device computes
/// one action at a time here, so such a pair is F, then X.</remarks>
internal static class DualPipeOrders
{
    /// <summary>The order of each of <paramref name="devices"/> devices.</summary>
    /// <exception cref="ArgumentException">There are fewer micro-batches than stages.</exception>
    public static EquatableArray<EquatableArray<PipelineAction>> Of(int devices, int microBatches, bool splitBackward)
    {
        if (microBatches < 2L * devices)
        {
            throw new ArgumentException(
                Invariant($"DualPipeV over {devices} devices needs at least {2L * devices} micro-batches, two a device, not {microBatches}"),
                nameof(microBatches));
        }

        var orders = new EquatableArray<PipelineAction>[devices];
        for (int device = 0; device < devices; device++)
            orders[device] = new Writer(device, devices, splitBackward).Write(microBatches);
        return new(orders);
    }

    private sealed class Writer(int device, int devices, bool splitBackward)
    {
        private readonly List<PipelineAction> _actions = [];
        private readonly Queue<PipelineAction> _weights = new();

        // The stage on the way down and the one on the way up, and how many units each has seen.
        private readonly Leg _down = new(device);
        private readonly Leg _up = new((2 * devices) - 1 - device);

        private sealed class Leg(int stage)
        {
            public int Stage => stage;

            public int Forwards { get; set; }

            public int Backwards { get; set; }
        }

        public EquatableArray<PipelineAction> Write(int microBatches)
        {
            int after = devices - 1 - device, upTo = device + 1;
            WarmUp(after, upTo);
            for (int step = 0; step < microBatches - (2 * devices) + upTo; step++)
            {
                Forward(_down);
                Backward(_up);
                Forward(_up);
                Backward(_down);
            }

            CoolDown(after, upTo);
            return new([.. _actions]);
        }

        private void WarmUp(int after, int upTo)
        {
            for (int step = 0; step < 2 * after; step++)
                Forward(_down);
            for (int step = 0; step < upTo; step++)
            {
                Forward(_down);
                Forward(_up);
            }

            for (int step = 0; step < after; step++)
            {
                // Split, so that the device before gets its gradient sooner.
                InputBackward(_up);
                Weight();
                Forward(_up);
            }
        }

        private void CoolDown(int after, int upTo)
        {
            for (int step = 0; step < after; step++)
            {
                Backward(_up);
                Forward(_up);
                Backward(_down);
            }

            // From the middle of these on, W waits for the gaps at the end.
            for (int step = 0; step < 2 * upTo; step++)
            {
                Leg leg = step % 2 == 0 ? _up : _down;
                if (step < upTo)
                    Backward(leg);
                else
                    InputBackward(leg);
            }

            for (int step = 0; step < after; step++)
            {
                Weight();
                InputBackward(_down);
            }

            while (_weights.Count > 0)
                Weight();
        }

        private void Forward(Leg leg) => _actions.Add(new(ActionKind.Forward, leg.Stage, leg.Forwards++));

        private void Backward(Leg leg)
        {
            if (!splitBackward)
            {
                _actions.Add(new(ActionKind.Backward, leg.Stage, leg.Backwards++));
                return;
            }

            _actions.Add(new(ActionKind.BackwardInput, leg.Stage, leg.Backwards));
            _actions.Add(new(ActionKind.BackwardWeight, leg.Stage, leg.Backwards++));
        }

        private void InputBackward(Leg leg)
        {
            _weights.Enqueue(new(ActionKind.BackwardWeight, leg.Stage, leg.Backwards));
            _actions.Add(new(ActionKind.BackwardInput, leg.Stage, leg.Backwards++));
        }

        private void Weight() => _actions.Add(_weights.Dequeue());
    }
}
