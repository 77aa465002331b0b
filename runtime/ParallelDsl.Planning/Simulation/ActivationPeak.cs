using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>How much a device holds between forward and backward. A device computes one action at a time in program order, so this
/// needs no times.</summary>
public static class ActivationPeak
{
    /// <summary>The most stage activations (one unit through one stage) that the device of <paramref name="actions"/> holds at
    /// once.</summary>
    public static int Units(EquatableArray<PipelineAction> actions) => checked((int)Weight(actions, static _ => 1));

    /// <summary>The most that the device of <paramref name="actions"/> holds at once, where one unit through stage s weighs
    /// <paramref name="weightOfStage"/>(s): held from the start of F to the end of X, or of both B and W.</summary>
    public static long Weight(EquatableArray<PipelineAction> actions, Func<int, long> weightOfStage)
    {
        long held = 0, peak = 0;
        foreach (PipelineAction action in actions)
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

    /// <summary>The most units whose activations of <paramref name="stage"/> the device of <paramref name="actions"/> holds at once.</summary>
    public static int UnitsOfStage(EquatableArray<PipelineAction> actions, int stage) => checked((int)Weight(actions, each => each == stage ? 1 : 0));

    /// <summary>The most units whose gradients of <paramref name="stage"/> the device holds at once: from the backward of the next stage where
    /// that is on the same device, which hands them over, else from its own; to the end of X or W.</summary>
    public static int GradientsOfStage(EquatableArray<PipelineAction> actions, int stage, bool handedOver)
    {
        int held = 0, peak = 0, producer = handedOver ? stage + 1 : stage;
        foreach (PipelineAction action in actions)
        {
            if (action.Stage == producer && (action.Kind is ActionKind.Backward or ActionKind.BackwardInput))
                peak = Math.Max(peak, ++held);
            if (action.Stage == stage && (action.Kind is ActionKind.Backward or ActionKind.BackwardWeight))
                held--;
        }

        return peak;
    }
}
