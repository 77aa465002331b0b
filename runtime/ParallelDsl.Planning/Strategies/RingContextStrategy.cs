using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Ring context parallelism as in Transformer Engine: 2 CP zigzag chunks of every sequence, transfers under attention with two buffers,
/// hops not routed, so that a ring crosses the border of a node through one interface.</summary>
internal static class RingContextStrategy
{
    private const int MostSlots = 1 << 12;

    /// <summary>One ring over all ranks of a stage; the first number of micro-batches that memory allows, recomputation only where none
    /// does.</summary>
    public static void Plan(PlanSearch search)
    {
        int stages = search.Problem.Stages;
        for (int recompute = 0; recompute < 2; recompute++)
        {
            for (int slots = SearchGrids.PlainSlots(search.Problem); slots <= MostSlots; slots *= 2)
            {
                var layout = new ContextLayout(stages, search.RanksOf(stages), slots, ExchangeKind.Ring, 1, recompute > 0);
                ContextParallel.Consider(search, StrategyNames.RingContext, layout, length => length);
                if (search.BestPlan is not null)
                    return;
            }
        }
    }

    /// <summary>The best CP x DP x PP, number of micro-batches and recomputation; data ranks and micro-batches are balanced by cost. What
    /// <see cref="Plan"/> finds is among the candidates.</summary>
    public static void PlanTuned(PlanSearch search)
    {
        Plan(search);
        ContextParallel.ConsiderAll(search, StrategyNames.RingContextTuned, ExchangeKind.Ring, weight: 1_000);
    }
}
