namespace ParallelDsl.Planning.Packing;

/// <summary>Gives the sequences of a placed window their forward and their backward slots, so that on every lane the slots cost near-equally in
/// both (after SlimPack, arXiv 2509.26246; reconstructed).</summary>
/// <remarks>Sequences on rings come first, the largest ring first, since all lanes of a ring must have room in the same slot. Then each lane is
/// filled on its own: what costs little stays whole and is packed, for the forward and for the backward, and what costs much is poured on top
/// and levels the slots. Where they stay uneven, more is poured; all of it in the end.</remarks>
internal sealed class WindowFilling
{
    // What costs more than this part of a slot's budget is poured; ever more while slots are uneven.
    private static readonly int[] PouredParts = [2, 8, int.MaxValue];

    // Slots are even enough within this part of the budget.
    private const int Tolerance = 64;

    private const int ExactSteps = 300;
    private const int ExactSlots = 4;

    private readonly PiecePacker _pieces = new();
    private readonly ExactUnits _exact = new();
    private long[] _ringKeys = [];
    private int[] _laneStarts = [];
    private int[] _laneItems = [];
    private int[] _identity = [];

    /// <summary>The forwards.</summary>
    public SlotFilling Forward { get; } = new(backward: false);

    /// <summary>The backwards.</summary>
    public SlotFilling Backward { get; } = new(backward: true);

    /// <summary>The sequence that found no room.</summary>
    public int Misfit { get; private set; }

    /// <summary>Fills a window.</summary>
    /// <param name="plan">The lengths.</param>
    /// <param name="world">The lanes.</param>
    /// <param name="placement">Where the sequences lie.</param>
    /// <param name="order">The sequences, longest first.</param>
    /// <param name="start">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <param name="slots">Slots of the window.</param>
    /// <param name="capacity">Tokens that a rank may hold in one of them.</param>
    /// <returns>Whether all tokens found room.</returns>
    public bool Fill(StepPlan plan, LaneWorld world, LanePlacement placement, int[] order, int start, int count, int slots, long capacity)
    {
        Reserve(world.Lanes, count);
        Forward.Begin(world.Lanes, world.Width, slots, capacity);
        Backward.Begin(world.Lanes, world.Width, slots, capacity);
        int rings = Sort(plan, placement, order, start, count, world.Lanes, slots);
        for (int i = 0; i < rings; i++)
        {
            int sequence = order[start + (int)(_ringKeys[i] & 0xFFFF_FFFF)], length = plan.Lengths[sequence], ring = ~placement.PlaceOf[sequence];
            int first = placement.RingStarts[ring], lanes = placement.RingStarts[ring + 1] - first;
            if (!Put(Forward, sequence, length, placement.RingLanes, first, lanes) || !Put(Backward, sequence, length, placement.RingLanes, first, lanes))
                return Fails(sequence);
        }

        for (int lane = 0; lane < world.Lanes; lane++)
        {
            if (!FillLane(plan, world, lane, slots))
                return false;
        }

        return true;
    }

    private static bool Put(SlotFilling filling, int sequence, int length, int[] lanes, int first, int count)
    {
        // A sequence that costs little is not worth a cut.
        bool small = filling.Scale.Of(length) / count <= filling.Budgets[lanes[first]] / 4;
        return (small && filling.TryWhole(sequence, length, lanes, first, count)) || filling.Pour(sequence, length, lanes, first, count);
    }

    private void Reserve(int lanes, int count)
    {
        if (_laneStarts.Length < lanes + 1)
        {
            (_laneStarts, _identity) = (new int[lanes + 1], new int[lanes]);
            for (int lane = 0; lane < lanes; lane++)
                _identity[lane] = lane;
        }

        if (_laneItems.Length < count)
        {
            int capacity = Math.Max(count, 2 * _laneItems.Length);
            (_laneItems, _ringKeys) = (new int[capacity], new long[capacity]);
        }
    }

    // Lists the sequences on rings, the largest ring first, and the others by lane; sums up what the slots of a lane may cost.
    private int Sort(StepPlan plan, LanePlacement placement, int[] order, int start, int count, int lanes, int slots)
    {
        int rings = 0;
        Array.Clear(_laneStarts, 0, lanes + 1);
        for (int i = 0; i < count; i++)
        {
            int sequence = order[start + i], length = plan.Lengths[sequence], place = placement.PlaceOf[sequence];
            long forward = Forward.Scale.Of(length), backward = Backward.Scale.Of(length);
            if (place >= 0)
            {
                _laneStarts[place]++;
                Forward.Budgets[place] += forward;
                Backward.Budgets[place] += backward;
                continue;
            }

            int first = placement.RingStarts[~place], size = placement.RingStarts[~place + 1] - first;
            _ringKeys[rings++] = ((long)(int.MaxValue - size) << 32) | (uint)i;
            for (int member = first; member < first + size; member++)
            {
                Forward.Budgets[placement.RingLanes[member]] += (forward + size - 1) / size;
                Backward.Budgets[placement.RingLanes[member]] += (backward + size - 1) / size;
            }
        }

        Array.Sort(_ringKeys, 0, rings);
        int before = 0;
        for (int lane = 0; lane < lanes; lane++)
        {
            (_laneStarts[lane], before) = (before, before + _laneStarts[lane]);
            Forward.Budgets[lane] = (Forward.Budgets[lane] + slots - 1) / slots;
            Backward.Budgets[lane] = (Backward.Budgets[lane] + slots - 1) / slots;
        }

        for (int i = start; i < start + count; i++)
        {
            int place = placement.PlaceOf[order[i]];
            if (place >= 0)
                _laneItems[_laneStarts[place]++] = order[i];
        }

        // Each start has run ahead to the start of the next lane.
        Array.Copy(_laneStarts, 0, _laneStarts, 1, lanes);
        _laneStarts[0] = 0;
        return rings;
    }

