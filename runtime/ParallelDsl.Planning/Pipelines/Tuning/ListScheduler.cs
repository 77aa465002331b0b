namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Greedy list scheduling of F, B and W on every device, with the activations that a device holds kept under its cap. Runs
/// forward in time: whichever device can decide first takes the most urgent action that is ready (see <see cref="SchedulingRule"/>).
/// All micro-batches are alike, so each stage takes them in order, which loses nothing.</summary>
/// <remarks>After SimPipe's dynamic scheduler (AdaPtis, arXiv 2509.23722; reconstructed). A forward is admitted when it fits under the
/// cap and leaves room for the rest of the oldest micro-batch that is not wholly forwarded on the device. So the oldest one can always
/// go on: when those before it are done, what remains held is no more than was promised to fit. A device that can take one unit
/// through all its stages is enough, and no run gets stuck.</remarks>
internal sealed class ListScheduler
{
    private const long Never = long.MaxValue;

    private readonly StageTable _table;
    private readonly int[] _nextForward, _nextInput, _nextWeight;

    // When the next F, B and W of each stage have their input; Never while that is unknown or all are done.
    private readonly long[] _forwardReady, _inputReady, _weightReady;
    private readonly long[] _forwardKey, _inputKey, _weightKey;

    // When each F and B ended, at stage x m + micro-batch.
    private readonly long[] _forwardEnd, _inputEnd;
    private readonly long[] _clock, _decision, _left, _held, _first;
    private readonly bool[] _afterInput;
    private readonly int[] _oldest;

    // The orders: for each device the codes of its actions (see Code), one after the other.
    private readonly int[][] _orders;
    private readonly int[] _orderLength;
    private SchedulingRule _rule = null!;

    public ListScheduler(StageTable table)
    {
        _table = table;
        int stages = table.Device.Length, devices = table.Devices, units = table.MicroBatches;
        (_nextForward, _nextInput, _nextWeight) = (new int[stages], new int[stages], new int[stages]);
        (_forwardReady, _inputReady, _weightReady) = (new long[stages], new long[stages], new long[stages]);
        (_forwardKey, _inputKey, _weightKey) = (new long[stages], new long[stages], new long[stages]);
        (_forwardEnd, _inputEnd) = (new long[stages * units], new long[stages * units]);
        (_clock, _decision, _left, _held) = (new long[devices], new long[devices], new long[devices], new long[devices]);
        _first = new long[devices];
        (_afterInput, _oldest) = (new bool[devices], new int[devices]);
        (_orders, _orderLength) = (new int[devices][], new int[devices]);
        for (int device = 0; device < devices; device++)
            _orders[device] = new int[64];
    }

    /// <summary>No device starts a backward before all its forwards are done (GPipe).</summary>
    public bool ForwardsFirst { get; init; }

    /// <summary>Where devices were idle in the last run.</summary>
    public BubbleShare Bubbles(long makespan)
    {
        long most = 0, fewest = Never, boundary = 0, all = 0;
        for (int device = 0; device < _table.Devices; device++)
        {
            long idle = makespan - _table.Work[device];
            (most, fewest, all) = (Math.Max(most, idle), Math.Min(fewest, idle), all + idle);
            boundary += _first[device] + makespan - _clock[device];
        }

        return new(most - fewest, boundary, all - boundary);
    }

    /// <summary>The orders of the last run as actions.</summary>
    public EquatableArray<EquatableArray<PipelineAction>> Orders() =>
        _table.OrdersOf([.. _orders.Select((order, device) => order.Take(_orderLength[device]).ToArray())]);

    /// <summary>Makes a schedule of the table's layout.</summary>
    /// <returns>Its makespan; or <see cref="long.MaxValue"/> as soon as it is sure to exceed <paramref name="limit"/>, or where the layout
    /// is infeasible.</returns>
    public long Run(SchedulingRule rule, long limit = Never)
    {
        StageTable table = _table;
        if (!table.IsFeasible)
            return Never;
        _rule = rule;
        Reset();
        long remaining = (long)table.Stages * table.MicroBatches * (table.Problem.SplitBackward ? 3 : 2);
        long makespan = 0;
        for (; remaining > 0; remaining--)
        {
            int device = 0;
            long time = _decision[0];
            for (int other = 1; other < table.Devices; other++)
            {
                if (_decision[other] < time)
                    (device, time) = (other, _decision[other]);
            }

            if (time == Never)
                throw new InvalidOperationException("a schedule under a cap got stuck, which is a bug of its admission");
            long end = Take(device, time);
            if (end + _left[device] > limit)
                return Never;
            makespan = Math.Max(makespan, end);
        }

        return makespan;
    }

