using static System.FormattableString;

namespace ParallelDsl.Planning.Collectives;

/// <summary>Which algorithm a group uses: the one with the least predicted time.</summary>
/// <remarks>An all-reduce is predicted message by message: a round takes the latency of its slowest message, the overhead of the member with the
/// most messages, the time of the busiest port or link, and that of the most additions (after Thakur, Rabenseifner and Gropp, Optimization
/// of Collective Communication Operations in MPICH, 2005, whose closed forms it gives for their networks). Integers, rounded up once a
/// round and term.</remarks>
public static class CollectivePlanner
{
    /// <summary>Of groups with more members the messages are too many to be predicted one by one while a compiler waits.</summary>
    public const int MostPredictedMembers = 128;

    private const int ElementBytes = 4;

    /// <summary>The plan with the least predicted time; of equals the one that comes first in <see cref="CollectiveAlgorithm"/>. A group of more than
    /// <see cref="MostPredictedMembers"/> takes two levels where several of its nodes have several members, else it halves and
    /// doubles.</summary>
    /// <param name="network">The members and what messages cost between them.</param>
    /// <param name="bytes">The vector, float32.</param>
    /// <param name="rings">Arc-disjoint rings of all members, where some are known.</param>
    /// <exception cref="ArgumentException">Bytes are negative, or a rate is not positive.</exception>
    /// <exception cref="OverflowException">A time does not fit into 64 bits.</exception>
    public static CollectivePlan Choose(
        CollectiveNetwork network, long bytes, EquatableArray<EquatableArray<int>> rings = default)
    {
        (CollectivePlan best, long least) = (CollectivePlan.Default, long.MaxValue);
        CollectivePlan[] candidates = [.. Candidates(network, rings)];
        if (network.Nodes.Count > MostPredictedMembers)
            return candidates.LastOrDefault(plan => plan.Algorithm == CollectiveAlgorithm.TwoLevel) ?? new(CollectiveAlgorithm.HalvingDoubling);
        foreach (CollectivePlan plan in candidates)
        {
            long time = Predict(plan, network, bytes);
            if (time < least)
                (best, least) = (plan, time);
        }

        return best;
    }

    /// <summary>Predicted nanoseconds of one all-reduce.</summary>
    /// <param name="plan">A plan that fits the members.</param>
    /// <param name="network">The members and what messages cost between them.</param>
    /// <param name="bytes">The vector, float32.</param>
    /// <exception cref="ArgumentException">Bytes are negative, a rate is not positive, or the plan does not fit.</exception>
    /// <exception cref="OverflowException">The time does not fit into 64 bits.</exception>
    public static long Predict(CollectivePlan plan, CollectiveNetwork network, long bytes)
    {
        network.Check(nameof(network));
        if (bytes < 0)
            throw new ArgumentException(Invariant($"a vector of {bytes} bytes"), nameof(bytes));
        CheckFit(plan, network.Nodes.Count);
        long length = (bytes + ElementBytes - 1) / ElementBytes;
        long segment = (long)network.Nodes.Count * (CollectivePlan.BlockBytes / ElementBytes);
        long whole = length / segment;
        long time = whole == 0 ? 0 : whole * OneSegment(plan, network, segment);
        return time + OneSegment(plan, network, length % segment);
    }

    /// <summary>The plans that fit the members and differ, in the order of preference.</summary>
    internal static IEnumerable<CollectivePlan> Candidates(CollectiveNetwork network, EquatableArray<EquatableArray<int>> rings)
    {
        network.Check(nameof(network));
        yield return CollectivePlan.Default;
        int size = network.Nodes.Count;
        if (size < 3)
            yield break;
        yield return new(CollectiveAlgorithm.Ring);
        yield return new(CollectiveAlgorithm.HalvingDoubling);
        if (rings.Count > 0)
            yield return new(CollectiveAlgorithm.MultiRing, Rings: rings);
        int nodes = network.Nodes.Distinct().Count();
        if (nodes > 1 && nodes < size)
            yield return new(CollectiveAlgorithm.TwoLevel, Nodes: network.Nodes);
    }

    private static long OneSegment(CollectivePlan plan, CollectiveNetwork network, long length)
    {
        long time = 0;
        foreach (List<CollectiveMessage> round in CollectiveRounds.AllReduce(plan, network.Nodes.Count, length))
            time += network.TimeOf(round);
        return time;
    }

    /// <exception cref="ArgumentException">The plan does not fit so many members.</exception>
    internal static void CheckFit(CollectivePlan plan, int size)
    {
        if (plan.FaultFor(size) is { } fault)
            throw new ArgumentException(fault, nameof(plan));
    }
}
