using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>Rings of devices some of whose links are missing.</summary>
/// <param name="Set">The rings, or null where the search found none.</param>
/// <param name="Bound">How many there are at most: by the links out of and into each device and any set of devices, and by what is known of
/// complete links; over nodes, in the node with the fewest.</param>
public sealed record RingRepairResult(RingSet? Set, int Bound);

/// <summary>Makes rings again where links are missing: as many that share no link as a search finds that is bounded and the same in every
/// run. TASP (arXiv 2509.26541) has no such case.</summary>
public static class RingRepair
{
    /// <summary>The most devices.</summary>
    public const int MostDevices = 128;

    private const int Starts = 9;
    private const int StepsOfDevice = 2_000;
    private const int MostRings = 2_000_000;
    private const int MostWays = 1_000_000;

    /// <summary>As many rings as are found.</summary>
    /// <param name="devices">How many devices.</param>
    /// <param name="missing">The links that are missing; more than once is the same as once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 devices or more than <see cref="MostDevices"/>, or a link that cannot
    /// be.</exception>
    public static RingRepairResult Without(int devices, IEnumerable<DeviceLink> missing)
    {
        if (devices is < 2 or > MostDevices)
        {
            throw new ArgumentOutOfRangeException(
                nameof(devices), Invariant($"rings of {devices} devices with missing links; there are rings of 2 to {MostDevices}"));
        }

        var linked = new bool[devices, devices];
        for (int from = 0; from < devices; from++)
        {
            for (int to = 0; to < devices; to++)
                linked[from, to] = from != to;
        }

        foreach (DeviceLink link in missing)
        {
            if (link.From < 0 || link.From >= devices || link.To < 0 || link.To >= devices || link.From == link.To)
                throw new ArgumentOutOfRangeException(nameof(missing), Invariant($"a missing link {link} of {devices} devices"));
            linked[link.From, link.To] = false;
        }

        int bound = Math.Min(RingBound.LeastCut(linked), RingSet.MostCycles(devices));
        List<int[]> best = Search(linked, bound);
        return new RingRepairResult(
            best.Count == 0 ? null : new RingSet(RingSetKind.Cycles, devices, 1, best.Select(Ring).ToEquatableArray()), bound);
    }

    /// <summary>As many rings of paths over nodes as are found: as many as paths of the node with the fewest, each going on in the next
    /// node as the path of its number there.</summary>
    /// <param name="nodes">How many nodes, at least 2.</param>
    /// <param name="perNode">Devices of a node.</param>
    /// <param name="missing">The links that are missing inside nodes; more than once is the same as once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 nodes, no devices of a node or <see cref="MostDevices"/> and more, more than
    /// <see cref="RingSets.MostDevices"/> in all, or a link that cannot be.</exception>
    public static RingRepairResult OverNodes(int nodes, int perNode, IEnumerable<DeviceLink> missing)
    {
        if (nodes < 2 || perNode is < 1 or >= MostDevices || (long)nodes * perNode > RingSets.MostDevices)
        {
            throw new ArgumentOutOfRangeException(nameof(perNode), Invariant(
                $"rings of {nodes} nodes of {perNode} devices with missing links; there are rings of 2 nodes or more of up to {MostDevices - 1} devices"));
        }

        // One more device, 0, that is linked to all of a node makes paths of cycles: they start where these leave it.
        ILookup<int, DeviceLink> ofNode = missing.ToLookup(
            link => link.From / perNode == link.To / perNode && link.From >= 0 && link.To >= 0 && link.From < nodes * perNode
                ? link.From / perNode
                : throw new ArgumentOutOfRangeException(nameof(missing), Invariant($"a missing link {link} of {nodes} nodes of {perNode} devices")),
            link => new DeviceLink((link.From % perNode) + 1, (link.To % perNode) + 1));
        RingRepairResult whole = Without(perNode + 1, []);
        RingRepairResult[] repaired = [.. Enumerable.Range(0, nodes).Select(node => ofNode.Contains(node) ? Without(perNode + 1, ofNode[node]) : whole)];
        int bound = repaired.Min(result => result.Bound), rings = repaired.Min(result => result.Set?.Slots ?? 0);
        if (rings == 0)
            return new RingRepairResult(null, bound);
        return new RingRepairResult(new RingSet(RingSetKind.Paths, nodes * perNode, nodes, Enumerable.Range(0, rings).Select(Ring).ToEquatableArray()), bound);

        EquatableArray<int> Ring(int ring) => repaired
            .SelectMany((result, node) => result.Set!.Rings[ring].Skip(1).Select(device => (node * perNode) + device - 1)).ToEquatableArray();
    }

    private static List<int[]> Search(bool[,] linked, int bound)
    {
        int devices = linked.GetLength(0);
        if (devices <= CycleChoice.MostDevices)
            return CycleChoice.Find(linked, bound, MostRings);
        var best = new List<int[]>();
        // Fewer that are to be kept leave more room for missing links.
        for (int kept = bound; kept > best.Count; kept--)
        {
            for (int start = 0; start < Starts && kept > best.Count; start++)
            {
                var random = new RepeatableRandom(start);
                int[][]? factors = Factors(linked, start % 3, ref random);
                if (factors is null || factors.Length < kept)
                    continue;
                List<int[]> found = new FactorSearch(linked, factors, kept, random).Run(StepsOfDevice * devices);
                best = found.Count > best.Count ? found : best;
            }
        }

        if (best.Count < bound)
            Extend(linked, best, bound);
        return best;
    }

    // Where links are few, ring after ring of those that are left.
    private static void Extend(bool[,] linked, List<int[]> rings, int bound)
    {
        int devices = linked.GetLength(0);
        var free = (bool[,])linked.Clone();
        foreach (int[] ring in rings)
            Take(free, ring);
        while (rings.Count < bound && CycleSearch.Find(free, MostWays / devices) is { } next)
        {
            rings.Add(next);
            Take(free, next);
        }
    }

    private static void Take(bool[,] free, int[] next)
    {
        for (int device = 0; device < next.Length; device++)
            free[device, next[device]] = false;
    }

    // Exchanges leave the product of the permutations' signs as it is, which rules out some ends; with 4 | n the first two differ in it.
    // The third suits few links.
    private static int[][]? Factors(bool[,] linked, int kind, ref RepeatableRandom random) => kind switch
    {
        0 => StartingFactors.Cycles(linked.GetLength(0), ref random),
        1 => StartingFactors.Steps(linked.GetLength(0), ref random),
        _ => StartingFactors.Matchings(linked, ref random),
    };

    private static EquatableArray<int> Ring(int[] next)
    {
        var ring = new int[next.Length];
        for (int i = 1; i < ring.Length; i++)
            ring[i] = next[ring[i - 1]];
        return new EquatableArray<int>(ring);
    }
}
