namespace ParallelDsl.Planning.Packing;

/// <summary>Gives the sequences of one window their lanes, in two levels, so that the lanes cost near-equally and none holds more tokens than it
/// has room for (after Zeppelin, arXiv 2509.21841; reconstructed).</summary>
/// <remarks>
/// <para>Longest first. A sequence that costs more than a lane's share goes on a ring of as many lanes as bring it down to the share: inside
/// the node that then carries least, or, where no node has so many, over the fewest nodes that do. It takes no more lanes than hide its
/// transfers, unless it must to fit. The others go whole to the lane that carries least and has room.</para>
/// <para>Where a sequence finds no room it goes on a ring over the lanes that have some left. Where even that fails all starts again with the
/// longest sequence on a ring of all lanes, then the two longest, the four longest and so on: logarithmically many starts. Where lanes
/// stay uneven because some sequences cost nearly a share, the share that a ring aims at is lowered, and then what costs most on the fullest
/// lane takes ever more lanes; the evenest placement counts.</para>
/// </remarks>
internal sealed partial class LanePlacement
{
    // Shares that rings aim at, in eighths: each is tried while lanes stay uneven.
    private static readonly int[] Aims = [8, 6, 4, 2, 1];

    // How often a sequence may take one lane more, and for how many sequences a lane that is tried: with more the loads even out.
    private const int Widenings = 24;
    private const int WidenedPerLane = 4;

    private LaneWorld _world = null!;
    private int _first;
    private int _lanes;
    private int _slots;
    private long _slotTokens;
    private RingRules _rules;
    private CostScale _forward;

    // Lanes by node; inside a node by load while rings are placed.
    private int _nodes;
    private int _widestNode;
    private int[] _nodeStarts = [];
    private int[] _nodeLanes = [];
    private long[] _nodeLoads = [];
    private int[] _nodeOrder = [];
    private long[] _nodeKeys = [];
    private int[] _ringStarts = [0];
    private int[] _ringLanes = [];

    // Lanes that a sequence takes beyond what its cost asks for, and the cheapest that does.
    private int[] _extra = [];
    private readonly int[] _widened = new int[Widenings];
    private long _cheapestWidened = long.MaxValue;
    private readonly LaneHeap _heap = new();
    private readonly PiecePacker _locals = new();

    /// <summary>What each lane carries.</summary>
    public long[] Loads { get; private set; } = [];

    /// <summary>The tokens for which each lane, or the fullest of its ranks, still has room.</summary>
    public long[] Rooms { get; private set; } = [];

    /// <summary>By sequence: its lane, or the complement of the index of its ring.</summary>
    public int[] PlaceOf { get; private set; } = [];

    /// <summary>How many rings of several lanes there are.</summary>
    public int RingCount { get; private set; }

    /// <summary>Where the lanes of each ring start in <see cref="RingLanes"/>.</summary>
    public int[] RingStarts => _ringStarts;

    /// <summary>The lanes of the rings, ascending.</summary>
    public int[] RingLanes => _ringLanes;

    /// <summary>Where a placement failed: the sequence that found no room; the fewest tokens by which it was too long.</summary>
    public (int Sequence, long Missing) Misfit { get; private set; }

    /// <summary>Places what lies on some lanes from now on.</summary>
    /// <param name="world">The lanes of all.</param>
    /// <param name="first">The first lane.</param>
    /// <param name="lanes">How many.</param>
    /// <param name="slots">Slots that each rank has.</param>
    /// <param name="slotTokens">Tokens that a rank may hold in each.</param>
    /// <param name="rules">How many ranks a sequence goes on.</param>
    /// <param name="forward">The cost of forwards, in the units of the costs.</param>
    /// <param name="sequences">How many sequences there are in the batch.</param>
    public void Begin(
        LaneWorld world, int first, int lanes, int slots, long slotTokens, in RingRules rules, in CostScale forward, int sequences)
    {
        (_world, _first, _lanes, _slots, _slotTokens, _rules, _forward) = (world, first, lanes, slots, slotTokens, rules, forward);
        if (Loads.Length < world.Lanes)
        {
            (Loads, Rooms, _nodeLanes) = (new long[world.Lanes], new long[world.Lanes], new int[world.Lanes]);
            (_nodeStarts, _nodeLoads) = (new int[world.Lanes + 1], new long[world.Lanes]);
            (_nodeOrder, _nodeKeys) = (new int[world.Lanes], new long[world.Lanes]);
        }

        if (PlaceOf.Length < sequences)
        {
            PlaceOf = new int[Math.Max(sequences, 2 * PlaceOf.Length)];
            _extra = new int[PlaceOf.Length];
        }

        for (int i = 0; i < lanes; i++)
            _nodeKeys[i] = ((long)world.NodeOf(first + i) << 32) | (uint)(first + i);
        Array.Sort(_nodeKeys, 0, lanes);
        (_nodes, _widestNode) = (0, 0);
        for (int i = 0; i < lanes; i++)
        {
            _nodeLanes[i] = (int)(_nodeKeys[i] & 0xFFFF_FFFF);
            if (i == 0 || _nodeKeys[i] >> 32 != _nodeKeys[i - 1] >> 32)
                _nodeStarts[_nodes++] = i;
            _widestNode = Math.Max(_widestNode, i + 1 - _nodeStarts[_nodes - 1]);
        }

        _nodeStarts[_nodes] = lanes;
        _heap.Reserve(world.Lanes);
    }

