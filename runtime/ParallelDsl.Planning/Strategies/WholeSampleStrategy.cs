using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Packs of whole sequences in a pipeline, as Megatron-LM trains.</summary>
internal static class WholeSampleStrategy
{
    /// <summary>Packs to the context length by first fit, the longest first; packs go round the data ranks in turn. Context parallelism
    /// is the least power of two that a pack needs to fit into memory, at most a node without recomputation, at least a node
    /// with it.</summary>
    public static void Plan(PlanSearch search)
    {
        BatchProblem problem = search.Problem;
        int[] packs = FirstFit(problem.Lengths, problem.ContextLength, out int count);
        int ranks = search.RanksOf(problem.Stages), node = problem.Cluster.Nodes.Min(group => group.DevicesPerNode);
        for (int recompute = 0; recompute < 2; recompute++)
        {
            (int least, int most) = recompute > 0 ? (Math.Min(ranks, node), ranks) : (1, Math.Min(ranks, node));
            foreach (int context in SearchGrids.Divisors(ranks).Where(divisor => IsPowerOfTwo(divisor) && divisor >= least && divisor <= most))
            {
                int data = ranks / context, slots = (count + data - 1) / data;
                var layout = new ContextLayout(problem.Stages, context, slots, ExchangeKind.Ring, 1, recompute > 0);
                if (search.Consider(ContextParallel.Plan(search, StrategyNames.WholeSample, layout, packs)))
                    return;
            }
        }
    }

    /// <summary>The best number of packs, DP x PP x CP and recomputation under the same memory; packs are balanced by cost. What
    /// <see cref="Plan"/> finds is among the candidates.</summary>
    public static void PlanTuned(PlanSearch search)
    {
        Plan(search);
        ContextParallel.ConsiderAll(search, StrategyNames.WholeSampleTuned, ExchangeKind.Ring, weight: 1_000);
    }

    private static bool IsPowerOfTwo(int number) => (number & (number - 1)) == 0;

    /// <summary>The pack of each sequence: the first that has room, the longest sequence first.</summary>
    /// <param name="lengths">Tokens of each sequence, none longer than a pack.</param>
    /// <param name="capacity">Tokens of a pack.</param>
    /// <param name="packs">How many packs there are.</param>
    public static int[] FirstFit(EquatableArray<int> lengths, int capacity, out int packs)
    {
        int[] packOf = new int[lengths.Count];
        var tokens = new List<long>();
        foreach (int sequence in LongestFirst.Order(lengths))
        {
            int pack = tokens.FindIndex(held => held + lengths[sequence] <= capacity);
            if (pack < 0)
            {
                pack = tokens.Count;
                tokens.Add(0);
            }

            tokens[pack] += lengths[sequence];
            packOf[sequence] = pack;
        }

        packs = tokens.Count;
        return packOf;
    }
}