    private void Reset()
    {
        StageTable table = _table;
        SchedulingRule rule = _rule;
        int actions = table.MicroBatches * (table.Problem.SplitBackward ? 3 : 2);
        for (int stage = 0; stage < table.Stages; stage++)
        {
            (_nextForward[stage], _nextInput[stage], _nextWeight[stage]) = (0, 0, 0);
            (_forwardReady[stage], _inputReady[stage], _weightReady[stage]) = (stage == 0 ? 0 : Never, Never, Never);
            if (!rule.Alternates)
                (_forwardKey[stage], _inputKey[stage], _weightKey[stage]) = (rule.ForwardPhase[stage], rule.InputPhase[stage], rule.WeightPhase[stage]);
        }

        for (int device = 0; device < table.Devices; device++)
        {
            (_clock[device], _held[device], _left[device]) = (0, 0, table.Work[device]);
            (_afterInput[device], _oldest[device], _orderLength[device]) = (false, 0, 0);
            if (_orders[device].Length < actions * table.StageCount[device])
                _orders[device] = new int[actions * table.StageCount[device]];
            _decision[device] = Never;
        }

        _decision[table.Device[0]] = 0;
    }

    // The device takes its best action at the time; the end of it.
    private long Take(int device, long time)
    {
        StageTable table = _table;
        int[] stages = table.StagesOf[device];
        long key = Never, laterKey = Never, laterReady = Never;
        int kind = -1, at = -1, laterKind = -1, laterAt = -1;
        bool alternates = _rule.Alternates, afterInput = _afterInput[device];
        for (int i = 0; i < table.StageCount[device]; i++)
        {
            int stage = stages[i];
            long ready = _forwardReady[stage];
            if (ready != Never && IsAdmitted(device, stage))
                Consider(0, stage, ready, alternates ? Turn(afterInput ? 0 : 1, _nextForward[stage]) : _forwardKey[stage]);
            ready = _inputReady[stage];
            if (ready != Never && (!ForwardsFirst || _oldest[device] == table.MicroBatches))
                Consider(1, stage, ready, alternates ? Turn(afterInput ? 1 : 0, _nextInput[stage]) : _inputKey[stage]);
            ready = _weightReady[stage];
            if (ready != Never)
                Consider(2, stage, ready, alternates ? Turn(2, _nextWeight[stage]) : _weightKey[stage]);
        }

        void Consider(int candidate, int stage, long ready, long urgency)
        {
            if (ready <= time)
            {
                if (urgency < key)
                    (key, kind, at) = (urgency, candidate, stage);
            }
            else if (urgency < laterKey || (urgency == laterKey && ready < laterReady))
            {
                (laterKey, laterReady, laterKind, laterAt) = (urgency, ready, candidate, stage);
            }
        }

        if (laterKey < key && _rule.Patience > 0 && (laterReady - time) * 1000 < DurationOf(kind, at) * _rule.Patience)
            (kind, at, time) = (laterKind, laterAt, laterReady);
        long end = time + DurationOf(kind, at);
        if (_orderLength[device] == 0)
            _first[device] = time;
        _clock[device] = end;
        _left[device] -= end - time;
        Finish(device, kind, at, end);
        return end;
    }

    private static long Turn(int rank, int microBatch) => ((long)rank << 40) + microBatch;

    private long DurationOf(int kind, int stage) =>
        kind == 0 ? _table.Forward[stage] : kind == 1 ? _table.Input[stage] : _table.Weight[stage];

    // Keeps F ready only where it may start: held activations fall with W (or X) only, and every change of a device's state ends in a new
    // decision time.
    private bool IsAdmitted(int device, int stage)
    {
        StageTable table = _table;
        long room = table.RoomOf[device];
        if (room == Never)
            return true;
        long held = table.Held[stage];
        if (_held[device] + held > room)
            return false;
        int oldest = _oldest[device];
        if (_nextForward[stage] == oldest)
            return true;
        long promised = held;
        int[] stages = table.StagesOf[device];
        int[] freed = table.Problem.SplitBackward ? _nextWeight : _nextInput;
        for (int i = 0; i < table.StageCount[device]; i++)
        {
            int other = stages[i];

            // What the oldest one still needs, and what it and later ones hold.
            if (_nextForward[other] <= oldest)
                promised += table.Held[other];
            else
                promised += (_nextForward[other] - Math.Max(oldest, freed[other])) * table.Held[other];
        }

        return promised <= room;
    }

