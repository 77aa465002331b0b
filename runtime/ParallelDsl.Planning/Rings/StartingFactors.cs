namespace ParallelDsl.Planning.Rings;

/// <summary>Links as permutations, from which <see cref="FactorSearch"/> begins.</summary>
internal static class StartingFactors
{
    /// <summary>All links of devices that are all linked: those of known cycles, under other names.</summary>
    public static int[][]? Cycles(int devices, ref RepeatableRandom random)
    {
        if (CycleDecomposition.Of(devices) is not { } rings)
            return null;
        int[] names = Names(devices, ref random);
        return [.. rings.Select(ring =>
        {
            var next = new int[devices];
            for (int i = 0; i < devices; i++)
                next[names[ring[i]]] = names[ring[(i + 1) % devices]];
            return next;
        })];
    }

    /// <summary>All links of devices that are all linked: to the next device, to the one after that, and so on, under other
    /// names.</summary>
    public static int[][] Steps(int devices, ref RepeatableRandom random)
    {
        int[] names = Names(devices, ref random);
        return [.. Enumerable.Range(1, devices - 1).Select(step =>
        {
            var next = new int[devices];
            for (int i = 0; i < devices; i++)
                next[names[i]] = names[(i + step) % devices];
            return next;
        })];
    }

    /// <summary>Of the links there are as many as make up permutations, one after the other (matchings of senders and receivers, by
    /// augmenting paths).</summary>
    public static int[][] Matchings(bool[,] linked, ref RepeatableRandom random)
    {
        int devices = linked.GetLength(0);
        int[] names = Names(devices, ref random);
        var free = (bool[,])linked.Clone();
        var factors = new List<int[]>();
        while (Match(free, names) is { } next)
        {
            factors.Add(next);
            for (int device = 0; device < devices; device++)
                free[device, next[device]] = false;
        }

        return [.. factors];
    }

    private static int[]? Match(bool[,] free, int[] order)
    {
        int devices = order.Length;
        var sender = new int[devices];
        for (int device = 0; device < devices; device++)
            sender[device] = -1;
        foreach (int from in order)
        {
            if (!Augment(from, new bool[devices]))
                return null;
        }

        var next = new int[devices];
        for (int to = 0; to < devices; to++)
            next[sender[to]] = to;
        return next;

        bool Augment(int from, bool[] tried)
        {
            foreach (int to in order)
            {
                if (!free[from, to] || tried[to])
                    continue;
                tried[to] = true;
                if (sender[to] < 0 || Augment(sender[to], tried))
                {
                    sender[to] = from;
                    return true;
                }
            }

            return false;
        }
    }

    private static int[] Names(int devices, ref RepeatableRandom random)
    {
        int[] names = [.. Enumerable.Range(0, devices)];
        for (int i = devices - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (names[i], names[other]) = (names[other], names[i]);
        }

        return names;
    }
}

/// <summary>Numbers that are the same in every run (Marsaglia's xorshift, of 64 bits).</summary>
internal struct RepeatableRandom(int seed)
{
    private ulong _state = 0x9E3779B97F4A7C15 ^ ((ulong)seed << 32);

    /// <summary>A number from 0 to less than <paramref name="below"/>.</summary>
    public int Next(int below)
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (int)((_state >> 16) % (ulong)below);
    }
}
