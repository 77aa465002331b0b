namespace ParallelDsl.Planning.Packing;

/// <summary>How many ranks a sequence goes on.</summary>
/// <param name="IntraTokens">The least tokens a rank inside a node; 0 for any. Where tokens are swapped for heads, from which nothing has to hide, it
/// says how dear swaps are; 0 for free.</param>
/// <param name="InterTokens">The same over several nodes.</param>
/// <param name="IntraHeads">Heads that ranks of a node share out; 0 where keys and values go round a ring.</param>
/// <param name="InterHeads">The same of ranks of several nodes.</param>
internal readonly record struct RingRules(int IntraTokens, int InterTokens, int IntraHeads, int InterHeads)
{
    /// <summary>The rules of <paramref name="constants"/>.</summary>
    public static RingRules Of<TConstants>(TConstants constants)
        where TConstants : struct, IStepConstants =>
        new(constants.IntraNodeTokens, constants.InterNodeTokens, constants.IntraNodeHeads, constants.InterNodeHeads);

    /// <summary>The fewest ranks on which none has more than <paramref name="part"/> of <paramref name="whole"/>, or as many as there are heads
    /// where they are too few: a rank has whole heads, so that 9 ranks are no faster with 32 of them than 8.</summary>
    public static int RanksFor(long whole, long part, int heads)
    {
        part = Math.Max(1, part);
        if (heads == 0)
            return (int)Math.Max(1, Math.Min(int.MaxValue, (whole + part - 1) / part));
        return FewestRanks(Math.Max(1, heads * part / Math.Max(1, whole)), heads);
    }

    /// <summary>The fewest ranks that are as fast as <paramref name="ranks"/>.</summary>
    public static int AsFastAs(int ranks, int heads) => heads == 0 ? ranks : FewestRanks(LargestShare(ranks, heads), heads);

    /// <summary>What the busiest of <paramref name="ranks"/> has of <paramref name="cost"/>, rounded up.</summary>
    public static long BusiestOf(long cost, int ranks, int heads) => heads == 0
        ? (cost + ranks - 1) / ranks
        : ((cost * LargestShare(ranks, heads)) + heads - 1) / heads;

    /// <summary>Pairs that a rank could do while it swaps so many tokens, forward and backward. By the overlap rule keys and values of a token, all
    /// of them over a rank's link or over a node's interfaces, travel as long as half as many pairs take as the rule asks tokens for; with the
    /// queries, outputs and gradients that are swapped too there are 11 such widths in place of 2. Of these a rank keeps its own part, and a node
    /// that of its ranks, which all go out at once.</summary>
    /// <param name="tokens">Tokens of a rank.</param>
    /// <param name="ranks">The ranks that swap.</param>
    /// <param name="nodes">Over how many nodes.</param>
    public long SwapPairs(long tokens, long ranks, int nodes)
    {
        if (ranks == 1)
            return 0;
        return nodes == 1
            ? Pairs(tokens, IntraTokens) * (ranks - 1) / ranks
            : Pairs(tokens, InterTokens) * ranks / nodes * (nodes - 1) / nodes;

        static long Pairs(long tokens, long rule) => Math.Min(tokens, int.MaxValue) * Math.Min(rule, 1 << 24) * 11 / 4;
    }

    private static long LargestShare(int ranks, int heads) => ((long)heads + ranks - 1) / ranks;

    private static int FewestRanks(long share, int heads) => (int)Math.Max(1, (heads + share - 1) / share);
}