    /// <summary>The most tokens that a rank of a ring of <paramref name="ranks"/> holds of <paramref name="length"/>: of what is left when
    /// every chunk has the same, no rank gets more than two, and two only where chunk bounds do not fall on whole shares.</summary>
    public static long LargestShare(long length, long ranks)
    {
        if (ranks == 1)
            return length;
        long chunks = 2 * ranks, rest = length % chunks;
        return (2 * (length / chunks)) + (rest == 0 ? 0 : chunks % rest == 0 ? 1 : 2);
    }

    /// <summary>The largest share of a sequence for which the slots of a rank have room, on a ring of <paramref name="ranks"/>. There all
    /// slices but the last hold twice as many tokens as the ring has ranks, or a multiple of that, so that a rank has an even number of
    /// each; a sequence on one rank is cut anywhere.</summary>
    public static long RoomOf(long slotTokens, int slots, long ranks) =>
        ranks == 1 ? slots * slotTokens : ((slots - 1) * (slotTokens / 2 * 2)) + slotTokens;

    /// <summary>Places sequences.</summary>
    /// <param name="plan">The lengths.</param>
    /// <param name="costs">The cost of each sequence.</param>
    /// <param name="order">The sequences, longest first.</param>
    /// <param name="start">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <returns>Whether all found room.</returns>
    public bool Place(StepPlan plan, long[] costs, int[] order, int start, int count)
    {
        long total = 0;
        for (int i = start; i < start + count; i++)
            total += costs[order[i]];
        long share = Math.Max(1, (total + _lanes - 1) / _lanes);
        int forced = 0;
        while (!Attempt(plan, costs, order, start, count, share, forced))
        {
            if (forced == count)
                return false;
            forced = (int)Math.Min(count, Math.Max(1, 2L * forced));
        }

        if (_lanes == 1)
            return true;
        int best = 0, last = 0;
        long reachable = Math.Max(share, Dearest(plan, costs, order, start, count, share));
        for (long least = Fullest(); last + 1 < Aims.Length && least > reachable + (reachable / 32);)
        {
            last++;

            // A finer placement is taken only where it is better by more than a hundredth: every ring costs transfers.
            bool fits = Attempt(plan, costs, order, start, count, Math.Max(1, share * Aims[last] / 8), forced);
            if (fits && Fullest() < least - (least / 100))
                (best, least) = (last, Fullest());
        }

        long aim = Math.Max(1, share * Aims[best] / 8);
        if (best != last)
            Attempt(plan, costs, order, start, count, aim, forced);
        if (count <= WidenedPerLane * _lanes && Fullest() > reachable + (reachable / 32))
            Widen(plan, costs, order, start, count, aim, forced, reachable);
        if (Fullest() > share + (share / 128))
            Exchange(plan, costs, order, start, count);
        return true;
    }

    // Few sequences do not even each other out: while it helps, what costs most on the fullest lane takes one lane more.
    private void Widen(StepPlan plan, long[] costs, int[] order, int start, int count, long aim, int forced, long reachable)
    {
        int steps = 0, best = 0;
        long least = Fullest();
        while (steps < Widenings && Fullest() > reachable + (reachable / 32) && Dearest(plan, costs, order, start, count) is int sequence and >= 0)
        {
            _widened[steps++] = sequence;
            _extra[sequence]++;
            _cheapestWidened = Math.Min(_cheapestWidened, costs[sequence]);
            if (!Attempt(plan, costs, order, start, count, aim, forced))
                break;
            if (Fullest() < least)
                (best, least) = (steps, Fullest());
        }

        // The best of them again: with the sequences that were widened up to it, and no others.
        for (int step = best; step < steps; step++)
            _extra[_widened[step]]--;
        _cheapestWidened = long.MaxValue;
        for (int step = 0; step < best; step++)
            _cheapestWidened = Math.Min(_cheapestWidened, costs[_widened[step]]);
        if (best < steps && !Attempt(plan, costs, order, start, count, aim, forced))
            throw new InvalidOperationException("a placement that was made fails when it is made again, which is a bug of the planner");
        _cheapestWidened = long.MaxValue;
        for (int step = 0; step < best; step++)
            _extra[_widened[step]] = 0;
    }

