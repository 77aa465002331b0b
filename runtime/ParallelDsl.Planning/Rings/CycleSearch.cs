namespace ParallelDsl.Planning.Rings;

/// <summary>Finds one ring over given links, trying first the followers that have the fewest ways on (Warnsdorff's rule).</summary>
internal static class CycleSearch
{
    /// <summary>The follower of every device, or null where none is found in <paramref name="steps"/> steps. Where that bound is not
    /// reached there is none.</summary>
    /// <param name="linked">Whether there is a link, first index: from whom.</param>
    /// <param name="steps">How many links are tried.</param>
    public static int[]? Find(bool[,] linked, int steps)
    {
        int devices = linked.GetLength(0), left = steps;
        var next = new int[devices];
        var used = new bool[devices];
        used[0] = true;
        return Go(0, 1) ? next : null;

        bool Go(int from, int count)
        {
            if (count == devices)
            {
                next[from] = 0;
                return linked[from, 0];
            }

            foreach (int to in Enumerable.Range(0, devices).Where(to => linked[from, to] && !used[to])
                .Select(to => (Device: to, Ways: WaysOn(to))).OrderBy(way => way.Ways).ThenBy(way => way.Device).Select(way => way.Device).ToArray())
            {
                if (left-- <= 0)
                    return false;
                (next[from], used[to]) = (to, true);
                if (Go(to, count + 1))
                    return true;
                used[to] = false;
            }

            return false;
        }

        int WaysOn(int device)
        {
            int ways = 0;
            for (int to = 0; to < devices; to++)
                ways += linked[device, to] && !used[to] ? 1 : 0;
            return ways;
        }
    }
}
