namespace ParallelDsl.Planning.Rings;

/// <summary>All links of n devices as n - 1 directed Hamiltonian cycles, which exist for every n but 4 and 6.</summary>
/// <remarks>
/// <para>Odd n: Walecki's cycles as they are. Even n: those of n - 1 vertices, of which each gives up one arc for the way over the last
/// vertex; the arcs given up are a path and become one more cycle. Where n is a multiple of 4 a formula says which (after TASP,
/// arXiv 2509.26541; the construction goes back to Tillson, 1980), elsewhere <see cref="RainbowPathSearch"/> finds them.</para>
/// </remarks>
internal static class CycleDecomposition
{
    // Twice what any n up to 1,024 needs: 918 takes 19,689,700.
    internal const long MostSteps = 40_000_000;

    /// <summary>The cycles, or null for 4 and 6 devices and where the search finds none.</summary>
    /// <param name="devices">n, at least 2.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static EquatableArray<EquatableArray<int>>? Of(int devices, CancellationToken cancellation = default)
    {
        if (devices == 2)
            return new([new([0, 1])]);
        if (devices is 4 or 6)
            return null;
        if (devices % 2 == 1)
            return Walecki(new ZigzagCycles(devices - 1));

        var cycles = new ZigzagCycles(devices - 2);
        if (devices % 4 == 0)
            return Splice(cycles, Exits(cycles.Residues), cycles.Residues);
        if (RainbowPathSearch.Find(cycles, MostSteps, cancellation, out _) is not { } path)
            return null;
        var exits = new int[cycles.Residues];
        for (int i = 1; i < path.Length; i++)
            exits[cycles.CycleOf(path[i - 1], path[i])] = cycles.PlaceAfter(path[i - 1], path[i]);
        return Splice(cycles, exits, path[0]);
    }

    private static EquatableArray<EquatableArray<int>> Walecki(ZigzagCycles cycles)
    {
        var rings = new EquatableArray<int>[cycles.Residues];
        for (int cycle = 0; cycle < rings.Length; cycle++)
        {
            var ring = new int[cycles.Length];
            for (int place = 0; place < ring.Length; place++)
                ring[place] = cycles.VertexAt(cycle, place);
            rings[cycle] = new(ring);
        }

        return new(rings);
    }

    // The place that each cycle of 4k + 2 residues is entered at again after the last vertex.
    private static int[] Exits(int residues)
    {
        int k = residues / 4;
        var exits = new int[residues];
        for (int cycle = 0; cycle < residues; cycle++)
            exits[cycle] = 2 * k;
        exits[0] = 1;
        exits[k + 1] = (4 * k) + 2;
        exits[(2 * k) + 2] = 3;
        exits[(3 * k) + 2] = 4 * k;
        return exits;
    }

    private static EquatableArray<EquatableArray<int>> Splice(ZigzagCycles cycles, int[] exits, int start)
    {
        int last = cycles.Length;
        var rings = new EquatableArray<int>[last];
        var next = new int[cycles.Length];
        for (int cycle = 0; cycle < exits.Length; cycle++)
        {
            var ring = new int[last + 1];
            ring[0] = last;
            for (int i = 0; i < last; i++)
                ring[i + 1] = cycles.VertexAt(cycle, (exits[cycle] + i) % last);
            next[ring[last]] = ring[1];
            rings[cycle] = new(ring);
        }

        var path = new int[last + 1];
        path[0] = last;
        for (int i = 1, vertex = start; i <= last; i++, vertex = next[vertex])
            path[i] = vertex;
        rings[last - 1] = new(path);
        return new(rings);
    }
}
