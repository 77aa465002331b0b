using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>A hop between nodes that a rank of either node may carry a part of.</summary>
/// <param name="Source">The attention rank that sends.</param>
/// <param name="Destination">The attention rank that receives.</param>
/// <param name="Rows">How many rows.</param>
internal readonly record struct RelayHop(int Source, int Destination, int Rows);

/// <summary>The hops of one unit of all data ranks that leave or reach this rank's node and have other ranks at both ends, in the order in
/// which all ranks have them: by hop, keys before gradients, then by ring as <see cref="UnitLayout"/> orders them, then by sender. This rank
/// needs no rows in the unit. Arrays grow and are used again.</summary>
/// <param name="routes">The nodes.</param>
/// <param name="self">This rank's attention rank.</param>
/// <param name="datapaths">How keys and values travel: only on rings do they go in hops.</param>
internal sealed class RelayHops(NodeRoutes routes, int self, RingDatapaths datapaths)
{
    private readonly List<RelayHop> _hops = [];
    private readonly List<RelayRing> _rings = [];
    private StepPlan _step = new();
    private int[] _firstRings = [];
    private int[] _tokens = [];
    private int _tokenCount;

    /// <summary>The hops.</summary>
    public IReadOnlyList<RelayHop> Hops => _hops;

    /// <summary>Looks at the rings of a step.</summary>
    public void Begin(StepPlan step)
    {
        _step = step;
        if (_firstRings.Length < step.RingCount)
            _firstRings = new int[2 * step.RingCount];
        for (int ring = 0; ring < step.RingCount; ring++)
        {
            ReadOnlySpan<int> ranks = step.RanksOf(ring);
            _firstRings[ring] = -1;
            if (datapaths.Of(step, ring) != Datapath.Ring)
                continue;
            for (int position = 0; position < ranks.Length && _firstRings[ring] < 0; position++)
            {
                if (MayRelay(ranks[MemberAt(ranks.Length, position)], ranks[MemberAt(ranks.Length, position + 1)]))
                    _firstRings[ring] = ring;
            }

            // Rings with the same members are one, as in StepRings: the least index is that of its members' ring.
            for (int other = 0; _firstRings[ring] >= 0 && other < ring; other++)
            {
                if (step.RanksOf(other).SequenceEqual(ranks))
                {
                    _firstRings[ring] = other;
                    break;
                }
            }
        }
    }

    /// <summary>Finds the hops of a unit in one direction.</summary>
    public void Find(int unit, bool backward)
    {
        _hops.Clear();
        _rings.Clear();
        _tokenCount = 0;
        for (int dataRank = 0; dataRank < _step.DataRanks; dataRank++)
            FindRings(dataRank, backward ? _step.BackwardSlices(dataRank, unit) : _step.ForwardSlices(dataRank, unit));
        _rings.Sort(static (left, right) => left.Order.CompareTo(right.Order));
        int hops = 0;
        foreach (RelayRing ring in _rings)
            hops = Math.Max(hops, _step.RingSize(ring.Ring));
        for (int hop = 1; hop <= hops; hop++)
        {
            AddHops(hop, isGradient: false);
            if (backward)
                AddHops(hop, isGradient: true);
        }
    }

    /// <summary>The member at a place of a ring in the order of travel, as the itinerary of its members has it.</summary>
    private int MemberAt(int ranks, int place) =>
        datapaths.Rings is { } planned && planned.AreOf(Datapath.Ring, ranks, 1) ? planned.Set.Rings[0][place % ranks] : place % ranks;

    private bool MayRelay(int source, int destination) =>
        source != self && destination != self && !routes.IsSameNode(source, destination)
        && (routes.IsSameNode(self, source) || routes.IsSameNode(self, destination));

    private void FindRings(int dataRank, ReadOnlySpan<int> slices)
    {
        for (int i = 0, end; i < slices.Length; i = end)
        {
            (int sequence, int ring) = (_step.Slices[slices[i]].Sequence, _firstRings[_step.Slices[slices[i]].Ring]);
            for (end = i + 1; end < slices.Length && _step.Slices[slices[end]].Sequence == sequence;)
                end++;

            // A ring over several data ranks stands in the lists of all of them, and is counted once.
            if (ring < 0 || _step.RanksOf(ring)[0] / _step.SequenceRanks != dataRank)
                continue;

            // What travels is the keys of the unit's slices and of all earlier ones of the sequence.
            Span<int> tokens = TokensOf(RingOf(ring));
            for (int index = _step.FirstSlices[sequence]; index <= slices[end - 1]; index++)
            {
                for (int member = 0; member < tokens.Length; member++)
                    tokens[member] += ZigzagSplit.TokensOf(_step.Slices[index].Length, tokens.Length, member);
            }
        }
    }

    private RelayRing RingOf(int ring)
    {
        foreach (RelayRing known in _rings)
        {
            if (known.Ring == ring)
                return known;
        }

        RelayRing added = new(((long)(Zone.InterNode - ZoneOf(ring)) << 32) + ring, ring, _tokenCount);
        _tokenCount += _step.RingSize(ring);
        if (_tokens.Length < _tokenCount)
            Array.Resize(ref _tokens, 2 * _tokenCount);
        TokensOf(added).Clear();
        _rings.Add(added);
        return added;
    }

    private Zone ZoneOf(int ring) => _step.RingZones[ring] == Zone.InterNode ? Zone.InterNode : Zone.IntraNode;

    private Span<int> TokensOf(RelayRing ring) => _tokens.AsSpan(ring.FirstToken, _step.RingSize(ring.Ring));

    private void AddHops(int hop, bool isGradient)
    {
        foreach (RelayRing ring in _rings)
        {
            // Keys are not sent home, their gradients are.
            ReadOnlySpan<int> ranks = _step.RanksOf(ring.Ring), tokens = TokensOf(ring);
            if (hop > (isGradient ? ranks.Length : ranks.Length - 1))
                continue;
            for (int position = 0; position < ranks.Length; position++)
            {
                (int source, int destination) = (ranks[MemberAt(ranks.Length, position)], ranks[MemberAt(ranks.Length, position + 1)]);
                int rows = tokens[MemberAt(ranks.Length, position + ranks.Length - (hop - 1))];
                if (rows > 0 && MayRelay(source, destination))
                    _hops.Add(new RelayHop(source, destination, rows));
            }
        }
    }

    private readonly record struct RelayRing(long Order, int Ring, int FirstToken);
}
