namespace ParallelDsl.Planning.Tests.Rings;

/// <summary>The most Hamiltonian cycles that share no arc, by trying all sets of cycles; of up to six devices.</summary>
internal static class DisjointCycles
{
    public static int Most(int devices, IReadOnlySet<(int From, int To)> missing)
    {
        var cycles = new List<long>();
        Extend([0]);
        // Every set of disjoint cycles is found once, by the arcs out of device 0: at most one cycle for each.
        long[][] byFirst = [.. Enumerable.Range(1, devices - 1).Select(to => cycles.Where(cycle => (cycle >> to & 1) == 1).ToArray())];
        return Best(0, 0);

        void Extend(int[] path)
        {
            if (path.Length == devices)
            {
                long arcs = 0;
                for (int i = 0; i < devices; i++)
                {
                    (int from, int to) = (path[i], path[(i + 1) % devices]);
                    if (missing.Contains((from, to)))
                        return;
                    arcs |= 1L << ((from * devices) + to);
                }

                cycles.Add(arcs);
                return;
            }

            for (int next = 1; next < devices; next++)
            {
                if (!path.Contains(next))
                    Extend([.. path, next]);
            }
        }

        int Best(int first, long used)
        {
            if (first == byFirst.Length)
                return 0;
            int best = Best(first + 1, used);
            foreach (long cycle in byFirst[first])
            {
                if (best == byFirst.Length - first)
                    break;
                if ((cycle & used) == 0)
                    best = Math.Max(best, 1 + Best(first + 1, used | cycle));
            }

            return best;
        }
    }
}
