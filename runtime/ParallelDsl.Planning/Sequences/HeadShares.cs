using static System.FormattableString;

namespace ParallelDsl.Planning.Sequences;

/// <summary>Consecutive key-value heads, with the query heads that belong to them.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">How many; maybe none.</param>
public readonly record struct HeadShare(int First, int Count);

/// <summary>Divides the key-value heads of a layer over ranks that swap tokens for heads: rank i of n has heads floor(i H / n) to
/// floor((i + 1) H / n) - 1, so that shares differ by at most one, and with more ranks than heads some have none. Allocates nothing.</summary>
public static class HeadShares
{
    /// <summary>The share of <paramref name="rank"/>.</summary>
    /// <param name="heads">H, the key-value heads.</param>
    /// <param name="ranks">n, how many ranks there are.</param>
    /// <param name="rank">Which rank.</param>
    /// <exception cref="ArgumentOutOfRangeException">No heads, no ranks, or a rank outside them.</exception>
    public static HeadShare Of(int heads, int ranks, int rank)
    {
        Check(heads, ranks);
        if (rank < 0 || rank >= ranks)
            throw new ArgumentOutOfRangeException(nameof(rank), Invariant($"rank {rank} of {ranks}"));
        int first = (int)((long)rank * heads / ranks);
        return new HeadShare(first, (int)((rank + 1L) * heads / ranks) - first);
    }

    /// <summary>The heads of the rank that has the most: H / n, rounded up.</summary>
    /// <param name="heads">H, the key-value heads.</param>
    /// <param name="ranks">n, how many ranks there are.</param>
    /// <exception cref="ArgumentOutOfRangeException">No heads, or no ranks.</exception>
    public static int Most(int heads, int ranks)
    {
        Check(heads, ranks);
        return (int)((heads + ranks - 1L) / ranks);
    }

    private static void Check(int heads, int ranks)
    {
        if (heads < 1)
            throw new ArgumentOutOfRangeException(nameof(heads), Invariant($"{heads} key-value heads"));
        if (ranks < 1)
            throw new ArgumentOutOfRangeException(nameof(ranks), Invariant($"{ranks} ranks"));
    }
}
