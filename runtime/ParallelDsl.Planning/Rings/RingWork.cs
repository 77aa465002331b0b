namespace ParallelDsl.Planning.Rings;

/// <summary>What ranks compute and send along a ring set.</summary>
public static class RingWork
{
    /// <summary>Pairs of a query and a key that a rank computes in an iteration, of all sequences and slots.</summary>
    /// <param name="rings">How keys and values travel.</param>
    /// <param name="placement">Where tokens lie.</param>
    /// <param name="iteration">The iteration.</param>
    /// <param name="rank">The rank.</param>
    /// <exception cref="ArgumentException">The placement is for other ranks or slots.</exception>
    public static long Pairs(MultiRing rings, RingPlacement placement, int iteration, int rank)
    {
        if (rings.Ranks != placement.Ranks || rings.Slots != placement.Slots)
            throw new ArgumentException("a placement for other ranks or slots than the rings have", nameof(placement));
        long pairs = 0;
        for (int sequence = 0; sequence < placement.Lengths.Count; sequence++)
        {
            long heads = placement.Heads(sequence, rank).Length, tails = placement.Tails(sequence, rank).Length;
            if (iteration == 0)
            {
                pairs += placement.IsCausal ? Triangle(heads) + (tails * heads) + Triangle(tails) : heads * heads;
                continue;
            }

            for (int slot = 0; slot < rings.Slots; slot++)
            {
                int origin = rings.Origin(iteration, rank, slot);
                long head = placement.Head(sequence, origin, slot).Length, tail = placement.Tail(sequence, origin, slot).Length;
                pairs += !placement.IsCausal || origin < rank ? (heads + tails) * head : tails * (head + tail);
            }
        }

        return pairs;
    }

    /// <summary>Tokens whose keys and values a rank sends in a slot during an iteration.</summary>
    /// <param name="rings">How keys and values travel.</param>
    /// <param name="placement">Where tokens lie.</param>
    /// <param name="iteration">The iteration, not the last.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="slot">The slot.</param>
    public static long SentTokens(MultiRing rings, RingPlacement placement, int iteration, int rank, int slot) =>
        placement.SlotTokens(rings.Origin(iteration + 1, rings.Next(iteration, rank, slot), slot), slot);

    private static long Triangle(long tokens) => tokens * (tokens + 1) / 2;
}
