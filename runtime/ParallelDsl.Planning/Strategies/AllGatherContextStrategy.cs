using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>All-gather context parallelism (after Llama 3, Grattafiori et al., 2024): keys and values are gathered before attention, between
/// nodes over all interfaces, one chunk of heads under the attention of another. The best CP x DP x PP, number of micro-batches and of head
/// chunks, and recomputation; micro-batches hold near-equal numbers of tokens, or, for the best layout, of costs. CP over all ranks is among
/// the candidates.</summary>
internal static class AllGatherContextStrategy
{
    public static void Plan(PlanSearch search) =>
        ContextParallel.ConsiderAll(search, StrategyNames.AllGatherContext, ExchangeKind.AllGather, weight: 0);
}
