namespace ParallelDsl.Planning.Packing;

/// <summary>The attention ranks of a step in the order in which rings visit them, and the lanes they form. A lane is what the placement fills:
/// one rank, or, where the balance is zigzag, all ranks of a data rank, which then always form a ring together.</summary>
/// <remarks>A position is an index of this order: data ranks by the node of their first rank, and the ranks of a data rank by node. The ranks of a
/// lane are <see cref="Width"/> positions in a row, those of a data rank too. A ring visits its ranks in this order, but those of a node one after
/// another, also where they are of several data ranks that share nodes: so it crosses as few node boundaries as it can.</remarks>
internal sealed class LaneWorld
{
    // A bound, so that many rings do not take quadratic time.
    private const int RingsCompared = 256;

    private readonly int[] _lane = new int[1];
    private long[] _members = [];
    private long[] _dataKeys = [];
    private long[] _rankKeys = [];
    private int[] _ranks = [];
    private int[] _nodes = [];
    private int[] _firstPositions = [];

    /// <summary>Ranks of a lane.</summary>
    public int Width { get; private set; }

    /// <summary>How many lanes there are.</summary>
    public int Lanes { get; private set; }

    /// <summary>Arranges the ranks of <paramref name="constants"/>.</summary>
    public void Arrange<TConstants>(TConstants constants, int width)
        where TConstants : struct, IStepConstants
    {
        int dataRanks = constants.DataRanks, sequenceRanks = constants.SequenceRanks, ranks = dataRanks * sequenceRanks;
        (Width, Lanes) = (width, ranks / width);
        if (_ranks.Length < ranks)
            (_ranks, _nodes, _rankKeys, _members) = (new int[ranks], new int[ranks], new long[ranks], new long[ranks]);
        if (_dataKeys.Length < dataRanks)
            (_dataKeys, _firstPositions) = (new long[dataRanks], new int[dataRanks]);
        for (int dataRank = 0; dataRank < dataRanks; dataRank++)
        {
            int first = dataRank * sequenceRanks, leastNode = int.MaxValue;
            for (int rank = first; rank < first + sequenceRanks; rank++)
            {
                int node = constants.NodeOf(rank);
                leastNode = Math.Min(leastNode, node);
                _rankKeys[rank] = ((long)node << 32) | (uint)rank;
            }

            Array.Sort(_rankKeys, first, sequenceRanks);
            _dataKeys[dataRank] = ((long)leastNode << 32) | (uint)dataRank;
        }

        Array.Sort(_dataKeys, 0, dataRanks);
        int position = 0;
        for (int i = 0; i < dataRanks; i++)
        {
            int dataRank = (int)(_dataKeys[i] & 0xFFFF_FFFF);
            _firstPositions[dataRank] = position;
            for (int rank = dataRank * sequenceRanks; rank < (dataRank + 1) * sequenceRanks; rank++, position++)
                (_ranks[position], _nodes[position]) = ((int)(_rankKeys[rank] & 0xFFFF_FFFF), (int)(_rankKeys[rank] >> 32));
        }
    }

    /// <summary>The first lane of <paramref name="dataRank"/>.</summary>
    public int FirstLane(int dataRank) => _firstPositions[dataRank] / Width;

    /// <summary>The node of the first rank of <paramref name="lane"/>.</summary>
    public int NodeOf(int lane) => _nodes[lane * Width];

    /// <summary>Adds the ring of one lane to a plan.</summary>
    /// <returns>Its index.</returns>
    public int AddRing(StepPlan plan, int lane)
    {
        _lane[0] = lane;
        return AddRing(plan, _lane, 0, 1);
    }

    /// <summary>Adds the ring of some lanes to a plan.</summary>
    /// <param name="plan">Receives the ring.</param>
    /// <param name="lanes">The lanes, ascending.</param>
    /// <param name="start">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <returns>Its index.</returns>
    public int AddRing(StepPlan plan, int[] lanes, int start, int count)
    {
        int size = 0, before = -1;
        bool interleaves = false;
        for (int i = start; i < start + count; i++)
        {
            for (int position = lanes[i] * Width; position < (lanes[i] + 1) * Width; position++)
            {
                interleaves |= _nodes[position] < before;
                before = _nodes[position];
                _members[size++] = position;
            }
        }

        if (interleaves)
            GroupByNode(size);
        Zone zone = size == 1 ? Zone.Local : Zone.IntraNode;
        int ring = plan.AddRing(zone);
        for (int member = 0; member < size; member++)
        {
            plan.AddRingRank(_ranks[_members[member]]);
            if (_nodes[_members[member]] != _nodes[_members[0]])
                zone = Zone.InterNode;
        }

        plan.SetZone(ring, zone);
        return Known(plan, ring);
    }

    // Nodes by their first position on the ring, so that members that follow one another by node already stay where they are.
    private void GroupByNode(int size)
    {
        for (int member = 0; member < size; member++)
            _members[member] |= (long)_nodes[_members[member]] << 32;
        Array.Sort(_members, 0, size);
        long node = -1, first = 0;
        for (int member = 0; member < size; member++)
        {
            long position = _members[member] & 0xFFFF_FFFF;
            if (_members[member] >> 32 != node)
                (node, first) = (_members[member] >> 32, position);
            _members[member] = (first << 32) | position;
        }

        Array.Sort(_members, 0, size);
        for (int member = 0; member < size; member++)
            _members[member] &= 0xFFFF_FFFF;
    }

    // Of two equal rings one is enough: what lies on both travels together.
    private static int Known(StepPlan plan, int ring)
    {
        int start = plan.RingStarts[ring], size = plan.RingSize(ring);
        for (int earlier = ring - 1; earlier >= Math.Max(0, ring - RingsCompared); earlier--)
        {
            if (plan.RingSize(earlier) != size)
                continue;
            int member = 0;
            while (member < size && plan.RingRanks[start + member] == plan.RingRanks[plan.RingStarts[earlier] + member])
                member++;
            if (member < size)
                continue;
            plan.DropRing();
            return earlier;
        }

        return ring;
    }
}