    // The first try that is even enough, else the evenest of those that fit; the last one stays where it is nearly as even, since making another
    // again takes time.
    private bool FillLane(StepPlan plan, LaneWorld world, int lane, int slots)
    {
        int forwardParts = Forward.Cuts.Count, backwardParts = Backward.Cuts.Count, best = -1;
        long forwardEven = Even(Forward, lane), backwardEven = Even(Backward, lane), least = long.MaxValue, last = long.MaxValue;
        Forward.Save(lane);
        Backward.Save(lane);
        foreach (int part in PouredParts)
        {
            Restart();
            last = long.MaxValue;
            if (!TryLane(plan, world, lane, slots, part))
                continue;
            long forward = Forward.Dearest(lane), backward = Backward.Dearest(lane);
            if (forward <= forwardEven && backward <= backwardEven)
                return true;
            last = forward + backward;
            if (last < least)
                (best, least) = (part, last);
        }

        if (best < 0)
            return false;
        if (last <= Even(least))
            return true;
        Restart();
        return TryLane(plan, world, lane, slots, best);

        void Restart()
        {
            Forward.Restore(lane);
            Backward.Restore(lane);
            Forward.Cuts.Truncate(forwardParts);
            Backward.Cuts.Truncate(backwardParts);
        }
    }

    // Packs what costs little, whole, and levels the slots with what costs more than a part of the budget.
    private bool TryLane(StepPlan plan, LaneWorld world, int lane, int slots, int part)
    {
        int start = _laneStarts[lane], end = _laneStarts[lane + 1], poured = start;
        for (; poured < end; poured++)
        {
            int length = plan.Lengths[_laneItems[poured]];
            bool small = Forward.Scale.Of(length) <= Forward.Budgets[lane] / part && Backward.Scale.Of(length) <= Backward.Budgets[lane] / part;
            if (small && part != int.MaxValue)
                break;
        }

        _pieces.Begin(end - poured);
        for (int i = poured; i < end; i++)
        {
            int length = plan.Lengths[_laneItems[i]];
            _pieces.Add(_laneItems[i], Forward.Scale.Of(length), LanePlacement.LargestShare(length, world.Width));
        }

        Pack(Forward, lane, slots);
        if (!PutPacked(Forward, plan, lane) || !Pour(Forward, plan, lane, poured))
            return false;

        // The units of the forward again where they are even enough: then the backward finds its rows together.
        for (int piece = 0; piece < _pieces.Count; piece++)
            _pieces.Costs[piece] = Backward.Scale.Of(plan.Lengths[_pieces.Sequences[piece]]);
        if (!TryRepeatForward(lane, slots))
            Pack(Backward, lane, slots);
        return PutPacked(Backward, plan, lane) && Pour(Backward, plan, lane, poured);
    }

    private bool Pour(SlotFilling filling, StepPlan plan, int lane, int end)
    {
        for (int i = _laneStarts[lane]; i < end; i++)
        {
            if (!filling.Pour(_laneItems[i], plan.Lengths[_laneItems[i]], _identity, lane, 1))
                return Fails(_laneItems[i]);
        }

        return true;
    }

    // What the dearest slot of a lane may cost: its budget, or what rings have put there already.
    private static long Even(SlotFilling filling, int lane)
    {
        long least = Math.Max(filling.Budgets[lane], filling.Dearest(lane));
        return Even(least);
    }

    private bool TryRepeatForward(int lane, int slots)
    {
        int first = lane * slots;
        bool even = Charge(1);
        for (int cell = first; cell < first + slots && even; cell++)
            even = Backward.Rooms[cell] >= 0 && Backward.Loads[cell] <= Even(Backward.Budgets[lane]);
        if (!even)
            Charge(-1);
        return even;

        bool Charge(int sign)
        {
            for (int piece = 0; piece < _pieces.Count; piece++)
            {
                if (_pieces.UnitOf[piece] < 0)
                    continue;
                Backward.Loads[first + _pieces.UnitOf[piece]] += sign * _pieces.Costs[piece];
                Backward.Rooms[first + _pieces.UnitOf[piece]] -= sign * _pieces.Tokens[piece];
            }

            return true;
        }
    }

    private void Pack(SlotFilling filling, int lane, int slots)
    {
        int first = lane * slots;
        _pieces.Pack(filling.Loads, filling.Rooms, first, slots);
        if (filling.Dearest(lane) <= Even(filling.Budgets[lane]))
            return;
        for (int piece = 0; piece < _pieces.Count; piece++)
        {
            if (_pieces.UnitOf[piece] < 0)
                return;
        }

        _pieces.Exchange(filling.Loads, filling.Rooms, first, slots);
        if (_pieces.Count <= ExactUnits.MostPieces && slots <= ExactSlots && filling.Dearest(lane) > Even(filling.Budgets[lane]))
            _exact.Improve(_pieces, filling.Loads, filling.Rooms, first, slots, ExactSteps);
    }

    // What found no room whole is cut.
    private bool PutPacked(SlotFilling filling, StepPlan plan, int lane)
    {
        for (int piece = 0; piece < _pieces.Count; piece++)
        {
            int sequence = _pieces.Sequences[piece];
            if (_pieces.UnitOf[piece] >= 0)
                filling.Cuts.Put(sequence, _pieces.UnitOf[piece]);
            else if (!filling.Pour(sequence, plan.Lengths[sequence], _identity, lane, 1))
                return Fails(sequence);
        }

        return true;
    }

    private static long Even(long budget) => budget + (budget / Tolerance);

    private bool Fails(int sequence)
    {
        Misfit = sequence;
        return false;
    }
}
