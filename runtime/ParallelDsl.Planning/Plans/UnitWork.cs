using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Plans;

/// <summary>The FLOPs of one full unit on one rank.</summary>
/// <param name="Tokens">Tokens of a full unit on one rank.</param>
/// <param name="Pairs">(query, key) pairs of a full unit of full sequences on one rank.</param>
internal readonly record struct UnitWork(long Tokens, long Pairs)
{
    /// <summary>The share of accelerators' and hosts' peak rate that plans count on, per cent.</summary>
    public const long UtilisationPercent = 40;

    /// <summary>A full unit is as many sequences of the context length as it holds, and one with the tokens that remain. Causal attention
    /// of s tokens looks at s (s + 1) / 2 pairs, which the zigzag split gives the ranks in even shares.</summary>
    public static UnitWork Of(int unitTokens, int contextLength, int sequence)
    {
        long whole = unitTokens / contextLength, rest = unitTokens % contextLength;
        long pairs = (whole * Triangle(contextLength)) + Triangle(rest);
        return new UnitWork(unitTokens / sequence, (pairs + sequence - 1) / sequence);
    }

    private static long Triangle(long tokens) => tokens * (tokens + 1) / 2;

    public long Forward(PlannedLayer layer) => (layer.LinearFlops * Tokens) + (layer.AttentionFlops * Pairs);

    // Attention backward does five products where forward does two, and has no weights.
    public long BackwardInput(PlannedLayer layer) => (layer.LinearFlops * Tokens) + (layer.AttentionFlops / 2 * 5 * Pairs);

    public long BackwardWeight(PlannedLayer layer) => layer.LinearFlops * Tokens;

    public long All(PlannedLayer layer) => Forward(layer) + BackwardInput(layer) + BackwardWeight(layer);

    /// <summary>Nanoseconds of <paramref name="flops"/> at a peak rate; never 0, since every action takes some time.</summary>
    public static long Ticks(long flops, long flopsPerNanosecond)
    {
        // 100 flops / (rate x per cent) rounded up, in two parts so that only the result has to fit in 64 bits.
        long rate = flopsPerNanosecond * UtilisationPercent;
        return Math.Max(1, (flops / rate * 100) + (((flops % rate * 100) + rate - 1) / rate));
    }
}
