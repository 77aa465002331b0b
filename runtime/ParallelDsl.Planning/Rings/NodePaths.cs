namespace ParallelDsl.Planning.Rings;

/// <summary>Rings over u nodes of m devices: m Hamiltonian paths of the devices of a node, each start and each end at a device of its own,
/// joined from node to node (after TASP, arXiv 2509.26541, the datapaths of several nodes; odd m are ours).</summary>
/// <remarks>
/// <para>Path p of a node starts at device p, ends at p + h modulo m with h = m / 2 rounded down, and all paths of a node use every link of it
/// once. For even m it is p plus the zigzag 0, 1, -1, 2, -2, ..., m/2: the rows of a row-complete Latin square (Williams, 1949). For odd m it
/// is one of the m cycles that are all links of m + 1 devices, less the last device: every cycle enters and leaves that one over a link
/// of its own. Of 4 and of 6 devices there are no such cycles, and so no paths of 3 and of 5: they would make some.</para>
/// <para>Across rails, path p goes on as path p of the next node. Along rails, the end p + h sends to the device of its place, where another
/// path of the next node starts, and some nodes rename their devices so that the ways from start to end of all nodes are together none.
/// Of odd m, device i is called k i, and the way is a step of k h: steps of h and -h in turn, of an odd number of nodes first h, h and -2 h
/// (ours). Of even m a step of h is one that swaps pairs, and two of them are none; of an odd number of nodes three are where m is a multiple of
/// 4 and they swap different pairs (ours). Elsewhere no renaming helps: each way swaps m/2 pairs, an odd number, and an odd number
/// of them is an odd permutation.</para>
/// </remarks>
internal static class NodePaths
{
    /// <summary>Whether there are such paths.</summary>
    public static bool Exist(int perNode) => RingSet.MostPaths(perNode) == perNode;

    /// <summary>Whether paths that stay on their rail come back to their start.</summary>
    public static bool CanAlign(int nodes, int perNode) => nodes % 2 == 0 || perNode % 4 == 0 || perNode % 2 == 1;

    /// <summary>The rings.</summary>
    /// <param name="nodes">u, at least 2.</param>
    /// <param name="perNode">m, neither 3 nor 5.</param>
    /// <param name="rail">Where paths go on.</param>
    /// <param name="cancellation">Ends the search for cycles.</param>
    public static EquatableArray<EquatableArray<int>> Rings(int nodes, int perNode, NodeRail rail, CancellationToken cancellation)
    {
        int[][] paths = perNode % 2 == 1 ? OfCycles(perNode, cancellation) : OfZigzag(perNode);
        int[][] names = [.. Enumerable.Range(0, nodes).Select(node => rail == NodeRail.Aligned ? Names(node, nodes, perNode) : Own(perNode))];
        var rings = new EquatableArray<int>[perNode];
        for (int slot = 0; slot < perNode; slot++)
        {
            var ring = new int[nodes * perNode];
            for (int node = 0, start = slot; node < nodes; node++)
            {
                int[] path = paths[Array.IndexOf(names[node], start)];
                for (int i = 0; i < perNode; i++)
                    ring[(node * perNode) + i] = (node * perNode) + names[node][path[i]];
                start = rail == NodeRail.Aligned ? names[node][path[perNode - 1]] : start;
            }

            rings[slot] = new(ring);
        }

        return new(rings);
    }

    private static int[][] OfZigzag(int perNode)
    {
        var zigzag = new int[perNode];
        for (int i = 1; i < perNode; i++)
            zigzag[i] = i % 2 == 1 ? (i + 1) / 2 : perNode - (i / 2);
        return [.. Enumerable.Range(0, perNode).Select(path => zigzag.Select(step => (path + step) % perNode).ToArray())];
    }

    // All cycles begin with the device that is taken out. Where one comes to it and where it goes on are neighbours on the last cycle, of which
    // those links were taken: along it, devices are named so that the step between them is from p + h to p.
    private static int[][] OfCycles(int perNode, CancellationToken cancellation)
    {
        EquatableArray<EquatableArray<int>> cycles = CycleDecomposition.Of(perNode + 1, cancellation)
            ?? throw new ArgumentOutOfRangeException(nameof(perNode), perNode, "No paths are known.");
        var names = new int[perNode + 1];
        for (int i = 0; i < perNode; i++)
            names[cycles[perNode - 1][i + 1]] = (int)((long)i * ((perNode + 1) / 2) % perNode);
        var paths = new int[perNode][];
        foreach (EquatableArray<int> cycle in cycles)
            paths[names[cycle[1]]] = [.. cycle.Skip(1).Select(device => names[device])];
        return paths;
    }

    private static int[] Own(int perNode) => [.. Enumerable.Range(0, perNode)];

    // What the devices of a node are called along rails.
    private static int[] Names(int node, int nodes, int perNode)
    {
        bool isOdd = nodes % 2 == 1;
        if (perNode % 2 == 1)
        {
            int factor = isOdd && node < 3 ? (node == 2 ? perNode - 2 : 1) : (node + (isOdd ? 1 : 0)) % 2 == 0 ? 1 : perNode - 1;
            return [.. Enumerable.Range(0, perNode).Select(device => (int)((long)factor * device % perNode))];
        }

        return isOdd && node is 1 or 2 ? Quarters(node, perNode) : Own(perNode);
    }

    // Paths lead from name i to name i + m/2; with these names of the second and third node they swap, in every four devices i, i + m/4,
    // i + m/2, i + 3m/4, other two pairs: the three ways to do so are together none.
    private static int[] Quarters(int node, int perNode)
    {
        int quarter = perNode / 4;
        var names = new int[perNode];
        for (int i = 0; i < quarter; i++)
        {
            names[i] = i;
            names[i + (2 * quarter)] = i + (node == 1 ? quarter : 3 * quarter);
            names[i + quarter] = i + (node == 1 ? 2 * quarter : quarter);
            names[i + (3 * quarter)] = i + (node == 1 ? 3 * quarter : 2 * quarter);
        }

        return names;
    }
}
