namespace ParallelDsl.Planning.Routes;

/// <summary>The working memory and the steps of <see cref="RemapPlanner"/>. The floor of the mean is q; a rank's excess is what it holds
/// over q, and ranks that are raised end with q + 1.</summary>
internal sealed class RemapDraft
{
    // Of each rank: its excess, then, once targets are known, what it still has to send (positive) or to receive (negative) inside its
    // node; and what it sends to other nodes.
    private int[] _excess = [], _open = [], _leaving = [];
    private bool[] _raised = [];

    // Ranks by node, then by rank; where each node starts among them.
    private long[] _keys = [], _gains = [];
    private int[] _order = [], _nodeStarts = [];
    private int _ranks, _nodes, _floor, _toRaise, _intraCost, _interCost;

    public void Load(int[] tokens, int[] nodes, int count, int intraCost, int interCost)
    {
        (_ranks, _intraCost, _interCost) = (count, intraCost, interCost);
        if (_order.Length < count)
        {
            int capacity = Math.Max(count, Math.Min(1 << 28, 2 * _order.Length));
            (_excess, _open, _leaving, _raised) = (new int[capacity], new int[capacity], new int[capacity], new bool[capacity]);
            (_keys, _gains, _order, _nodeStarts) = (new long[capacity], new long[capacity], new int[capacity], new int[capacity + 1]);
        }

        long total = 0;
        for (int rank = 0; rank < count; rank++)
        {
            total += tokens[rank];
            _keys[rank] = ((long)nodes[rank] << 32) | (uint)rank;
        }

        (_floor, _toRaise) = ((int)(total / count), (int)(total % count));
        Array.Sort(_keys, 0, count);
        _nodes = 0;
        for (int place = 0; place < count; place++)
        {
            _order[place] = (int)(_keys[place] & 0xFFFF_FFFF);
            if (place == 0 || _keys[place] >> 32 != _keys[place - 1] >> 32)
                _nodeStarts[_nodes++] = place;
            (_excess[place], _raised[place]) = (tokens[place] - _floor, false);
        }

        _nodeStarts[_nodes] = count;
    }

    public int Target(int rank) => _floor + (_raised[rank] ? 1 : 0);

    /// <summary>Raises the ranks that must be raised for the least possible cost of the slowest sender.</summary>
    public void RaiseForSlowestRank()
    {
        long most = 0;
        for (int rank = 0; rank < _ranks; rank++)
            most = Math.Max(most, _excess[rank]);

        // The least bound that can be kept; with the highest, every sender may send all it has anywhere.
        (long low, long high) = (0, most * _interCost);
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (TryRaise(middle, out _))
                high = middle;
            else
                low = middle + 1;
        }

