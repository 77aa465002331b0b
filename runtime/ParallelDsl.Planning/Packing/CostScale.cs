namespace ParallelDsl.Planning.Packing;

/// <summary>The cost of the first tokens of a sequence, in one direction, in units chosen for a batch so that the cost of all of it keeps below
/// 2^<see cref="TotalBits"/>: sums never overflow, however long the sequences are, and a load and a rank fit one sortable key.</summary>
internal readonly struct CostScale
{
    /// <summary>The cost of a batch, both directions, has no more bits.</summary>
    public const int TotalBits = 40;

    private readonly long _pair;
    private readonly long _token;
    private readonly int _areaShift;
    private readonly int _tokenShift;
    private readonly int _shift;

    private CostScale(long pair, long token, int areaShift, int tokenShift, int shift) =>
        (_pair, _token, _areaShift, _tokenShift, _shift) = (pair, token, areaShift, tokenShift, shift);

    /// <summary>The cost of the first <paramref name="tokens"/> tokens: that of a slice is the difference of two of these, so the slices of a
    /// sequence cost exactly what it costs whole.</summary>
    public long Of(long tokens) =>
        ((_pair * (SequenceCosts.Area(0, tokens) >> _areaShift)) + ((_token * tokens) >> _tokenShift)) >> _shift;

    /// <summary>The cost of so many (query, key) pairs.</summary>
    public long OfPairs(long pairs) => (_pair * (pairs >> _areaShift)) >> _shift;

    /// <summary>The scales of both directions, in the same units.</summary>
    /// <param name="costs">What tokens cost.</param>
    /// <param name="longest">The longest sequence of the batch.</param>
    /// <param name="totalTokens">Tokens of the batch.</param>
    public static (CostScale Forward, CostScale Backward) Of(in SequenceCosts costs, int longest, long totalTokens)
    {
        int pairBits = Bits(Math.Max(costs.PairForward, costs.PairBackward)), tokenBits = Bits(Math.Max(costs.TokenForward, costs.TokenBackward));
        int lengthBits = Bits(longest);

        // No product may leave 60 bits; only sequences of a million tokens and more lose precision here.
        int coarser = Math.Max(0, lengthBits + tokenBits - 60);
        int areaShift = Math.Max(coarser, (2 * lengthBits) + pairBits - 60);

        // Two terms, two directions.
        int shift = Math.Max(0, Bits(totalTokens) + Math.Max(lengthBits + pairBits, tokenBits) - areaShift + 2 - TotalBits);
        return (new CostScale(costs.PairForward, costs.TokenForward >> coarser, areaShift, areaShift - coarser, shift),
            new CostScale(costs.PairBackward, costs.TokenBackward >> coarser, areaShift, areaShift - coarser, shift));
    }

    private static int Bits(long value)
    {
        int bits = 0;
        for (; value > 0; value >>= 1)
            bits++;
        return bits;
    }
}
