namespace ParallelDsl.Planning.Strategies;

/// <summary>What a plan holds at once. The first stage holds the most: with P stages and a lag of L the forwards of P + L slots are done before the
/// first backward, and then a backward follows each forward.</summary>
internal static class HeldBytes
{
    /// <summary>The most bytes of activations that a device holds at once.</summary>
    public static long Peak(BatchProblem problem, BatchPlan plan)
    {
        int window = Math.Min(plan.Stages + plan.Lag, plan.Slots.Count);
        long held = 0, widest = 0;
        for (int rank = 0; rank < plan.Ranks; rank++)
        {
            long tokens = 0;
            for (int slot = 0; slot < plan.Slots.Count; slot++)
            {
                if (slot >= window)
                    tokens -= plan.Slots[slot - window].Backward.LinearTokens[rank];
                tokens += plan.Slots[slot].Forward.LinearTokens[rank];
                held = Math.Max(held, tokens);
                widest = Math.Max(widest, plan.Slots[slot].Backward.LinearTokens[rank]);
            }
        }

        int layers = BatchSimulation.LayersOf(problem, plan.Stages);
        long bytes = held * layers * problem.Model.ActivationBytes(plan.Recompute);
        return plan.Recompute ? bytes + (widest * problem.Model.ActivationBytes(recompute: false)) : bytes;
    }
}
