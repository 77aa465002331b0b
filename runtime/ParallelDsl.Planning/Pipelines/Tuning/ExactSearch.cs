namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Proves or improves an order of a <see cref="StageTable"/>'s layout by branch and bound; for small pipelines.</summary>
/// <remarks>
/// Micro-batches are alike, so each stage takes them in order: exchanging two that are not loses nothing. A state is how many F, B and W
/// each stage has done, and when they ended. Branching is that of Giffler and Thompson: of all actions that can come next on their
/// device, the one that could end first names a device, and only actions that can start before that end may come next there; any
/// other order leaves a gap into which that action would fit. Under a cap a forward that fills a gap may keep others from memory:
/// there every next action is tried, and waiting for one that is not ready yet. Of two states that have done the same, one that is
/// nowhere earlier is dropped.
/// </remarks>
internal sealed class ExactSearch
{
    private const long Never = long.MaxValue;

    // States kept of each set of done actions, and in all.
    private const int MostStates = 400_000;

    private readonly StageTable _table;
    private readonly Dictionary<Done, List<long[]>> _seen = [];
    private readonly List<int>[] _orders;
    private readonly long[] _forwardTail, _inputTail;
    private int _states;
    private long _best, _nodes;
    private int[][]? _bestOrders;

    public ExactSearch(StageTable table)
    {
        _table = table;
        _orders = [.. Enumerable.Range(0, table.Devices).Select(_ => new List<int>())];
        (_forwardTail, _inputTail) = (new long[table.Stages], new long[table.Stages]);

        // From the start of F or B of a stage to the end of the unit: its way on and back, and the W of the first stage.
        long tail = table.Weight[0];
        for (int stage = 0; stage < table.Stages; stage++)
        {
            tail += table.Input[stage] + (stage > 0 ? table.Hop[stage - 1] : 0);
            _inputTail[stage] = tail;
        }

        for (int stage = table.Stages - 1; stage >= 0; stage--)
        {
            tail += table.Forward[stage] + (stage + 1 < table.Stages ? table.Hop[stage] : 0);
            _forwardTail[stage] = tail;
        }
    }

    /// <summary>Whether a state fits in <see cref="Done"/>.</summary>
    public static bool Fits(int stages, int microBatches) => stages <= 7 && microBatches <= 7;

    /// <summary>Looks for an order that is faster than <paramref name="limit"/>.</summary>
    /// <param name="limit">The makespan to beat.</param>
    /// <param name="nodes">How many states may be looked at; what is left of them comes back.</param>
    /// <returns>The best makespan below the limit and its orders as codes (<see cref="StageTable.OrdersOf"/>); null where there is none,
    /// which is proven if nodes are left.</returns>
    public (long Makespan, int[][] Orders)? Run(long limit, ref long nodes)
    {
        (_best, _nodes, _bestOrders, _states) = (limit, nodes, null, 0);
        _seen.Clear();
        if (_table.IsFeasible && PipelineBound.Of(_table) < limit)
            Branch(new State(_table));
        nodes = _nodes;
        return _bestOrders is null ? null : (_best, _bestOrders);
    }

    private void Branch(State state)
    {
        if (--_nodes < 0 || Bound(state) >= _best)
            return;
        if (state.Left == 0)
        {
            (_best, _bestOrders) = (state.Makespan, [.. _orders.Select(order => order.ToArray())]);
            return;
        }

        if (IsDominated(state))
            return;

        // The action that could end first.
        (int kind, int stage, long end) = (-1, -1, Never);
        for (int candidate = 0; candidate < 3 * _table.Stages; candidate++)
        {
            (int candidateKind, int candidateStage) = (candidate / _table.Stages, candidate % _table.Stages);
            if (!IsNext(state, candidateKind, candidateStage))
                continue;
            long candidateEnd = Start(state, candidateKind, candidateStage) + Duration(candidateKind, candidateStage);
            if (candidateEnd < end)
                (kind, stage, end) = (candidateKind, candidateStage, candidateEnd);
        }

        if (kind < 0)
            return;
        int device = _table.Device[stage];
        bool mayWait = kind == 0 && CapBinds(device);
        var choices = new List<(long Start, int Kind, int Stage)>();
        for (int i = 0; i < _table.StageCount[device]; i++)
        {
            int own = _table.StagesOf[device][i];
            for (int ownKind = 0; ownKind < 3; ownKind++)
            {
                if (IsNext(state, ownKind, own) && (mayWait || Start(state, ownKind, own) < end
                    || (ownKind == kind && own == stage)))
                {
                    choices.Add((Start(state, ownKind, own), ownKind, own));
                }
            }
        }

        // Early starts first; of these B, then F, then W.
        foreach ((long start, int choiceKind, int choiceStage) in choices
            .OrderBy(choice => choice.Start).ThenBy(choice => choice.Kind == 1 ? 0 : choice.Kind == 0 ? 1 : 2).ThenBy(choice => choice.Stage))
        {
            State next = state.After(_table, choiceKind, choiceStage, start + Duration(choiceKind, choiceStage));
            int unit = state.Count(choiceKind, choiceStage);
            _orders[device].Add((((choiceKind * _table.Stages) + choiceStage) * _table.MicroBatches) + unit);
            Branch(next);
            _orders[device].RemoveAt(_orders[device].Count - 1);
        }

        // None of these comes next on the device, but something that is not ready yet.
        if (mayWait)
            Branch(state.Waiting(_table, device, choices.Select(choice => (choice.Kind * _table.Stages) + choice.Stage)));
    }

