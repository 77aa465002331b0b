using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Which group has which sequences of a micro-batch.</summary>
/// <param name="Sizes">Ranks of each group, descending.</param>
/// <param name="Sequences">Sequences of each group.</param>
internal sealed record GroupAssignment(int[] Sizes, List<int>[] Sequences);

/// <summary>Gives the sequences of a micro-batch to groups of ranks, each to the group that is done with it first, and predicts the time of the slowest
/// group by FlexSP's model: cost by ranks, and what they exchange by the rate of their link.</summary>
internal sealed class GroupPredictor
{
    private readonly int[] _sequences;
    private readonly EquatableArray<int> _lengths;
    private readonly long _room;

    // Nanoseconds of a sequence on a group of 2^k ranks, at sequence K + k.
    private readonly long[] _times;
    private readonly int _powers;
    private readonly long[] _loads;
    private readonly long[] _tokens;

    /// <param name="problem">The batch.</param>
    /// <param name="costs">FLOPs of a sequence.</param>
    /// <param name="ranks">All ranks.</param>
    /// <param name="sequences">The sequences, longest first.</param>
    /// <param name="room">Tokens that a rank has room for.</param>
    public GroupPredictor(BatchProblem problem, Func<int, long> costs, int ranks, int[] sequences, long room)
    {
        (_sequences, _lengths, _room, _powers) = (sequences, problem.Lengths, room, Power(ranks) + 1);
        (_loads, _tokens, _times) = (new long[ranks], new long[ranks], new long[sequences.Length * _powers]);
        NodeGroup node = problem.Cluster.Nodes[0];

        // Queries, keys, values, outputs and their gradients.
        long moved = 2L * problem.Model.Layers * ((2L * problem.Model.HiddenBytesPerToken) + problem.Model.KeyValueBytesPerToken);
        long inside = Math.Max(1, node.Device.LinkBytesPerNanosecond);
        long between = Math.Max(1, (long)node.NicsPerNode * node.NicGbps / 8 / node.DevicesPerNode);
        for (int index = 0; index < sequences.Length; index++)
        {
            int length = problem.Lengths[sequences[index]];
            long compute = costs(length) / problem.FlopsPerNanosecond;
            for (int power = 0; power < _powers; power++)
            {
                long transfer = power == 0 ? 0 : length * moved / (1 << power <= node.DevicesPerNode ? inside : between);
                _times[(index * _powers) + power] = (compute + transfer) >> power;
            }
        }
    }

    /// <summary>Nanoseconds of the slowest group; <see cref="long.MaxValue"/> where that is no less than <paramref name="bound"/> or where
    /// tokens find no room.</summary>
    public long Predict(int[] sizes, long bound) => Assign(sizes, bound, null, out long missing) is long time && missing > 0 ? long.MaxValue : time;

    /// <summary>Tokens that find no room.</summary>
    public long MissingOf(int[] sizes)
    {
        Assign(sizes, long.MaxValue, null, out long missing);
        return missing;
    }

    /// <summary>Who has what.</summary>
    public GroupAssignment Of(int[] sizes)
    {
        var lists = new List<int>[sizes.Length];
        for (int group = 0; group < lists.Length; group++)
            lists[group] = [];
        Assign(sizes, long.MaxValue, lists, out long _);
        return new GroupAssignment(sizes, lists);
    }

    private long Assign(int[] sizes, long bound, List<int>[]? lists, out long missing)
    {
        Array.Clear(_loads, 0, sizes.Length);
        Array.Clear(_tokens, 0, sizes.Length);
        missing = 0;
        long slowest = 0;
        for (int index = 0; index < _sequences.Length; index++)
        {
            int length = _lengths[_sequences[index]], best = -1, power = Power(sizes[0]);
            long bestEnd = long.MaxValue;
            for (int group = 0; group < sizes.Length; group++)
            {
                while (1 << power > sizes[group])
                    power--;
                long end = _loads[group] + _times[(index * _powers) + power];
                if (end < bestEnd && _tokens[group] + length <= sizes[group] * _room)
                    (best, bestEnd) = (group, end);
            }

            if (best < 0)
            {
                missing += length;
                continue;
            }

            slowest = Math.Max(slowest, bestEnd);
            if (slowest >= bound)
                return long.MaxValue;
            _loads[best] = bestEnd;
            _tokens[best] += length;
            lists?[best].Add(_sequences[index]);
        }

        return slowest;
    }

    // The largest k with 2^k <= number.
    private static int Power(int number)
    {
        int power = 0;
        while (2 << power <= number)
            power++;
        return power;
    }
}
