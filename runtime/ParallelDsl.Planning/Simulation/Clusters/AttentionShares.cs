using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>What each member of an exchange has of its work.</summary>
internal static class AttentionShares
{
    private const long FullRate = 1_000;

    /// <summary>Pairs of query and key of the rows that <paramref name="member"/> of <paramref name="members"/> holds of a piece: a row at
    /// position p sees p + 1 keys.</summary>
    public static long AreaOf(SequencePiece piece, int members, int member)
    {
        Segments segments = ZigzagSplit.SegmentsOf(piece.Length, members, member);
        long area = 0;
        for (int index = 0; index < segments.Count; index++)
        {
            Segment segment = segments[index];
            area += ((long)segment.Length * (piece.Start + segment.Start)) + ((long)segment.Length * (segment.Length + 1L) / 2);
        }

        return area;
    }

    /// <summary>Nanoseconds of attention of every member: over its pieces, FLOPs of its area at the rate of one call of the kernel. A ring calls it
    /// once for its own block and once a hop, an all-gather once a chunk of heads; how fast a call is goes by its work (<see cref="EfficiencyCurve.AtArea"/>).</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="rates">What attention costs.</param>
    /// <param name="permille">The pass, in thousandths of the forward.</param>
    /// <param name="times">Takes the times, in the order of the members.</param>
    public static void Times(Exchange exchange, LayerRates rates, int permille, long[] times)
    {
        int members = exchange.Members.Length;
        int calls = exchange.Kind switch
        {
            ExchangeKind.Ring => exchange.Datapath == Datapath.AllGather ? Math.Min(2, members) : members,
            ExchangeKind.AllGather => exchange.HeadChunks,
            _ => 1,
        };
        for (int member = 0; member < members; member++)
        {
            if (exchange.Kind == ExchangeKind.Direct)
            {
                times[member] = Time(exchange.Areas[member], rates.Curve.At(exchange.BlockTokens), rates, permille);
                continue;
            }

            long time = 0;
            foreach (SequencePiece piece in exchange.Pieces)
            {
                // Of the heads' areas a part of all areas.
                if (exchange.Kind == ExchangeKind.Heads)
                {
                    long part = Ceiling(SequenceCosts.Area(piece.Start, piece.Length), exchange.HeadsOf(member), exchange.Heads);
                    time += Time(part, rates.Curve.AtArea(part), rates, permille);
                    continue;
                }

                long area = AreaOf(piece, members, member);
                time += Time(area, rates.Curve.AtArea(area / calls), rates, permille);
            }

            times[member] = time;
        }
    }

    /// <summary>Nanoseconds of what the members of a direct exchange need no fetch for, no more than all of their work.</summary>
    public static void OwnTimes(Exchange exchange, LayerRates rates, int permille, long[] times)
    {
        for (int member = 0; member < exchange.Members.Length; member++)
        {
            times[member] = exchange.OwnAreas.Length == 0
                ? 0
                : Time(exchange.OwnAreas[member], rates.Curve.At(exchange.BlockTokens), rates, permille);
        }
    }

    /// <summary>Rows whose keys and values the members hold, those before the pieces included.</summary>
    public static long KeyTokens(Exchange exchange)
    {
        long tokens = 0;
        foreach (SequencePiece piece in exchange.Pieces)
            tokens += (long)piece.Start + piece.Length;
        return tokens;
    }

    /// <summary>Part <paramref name="index"/> of <paramref name="parts"/> of an amount: they differ by 1 at most, and add up to
    /// it.</summary>
    public static long Part(long amount, int parts, int index)
    {
        // By quotient and remainder, so that no product leaves 64 bits.
        long quotient = amount / parts, remainder = amount % parts;
        return quotient + ((index + 1) * remainder / parts) - (index * remainder / parts);
    }

    /// <summary>value x multiplier / divisor, rounded up, where only the product of remainder and multiplier has to fit.</summary>
    public static long Ceiling(long value, long multiplier, long divisor)
    {
        long whole = value / divisor * multiplier, rest = value % divisor * multiplier;
        return whole + (rest / divisor) + (rest % divisor == 0 ? 0 : 1);
    }

    private static long Time(long area, int speed, LayerRates rates, int permille) => area == 0
        ? 0
        : Ceiling(area * rates.AttentionFlopsPerPair, permille * FullRate, rates.FlopsPerNanosecond * speed * FullRate);
}
