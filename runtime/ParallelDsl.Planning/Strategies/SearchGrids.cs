namespace ParallelDsl.Planning.Strategies;

/// <summary>The values that tuned strategies try, the same for all.</summary>
internal static class SearchGrids
{
    /// <summary>Parts of an all-gather.</summary>
    public static int[] HeadChunks { get; } = [1, 2, 4, 8];

    /// <summary>Weights of attention in balancing, in thousandths of its FLOPs. 0 balances tokens.</summary>
    public static int[] Weights { get; } = [0, 1_000, 1_250, 1_500, 2_000, 2_500];

    /// <summary>Numbers of stages: those of the problem, and twice and four times as many. Fewer would look good for nothing, because the
    /// traffic of weights, which stages save, is left out.</summary>
    public static IEnumerable<int> Stages(BatchProblem problem)
    {
        for (int stages = problem.Stages; stages <= 4 * problem.Stages; stages *= 2)
        {
            if (problem.Devices % stages == 0 && stages <= problem.Model.Layers)
                yield return stages;
        }
    }

    /// <summary>The divisors of <paramref name="number"/>, ascending.</summary>
    public static IEnumerable<int> Divisors(int number)
    {
        for (int divisor = 1; divisor <= number; divisor++)
        {
            if (number % divisor == 0)
                yield return divisor;
        }
    }

    /// <summary>Numbers of micro-batches. Without a pipeline they are there for memory alone: powers of two until the batch fits, and one more.
    /// With one they also fill it: half of the units asked for to four times as many, and on until the batch fits.</summary>
    public static IEnumerable<int> Slots(PlanSearch search, int stages)
    {
        BatchProblem problem = search.Problem;
        if (stages > 1)
        {
            for (int slots = Math.Max(1, problem.Units / 2); slots <= 4 * problem.Units || !FitsHalf(slots / 2); slots *= 2)
                yield return slots;
            yield break;
        }

        for (int slots = 1; ; slots *= 2)
        {
            yield return slots;
            if (FitsHalf(slots))
                yield break;
        }

        // Whether half as many hold the batch.
        bool FitsHalf(int slots) => slots > MostSlots
            || slots / 2 * search.RanksOf(stages) * search.SlotTokens(stages, slots, recompute: false) >= problem.Tokens;
    }

    private const int MostSlots = 1 << 12;

    /// <summary>The number of micro-batches of strategies that do not search: the units asked for, without a pipeline one.</summary>
    public static int PlainSlots(BatchProblem problem) => problem.Stages > 1 ? problem.Units : 1;
}