    // Whether the next F, B or W of the stage can be put on its device now: its input is there in time to come, and it fits.
    private bool IsNext(State state, int kind, int stage)
    {
        int unit = state.Count(kind, stage);
        if (unit == _table.MicroBatches || (kind == 2 && !_table.Problem.SplitBackward) || state.IsRefused((kind * _table.Stages) + stage))
            return false;
        return kind switch
        {
            0 => (stage == 0 || unit < state.Count(0, stage - 1)) && Fits(state, stage),
            1 => unit < state.Count(0, stage) && (stage == _table.Stages - 1 || unit < state.Count(1, stage + 1)),
            _ => unit < state.Count(1, stage),
        };
    }

    private bool CapBinds(int device) => _table.HeldOf[device] * _table.MicroBatches > _table.RoomOf[device];

    private bool Fits(State state, int stage)
    {
        int device = _table.Device[stage];
        if (!CapBinds(device))
            return true;
        long held = _table.Held[stage];
        for (int i = 0; i < _table.StageCount[device]; i++)
        {
            int other = _table.StagesOf[device][i];
            held += (state.Count(0, other) - state.Count(_table.Problem.SplitBackward ? 2 : 1, other)) * _table.Held[other];
        }

        return held <= _table.RoomOf[device];
    }

    private long Duration(int kind, int stage) =>
        kind == 0 ? _table.Forward[stage] : kind == 1 ? _table.Input[stage] : _table.Weight[stage];

    private long Start(State state, int kind, int stage)
    {
        int unit = state.Count(kind, stage);
        long clock = state.Clock[_table.Device[stage]];
        return kind switch
        {
            0 => stage == 0 ? clock : Math.Max(clock, state.End(0, stage - 1, unit) + _table.Hop[stage - 1]),
            1 => Math.Max(
                Math.Max(clock, state.End(0, stage, unit)),
                stage == _table.Stages - 1 ? 0 : state.End(1, stage + 1, unit) + _table.Hop[stage]),
            _ => Math.Max(clock, state.End(1, stage, unit)),
        };
    }

    // What no completion of the state beats: each device's work that is left, after its clock and before the shortest way back from it;
    // each unit's way that is left.
    private long Bound(State state)
    {
        long bound = state.Makespan;
        int units = _table.MicroBatches;
        for (int device = 0; device < _table.Devices; device++)
        {
            long passes = 0, weights = 0;
            int first = -1;
            for (int i = 0; i < _table.StageCount[device]; i++)
            {
                int stage = _table.StagesOf[device][i];
                passes += ((units - state.Count(0, stage)) * _table.Forward[stage]) + ((units - state.Count(1, stage)) * _table.Input[stage]);
                weights += (units - state.Count(2, stage)) * _table.Weight[stage];
                if (first < 0 && state.Count(1, stage) < units)
                    first = stage;
            }

            long back = first > 0 ? _inputTail[first - 1] + _table.Hop[first - 1] : 0;
            if (first == 0)
                back = _table.Weight[0];
            bound = Math.Max(bound, state.Clock[device] + passes + Math.Max(weights, first < 0 ? 0 : back));
        }

        for (int stage = 0; stage < _table.Stages; stage++)
        {
            // The next unit of each F and B has at least this way to go.
            int device = _table.Device[stage];
            int next = state.Count(0, stage);
            if (next < units && (stage == 0 || next < state.Count(0, stage - 1)))
                bound = Math.Max(bound, Start(state, 0, stage) + _forwardTail[stage]);
            next = state.Count(1, stage);
            if (next < state.Count(0, stage) && (stage == _table.Stages - 1 || next < state.Count(1, stage + 1)))
                bound = Math.Max(bound, Math.Max(state.Clock[device], Start(state, 1, stage)) + _inputTail[stage]);
        }

        return bound;
    }

