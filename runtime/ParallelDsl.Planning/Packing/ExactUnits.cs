namespace ParallelDsl.Planning.Packing;

/// <summary>The least cost of the dearest unit over every way to put a few pieces into units, by branch and bound. Starts from what
/// <see cref="PiecePacker"/> found and keeps it where it finds none better or runs out of steps.</summary>
internal sealed class ExactUnits
{
    /// <summary>More pieces are not worth the search.</summary>
    public const int MostPieces = 10;

    private readonly int[] _unitOf = new int[MostPieces];
    private readonly int[] _best = new int[MostPieces];
    private PiecePacker _pieces = null!;
    private long[] _loads = [];
    private long[] _rooms = [];
    private int _first;
    private int _units;
    private int _steps;
    private long _least;
    private long _bound;

    /// <summary>Whether the last search ended before its limit: then nothing is better.</summary>
    public bool IsProven => _steps > 0;

    /// <summary>Improves an assignment in which every piece has a unit.</summary>
    /// <param name="pieces">At most <see cref="MostPieces"/>.</param>
    /// <param name="loads">What the units cost with them; brought up to date.</param>
    /// <param name="rooms">The tokens for which they have room with them; brought up to date.</param>
    /// <param name="first">Where the units start in both.</param>
    /// <param name="units">How many units.</param>
    /// <param name="limit">How many placements of a piece may be tried.</param>
    /// <returns>The cost of the dearest unit.</returns>
    public long Improve(PiecePacker pieces, long[] loads, long[] rooms, int first, int units, int limit)
    {
        (_pieces, _loads, _rooms, _first, _units, _steps) = (pieces, loads, rooms, first, units, limit);
        (_least, _bound) = (0, 0);
        for (int unit = first; unit < first + units; unit++)
        {
            _least = Math.Max(_least, loads[unit]);
            _bound += loads[unit];
        }

        _bound = (_bound + units - 1) / units;
        for (int piece = 0; piece < pieces.Count; piece++)
        {
            _best[piece] = pieces.UnitOf[piece];
            Charge(piece, pieces.UnitOf[piece], -1);
        }

        // No unit gets cheaper than what it has without the pieces, and the dearest piece lies in one of them.
        long cheapest = long.MaxValue;
        for (int unit = first; unit < first + units; unit++)
        {
            _bound = Math.Max(_bound, loads[unit]);
            cheapest = Math.Min(cheapest, loads[unit]);
        }

        if (pieces.Count > 0)
            _bound = Math.Max(_bound, cheapest + pieces.Costs[0]);
        Search(0);
        for (int piece = 0; piece < pieces.Count; piece++)
        {
            pieces.UnitOf[piece] = _best[piece];
            Charge(piece, _best[piece], 1);
        }

        return _least;
    }

    private void Search(int piece)
    {
        if (piece == _pieces.Count)
        {
            _least = 0;
            for (int unit = _first; unit < _first + _units; unit++)
                _least = Math.Max(_least, _loads[unit]);
            Array.Copy(_unitOf, _best, piece);
            return;
        }

        for (int unit = 0; unit < _units && _steps > 0 && _least > _bound; unit++)
        {
            if (_loads[_first + unit] + _pieces.Costs[piece] >= _least || _rooms[_first + unit] < _pieces.Tokens[piece] || HasTwin(unit))
                continue;
            _steps--;
            Charge(piece, unit, 1);
            _unitOf[piece] = unit;
            Search(piece + 1);
            Charge(piece, unit, -1);
        }
    }

    // An earlier unit that is in the same state leads to the same costs.
    private bool HasTwin(int unit)
    {
        for (int earlier = 0; earlier < unit; earlier++)
        {
            if (_loads[_first + earlier] == _loads[_first + unit] && _rooms[_first + earlier] == _rooms[_first + unit])
                return true;
        }

        return false;
    }

    private void Charge(int piece, int unit, int sign)
    {
        _loads[_first + unit] += sign * _pieces.Costs[piece];
        _rooms[_first + unit] -= sign * _pieces.Tokens[piece];
    }
}
