using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Gives sequences to bins, the dearest first and each to the bin of least cost that has room (LPT; Graham, 1969).</summary>
internal static class LongestFirst
{
    /// <summary>The indices of sequences from the longest to the shortest, equals by index.</summary>
    public static int[] Order(EquatableArray<int> lengths)
    {
        int[] order = new int[lengths.Count];
        for (int index = 0; index < order.Length; index++)
            order[index] = index;
        Array.Sort(order, (left, right) => lengths[left] != lengths[right] ? lengths[right].CompareTo(lengths[left]) : left.CompareTo(right));
        return order;
    }

    /// <summary>The bin of each sequence.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="costs">What a sequence costs.</param>
    /// <param name="bins">How many bins.</param>
    /// <param name="capacity">Tokens that a bin may hold.</param>
    /// <param name="missing">Tokens of the sequences that found no room, whose bin is -1.</param>
    public static int[] Assign(EquatableArray<int> lengths, Func<int, long> costs, int bins, long capacity, out long missing)
    {
        int[] binOf = new int[lengths.Count];
        long[] tokens = new long[bins], loads = new long[bins];
        missing = 0;
        foreach (int sequence in Order(lengths))
        {
            int best = -1;
            for (int bin = 0; bin < bins; bin++)
            {
                if (tokens[bin] + lengths[sequence] <= capacity && (best < 0 || loads[bin] < loads[best]))
                    best = bin;
            }

            binOf[sequence] = best;
            if (best < 0)
            {
                missing += lengths[sequence];
                continue;
            }

            tokens[best] += lengths[sequence];
            loads[best] += costs(lengths[sequence]);
        }

        return binOf;
    }

    /// <summary>FLOPs of a sequence, forward and backward.</summary>
    /// <param name="problem">The batch.</param>
    /// <param name="pairPermille">The weight of attention, in thousandths: more where short shards make it slower, 0 to balance tokens.</param>
    public static Func<int, long> Flops(BatchProblem problem, int pairPermille = 1_000)
    {
        SequenceCosts costs = problem.Model.Costs(recompute: false);
        long pair = (costs.PairForward + costs.PairBackward) / 1_000 * pairPermille, token = costs.TokenForward + costs.TokenBackward;
        return length => (pair * SequenceCosts.Area(0, length)) + (token * length);
    }
}
