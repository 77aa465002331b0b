namespace ParallelDsl.Planning.Rings;

/// <summary>Walecki's cycles (1892; in Lucas, Récréations mathématiques): through N residues, N even, in the zigzag 0, 1, -1, 2, -2, ..., whose differences are all
/// non-zero residues once, and through one more vertex, the apex. The zigzag started at i = 0..N-1 gives N directed Hamiltonian cycles of the
/// N + 1 vertices that use every arc once.</summary>
internal sealed class ZigzagCycles
{
    private readonly int[] _zigzag;
    private readonly int[] _placeOf;

    /// <param name="residues">N, even and at least 2.</param>
    public ZigzagCycles(int residues)
    {
        Residues = residues;
        _zigzag = new int[residues];
        _placeOf = new int[residues];
        for (int i = 1; i < residues; i++)
        {
            int difference = i % 2 == 1 ? i : residues - i;
            _zigzag[i] = (_zigzag[i - 1] + difference) % residues;
            _placeOf[difference] = i - 1;
        }
    }

    /// <summary>N, which is also the number of the apex: the vertices before it are the residues.</summary>
    public int Residues { get; }

    /// <summary>Vertices of a cycle.</summary>
    public int Length => Residues + 1;

    /// <summary>The vertex at <paramref name="place"/> of a cycle, of which the apex is at 0.</summary>
    public int VertexAt(int cycle, int place) => place == 0 ? Residues : (_zigzag[place - 1] + cycle) % Residues;

    /// <summary>The cycle with the arc between two different vertices.</summary>
    public int CycleOf(int from, int to)
    {
        if (from == Residues)
            return to;
        int back = to == Residues ? _zigzag[Residues - 1] : _zigzag[_placeOf[(to - from + Residues) % Residues]];
        return (from - back + Residues) % Residues;
    }

    /// <summary>The place of <paramref name="to"/> in the cycle that comes to it from <paramref name="from"/>.</summary>
    public int PlaceAfter(int from, int to) =>
        to == Residues ? 0 : from == Residues ? 1 : _placeOf[(to - from + Residues) % Residues] + 2;

    /// <summary>The vertex that follows a residue in a cycle.</summary>
    public int After(int cycle, int from)
    {
        int value = (from - cycle + Residues) % Residues;
        // The zigzag has 1, 2, 3, ... at odd places and 0, -1, -2, ... at even ones.
        int place = value == 0 ? 0 : value <= Residues / 2 ? (2 * value) - 1 : 2 * (Residues - value);
        return place == Residues - 1 ? Residues : (_zigzag[place + 1] + cycle) % Residues;
    }
}
