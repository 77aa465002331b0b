namespace ParallelDsl.Planning.Packing;

/// <summary>One direction of a window: what the slots of each lane cost and hold, and the sequences poured into them.</summary>
/// <remarks>
/// <para>Pouring fills one slot after the other, up to the budget of the lanes of the sequence, and cuts the sequence where a slot is full. The
/// forward starts with the first slot, the backward with the last, both with the first tokens: so forward units do not fall along a
/// sequence and backward units do not rise.</para>
/// <para>Cuts fall on multiples of twice the ring's ranks, where the zigzag shares of the slices add up to those of the sequence; in long
/// sequences on 128 tokens a rank.</para>
/// </remarks>
internal sealed class SlotFilling
{
    // Cuts of a long sequence fall on so many times twice the ring's ranks: 128 tokens a rank.
    private const int LongestGranule = 64;

    // Where slots are small it is less, but no less than 16 tokens a rank.
    private const int ShortestGranule = 8;

    // A sequence has about so many granules at least.
    private const int GranulesOfShort = 16;

    // Budgets in eighths: each is tried until the sequence is in.
    private static readonly int[] Stretches = [8, 9, 10, 12, 16, 24];

    private readonly bool _backward;
    private int _slots;
    private int _width;
    private long _capacity;
    private long[] _savedLoads = [];
    private long[] _savedRooms = [];

    /// <summary>One direction.</summary>
    /// <param name="backward">Whether slots are filled from the last on.</param>
    public SlotFilling(bool backward) => _backward = backward;

    /// <summary>What each slot of each lane costs.</summary>
    public long[] Loads { get; private set; } = [];

    /// <summary>The tokens for which it has room.</summary>
    public long[] Rooms { get; private set; } = [];

    /// <summary>What a slot of each lane may cost.</summary>
    public long[] Budgets { get; private set; } = [];

    /// <summary>Where the sequences run.</summary>
    public SlotCuts Cuts { get; } = new();

    /// <summary>The cost of the first tokens of a sequence.</summary>
    public CostScale Scale { get; set; }

    /// <summary>Starts an empty window.</summary>
    public void Begin(int lanes, int width, int slots, long capacity)
    {
        (_slots, _width, _capacity) = (slots, width, capacity);
        int cells = lanes * slots;
        if (Loads.Length < cells)
            (Loads, Rooms) = (new long[cells], new long[cells]);
        if (Budgets.Length < lanes)
            Budgets = new long[lanes];
        if (_savedLoads.Length < slots)
            (_savedLoads, _savedRooms) = (new long[slots], new long[slots]);
        Array.Clear(Budgets, 0, lanes);
        Array.Clear(Loads, 0, cells);
        for (int cell = 0; cell < cells; cell++)
            Rooms[cell] = capacity;
    }

    /// <summary>Remembers the slots of a lane.</summary>
    public void Save(int lane)
    {
        Array.Copy(Loads, lane * _slots, _savedLoads, 0, _slots);
        Array.Copy(Rooms, lane * _slots, _savedRooms, 0, _slots);
    }

    /// <summary>Brings back what was remembered.</summary>
    public void Restore(int lane)
    {
        Array.Copy(_savedLoads, 0, Loads, lane * _slots, _slots);
        Array.Copy(_savedRooms, 0, Rooms, lane * _slots, _slots);
    }

    /// <summary>The dearest slot of a lane.</summary>
    public long Dearest(int lane)
    {
        long most = 0;
        for (int cell = lane * _slots; cell < (lane + 1) * _slots; cell++)
            most = Math.Max(most, Loads[cell]);
        return most;
    }

    /// <summary>Puts a whole sequence into the slot that then costs least on its dearest lane.</summary>
    /// <returns>Whether a slot has room without going beyond the budget by more than an eighth.</returns>
    public bool TryWhole(int sequence, int length, int[] lanes, int start, int count)
    {
        long each = (Scale.Of(length) + count - 1) / count, tokens = LanePlacement.LargestShare(length, (long)count * _width);
        int best = -1;
        long least = 0;
        for (int slot = 0; slot < _slots; slot++)
        {
            long room = long.MaxValue, load = 0, over = 0;
            for (int i = start; i < start + count; i++)
            {
                int cell = (lanes[i] * _slots) + slot;
                room = Math.Min(room, Rooms[cell]);
                load = Math.Max(load, Loads[cell]);
                over = Math.Max(over, Loads[cell] + each - Budgets[lanes[i]] - (Budgets[lanes[i]] / 8));
            }

            if (room >= tokens && over <= 0 && (best < 0 || load < least))
                (best, least) = (slot, load);
        }

        if (best < 0)
            return false;
        Charge(lanes, start, count, best, each, tokens);
        Cuts.Put(sequence, best);
        return true;
    }

