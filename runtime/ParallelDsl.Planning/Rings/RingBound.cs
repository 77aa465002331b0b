namespace ParallelDsl.Planning.Rings;

/// <summary>How many rings links can carry at most.</summary>
internal static class RingBound
{
    /// <summary>The least number of links that lead out of some devices to the others: every ring takes one of them, so there are no more
    /// rings than that.</summary>
    /// <param name="linked">Whether there is a link, first index: from whom.</param>
    public static int LeastCut(bool[,] linked)
    {
        int devices = linked.GetLength(0), least = int.MaxValue;
        for (int device = 0; device < devices; device++)
        {
            int leaving = 0, entering = 0;
            for (int other = 0; other < devices; other++)
            {
                leaving += linked[device, other] ? 1 : 0;
                entering += linked[other, device] ? 1 : 0;
            }

            least = Math.Min(least, Math.Min(leaving, entering));
        }

        // k devices with d links or more out of each have k (d - k + 1) or more out of them all: no fewer than d for k from 1 to d. Of any
        // set of devices and the others one has no more than half of all.
        if (least >= devices / 2)
            return least;
        for (int device = 1; device < devices && least > 0; device++)
        {
            least = Math.Min(least, Ways(linked, 0, device, least));
            least = Math.Min(least, Ways(linked, device, 0, least));
        }

        return least;
    }

    // How many ways that share no link lead from one device to another, up to a limit (Menger; by shortest augmenting paths).
    private static int Ways(bool[,] linked, int from, int to, int limit)
    {
        int devices = linked.GetLength(0), ways = 0;
        var free = new int[devices, devices];
        for (int device = 0; device < devices; device++)
        {
            for (int other = 0; other < devices; other++)
                free[device, other] = linked[device, other] ? 1 : 0;
        }

        var before = new int[devices];
        var queue = new int[devices];
        while (ways < limit)
        {
            for (int device = 0; device < devices; device++)
                before[device] = -1;
            before[from] = from;
            queue[0] = from;
            for (int head = 0, tail = 1; head < tail && before[to] < 0; head++)
            {
                for (int next = 0; next < devices; next++)
                {
                    if (before[next] < 0 && free[queue[head], next] > 0)
                    {
                        before[next] = queue[head];
                        queue[tail++] = next;
                    }
                }
            }

            if (before[to] < 0)
                return ways;
            for (int device = to; device != from; device = before[device])
            {
                free[before[device], device]--;
                free[device, before[device]]++;
            }

            ways++;
        }

        return ways;
    }
}
