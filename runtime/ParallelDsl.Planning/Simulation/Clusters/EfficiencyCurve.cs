using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>How fast the attention kernel is on a short shard, in thousandths of its rate on a long one: linear between points, constant
/// outside of them.</summary>
public sealed record EfficiencyCurve
{
    private readonly int[] _tokens;
    private readonly int[] _permille;

    /// <summary>A curve through points.</summary>
    /// <param name="points">Tokens of a shard and thousandths of the full rate, in ascending order of tokens.</param>
    /// <exception cref="ArgumentException">There are no points, they are not in order, or one is not positive.</exception>
    public EfficiencyCurve(EquatableArray<(int Tokens, int Permille)> points)
    {
        if (points.Count == 0)
            throw new ArgumentException("a curve of no points", nameof(points));
        for (int index = 0; index < points.Count; index++)
        {
            if (points[index].Tokens < 1 || points[index].Permille < 1 || (index > 0 && points[index].Tokens <= points[index - 1].Tokens))
                throw new ArgumentException(Invariant($"point {index} of a curve is {points[index]}"), nameof(points));
        }

        Points = points;
        (_tokens, _permille) = ([.. points.Select(point => point.Tokens)], [.. points.Select(point => point.Permille)]);
    }

    /// <summary>Relative rates from the repository of DistCA (arXiv 2510.18121, Apache-2.0), <c>compute-attn-H100.csv</c>, one device:
    /// 0.133, 0.355, 1.055, 3.71, 13.5, 51.9 and 206.3 ms for 1K to 64K tokens, taken as a square a token and divided by that of 64K.
    /// Whether the mask was causal the file does not say; the ratios are the same for either, to a thousandth.</summary>
    public static EfficiencyCurve Published { get; } = new(new EquatableArray<(int, int)>(
    [
        (1_024, 379), (2_048, 568), (4_096, 764), (8_192, 869), (16_384, 955), (32_768, 994), (65_536, 1_000),
    ]));

    /// <summary>A kernel that is as fast on short shards as on long ones.</summary>
    public static EfficiencyCurve Flat { get; } = new(new EquatableArray<(int, int)>([(1, 1_000)]));

    /// <summary>The rate of a call of the kernel by its work: that of the causal sequence, of all heads, that has as many pairs,
    /// sqrt(2 x pairs) tokens. A shard of few rows with many keys is as fast as a longer one, and a sequence of which a rank has a part of
    /// the heads as fast as a shorter one. Ours: the curve was measured on whole sequences.</summary>
    /// <param name="area">Pairs of query and key over all heads; of a part of the heads, so much less.</param>
    public int AtArea(long area)
    {
        long pairs = Math.Max(0, area), last = _tokens[_tokens.Length - 1];
        if (pairs >= last * last / 2)
            return _permille[_permille.Length - 1];

        // The exact root in whole tokens: the machine's is only where the search for it starts.
        long tokens = (long)Math.Sqrt(2 * pairs);
        while (tokens * tokens > 2 * pairs)
            tokens--;
        while ((tokens + 1) * (tokens + 1) <= 2 * pairs)
            tokens++;
        return At((int)tokens);
    }

    /// <summary>The points.</summary>
    public EquatableArray<(int Tokens, int Permille)> Points { get; }

    /// <summary>Thousandths of the full rate on a shard of <paramref name="tokens"/>.</summary>
    public int At(int tokens)
    {
        int last = _tokens.Length - 1;
        if (tokens <= _tokens[0])
            return _permille[0];
        if (tokens >= _tokens[last])
            return _permille[last];
        int right = 1;
        while (tokens > _tokens[right])
            right++;
        int left = right - 1;
        long rise = (long)(_permille[right] - _permille[left]) * (tokens - _tokens[left]);
        return _permille[left] + (int)(rise / (_tokens[right] - _tokens[left]));
    }

    /// <inheritdoc/>
    public bool Equals(EfficiencyCurve? other) => other is not null && Points == other.Points;

    /// <inheritdoc/>
    public override int GetHashCode() => Points.GetHashCode();
}
