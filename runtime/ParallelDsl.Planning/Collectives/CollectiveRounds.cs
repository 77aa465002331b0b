namespace ParallelDsl.Planning.Collectives;

/// <summary>The messages of an all-reduce, round after round, as the runtime sends them for one segment.</summary>
internal static class CollectiveRounds
{
    private const int ElementBytes = 4;

    /// <summary>The rounds.</summary>
    /// <param name="plan">A plan that fits the members.</param>
    /// <param name="size">The members.</param>
    /// <param name="length">Float32 elements.</param>
    public static List<List<CollectiveMessage>> AllReduce(CollectivePlan plan, int size, long length)
    {
        var parts = new long[size];
        for (int part = 0; part < size; part++)
            parts[part] = (length / size) + (part < length % size ? 1 : 0);
        var rounds = new List<List<CollectiveMessage>>();
        if (size == 1 || length == 0)
            return rounds;
        switch (plan.Algorithm)
        {
            case CollectiveAlgorithm.Direct when (size - 1) * length * ElementBytes <= CollectivePlan.ShortBytes:
                rounds.Add([.. from member in Enumerable.Range(0, size)
                               from other in Enumerable.Range(0, size)
                               where other != member
                               select new CollectiveMessage(member, other, length * ElementBytes, Adds: true)]);
                break;
            case CollectiveAlgorithm.Direct:
                int[] all = [.. Enumerable.Range(0, size)];
                Direct(rounds, parts, [all], [all], adds: true);
                Direct(rounds, parts, [all], [all], adds: false);
                break;
            case CollectiveAlgorithm.Ring:
                Rings(rounds, parts, [Enumerable.Range(0, size).ToArray()]);
                break;
            case CollectiveAlgorithm.MultiRing:
                Rings(rounds, parts, [.. plan.Rings.Select(ring => ring.ToArray())]);
                break;
            case CollectiveAlgorithm.HalvingDoubling:
                HalvingDoubling(rounds, parts);
                break;
            case CollectiveAlgorithm.TwoLevel:
                TwoLevel(rounds, parts, [.. plan.Nodes]);
                break;
            default:
                throw new ArgumentException(plan.Describe(), nameof(plan));
        }

        return rounds;
    }

    /// <summary>Groups reduce or gather at once; in each a part has an owner, and goes there or from there. A member's parts take turns.</summary>
    private static void Direct(List<List<CollectiveMessage>> rounds, long[] parts, int[][] groups, int[][] owners, bool adds)
    {
        for (int turn = 0; ; turn++)
        {
            var round = new List<CollectiveMessage>();
            bool any = false;
            for (int group = 0; group < groups.Length; group++)
            {
                foreach (int owner in groups[group])
                {
                    int part = Nth(owners[group], owner, turn);
                    any |= part >= 0;
                    foreach (int member in groups[group])
                    {
                        if (part >= 0 && member != owner)
                            Add(round, adds ? member : owner, adds ? owner : member, parts[part], adds);
                    }
                }
            }

            if (!any)
                return;
            rounds.Add(round);
        }
    }

    private static void Rings(List<List<CollectiveMessage>> rounds, long[] parts, int[][] rings)
    {
        int size = parts.Length;
        for (int step = 1; step < (2 * size) - 1; step++)
        {
            // Partial sums start one place behind the part of the sender; then the sums at their own.
            (bool adds, int distance) = step < size ? (true, step) : (false, step - size);
            var round = new List<CollectiveMessage>();
            for (int ring = 0; ring < rings.Length; ring++)
            {
                for (int place = 0; place < size; place++)
                {
                    long part = parts[rings[ring][(place - distance + size) % size]];
                    long share = (part * (ring + 1) / rings.Length) - (part * ring / rings.Length);
                    Add(round, rings[ring][place], rings[ring][(place + 1) % size], share, adds);
                }
            }

            rounds.Add(round);
        }
    }

    private static void HalvingDoubling(List<List<CollectiveMessage>> rounds, long[] parts)
    {
        int size = parts.Length;
        int workers = 1;
        while (workers * 2 <= size)
            workers *= 2;
        int pairs = size - workers;
        long all = parts.Sum();
        var fold = new List<CollectiveMessage>();
        for (int pair = 0; pair < pairs; pair++)
            Add(fold, 2 * pair, (2 * pair) + 1, all, adds: true);
        var halvings = new List<List<CollectiveMessage>>();
        for (int half = workers / 2; half >= 1; half /= 2)
        {
            var round = new List<CollectiveMessage>();
            for (int worker = 0; worker < workers; worker++)
            {
                int across = worker ^ half;
                int first = across / half * half;
                long length = 0;
                for (int part = First(first); part < First(first + half); part++)
                    length += parts[part];
                Add(round, Member(worker), Member(across), length, adds: true);
            }

            halvings.Add(round);
        }

        // Everything comes back the way it went.
        rounds.Add(fold);
        rounds.AddRange(halvings);
        for (int round = halvings.Count - 1; round >= 0; round--)
            rounds.Add(Back(halvings[round]));
        rounds.Add(Back(fold));

        static List<CollectiveMessage> Back(List<CollectiveMessage> round) =>
            [.. round.Select(message => new CollectiveMessage(message.Destination, message.Source, message.Bytes, Adds: false))];

        int First(int worker) => worker < pairs ? 2 * worker : worker + pairs;
        int Member(int worker) => worker < pairs ? (2 * worker) + 1 : worker + pairs;
    }

    private static void TwoLevel(List<List<CollectiveMessage>> rounds, long[] parts, int[] nodes)
    {
        int[][] inside = [.. Enumerable.Range(0, nodes.Length).GroupBy(member => nodes[member]).Select(node => node.ToArray())];
        int rails = inside.Min(node => node.Length);
        int[][] between = [.. Enumerable.Range(0, rails).Select(rail => inside.Select(node => node[rail]).ToArray())];
        var railOf = new int[nodes.Length];
        var homes = new int[nodes.Length];
        foreach (int[] node in inside)
        {
            for (int local = 0; local < node.Length; local++)
            {
                railOf[node[local]] = local % rails;
                homes[node[local]] = node[local % rails];
            }
        }

        int[][] holders = [.. inside.Select(node => railOf.Select(rail => node[rail]).ToArray())];
        int[][] homesOfRails = [.. between.Select((_, rail) => homes.Select((home, part) => railOf[part] == rail ? home : -1).ToArray())];
        Direct(rounds, parts, inside, holders, adds: true);
        if (inside.Length > 1)
        {
            Direct(rounds, parts, between, homesOfRails, adds: true);
            Direct(rounds, parts, between, homesOfRails, adds: false);
        }

        Direct(rounds, parts, inside, holders, adds: false);
    }

    private static void Add(List<CollectiveMessage> round, int source, int destination, long elements, bool adds)
    {
        if (elements > 0)
            round.Add(new(source, destination, elements * ElementBytes, adds));
    }

    /// <summary>The part that a member owns after so many others; -1 where there is none.</summary>
    private static int Nth(int[] owners, int owner, int turn)
    {
        for (int part = 0; part < owners.Length; part++)
        {
            if (owners[part] == owner && turn-- == 0)
                return part;
        }

        return -1;
    }
}
