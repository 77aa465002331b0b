namespace ParallelDsl.Planning.Rings;

/// <summary>Finds a Hamiltonian path of N residues and the apex that takes one arc from each of the <see cref="ZigzagCycles"/>; with it one
/// more vertex can be spliced into all of them.</summary>
/// <remarks>
/// <para>The idea is ours, after the closed form that TASP (arXiv 2509.26541) has where N + 2 is a multiple of 4: all arcs but four of that
/// one join residues with the same difference d. For d coprime to N the arcs x to x + d are a cycle of all residues, one from each zigzag
/// cycle. A few of them are given up, which leaves segments, and as many others, from the same zigzag cycles, join the segments and the
/// apex to one path. An arc x to y + d makes two more given up, that from y and that of its own zigzag cycle, so few choices close the set;
/// rotation allows the apex a fixed neighbour.</para>
/// <para>Arcs given up are tried from few to many, differences from N/2 - 1 down: always the same path for the same N.</para>
/// </remarks>
internal sealed class RainbowPathSearch
{
    private const int FewestExchanged = 4;
    private const int MostExchanged = 8;
    private const int None = -1;

    // How many steps there are between looks at the token.
    private const long Look = 1 << 12;

    private readonly ZigzagCycles _cycles;
    private readonly int _residues;
    private readonly int[] _exchanged = new int[MostExchanged];
    private readonly int[] _next;
    private readonly bool[] _isExchanged;
    private readonly bool[] _isTaken;
    private readonly bool[] _isReached;
    private int _difference;
    private int _shift;
    private int _count;
    private int _most;
    private int _end;
    private readonly CancellationToken _cancellation;
    private long _steps;

    private RainbowPathSearch(ZigzagCycles cycles, long steps, CancellationToken cancellation)
    {
        _cycles = cycles;
        _residues = cycles.Residues;
        _steps = steps;
        _cancellation = cancellation;
        _next = new int[_residues + 1];
        _isExchanged = new bool[_residues];
        _isTaken = new bool[_residues];
        _isReached = new bool[_residues + 1];
    }

    /// <summary>The path, or null where none is found in <paramref name="steps"/> steps.</summary>
    /// <param name="cycles">The cycles.</param>
    /// <param name="steps">The most arcs that are tried.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <param name="taken">How many were tried.</param>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static int[]? Find(ZigzagCycles cycles, long steps, CancellationToken cancellation, out long taken)
    {
        var search = new RainbowPathSearch(cycles, steps, cancellation);
        int[]? path = search.Find();
        taken = steps - search._steps;
        return path;
    }

    private int[]? Find()
    {
        for (int most = FewestExchanged; most <= MostExchanged; most++)
        {
            for (int difference = (_residues / 2) - 1; difference > 0; difference--)
            {
                _cancellation.ThrowIfCancellationRequested();
                if (Gcd(difference, _residues) == 1 && Try(difference, most))
                    return Path();
                if (_steps < 0)
                    return null;
            }
        }

        return null;
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);

    private bool Try(int difference, int most)
    {
        Reset(difference, most);
        int apex = _residues;
        // The apex is left for residue 0 ...
        if (Join(apex, 0, 0))
            return true;
        // ... or is where the path ends, reached from residue 0.
        Reset(difference, most);
        _end = apex;
        Give(0);
        return Join(0, apex, 1);
    }

    private void Reset(int difference, int most)
    {
        (_difference, _most, _count, _end) = (difference, most, 0, None);
        _shift = difference - _cycles.CycleOf(difference, 2 * difference % _residues);
        for (int residue = 0; residue <= _residues; residue++)
        {
            _next[residue] = None;
            _isReached[residue] = false;
            if (residue < _residues)
                _isExchanged[residue] = _isTaken[residue] = false;
        }
    }

    // Finds arcs out of the residues whose arcs were given up, from the one at index on.
    private bool Search(int index)
    {
        if (index == _count)
            return _end != None && IsOnePath();
        int from = _exchanged[index];
        if (_next[from] != None)
            return Search(index + 1);
        if (_end == None)
        {
            _end = from;
            if (Search(index + 1))
                return true;
            _end = None;
        }

        if (Join(from, _residues, index + 1))
            return true;
        if (_most - _count >= 2)
        {
            for (int to = 0; to < _residues; to++)
            {
                if (Join(from, to, index + 1))
                    return true;
            }

            return false;
        }

        // With room for one more, the arc has to go to the head of one given up, or to be of the zigzag cycle of one.
        for (int i = 0, count = _count; i < count; i++)
        {
            if (Join(from, (_exchanged[i] + _difference) % _residues, index + 1))
                return true;
        }

        for (int i = 0, count = _count; i < count; i++)
        {
            int cycle = (_exchanged[i] - _shift + (2 * _residues)) % _residues;
            int to = _cycles.After(cycle, from);
            if (to != _residues && !_isExchanged[(to - _difference + _residues) % _residues] && Join(from, to, index + 1))
                return true;
        }

        return false;
    }

    private bool Join(int from, int to, int index)
    {
        if (from == to || _isReached[to] || _steps < 0 || (from < _residues && to == (from + _difference) % _residues))
            return false;
        if (_steps-- % Look == 0)
            _cancellation.ThrowIfCancellationRequested();
        int cycle = _cycles.CycleOf(from, to);
        if (_isTaken[cycle])
            return false;
        int count = _count;
        if (Give((cycle + _shift + _residues) % _residues) && (to == _residues || Give((to - _difference + _residues) % _residues)))
        {
            (_next[from], _isReached[to], _isTaken[cycle]) = (to, true, true);
            if (Search(index))
                return true;
            (_next[from], _isReached[to], _isTaken[cycle]) = (None, false, false);
        }

        while (_count > count)
            _isExchanged[_exchanged[--_count]] = false;
        return false;
    }

    // Gives up the arc out of a residue, where there is room.
    private bool Give(int residue)
    {
        if (_isExchanged[residue])
            return true;
        if (_count == _most)
            return false;
        _isExchanged[residue] = true;
        _exchanged[_count++] = residue;
        return true;
    }

    private bool IsOnePath() => Path().Length == _residues + 1;

    // From the vertex that nothing goes to; shorter than all vertices where some lie on a cycle.
    private int[] Path()
    {
        int vertex = _residues;
        if (_isReached[vertex])
        {
            for (int i = 0; i < _count && _isReached[vertex]; i++)
                vertex = (_exchanged[i] + _difference) % _residues;
        }

        var path = new List<int> { vertex };
        while (vertex != _end)
        {
            vertex = vertex == _residues || _isExchanged[vertex] ? _next[vertex] : (vertex + _difference) % _residues;
            path.Add(vertex);
        }

        return [.. path];
    }
}