    private void Finish(int device, int kind, int stage, long end)
    {
        StageTable table = _table;
        int units = table.MicroBatches;
        int microBatch;
        bool split = table.Problem.SplitBackward;
        if (kind == 0)
        {
            microBatch = _nextForward[stage]++;
            _forwardEnd[(stage * units) + microBatch] = end;
            _held[device] += table.Held[stage];
            _forwardKey[stage] += _rule.Period;
            _forwardReady[stage] = ForwardReady(stage);
            if (microBatch == _oldest[device])
                AdvanceOldest(device);
            if (_nextInput[stage] == microBatch)
                _inputReady[stage] = InputReady(stage);
            if (stage + 1 < table.Stages && _nextForward[stage + 1] == microBatch)
            {
                _forwardReady[stage + 1] = end + table.Hop[stage];
                if (table.Device[stage + 1] != device)
                    Decide(table.Device[stage + 1]);
            }
        }
        else if (kind == 1)
        {
            microBatch = _nextInput[stage]++;
            _inputEnd[(stage * units) + microBatch] = end;
            _inputKey[stage] += _rule.Period;
            _inputReady[stage] = InputReady(stage);
            if (!split)
                _held[device] -= table.Held[stage];
            else if (_nextWeight[stage] == microBatch)
                _weightReady[stage] = end;
            if (stage > 0 && _nextInput[stage - 1] == microBatch)
            {
                _inputReady[stage - 1] = InputReady(stage - 1);
                if (table.Device[stage - 1] != device)
                    Decide(table.Device[stage - 1]);
            }
        }
        else
        {
            microBatch = _nextWeight[stage]++;
            _held[device] -= table.Held[stage];
            _weightKey[stage] += _rule.Period;
            int next = _nextWeight[stage];
            _weightReady[stage] = next < _nextInput[stage] ? _inputEnd[(stage * units) + next] : Never;
        }

        if (kind < 2)
            _afterInput[device] = kind == 1;
        _orders[device][_orderLength[device]++] = (((kind * table.Stages) + stage) * units) + microBatch;
        Decide(device);
    }

    private void AdvanceOldest(int device)
    {
        int oldest = int.MaxValue;
        for (int i = 0; i < _table.StageCount[device]; i++)
            oldest = Math.Min(oldest, _nextForward[_table.StagesOf[device][i]]);
        _oldest[device] = oldest;
    }

    private long ForwardReady(int stage)
    {
        int next = _nextForward[stage];
        if (next == _table.MicroBatches)
            return Never;
        if (stage == 0)
            return 0;
        return next < _nextForward[stage - 1] ? _forwardEnd[((stage - 1) * _table.MicroBatches) + next] + _table.Hop[stage - 1] : Never;
    }

    private long InputReady(int stage)
    {
        int next = _nextInput[stage];
        if (next >= _nextForward[stage])
            return Never;
        long forward = _forwardEnd[(stage * _table.MicroBatches) + next];
        if (stage == _table.Stages - 1)
            return forward;
        return next < _nextInput[stage + 1]
            ? Math.Max(forward, _inputEnd[((stage + 1) * _table.MicroBatches) + next] + _table.Hop[stage])
            : Never;
    }

    // When the device can decide next: free, and something ready.
    private void Decide(int device)
    {
        long earliest = Never;
        StageTable table = _table;
        int[] stages = table.StagesOf[device];
        for (int i = 0; i < table.StageCount[device]; i++)
        {
            int stage = stages[i];
            long ready = Math.Min(
                ForwardsFirst && _oldest[device] < table.MicroBatches ? Never : _inputReady[stage], _weightReady[stage]);
            if (_forwardReady[stage] < ready && IsAdmitted(device, stage))
                ready = _forwardReady[stage];
            if (ready < earliest)
                earliest = ready;
        }

        _decision[device] = Math.Max(earliest, _clock[device]);
    }
}
