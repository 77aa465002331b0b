namespace ParallelDsl.Planning.Packing;

/// <summary>Puts pieces that are not cut into units so that the units cost near-equally and none holds too many tokens: longest processing time
/// first, then exchanges of one or two pieces between the fullest and the emptiest unit (in place of the integer program of SlimPack,
/// arXiv 2509.26246).</summary>
internal sealed class PiecePacker
{
    // Units are even enough within this part of their mean.
    private const int Tolerance = 128;

    private int[] _sequences = [];
    private long[] _costs = [];
    private long[] _tokens = [];
    private int[] _unitOf = [];

    /// <summary>How many pieces there are.</summary>
    public int Count { get; private set; }

    /// <summary>The sequence of each piece.</summary>
    public int[] Sequences => _sequences;

    /// <summary>What each piece costs, not rising.</summary>
    public long[] Costs => _costs;

    /// <summary>The tokens of each piece.</summary>
    public long[] Tokens => _tokens;

    /// <summary>The unit of each piece; -1 if it found no room.</summary>
    public int[] UnitOf => _unitOf;

    /// <summary>Forgets all pieces.</summary>
    /// <param name="most">How many come at most.</param>
    public void Begin(int most)
    {
        Count = 0;
        if (_costs.Length >= most)
            return;
        int capacity = Math.Max(most, 2 * _costs.Length);
        (_sequences, _costs, _tokens, _unitOf) = (new int[capacity], new long[capacity], new long[capacity], new int[capacity]);
    }

    /// <summary>Adds a piece, which costs no more than the one before.</summary>
    public void Add(int sequence, long cost, long tokens, int unit = -1)
    {
        (_sequences[Count], _costs[Count], _tokens[Count], _unitOf[Count]) = (sequence, cost, tokens, unit);
        Count++;
    }

    /// <summary>Puts each piece into the unit that costs least and has room, of equals the first.</summary>
    /// <param name="loads">What the units cost already; brought up to date.</param>
    /// <param name="rooms">The tokens for which they have room; brought up to date.</param>
    /// <param name="first">Where the units start in both.</param>
    /// <param name="units">How many units.</param>
    public void Pack(long[] loads, long[] rooms, int first, int units)
    {
        for (int piece = 0; piece < Count; piece++)
        {
            int least = -1;
            for (int unit = 0; unit < units; unit++)
            {
                if (rooms[first + unit] >= _tokens[piece] && (least < 0 || loads[first + unit] < loads[first + least]))
                    least = unit;
            }

            _unitOf[piece] = least;
            if (least < 0)
                continue;
            loads[first + least] += _costs[piece];
            rooms[first + least] -= _tokens[piece];
        }
    }

    /// <summary>Exchanges pieces until the fullest unit is near the mean, nothing helps, or it was done often enough.</summary>
    /// <inheritdoc cref="Pack"/>
    public void Exchange(long[] loads, long[] rooms, int first, int units)
    {
        long total = 0;
        for (int unit = 0; unit < units; unit++)
            total += loads[first + unit];
        long mean = total / units;
        for (int round = 0; round < (4 * Math.Min(units, 16)) + 8; round++)
        {
            int fullest = 0, emptiest = 0;
            for (int unit = 1; unit < units; unit++)
            {
                if (loads[first + unit] > loads[first + fullest])
                    fullest = unit;
                if (loads[first + unit] < loads[first + emptiest])
                    emptiest = unit;
            }

            if (loads[first + fullest] <= mean + (mean / Tolerance) || !Exchange(loads, rooms, first, fullest, emptiest))
                return;
        }
    }

    // Takes the piece of the fullest unit, in exchange for one of the emptiest or for none, that brings both nearest to their mean.
    private bool Exchange(long[] loads, long[] rooms, int first, int fullest, int emptiest)
    {
        long gap = loads[first + fullest] - loads[first + emptiest], nearest = gap;
        int given = -1, taken = -1, other = 0, before = -1;
        for (int piece = 0; piece < Count; piece++)
        {
            if (_unitOf[piece] != fullest)
                continue;
            Try(piece, -1);

            // The pieces of the emptiest unit about half the gap cheaper: as pieces get cheaper, so do these.
            for (; other < Count && (_unitOf[other] != emptiest || _costs[piece] - _costs[other] < gap / 2); other++)
                before = _unitOf[other] == emptiest ? other : before;
            if (before >= 0)
                Try(piece, before);
            if (other < Count)
                Try(piece, other);
        }

        if (given < 0)
            return false;
        Move(given, fullest, emptiest);
        if (taken >= 0)
            Move(taken, emptiest, fullest);
        return true;

        void Try(int piece, int back)
        {
            long moved = _costs[piece] - (back < 0 ? 0 : _costs[back]), tokens = _tokens[piece] - (back < 0 ? 0 : _tokens[back]);
            long apart = Math.Abs(gap - (2 * moved));
            if (moved <= 0 || apart >= nearest || tokens > rooms[first + emptiest] || -tokens > rooms[first + fullest])
                return;
            (nearest, given, taken) = (apart, piece, back);
        }

        void Move(int piece, int from, int to)
        {
            _unitOf[piece] = to;
            loads[first + from] -= _costs[piece];
            loads[first + to] += _costs[piece];
            rooms[first + from] += _tokens[piece];
            rooms[first + to] -= _tokens[piece];
        }
    }
}
