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
}
