namespace ParallelDsl.Planning.Strategies;

/// <summary>Consecutive ranks that work on some sequences together, one after the other.</summary>
/// <param name="size">How many ranks.</param>
internal sealed class HybridGroup(int size)
{
    /// <summary>How many ranks it has.</summary>
    public int Size { get; set; } = size;

    /// <summary>Its sequences, in their order.</summary>
    public List<int> Sequences { get; } = [];

    /// <summary>What one of its ranks has to do.</summary>
    public long Load { get; set; }
}

/// <summary>The rule by which Megatron-LM's hybrid context parallelism (<c>hybrid_cp_schedule.py</c>, 2025) divides a batch into rounds: a
/// sequence needs the least power of two of ranks that holds it; its cost is the square of its length by its ranks; sequences go, longest
/// first, to the least loaded group of their size or to free ranks; a round ends when it is balanced to 5 %; then the last sequences of
/// overloaded groups go to the next round, and the smallest groups grow into idle ranks.</summary>
/// <remarks>Where the number of ranks is no power of two, a group of more ranks than there are is all of them, and ranks that no group
/// can double into stay idle.</remarks>
/// <param name="lengths">Tokens of each sequence.</param>
/// <param name="ranks">All ranks.</param>
/// <param name="tokensPerRank">Tokens of a sequence that a rank may have.</param>
internal sealed class HybridSchedule(EquatableArray<int> lengths, int ranks, long tokensPerRank)
{
    // Slack: a twentieth.
    private const long SlackDivisor = 20;

    /// <summary>The rounds, each with its groups in the order of their ranks.</summary>
    public List<List<HybridGroup>> Rounds()
    {
        var rounds = new List<List<HybridGroup>>();
        List<int> left = [.. LongestFirst.Order(lengths)];
        while (left.Count > 0)
            rounds.Add(NextRound(ref left));
        return rounds;
    }

    /// <summary>The ranks that a sequence needs.</summary>
    public int RanksOf(int length)
    {
        int size = 1;
        while (size < ranks && size * tokensPerRank < length)
            size *= 2;
        return Math.Min(size, ranks);
    }

    private long CostOf(int sequence) => (long)lengths[sequence] * lengths[sequence] / RanksOf(lengths[sequence]);

    // As many buckets of near-equal work as there are sizes of groups.
    private List<Queue<int>> Buckets(List<int> sequences)
    {
        int left = sequences.Select(sequence => RanksOf(lengths[sequence])).Distinct().Count();
        long total = sequences.Sum(CostOf), sizes = left;
        var buckets = new List<Queue<int>>();
        var current = new Queue<int>();
        long work = 0;
        for (int index = 0; index < sequences.Count; index++)
        {
            long cost = CostOf(sequences[index]);

            // More than 1.1 times the even share, or just enough sequences for the buckets to come.
            if (current.Count > 0 && ((work + cost) * 10 * sizes > total * 11 || sequences.Count - index <= left - buckets.Count))
            {
                buckets.Add(current);
                (current, work) = (new Queue<int>(), 0);
                left--;
            }

            current.Enqueue(sequences[index]);
            work += cost;
        }

        buckets.Add(current);
        return buckets;
    }

    private List<HybridGroup> NextRound(ref List<int> sequences)
    {
        List<Queue<int>> buckets = Buckets(sequences);
        var groups = new List<HybridGroup>();
        int free = ranks, firstNeeded = 0;
        bool fellBelow = false;
        while (buckets.Count > 0)
        {
            int found = buckets.FindIndex(bucket => IsPlaceable(groups, free, RanksOf(lengths[bucket.Peek()])));
            if (found < 0)
                break;
            int sequence = buckets[found].Dequeue(), needed = RanksOf(lengths[sequence]);
            firstNeeded = firstNeeded == 0 ? needed : firstNeeded;
            HybridGroup? group = groups.Where(other => other.Size == needed).OrderBy(other => other.Load).FirstOrDefault();
            if (free >= needed && (group is null || group.Load > 0))
            {
                group = new HybridGroup(needed);
                groups.Add(group);
                free -= needed;
            }

            group!.Sequences.Add(sequence);
            group.Load += CostOf(sequence);
            while (buckets.Count > 0 && buckets[0].Count == 0)
                buckets.RemoveAt(0);
            buckets.RemoveAll(bucket => bucket.Count == 0);
            fellBelow |= needed < firstNeeded;
            if (fellBelow && buckets.Count > 0 && IsBalanced(groups, free))
                break;
        }

        sequences = [.. buckets.SelectMany(bucket => bucket)];
        Trim(groups, free, sequences);
        Grow(groups, free);
        return groups;
    }

    private static bool IsPlaceable(List<HybridGroup> groups, int free, int needed) => free >= needed || groups.Any(group => group.Size == needed);

    private static (long Least, long Most) Loads(List<HybridGroup> groups, int free) =>
        (free > 0 ? 0 : groups.Min(group => group.Load), groups.Max(group => group.Load));

    private static bool IsBalanced(List<HybridGroup> groups, int free)
    {
        (long least, long most) = Loads(groups, free);
        return (most - least) * SlackDivisor <= most;
    }

    // Takes the last sequence from the fullest group as long as that helps.
    private void Trim(List<HybridGroup> groups, int free, List<int> leftovers)
    {
        while (!IsBalanced(groups, free))
        {
            (long least, long most) = Loads(groups, free);
            HybridGroup fullest = groups.First(group => group.Load == most);
            if (least == 0 || fullest.Sequences.Count <= 1)
                return;
            int last = fullest.Sequences[fullest.Sequences.Count - 1];
            fullest.Load -= CostOf(last);
            (long leastAfter, long mostAfter) = Loads(groups, free);
            if (mostAfter - leastAfter >= most - least)
            {
                fullest.Load += CostOf(last);
                return;
            }

            fullest.Sequences.RemoveAt(fullest.Sequences.Count - 1);
            leftovers.Add(last);
        }
    }

    // The first of the smallest groups doubles, until no rank is idle.
    private void Grow(List<HybridGroup> groups, int free)
    {
        while (free > 0)
        {
            int smallest = groups.Min(group => group.Size), more = Math.Min(2 * smallest, ranks) - smallest;
            if (more > free)
                return;
            groups.First(group => group.Size == smallest).Size += more;
            free -= more;
        }
    }
}