    /// <summary>Pours a sequence.</summary>
    /// <returns>Whether there was room for its tokens.</returns>
    public bool Pour(int sequence, int length, int[] lanes, int start, int count)
    {
        int ranks = count * _width, finest = ranks == 1 ? 1 : 2 * ranks, granule = Granule(length, ranks, count, Budgets[lanes[start]]);
        foreach (int stretch in Stretches)
        {
            if (TryPour(sequence, length, lanes, start, count, granule, stretch))
                return true;
        }

        return TryPour(sequence, length, lanes, start, count, granule, 0) || TryPour(sequence, length, lanes, start, count, finest, 0);
    }

    private int Granule(int length, int ranks, int count, long budget)
    {
        int times = 1;
        while (times < LongestGranule && (long)GranulesOfShort * 2 * ranks * 2 * times <= length)
            times *= 2;

        // Half a granule is what a slot may be off: no more than slots may be uneven.
        long cost = Scale.Of(length) / count;
        while (times > ShortestGranule && cost / length * 2 * ranks * times > budget / 32)
            times /= 2;
        return 2 * ranks * times;
    }

    // A stretch of 0 is no budget at all.
    private bool TryPour(int sequence, int length, int[] lanes, int start, int count, int granule, int stretch)
    {
        int first = Cuts.Count, position = 0;
        long ranks = (long)count * _width;
        for (int step = 0; step < _slots && position < length; step++)
        {
            int slot = _backward ? _slots - 1 - step : step;
            long room = long.MaxValue, budget = long.MaxValue;
            for (int i = start; i < start + count; i++)
            {
                int cell = (lanes[i] * _slots) + slot;
                room = Math.Min(room, Rooms[cell]);

                // The last slot takes what rounding left over.
                long limit = stretch == 0 ? long.MaxValue : Budgets[lanes[i]] * stretch / 8;
                if (stretch > 0 && step == _slots - 1)
                    limit += limit / 64;
                budget = Math.Min(budget, limit - Loads[cell]);
            }

            int end = EndOf(position, length, granule, ranks, room, budget / count >= long.MaxValue / count / 2 ? long.MaxValue : budget * count);
            if (end == position)
                continue;
            position = end;
            Cuts.Add(end, slot);
        }

        if (position < length)
        {
            Cuts.Truncate(first);
            return false;
        }

        int from = 0;
        for (int part = first; part < Cuts.Count; part++)
        {
            int end = Cuts.End(part);
            long each = (Scale.Of(end) - Scale.Of(from) + count - 1) / count;
            Charge(lanes, start, count, Cuts.Slot(part), each, LanePlacement.LargestShare(end - from, ranks));
            from = end;
        }

        if (Cuts.Count == first + 1)
        {
            Cuts.Put(sequence, Cuts.Slot(first));
            Cuts.Truncate(first);
        }
        else
        {
            Cuts.Cut(sequence, first);
        }

        return true;
    }

    // How far a part that starts at a multiple of the granule may reach: within the room, and as near to the budget as granules allow.
    private int EndOf(int position, int length, int granule, long ranks, long room, long budget)
    {
        int rest = length - position;
        long most = room * ranks / granule * granule;
        bool all = LanePlacement.LargestShare(rest, ranks) <= room;
        long before = Scale.Of(position);
        if (all && (budget == long.MaxValue || Scale.Of(length) - before <= budget))
            return length;
        if (!all && most == 0)
            return position;

        // The granules that the budget holds: between low and high.
        long low = 0, high = Math.Min(all ? (rest + (granule - 1L)) / granule : most / granule, rest / granule);
        if (budget < long.MaxValue)
        {
            long reached = high;
            while (low < reached)
            {
                long middle = (low + reached + 1) / 2;
                if (Scale.Of(position + (middle * granule)) - before <= budget)
                    low = middle;
                else
                    reached = middle - 1;
            }

            // One more where that comes nearer.
            long next = Math.Min(length, position + ((low + 1) * granule));
            bool mayReach = low < high || (all && next == length);
            if (mayReach && budget > 0 && Scale.Of(next) - before - budget < budget - (Scale.Of(position + (low * granule)) - before))
                return (int)next;
        }
        else
        {
            low = high;
        }

        return position + (int)(low * granule);
    }

    private void Charge(int[] lanes, int start, int count, int slot, long each, long tokens)
    {
        for (int i = start; i < start + count; i++)
        {
            int cell = (lanes[i] * _slots) + slot;
            Loads[cell] += each;
            Rooms[cell] -= tokens;
        }
    }
}
