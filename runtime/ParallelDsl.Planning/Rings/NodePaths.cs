namespace ParallelDsl.Planning.Rings;

/// <summary>Rings over u nodes of m devices, m even: m Hamiltonian paths of the devices of a node, each start and each end at a device of its own, joined
/// from node to node (after TASP, arXiv 2509.26541, the datapaths of several nodes).</summary>
/// <remarks>
/// <para>Path p of a node is p plus the zigzag 0, 1, -1, 2, -2, ..., m/2 modulo m: the rows of a row-complete Latin square (Williams, 1949), so
/// they use every link of the node once, and path p ends at p + m/2.</para>
/// <para>Across rails, path p goes on as path p of the next node. Along rails, the end p + m/2 sends to the device of its place, where path
/// p + m/2 of the next node starts; an even number of nodes brings every ring back to its start. An odd number does where m is a multiple of
/// 4 (ours): the second and third node rename their devices so that the three ways from start to end, each swapping pairs, are together none.
/// Elsewhere no renaming helps: each way swaps m/2 pairs, an odd number, and an odd number of them is an odd permutation.</para>
/// </remarks>
internal static class NodePaths
{
    /// <summary>Whether paths that stay on their rail come back to their start.</summary>
    public static bool CanAlign(int nodes, int perNode) => nodes % 2 == 0 || perNode % 4 == 0;

    /// <summary>The rings.</summary>
    /// <param name="nodes">u, at least 2.</param>
    /// <param name="perNode">m, even.</param>
    /// <param name="rail">Where paths go on.</param>
    public static EquatableArray<EquatableArray<int>> Rings(int nodes, int perNode, NodeRail rail)
    {
        var zigzag = new int[perNode];
        for (int i = 1; i < perNode; i++)
            zigzag[i] = i % 2 == 1 ? (i + 1) / 2 : perNode - (i / 2);

        var rings = new EquatableArray<int>[perNode];
        for (int slot = 0; slot < perNode; slot++)
        {
            var ring = new int[nodes * perNode];
            for (int node = 0, start = slot; node < nodes; node++)
            {
                int[]? names = rail == NodeRail.Aligned && nodes % 2 == 1 ? Names(node, perNode) : null;
                int path = names is null ? start : Array.IndexOf(names, start), end = 0;
                for (int i = 0; i < perNode; i++)
                {
                    end = (path + zigzag[i]) % perNode;
                    end = names is null ? end : names[end];
                    ring[(node * perNode) + i] = (node * perNode) + end;
                }

                start = rail == NodeRail.Aligned ? end : start;
            }

            rings[slot] = new(ring);
        }

        return new(rings);
    }

    // What the devices of a node are called, so that its paths lead from i to i + m/2, from i to i + m/4 (in the second half of which back),
    // or both: in every four devices i, i + m/4, i + m/2, i + 3m/4 the three ways of swapping two pairs, which are together none.
    private static int[]? Names(int node, int perNode)
    {
        if (node is 0 or > 2)
            return null;
        int quarter = perNode / 4;
        var names = new int[perNode];
        for (int i = 0; i < quarter; i++)
        {
            // The paths swap the names at i and i + m/2, and those at i + m/4 and i + 3m/4.
            names[i] = i;
            names[i + (2 * quarter)] = i + (node == 1 ? quarter : 3 * quarter);
            names[i + quarter] = i + (node == 1 ? 2 * quarter : quarter);
            names[i + (3 * quarter)] = i + (node == 1 ? 3 * quarter : 2 * quarter);
        }

        return names;
    }
}
