using ParallelDsl.Data;
using ParallelDsl.Planning;

namespace ParallelDsl.Tool.Batches;

/// <summary>Draws batches from sequences in a random order: the same for the same seed on every machine.</summary>
internal static class BatchDraw
{
    /// <summary>Draws batches one after the other. A batch ends before the sequence with which it would have more than
    /// <paramref name="tokens"/>, and where no sequences are left; the next begins there, in a new order where none are left.</summary>
    /// <param name="lengths">Tokens of each sequence, none more than a batch has.</param>
    /// <param name="tokens">The most tokens of a batch.</param>
    /// <param name="count">How many batches.</param>
    /// <param name="seed">Names the order.</param>
    /// <returns>The lengths of each batch.</returns>
    public static List<EquatableArray<int>> Draw(IReadOnlyList<int> lengths, int tokens, int count, long seed)
    {
        var random = new SplitMix64((ulong)seed);
        int[] order = [.. lengths];
        int next = order.Length;
        var batches = new List<EquatableArray<int>>();
        while (batches.Count < count)
        {
            if (next == order.Length)
            {
                random.Shuffle<int>(order);
                next = 0;
            }

            int first = next;
            for (long room = tokens; next < order.Length && order[next] <= room; next++)
                room -= order[next];
            batches.Add(new(order[first..next]));
        }

        return batches;
    }
}
