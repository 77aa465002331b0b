using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Which group has which sequences of a micro-batch.</summary>
/// <param name="Sizes">Ranks of each group, descending.</param>
/// <param name="Sequences">Sequences of each group.</param>
/// <param name="Predicted">Nanoseconds of the slowest group by FlexSP's model: cost by ranks, and what they exchange by the rate of their
/// link.</param>
/// <param name="Missing">Tokens that find no room.</param>
internal sealed record GroupAssignment(int[] Sizes, List<int>[] Sequences, long Predicted, long Missing)
{
    /// <summary>Gives every sequence to the group that is done with it first.</summary>
    /// <param name="problem">The batch.</param>
    /// <param name="costs">FLOPs of a sequence.</param>
    /// <param name="sizes">Ranks of each group.</param>
    /// <param name="sequences">The sequences, longest first.</param>
    /// <param name="room">Tokens that a rank has room for.</param>
    public static GroupAssignment Of(BatchProblem problem, Func<int, long> costs, int[] sizes, int[] sequences, long room)
    {
        NodeGroup node = problem.Cluster.Nodes[0];
        long[] loads = new long[sizes.Length], tokens = new long[sizes.Length];
        var lists = new List<int>[sizes.Length];
        for (int group = 0; group < lists.Length; group++)
            lists[group] = [];

        // Queries, keys, values, outputs and their gradients.
        long moved = 2L * problem.Model.Layers * ((2L * problem.Model.HiddenBytesPerToken) + problem.Model.KeyValueBytesPerToken);
        long inside = Math.Max(1, node.Device.LinkBytesPerNanosecond);
        long between = Math.Max(1, (long)node.NicsPerNode * node.NicGbps / 8 / node.DevicesPerNode);
        long missing = 0;
        foreach (int sequence in sequences)
        {
            int length = problem.Lengths[sequence], best = -1;
            long compute = costs(length) / problem.FlopsPerNanosecond, bestEnd = long.MaxValue;
            for (int group = 0; group < sizes.Length; group++)
            {
                int size = sizes[group];
                if (tokens[group] + length > size * room)
                    continue;
                long transfer = size == 1 ? 0 : length * moved / (size <= node.DevicesPerNode ? inside : between);
                long end = loads[group] + ((compute + transfer) / size);
                if (end < bestEnd)
                    (best, bestEnd) = (group, end);
            }

            if (best < 0)
            {
                missing += length;
                continue;
            }

            loads[best] = bestEnd;
            tokens[best] += length;
            lists[best].Add(sequence);
        }

        return new GroupAssignment(sizes, lists, loads.Max(), missing);
    }
}
