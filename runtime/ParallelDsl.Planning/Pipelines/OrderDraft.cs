using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Orders in the making, with a split backward: actions are put on devices one by one and timed as
/// <see cref="PipelineSimulator"/> does. A device never holds more than its capacity of stage activations. What to put next is for the
/// rules of a schedule to say.</summary>
internal sealed class OrderDraft
{
    private readonly EquatableArray<int> _stageDevices;
    private readonly int _microBatches;
    private readonly StageCosts _costs;
    private readonly int _capacity;

    // By stage: how many units did F and B, and when their outputs and gradients exist.
    private readonly int[] _forwards;
    private readonly int[] _backwards;
    private readonly long[] _outputs;
    private readonly long[] _gradients;

    // By device; the second stage is the only one where there is one.
    private readonly int[] _second;
    private readonly int[] _held;
    private readonly List<PipelineAction>[] _actions;
    private readonly Queue<PipelineAction>[] _delayed;
    private readonly long[] _clock;
    private readonly long[] _work;
    private readonly long[] _idle;
    private long _longestSpan;

    /// <param name="stageDevices">The device of each stage; every device has one or two.</param>
    /// <param name="microBatches">m.</param>
    /// <param name="costs">The costs of each stage.</param>
    /// <param name="capacity">The stage activations that a device may hold: one unit through one stage, from the start of F to the end of
    /// W. At least the stages of a device.</param>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public OrderDraft(EquatableArray<int> stageDevices, int microBatches, StageCosts costs, int capacity)
    {
        (_stageDevices, _microBatches, _costs, _capacity) = (stageDevices, microBatches, costs, capacity);
        int stages = stageDevices.Count;
        Devices = stageDevices.Max() + 1;
        (_forwards, _backwards) = (new int[stages], new int[stages]);
        (_outputs, _gradients) = (new long[stages * microBatches], new long[stages * microBatches]);
        (_clock, _work, _idle) = (new long[Devices], new long[Devices], new long[Devices]);
        (_second, _held) = (new int[Devices], new int[Devices]);
        _actions = new List<PipelineAction>[Devices];
        _delayed = new Queue<PipelineAction>[Devices];
        for (int device = 0; device < Devices; device++)
            (_actions[device], _delayed[device]) = ([], new());
        for (int stage = 0; stage < stages; stage++)
        {
            int device = stageDevices[stage];
            _second[device] = stage;
            foreach (ActionKind kind in new[] { ActionKind.Forward, ActionKind.BackwardInput, ActionKind.BackwardWeight })
                _work[device] += microBatches * costs.Of(new(kind, stage, 0));
        }

        _longestSpan = _work.Max();
    }

    /// <summary>How many devices there are.</summary>
    public int Devices { get; }

    /// <summary>The longest time that a device takes from the start of its first action to the end of its last; of a draft that is not
    /// done, a lower bound.</summary>
    public long Span => _longestSpan;

    /// <summary>When the last device is done.</summary>
    public long Makespan => _clock.Max();

    /// <summary>The orders so far.</summary>
    public EquatableArray<EquatableArray<PipelineAction>> Orders =>
        _actions.Select(actions => actions.ToEquatableArray()).ToEquatableArray();

    /// <summary>Ticks that <paramref name="device"/> waited so far since its first action.</summary>
    public long Idle(int device) => _idle[device];

    /// <summary>How much more <paramref name="device"/> may wait before it is the one with the longest span.</summary>
    public long Slack(int device) => _longestSpan - _work[device] - _idle[device];

    /// <summary>When <paramref name="device"/> is free.</summary>
    public long Clock(int device) => _clock[device];

    /// <summary>How many units did F (or B) of <paramref name="stage"/>.</summary>
    public int Count(ActionKind kind, int stage) => (kind == ActionKind.Forward ? _forwards : _backwards)[stage];

    /// <summary>Ticks of an action.</summary>
    public long Cost(ActionKind kind, int stage) => _costs.Of(new(kind, stage, 0));

    /// <summary>Ticks from the device of <paramref name="boundary"/> to that of the next stage.</summary>
    public long Hop(int boundary) =>
        _stageDevices[boundary] == _stageDevices[boundary + 1] ? 0 : _costs.Hop[boundary];

    /// <summary>How many units' W the device has put off.</summary>
    public int Delayed(int device) => _delayed[device].Count;