        TryRaise(low, out int raised);
        _toRaise -= raised;
    }

    /// <summary>Raises as many ranks as are left to raise, for the least cost of all moves together.</summary>
    /// <remarks>That cost is the price inside nodes for all that moves, plus the difference of prices for the net surpluses of nodes. To
    /// raise a rank with an excess saves the first, to raise one of a node with a net surplus the second: both save, the one or the other,
    /// or nothing. In each node the savings of one rank after the other only fall, so the greatest saving first is best.</remarks>
    public void RaiseTheRest()
    {
        Raise(excess: true, netSurplus: true);
        bool moving = _intraCost >= _interCost - _intraCost;
        Raise(excess: moving, netSurplus: !moving);
        Raise(excess: !moving, netSurplus: moving);
        Raise(excess: false, netSurplus: false);
    }

    /// <summary>Adds the moves that bring every rank to its target.</summary>
    public void Match(TokenRemap into)
    {
        for (int rank = 0; rank < _ranks; rank++)
            _open[rank] = _excess[rank] - (_raised[rank] ? 1 : 0);
        for (int node = 0; node < _nodes; node++)
        {
            Release(_nodeStarts[node], _nodeStarts[node + 1]);
            Pair(_open, _nodeStarts[node], _nodeStarts[node + 1], into);
        }

        Pair(_leaving, 0, _ranks, into);
    }

    private void Raise(bool excess, bool netSurplus)
    {
        for (int node = 0; node < _nodes && _toRaise > 0; node++)
        {
            long net = 0;
            for (int place = _nodeStarts[node]; place < _nodeStarts[node + 1]; place++)
                net += _excess[_order[place]] - (_raised[_order[place]] ? 1 : 0);
            for (int place = _nodeStarts[node]; place < _nodeStarts[node + 1] && _toRaise > 0 && net > 0 == netSurplus; place++)
            {
                int rank = _order[place];
                if (_raised[rank] || _excess[rank] > 0 != excess)
                    continue;
                _raised[rank] = true;
                _toRaise--;
                net--;
            }
        }
    }

    // Raises, in every node, the fewest ranks with which no sender costs more than the bound; false where these are too many. A node can
    // keep the bound where its net surplus is no more than what its senders may send to other nodes. More raised ranks never do harm.
    private bool TryRaise(long bound, out int raised)
    {
        raised = 0;
        Array.Clear(_raised, 0, _ranks);
        for (int node = 0; node < _nodes; node++)
        {
            // What of the net surplus is not accounted for, and how much less of it there is with each rank that is raised.
            long surplus = 0;
            int gains = 0;
            for (int place = _nodeStarts[node]; place < _nodeStarts[node + 1]; place++)
            {
                int rank = _order[place], excess = _excess[rank];
                surplus += excess;
                long gain = 1;
                if (excess > 0)
                {
                    if ((excess - 1L) * _intraCost > bound)
                        return false;
                    long ifRaised = Allowance(excess - 1, bound) + 1;
                    _raised[rank] = (long)excess * _intraCost > bound;
                    raised += _raised[rank] ? 1 : 0;
                    long allowance = _raised[rank] ? ifRaised : Allowance(excess, bound);
                    surplus -= allowance;
                    gain = ifRaised - allowance;
                }

                if (!_raised[rank])
                    _gains[gains++] = ((int.MaxValue - gain) << 32) | (uint)rank;
            }

            if (surplus > 0)
                Array.Sort(_gains, 0, gains);
            for (int index = 0; surplus > 0; index++)
            {
                if (index == gains)
                    return false;
                surplus -= int.MaxValue - (_gains[index] >> 32);
                _raised[(int)(_gains[index] & 0xFFFF_FFFF)] = true;
                raised++;
            }
        }

        return raised <= _toRaise;
    }

    // How many of a sender's tokens may go to another node when none of its surplus may cost more than the bound.
    private long Allowance(int surplus, long bound) => _interCost == _intraCost
        ? surplus
        : Math.Min(surplus, (bound - ((long)surplus * _intraCost)) / (_interCost - _intraCost));

    // Parts what the senders of a node send inside it from what leaves it, its net surplus; what its receivers lack goes the other way.
    private void Release(int start, int end)
    {
        long net = 0, low = 0, high = 0;
        for (int place = start; place < end; place++)
        {
            int open = _open[_order[place]];
            net += open;
            low = Math.Max(low, (long)open * _intraCost);
            high = Math.Max(high, (long)open * _interCost);
            _leaving[_order[place]] = 0;
        }

        while (net > 0 && low < high)
        {
            long middle = low + ((high - low) / 2), allowed = 0;
            for (int place = start; place < end; place++)
                allowed += Math.Max(0, Allowance(_open[_order[place]], middle));
            if (allowed >= net)
                high = middle;
            else
                low = middle + 1;
        }

        for (int place = start; place < end && net > 0; place++)
        {
            int rank = _order[place];
            _leaving[rank] = (int)Math.Min(net, Math.Max(0, Allowance(_open[rank], low)));
            _open[rank] -= _leaving[rank];
            net -= _leaving[rank];
        }

        // What receivers still lack after their own node has given all, from the last on.
        for (int place = end - 1; place >= start && net < 0; place--)
        {
            int rank = _order[place];
            _leaving[rank] = (int)Math.Max(net, Math.Min(0, _open[rank]));
            _open[rank] -= _leaving[rank];
            net -= _leaving[rank];
        }
    }

    // Gives what senders have left (positive) to those who lack it (negative), both in order; the amounts are equal in sum.
    private void Pair(int[] amounts, int start, int end, TokenRemap into)
    {
        int receiver = start;
        for (int sender = start; sender < end; sender++)
        {
            int from = _order[sender];
            while (amounts[from] > 0)
            {
                while (amounts[_order[receiver]] >= 0)
                    receiver++;
                int to = _order[receiver], tokens = Math.Min(amounts[from], -amounts[to]);
                into.Add(from, to, tokens);
                amounts[from] -= tokens;
                amounts[to] += tokens;
            }
        }
    }
}