    // Of the sequences on the fullest lane that may take another lane, the one that costs most there; where there is none, of all sequences; -1
    // where no sequence may.
    private int Dearest(StepPlan plan, long[] costs, int[] order, int start, int count)
    {
        int fullest = _first, dearest = -1;
        bool onFullest = false;
        for (int lane = _first; lane < _first + _lanes; lane++)
            fullest = Loads[lane] > Loads[fullest] ? lane : fullest;
        long most = 0;
        for (int i = start; i < start + count; i++)
        {
            int sequence = order[i], place = PlaceOf[sequence], size = place >= 0 ? 1 : RingLength(~place);
            bool here = place >= 0 ? place == fullest : Array.IndexOf(_ringLanes, fullest, _ringStarts[~place], size) >= 0;
            if (size < MostLanes(plan.Lengths[sequence]) && (here, costs[sequence] / size).CompareTo((onFullest, most)) > 0)
                (dearest, onFullest, most) = (sequence, here, costs[sequence] / size);
        }

        return dearest;
    }

    // The most lanes on which the transfers of a sequence hide.
    private int MostLanes(int length)
    {
        int inside = Usable(Math.Min(_widestNode, Hidden(length, _rules.IntraTokens, _rules.IntraHeads)), _rules.IntraHeads);
        if (_nodes == 1)
            return inside;
        int across = Usable(Math.Min(_lanes, Hidden(length, _rules.InterTokens, _rules.InterHeads)), _rules.InterHeads);
        return Math.Max(inside, across);
    }

    // What a lane of some sequence costs at least, since transfers must hide.
    private long Dearest(StepPlan plan, long[] costs, int[] order, int start, int count, long share)
    {
        long most = 0;
        for (int i = start; i < start + count && costs[order[i]] > share; i++)
            most = Math.Max(most, costs[order[i]] / MostLanes(plan.Lengths[order[i]]));

        return most;
    }

    // Moves whole sequences between the fullest and the emptiest lane.
    private void Exchange(StepPlan plan, long[] costs, int[] order, int start, int count)
    {
        _locals.Begin(count);
        for (int i = start; i < start + count; i++)
        {
            int sequence = order[i];
            if (PlaceOf[sequence] >= 0)
                _locals.Add(sequence, costs[sequence], LargestShare(plan.Lengths[sequence], _world.Width), PlaceOf[sequence] - _first);
        }

        _locals.Exchange(Loads, Rooms, _first, _lanes);
        for (int i = 0; i < _locals.Count; i++)
            PlaceOf[_locals.Sequences[i]] = _first + _locals.UnitOf[i];
    }

    private long Fullest()
    {
        long most = 0;
        for (int lane = _first; lane < _first + _lanes; lane++)
            most = Math.Max(most, Loads[lane]);
        return most;
    }

    private bool Attempt(StepPlan plan, long[] costs, int[] order, int start, int count, long aim, int forced)
    {
        RingCount = 0;
        for (int lane = _first; lane < _first + _lanes; lane++)
            (Loads[lane], Rooms[lane]) = (0, _slots * _slotTokens);
        Array.Clear(_nodeLoads, 0, _nodes);
        for (int node = 0; node < _nodes; node++)
            SortNode(node);

        int next = start, end = start + count;
        long tolerated = aim + (aim / 64);
        for (; next < end; next++)
        {
            int sequence = order[next], length = plan.Lengths[sequence];
            bool whole = next - start < forced;
            if (!whole && costs[sequence] <= tolerated && HasRoom(length, 1) && costs[sequence] < _cheapestWidened)
                break;
            long part = costs[sequence] <= tolerated ? costs[sequence] : aim;
            if (whole ? !TryAcross(sequence, length, costs[sequence], _lanes) : !TryRing(sequence, length, costs[sequence], part))
                return Fails(sequence, length);
        }

        _heap.Fill(Loads, _first, _lanes);
        for (; next < end; next++)
        {
            int sequence = order[next], length = plan.Lengths[sequence];
            long tokens = LargestShare(length, _world.Width);
            if (tokens <= _heap.LeftFor / 2)
                _heap.Fill(Loads, _first, _lanes);
            int lane = _heap.Least(Rooms, tokens);
            if (lane >= 0)
            {
                Rooms[lane] -= tokens;
                Loads[lane] += costs[sequence];
                PlaceOf[sequence] = lane;
                _heap.Rise(lane, Loads[lane]);
                continue;
            }

            SortNodes();
            if (!TryRing(sequence, length, costs[sequence], costs[sequence]))
                return Fails(sequence, length);
            _heap.Fill(Loads, _first, _lanes);
        }

        return true;
    }

    private bool Fails(int sequence, int length)
    {
        // The longest that would have fitted, on the emptiest lanes.
        for (int i = 0; i < _lanes; i++)
            _nodeKeys[i] = -Rooms[_first + i];
        Array.Sort(_nodeKeys, 0, _lanes);
        long longest = 0;
        for (int i = 0; i < _lanes; i++)
            longest = Math.Max(longest, -_nodeKeys[i] * (i + 1L) * _world.Width);
        Misfit = (sequence, Math.Max(1, length - longest));
        return false;
    }
}
