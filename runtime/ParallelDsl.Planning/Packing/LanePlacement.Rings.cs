namespace ParallelDsl.Planning.Packing;

/// <content>Rings: which lanes a sequence takes that goes on several.</content>
internal sealed partial class LanePlacement
{
    // How many lanes hide the transfers of a sequence that goes round a ring.
    private int Hidden(int length, int tokens, int heads) => tokens <= 0 || heads > 0 ? _lanes : (int)Math.Max(1, length / ((long)tokens * _world.Width));

    // The fewest lanes that are as fast as so many.
    private int Usable(int lanes, int heads) =>
        heads == 0 ? lanes : Math.Max(1, (RingRules.AsFastAs(lanes * _world.Width, heads) + _world.Width - 1) / _world.Width);

    // As many lanes as bring the cost of each down to a part.
    private int Wanted(int sequence, long cost, long part, int heads)
    {
        // A lane has as many parts as ranks.
        int lanes = heads == 0
            ? RingRules.RanksFor(cost, part, 0)
            : (RingRules.RanksFor(cost * _world.Width, part, heads) + _world.Width - 1) / _world.Width;
        return (int)Math.Min(_lanes, (long)lanes + _extra[sequence]);
    }

    private bool TryRing(int sequence, int length, long cost, long part)
    {
        int wanted = Wanted(sequence, cost, part, _rules.InterHeads);
        int across = Usable(Math.Min(wanted, Hidden(length, _rules.InterTokens, _rules.InterHeads)), _rules.InterHeads);
        int inside = Wanted(sequence, cost, part, _rules.IntraHeads);
        int size = Usable(Math.Min(Math.Min(inside, _widestNode), Hidden(length, _rules.IntraTokens, _rules.IntraHeads)), _rules.IntraHeads);
        if (across <= _widestNode)
        {
            // More lanes than hide the transfers only where fewer have no room.
            for (; size <= _widestNode; size++)
            {
                if (HasRoom(length, size) && TryNode(sequence, length, cost, size))
                    return true;
            }

            across = Math.Min(2, _lanes);
        }

        for (; across <= _lanes; across += Math.Max(1, across / 8))
        {
            if (HasRoom(length, across) && TryAcross(sequence, length, cost, across))
                return true;
        }

        return HasRoom(length, _lanes) ? TryAcross(sequence, length, cost, _lanes) : TryFewer(sequence, length, cost);
    }

    // Where chunk bounds fall on whole shares, fewer lanes may hold what all do not.
    private bool TryFewer(int sequence, int length, long cost)
    {
        for (int size = _lanes - 1; size >= 1; size--)
        {
            if (HasRoom(length, size) && TryAcross(sequence, length, cost, size))
                return true;
        }

        return false;
    }

    // Whether empty lanes hold a sequence.
    private bool HasRoom(int length, int lanes)
    {
        long ranks = (long)lanes * _world.Width;
        return LargestShare(length, ranks) <= RoomOf(_slotTokens, _slots, ranks);
    }

    // On the node whose lanes then carry least.
    private bool TryNode(int sequence, int length, long cost, int size)
    {
        long tokens = LargestShare(length, (long)size * _world.Width);
        int best = -1;
        (long Lane, long Node) least = (0, 0);
        for (int node = 0; node < _nodes; node++)
        {
            int found = 0, last = -1;
            for (int i = _nodeStarts[node]; i < _nodeStarts[node + 1] && found < size; i++)
            {
                if (best >= 0 && Loads[_nodeLanes[i]] > least.Lane)
                    break;
                if (Rooms[_nodeLanes[i]] < tokens)
                    continue;
                found++;
                last = _nodeLanes[i];
            }

            if (found == size && (best < 0 || (Loads[last], _nodeLoads[node]).CompareTo(least) < 0))
                (best, least) = (node, (Loads[last], _nodeLoads[node]));
        }

        if (best < 0)
            return false;
        int ring = BeginRing(size);
        TakeLanes(best, ring, size, tokens);
        EndRing(sequence, cost, tokens, ring);
        SortNode(best);
        return true;
    }

