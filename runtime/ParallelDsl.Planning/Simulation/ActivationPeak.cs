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

    /// <summary>For each stage, the most units whose activations of it the device of <paramref name="actions"/> holds at once; 0 for a
    /// stage that lies elsewhere.</summary>
    public static int[] UnitsByStage(EquatableArray<PipelineAction> actions, int stages)
    {
        var held = new int[stages];
        var peak = new int[stages];
        foreach (PipelineAction action in actions.Items)
        {
            if (action.Kind == ActionKind.Forward)
                peak[action.Stage] = Math.Max(peak[action.Stage], ++held[action.Stage]);
            else if (action.Kind is ActionKind.Backward or ActionKind.BackwardWeight)
                held[action.Stage]--;
        }

        return peak;
    }

    /// <summary>For each stage, the most units whose gradients of it the device of <paramref name="actions"/> holds at once: from the
    /// backward of the next stage where that is on the same device, which hands them over, else from its own; to the end of X or W.</summary>
    public static int[] GradientsByStage(EquatableArray<PipelineAction> actions, EquatableArray<int> stageDevices)
    {
        var held = new int[stageDevices.Count];
        var peak = new int[stageDevices.Count];
        bool HandsOver(int stage) => stage > 0 && stage < stageDevices.Count && stageDevices[stage] == stageDevices[stage - 1];
        void Hold(int stage) => peak[stage] = Math.Max(peak[stage], ++held[stage]);

        foreach (PipelineAction action in actions.Items)
        {
            if (action.Kind is ActionKind.Backward or ActionKind.BackwardInput)
            {
                if (!HandsOver(action.Stage + 1))
                    Hold(action.Stage);
                if (HandsOver(action.Stage))
                    Hold(action.Stage - 1);
            }

            if (action.Kind is ActionKind.Backward or ActionKind.BackwardWeight)
                held[action.Stage]--;
        }

        return peak;
    }
}
