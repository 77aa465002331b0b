namespace ParallelDsl.Planning.Packing;

/// <summary>What planning a step works with beside its result; kept with it, so that a steady state allocates nothing.</summary>
internal sealed class StepWorkspace
{
    private int[] _laneRings = [];
    private int[] _groupRings = [];

    /// <summary>The ranks.</summary>
    public LaneWorld World { get; } = new();

    /// <summary>Which lanes.</summary>
    public LanePlacement Placement { get; } = new();

    /// <summary>Which slots.</summary>
    public WindowFilling Filling { get; } = new();

    /// <summary>The sequences by group (a window or a unit), longest first within one.</summary>
    public int[] Order { get; private set; } = [];

    /// <summary>Where the sequences of each group start in <see cref="Order"/>.</summary>
    public int[] Starts { get; private set; } = [];

    /// <summary>The group of each sequence.</summary>
    public int[] GroupOf { get; private set; } = [];

    /// <summary>What each sequence costs in both directions.</summary>
    public long[] Costs { get; private set; } = [];

    /// <summary>The ring of each sequence in the plan.</summary>
    public int[] RingOf { get; private set; } = [];

    /// <summary>What the groups carry.</summary>
    public long[] GroupLoads { get; private set; } = [];

    /// <summary>The tokens for which they have room.</summary>
    public long[] GroupRooms { get; private set; } = [];

    /// <summary>What did not fit.</summary>
    public StepMisfit Misfit { get; set; }

    /// <summary>Makes room, arranges the ranks and sets the units of cost.</summary>
    public void Begin<TConstants>(TConstants constants, StepPlan plan, int width, int groups)
        where TConstants : struct, IStepConstants
    {
        int sequences = plan.SequenceCount;
        if (Order.Length < sequences)
        {
            int capacity = Math.Max(sequences, 2 * Order.Length);
            (Order, GroupOf, RingOf, Costs) = (new int[capacity], new int[capacity], new int[capacity], new long[capacity]);
        }

        if (Starts.Length < groups + 1)
            (Starts, GroupLoads, GroupRooms) = (new int[groups + 1], new long[groups], new long[groups]);
        World.Arrange(constants, width);
        if (_laneRings.Length < World.Lanes)
            _laneRings = new int[World.Lanes];
        SequenceCosts costs = constants.Costs;
        (Filling.Forward.Scale, Filling.Backward.Scale) = CostScale.Of(costs, plan.Longest, plan.TotalTokens);
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            int length = plan.Lengths[sequence];
            Costs[sequence] = Math.Max(1, Filling.Forward.Scale.Of(length) + Filling.Backward.Scale.Of(length));
        }
    }

    /// <summary>Forgets what is planned, but not the costs.</summary>
    public void Restart(StepPlan plan)
    {
        plan.Restart();
        Filling.Forward.Cuts.Begin(plan.SequenceCount);
        Filling.Backward.Cuts.Begin(plan.SequenceCount);
        for (int lane = 0; lane < World.Lanes; lane++)
            _laneRings[lane] = -1;
    }

    /// <summary>Lists the sequences of each group from the sorted keys of the plan.</summary>
    public void ListGroups(StepPlan plan, int groups)
    {
        Array.Clear(Starts, 0, groups + 1);
        for (int sequence = 0; sequence < plan.SequenceCount; sequence++)
            Starts[GroupOf[sequence]]++;
        int before = 0;
        for (int group = 0; group < groups; group++)
            (Starts[group], before) = (before, before + Starts[group]);
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            int sequence = plan.SequenceAt(i, out _);
            Order[Starts[GroupOf[sequence]]++] = sequence;
        }

        // Each start has run ahead to the start of the next group.
        Array.Copy(Starts, 0, Starts, 1, groups);
        Starts[0] = 0;
    }

    /// <summary>Adds the rings of a placed group to the plan.</summary>
    public void KeepRings(StepPlan plan, int group)
    {
        int start = Starts[group], end = Starts[group + 1];
        for (int ring = 0; ring < Placement.RingCount; ring++)
        {
            int first = Placement.RingStarts[ring];
            GroupRing(ring, World.AddRing(plan, Placement.RingLanes, first, Placement.RingStarts[ring + 1] - first));
        }

        for (int i = start; i < end; i++)
        {
            int sequence = Order[i], place = Placement.PlaceOf[sequence];
            if (place < 0)
                RingOf[sequence] = _groupRings[~place];
            else
                RingOf[sequence] = _laneRings[place] >= 0 ? _laneRings[place] : _laneRings[place] = World.AddRing(plan, place);
        }
    }

    private void GroupRing(int ring, int planned)
    {
        if (_groupRings.Length <= ring)
            Array.Resize(ref _groupRings, (2 * ring) + 16);
        _groupRings[ring] = planned;
    }

    /// <summary>Cuts the sequences into slices where their forward or their backward is cut.</summary>
    /// <param name="plan">Receives the slices.</param>
    /// <param name="slots">Slots of a window.</param>
    public void WriteSlices(StepPlan plan, int slots)
    {
        SlotCuts forward = Filling.Forward.Cuts, backward = Filling.Backward.Cuts;
        for (int sequence = 0; sequence < plan.SequenceCount; sequence++)
        {
            int length = plan.Lengths[sequence], ring = RingOf[sequence], unit = GroupOf[sequence] * slots;
            int forwardSlot = forward.SlotOf(sequence), backwardSlot = backward.SlotOf(sequence);
            if (forwardSlot >= 0 && backwardSlot >= 0)
            {
                plan.AddSlice(new Slice(sequence, 0, length, ring, unit + forwardSlot, unit + backwardSlot));
                continue;
            }

            int forwardPart = forward.FirstPart(sequence), backwardPart = backward.FirstPart(sequence), start = 0;
            while (start < length)
            {
                int forwardEnd = forwardSlot >= 0 ? length : forward.End(forwardPart);
                int backwardEnd = backwardSlot >= 0 ? length : backward.End(backwardPart);
                int end = Math.Min(forwardEnd, backwardEnd);
                int forwardUnit = forwardSlot >= 0 ? forwardSlot : forward.Slot(forwardPart);
                int backwardUnit = backwardSlot >= 0 ? backwardSlot : backward.Slot(backwardPart);
                plan.AddSlice(new Slice(sequence, start, end - start, ring, unit + forwardUnit, unit + backwardUnit));
                start = end;
                forwardPart += end == forwardEnd ? 1 : 0;
                backwardPart += end == backwardEnd ? 1 : 0;
            }
        }

        plan.Gather();
    }
}