    // Over the fewest nodes, those that carry least first.
    private bool TryAcross(int sequence, int length, long cost, int size)
    {
        long tokens = LargestShare(length, (long)size * _world.Width);
        for (int node = 0; node < _nodes; node++)
        {
            long load = _nodeLoads[node] / (_nodeStarts[node + 1] - _nodeStarts[node]);
            int at = node;
            for (; at > 0 && _nodeKeys[at - 1] > load; at--)
                (_nodeKeys[at], _nodeOrder[at]) = (_nodeKeys[at - 1], _nodeOrder[at - 1]);
            (_nodeKeys[at], _nodeOrder[at]) = (load, node);
        }

        int ring = BeginRing(size);
        for (int i = 0; i < _nodes && RingLength(ring) < size; i++)
            TakeLanes(_nodeOrder[i], ring, size, tokens);
        if (RingLength(ring) < size)
        {
            RingCount--;
            return false;
        }

        EndRing(sequence, cost, tokens, ring);
        SortNodes();
        return true;
    }

    private int RingLength(int ring) => _ringStarts[ring + 1] - _ringStarts[ring];

    private int BeginRing(int size)
    {
        if (_ringStarts.Length < RingCount + 2)
            Array.Resize(ref _ringStarts, (2 * _ringStarts.Length) + 8);
        int start = _ringStarts[RingCount];
        if (_ringLanes.Length < start + size)
            Array.Resize(ref _ringLanes, Math.Max(start + size, 2 * _ringLanes.Length));
        _ringStarts[RingCount + 1] = start;
        return RingCount++;
    }

    private void TakeLanes(int node, int ring, int size, long tokens)
    {
        for (int i = _nodeStarts[node]; i < _nodeStarts[node + 1] && RingLength(ring) < size; i++)
        {
            if (Rooms[_nodeLanes[i]] >= tokens)
                _ringLanes[_ringStarts[ring + 1]++] = _nodeLanes[i];
        }
    }

    // Puts the sequence on the lanes of the last ring: one lane needs no ring.
    private void EndRing(int sequence, long cost, long tokens, int ring)
    {
        int start = _ringStarts[ring], size = RingLength(ring), nodes = 1;

        // They were taken node by node; nodes may have lanes between those of others.
        for (int i = start + 1; i < start + size; i++)
            nodes += _world.NodeOf(_ringLanes[i]) == _world.NodeOf(_ringLanes[i - 1]) ? 0 : 1;
        Array.Sort(_ringLanes, start, size);
        int heads = nodes > 1 ? _rules.InterHeads : _rules.IntraHeads;
        long each = heads == 0
            ? RingRules.BusiestOf(cost, size, 0)
            : (RingRules.BusiestOf(cost, size * _world.Width, heads) + _forward.OfPairs(_rules.SwapPairs(tokens, (long)size * _world.Width, nodes))) * _world.Width;
        PlaceOf[sequence] = size == 1 ? _ringLanes[start] : ~ring;
        if (size == 1)
            RingCount--;
        for (int i = start; i < start + size; i++)
        {
            Rooms[_ringLanes[i]] -= tokens;
            Loads[_ringLanes[i]] += each;
        }
    }

    private void SortNodes()
    {
        for (int node = 0; node < _nodes; node++)
            SortNode(node);
    }

    // Lanes by load, of equals the first; nearly sorted already.
    private void SortNode(int node)
    {
        int start = _nodeStarts[node];
        _nodeLoads[node] = 0;
        for (int i = start; i < _nodeStarts[node + 1]; i++)
        {
            int lane = _nodeLanes[i], at = i;
            long load = Loads[lane];
            _nodeLoads[node] += load;
            for (; at > start && (Loads[_nodeLanes[at - 1]] > load || (Loads[_nodeLanes[at - 1]] == load && _nodeLanes[at - 1] > lane)); at--)
                _nodeLanes[at] = _nodeLanes[at - 1];
            _nodeLanes[at] = lane;
        }
    }
}