    /// <summary>When everything is on the device that the next F (or B) of <paramref name="stage"/> needs; null if that is not known yet,
    /// or there is no next.</summary>
    public long? Arrival(ActionKind kind, int stage)
    {
        int unit = Count(kind, stage);
        if (unit == _microBatches)
            return null;
        if (kind == ActionKind.Forward)
            return stage == 0 ? 0 : unit < _forwards[stage - 1] ? _outputs[Index(stage - 1, unit)] + Hop(stage - 1) : null;
        if (unit == _forwards[stage])
            return null;
        long output = _outputs[Index(stage, unit)];
        if (stage == _stageDevices.Count - 1)
            return output;
        return unit < _backwards[stage + 1] ? Math.Max(output, _gradients[Index(stage + 1, unit)] + Hop(stage)) : null;
    }

    /// <summary>How many further units may do F of <paramref name="stage"/> before a W of its device. Units that still have to pass the
    /// second stage of the device leave room for one of them there: so the oldest unit can always go on, and no order gets stuck.</summary>
    public int Room(int stage)
    {
        int device = _stageDevices[stage];
        int room = _capacity - _held[device];
        return stage == _second[device] ? room : Math.Min(room, _capacity - 1 - _forwards[stage] + _forwards[_second[device]]);
    }

    /// <summary>Puts W that were put off until the device of <paramref name="stage"/> can hold another unit, or none is left.</summary>
    /// <returns>Whether there is room for an F of the stage.</returns>
    public bool MakeRoom(int stage)
    {
        int device = _stageDevices[stage];
        while (_held[device] == _capacity && Delayed(device) > 0)
            PutWeight(device);
        return Room(stage) >= 1;
    }

    /// <summary>Puts the next F (or B) of <paramref name="stage"/>, if it can have its input (and room).</summary>
    public bool TryPut(ActionKind kind, int stage)
    {
        if (Arrival(kind, stage) is not { } arrival || (kind == ActionKind.Forward && Room(stage) < 1))
            return false;
        int device = _stageDevices[stage];
        int unit = Count(kind, stage);
        long start = Math.Max(_clock[device], arrival);
        if (_actions[device].Count > 0)
        {
            _idle[device] += start - _clock[device];
            _longestSpan = Math.Max(_longestSpan, _work[device] + _idle[device]);
        }

        _clock[device] = start + Cost(kind, stage);
        _actions[device].Add(new(kind, stage, unit));
        if (kind == ActionKind.Forward)
        {
            _outputs[Index(stage, unit)] = _clock[device];
            _forwards[stage]++;
            _held[device]++;
        }
        else
        {
            _gradients[Index(stage, unit)] = _clock[device];
            _backwards[stage]++;
            _delayed[device].Enqueue(new(ActionKind.BackwardWeight, stage, unit));
        }

        return true;
    }

    /// <summary>Puts the oldest W that <paramref name="device"/> has put off.</summary>
    public void PutWeight(int device)
    {
        PipelineAction weight = _delayed[device].Dequeue();
        _clock[device] += _costs.Of(weight);
        _held[device]--;
        _actions[device].Add(weight);
    }

    /// <summary>Puts W into the gap before <paramref name="arrival"/>, as many as fit. Where a gap is left that is too short for the next
    /// one, that is put too, or the device waits: if the gap is longer than <paramref name="tolerated"/>,
    /// <paramref name="intoLongGap"/> says which; else <paramref name="intoShortGap"/>.</summary>
    public void FillGap(int device, long arrival, long tolerated, bool intoLongGap, bool intoShortGap)
    {
        while (Delayed(device) > 0 && _clock[device] + _costs.Of(_delayed[device].Peek()) <= arrival)
            PutWeight(device);
        long gap = arrival - _clock[device];
        if (Delayed(device) > 0 && gap > 0 && (gap > tolerated ? intoLongGap : intoShortGap))
            PutWeight(device);
    }

    /// <summary>Puts every W that is left.</summary>
    public void PutWeights()
    {
        for (int device = 0; device < Devices; device++)
        {
            while (Delayed(device) > 0)
                PutWeight(device);
        }
    }

    /// <summary>Whether this draft has the shorter span, or with the same span the shorter makespan.</summary>
    public bool IsBetterThan(OrderDraft? other) =>
        other is null || Span < other.Span || (Span == other.Span && Makespan < other.Makespan);

    private int Index(int stage, int unit) => (stage * _microBatches) + unit;
}
