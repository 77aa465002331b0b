using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>How much a device holds between forward and backward. A device computes one action at a time in program order, so this
/// needs no times.</summary>
public static class ActivationPeak
{
    /// <summary>The most stage activations (one unit through one stage) that the device of <paramref name="actions"/> holds at
    /// once.</summary>
    public static int Units(EquatableArray<PipelineAction> actions)
    {
        int held = 0, peak = 0;
        foreach (PipelineAction action in actions.Items)
        {
            if (action.Kind == ActionKind.Forward)
                peak = Math.Max(peak, ++held);
            else if (action.Kind is ActionKind.Backward or ActionKind.BackwardWeight)
                held--; // W follows its B in every valid program.
        }

        return peak;
    }

    /// <summary>The most that the device of <paramref name="actions"/> holds at once, where one unit through stage s weighs
    /// <paramref name="weightOfStage"/>(s): held from the start of F to the end of X, or of both B and W.</summary>
    public static long Weight(EquatableArray<PipelineAction> actions, Func<int, long> weightOfStage)
    {
        long held = 0, peak = 0;
        foreach (PipelineAction action in actions.Items)
        {
            switch (action.Kind)
            {
                case ActionKind.Forward:
                    held += weightOfStage(action.Stage);
                    peak = Math.Max(peak, held);
                    break;

                // W follows its B in every valid program.
                case ActionKind.Backward or ActionKind.BackwardWeight:
                    held -= weightOfStage(action.Stage);
                    break;
            }
        }

        return peak;
    }

    /// <summary>For each stage, the most units whose activations of it the device of <paramref name="actions"/> has memory for at once, as
    /// the runtime takes it: from the receive of the input, or from the forward of the stage before where that is on the same device,
    /// which hands it over, else from F; to the end of X or W. 0 for a stage that lies elsewhere.</summary>
    /// <param name="actions">The program of a device.</param>
    /// <param name="stageDevices">The device of every stage.</param>
    /// <param name="window">Units that may exchange slices: what a forward unit holds is then needed until the last backward of its
    /// window, in the worst case.</param>
    public static int[] UnitsByStage(EquatableArray<PipelineAction> actions, EquatableArray<int> stageDevices, int window = 1)
    {
        int last = actions.Items.Select(action => action.MicroBatch).DefaultIfEmpty().Max();
        var held = new HeldUnits(stageDevices.Count);
        foreach (PipelineAction action in actions.Items)
        {
            (int stage, int unit) = (action.Stage, action.MicroBatch);
            if (action.Kind is ActionKind.ReceiveForward or ActionKind.Forward)
                held.Hold(stage, unit);
            if (action.Kind == ActionKind.Forward && stage + 1 < stageDevices.Count && stageDevices[stage] == stageDevices[stage + 1])
                held.Hold(stage + 1, unit);
            if (action.Kind is not (ActionKind.Backward or ActionKind.BackwardWeight))
                continue;
            int first = unit / window * window;
            if (unit == Math.Min(last, first + window - 1))
            {
                for (int released = first; released <= unit; released++)
                    held.Release(stage, released);
            }
        }

        return held.Peak;
    }

    /// <summary>For each stage, the most units whose gradients of it the device of <paramref name="actions"/> has memory for at once, as the
    /// runtime takes it: from the receive of the output's gradient, or from the backward of the next stage where that is on the same
    /// device, which hands it over, else from its own; to the end of X or W.</summary>
    public static int[] GradientsByStage(EquatableArray<PipelineAction> actions, EquatableArray<int> stageDevices)
    {
        var held = new HeldUnits(stageDevices.Count);
        foreach (PipelineAction action in actions.Items)
        {
            (int stage, int unit) = (action.Stage, action.MicroBatch);
            bool backward = action.Kind is ActionKind.Backward or ActionKind.BackwardInput;
            if (backward || action.Kind == ActionKind.ReceiveBackward)
                held.Hold(stage, unit);
            if (backward && stage > 0 && stageDevices[stage] == stageDevices[stage - 1])
                held.Hold(stage - 1, unit);
            if (action.Kind is ActionKind.Backward or ActionKind.BackwardWeight)
                held.Release(stage, unit);
        }

        return held.Peak;
    }

    /// <summary>Which units hold memory of which stage, and the most that did at once.</summary>
    private sealed class HeldUnits(int stages)
    {
        private readonly HashSet<long> _held = [];
        private readonly int[] _count = new int[stages];

        public int[] Peak { get; } = new int[stages];

        public void Hold(int stage, int unit)
        {
            if (_held.Add(Key(stage, unit)))
                Peak[stage] = Math.Max(Peak[stage], ++_count[stage]);
        }

        public void Release(int stage, int unit)
        {
            if (_held.Remove(Key(stage, unit)))
                _count[stage]--;
        }

        private static long Key(int stage, int unit) => ((long)stage << 32) | (uint)unit;
    }
}