    private bool IsDominated(State state)
    {
        if (!_seen.TryGetValue(state.Done, out List<long[]>? others))
            _seen.Add(state.Done, others = []);
        long[] times = state.Times(_table);
        foreach (long[] other in others)
        {
            if (IsNowhereEarlier(times, other))
                return true;
        }

        if (_states < MostStates)
        {
            _states -= others.RemoveAll(other => IsNowhereEarlier(other, times));
            others.Add(times);
            _states++;
        }

        return false;
    }

    private static bool IsNowhereEarlier(long[] times, long[] other)
    {
        for (int i = 0; i < times.Length; i++)
        {
            if (times[i] < other[i])
                return false;
        }

        return true;
    }

    /// <summary>How many F, B and W every stage has done, and which next actions are refused: three bits and one bit each.</summary>
    private readonly record struct Done(ulong Counts, uint Refused);

    private sealed class State
    {
        private readonly long[] _ends;
        private readonly int _stages, _units;

        public State(StageTable table)
        {
            (_stages, _units) = (table.Stages, table.MicroBatches);
            Clock = new long[table.Devices];
            _ends = new long[2 * _stages * _units];
            Left = _stages * _units * (table.Problem.SplitBackward ? 3 : 2);
        }

        private State(State other)
        {
            (_stages, _units, Left, Makespan, Done) = (other._stages, other._units, other.Left, other.Makespan, other.Done);
            (Clock, _ends) = ((long[])other.Clock.Clone(), (long[])other._ends.Clone());
        }

        public long[] Clock { get; }

        public int Left { get; private set; }

        public long Makespan { get; private set; }

        public Done Done { get; private set; }

        public int Count(int kind, int stage) => (int)((Done.Counts >> (3 * ((kind * _stages) + stage))) & 7);

        public long End(int kind, int stage, int unit) => _ends[(((kind * _stages) + stage) * _units) + unit];

        public bool IsRefused(int candidate) => (Done.Refused >> candidate & 1) != 0;

        public State After(StageTable table, int kind, int stage, long end)
        {
            int unit = Count(kind, stage), device = table.Device[stage];
            uint refused = Done.Refused;

            // Once something else is next on the device, what was refused may follow.
            for (int i = 0; i < table.StageCount[device]; i++)
            {
                for (int own = 0; own < 3; own++)
                    refused &= ~(1u << ((own * _stages) + table.StagesOf[device][i]));
            }

            var next = new State(this)
            {
                Left = Left - 1,
                Makespan = Math.Max(Makespan, end),
                Done = new(Done.Counts + (1UL << (3 * ((kind * _stages) + stage))), refused),
            };
            next.Clock[device] = end;
            if (kind < 2)
                next._ends[(((kind * _stages) + stage) * _units) + unit] = end;
            return next;
        }

        public State Waiting(StageTable table, int device, IEnumerable<int> candidates)
        {
            uint refused = Done.Refused;
            foreach (int candidate in candidates)
                refused |= 1u << candidate;
            return new State(this) { Done = Done with { Refused = refused } };
        }

        // Clocks, and the ends that something still waits for; the others do not matter any more.
        public long[] Times(StageTable table)
        {
            var times = new long[Clock.Length + _ends.Length + 1];
            Array.Copy(Clock, times, Clock.Length);
            for (int stage = 0; stage < _stages; stage++)
            {
                for (int unit = 0; unit < _units; unit++)
                {
                    bool forwardWaits = Count(1, stage) <= unit && unit < Count(0, stage);
                    bool inputWaits = unit < Count(1, stage)
                        && ((table.Problem.SplitBackward && Count(2, stage) <= unit) || (stage > 0 && Count(1, stage - 1) <= unit));
                    if (forwardWaits)
                        times[Clock.Length + (stage * _units) + unit] = End(0, stage, unit);
                    if (inputWaits)
                        times[Clock.Length + ((_stages + stage) * _units) + unit] = End(1, stage, unit);
                }
            }

            times[times.Length - 1] = Makespan;
            return times;
        }
    }
}
