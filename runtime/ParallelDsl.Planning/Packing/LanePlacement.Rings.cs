namespace ParallelDsl.Planning.Packing;

/// <content>Rings: which lanes a sequence takes that goes on several.</content>
internal sealed partial class LanePlacement
{
    // How many lanes hide the transfers of a sequence.
    private int Hidden(int length, int tokens) => tokens <= 0 ? _lanes : (int)Math.Max(1, length / ((long)tokens * _world.Width));

    private bool TryRing(int sequence, int length, long cost, int wanted)
    {
        int across = Math.Min(wanted, Hidden(length, _interTokens));
        int size = Math.Min(Math.Min(wanted, _widestNode), Hidden(length, _intraTokens));
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
        int start = _ringStarts[ring], size = RingLength(ring);
        long each = (cost + size - 1) / size;
        Array.Sort(_ringLanes, start, size);
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
