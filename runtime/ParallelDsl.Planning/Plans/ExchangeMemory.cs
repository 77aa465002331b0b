using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Plans;

/// <summary>How much memory the messages between attention ranks take, and what is put together from them. The plan counts with it, and the
/// runtime keeps to it.</summary>
public static class ExchangeMemory
{
    /// <summary>The most elements that a rank has at once, for each token of a unit.</summary>
    /// <param name="axes">How keys and values travel.</param>
    /// <param name="reach">The ranks that rings may join.</param>
    /// <param name="layers">The layers of the rank: one of them works at a time.</param>
    /// <param name="moved">Elements of a token that moves to another layout; 0 where none does.</param>
    /// <param name="window">Units that may exchange slices: keys and values of all of them travel.</param>
    /// <remarks>Of all rings of a unit together a rank has as many rows as a unit has, so the datapath that takes the most bounds every mixture.
    /// Rows that move are on their way to others and from them, while no keys travel.</remarks>
    public static long Elements(AxesSpec axes, RingReach reach, IEnumerable<AttentionWidths> layers, long moved, int window)
    {
        long most = 2 * moved;
        foreach (AttentionWidths layer in layers)
        {
            AttentionWidths open = layer with { KeyValues = layer.KeyValues * window };
            most = Math.Max(most, Math.Max(Of(axes.Datapath, open, reach.IntraNode), Of(axes.InterNodeDatapath, open, reach.InterNode)));

            // Alone with earlier slices: their keys and values, and gradients of both.
            if (window > 1)
                most = Math.Max(most, 2 * open.KeyValues);
        }

        return most;
    }

    /// <summary>The most elements of one datapath on rings of up to <paramref name="ranks"/> ranks, for each token.</summary>
    private static long Of(Datapath datapath, AttentionWidths layer, int ranks)
    {
        if (ranks < 2 || layer.KeyValueHeads == 0)
            return 0;
        return datapath == Datapath.AllToAll ? OfHeads(layer, ranks) : Itineraries.BlocksAtOnce(datapath, ranks) * layer.KeyValues;
    }

    /// <summary>A share of s heads of the tokens of n ranks is n s / H as many elements as all H heads of a rank's own. At first there is what is put
    /// together, what a rank has sent, which is all but its share, and a message that comes, of its share; then what is put together and the
    /// gradients of that; then these and the messages that take them back, which is less.</summary>
    private static long OfHeads(AttentionWidths layer, int ranks)
    {
        long own = layer.KeyValues + layer.Queries, gradients = layer.KeyValues + layer.QueryGradients, most = 0;

        // From as many ranks as heads on the share is one head, so that of these the most ranks need the most.
        for (int size = 2; size <= ranks; size = size < layer.KeyValueHeads ? size + 1 : size < ranks ? ranks : size + 1)
        {
            long shares = (long)HeadShares.Most(layer.KeyValueHeads, size) * size;
            most = Math.Max(most, Together(own) + Math.Max(own, Together(gradients)));

            long Together(long elements) => Ceiling(elements * shares, layer.KeyValueHeads);
        }

        return most;
    }

    private static long Ceiling(long value, long divisor) => (value + divisor - 1) / divisor;
}
