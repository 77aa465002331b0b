namespace ParallelDsl.Planning.Strategies;

/// <summary>One pass of one slot on the ranks of a stage: which of them start and end it together, and how long that takes.</summary>
/// <param name="Together">For each rank the least rank of those that it is together with.</param>
/// <param name="Sizes">For each such least rank how many they are.</param>
/// <param name="Nanoseconds">For each such least rank how long they take.</param>
internal sealed record SlotPass(int[] Together, int[] Sizes, long[] Nanoseconds);

/// <summary>Runs slots through a pipeline whose stages have ranks that go on at their own pace, but for those that are together in a slot. Each
/// rank of each stage runs 1F1B with a lag: P - 1 - s + L forwards, then a forward and a backward in turn, then backwards.</summary>
internal sealed class SlotReplay
{
    private readonly int _stages, _ranks, _lag, _slots;
    private readonly SlotPass[] _forward, _backward;
    private readonly long _hop;

    // For each rank of each stage how much of its program is done, since when, and whether it waits for others; for each pass of each
    // slot on each rank of each stage its end, or -1.
    private readonly int[] _next;
    private readonly long[] _free;
    private readonly bool[] _arrived;
    private readonly long[] _ends;

    // For those together in a pass of a slot of a stage how many have arrived, and the last of them.
    private readonly int[] _arrivals;
    private readonly long[] _starts;
    private readonly Stack<int> _lanes = new();

    private SlotReplay(int stages, int lag, SlotPass[] forward, SlotPass[] backward, long hop)
    {
        (_stages, _lag, _slots, _ranks) = (stages, lag, forward.Length, forward[0].Together.Length);
        (_forward, _backward, _hop) = (forward, backward, hop);
        int lanes = stages * _ranks;
        (_next, _free, _arrived) = (new int[lanes], new long[lanes], new bool[lanes]);
        int cells = lanes * 2 * _slots;
        (_ends, _arrivals, _starts) = (new long[cells], new int[cells], new long[cells]);
        for (int cell = 0; cell < cells; cell++)
            _ends[cell] = -1;
    }

    /// <summary>Nanoseconds until the last backward ends.</summary>
    /// <param name="stages">P.</param>
    /// <param name="lag">L.</param>
    /// <param name="forward">The forward of each slot, on every stage.</param>
    /// <param name="backward">The backward of each slot.</param>
    /// <param name="hop">Nanoseconds from a stage to its neighbour.</param>
    public static long Run(int stages, int lag, SlotPass[] forward, SlotPass[] backward, long hop) =>
        new SlotReplay(stages, lag, forward, backward, hop).Run();

    private long Run()
    {
        for (int lane = _next.Length - 1; lane >= 0; lane--)
            _lanes.Push(lane);
        long last = 0;
        int done = 0;
        while (_lanes.Count > 0)
        {
            int lane = _lanes.Pop();
            if (_arrived[lane] || _next[lane] == 2 * _slots || ReadyAt(lane) is not { } ready)
                continue;
            _arrived[lane] = true;
            (int stage, int rank) = (lane / _ranks, lane % _ranks);
            (bool isBackward, int slot) = ActionOf(stage, _next[lane]);
            SlotPass pass = isBackward ? _backward[slot] : _forward[slot];
            int leader = pass.Together[rank], meeting = Cell(stage, isBackward, slot, leader);
            _starts[meeting] = Math.Max(_starts[meeting], ready);
            if (++_arrivals[meeting] < pass.Sizes[leader])
                continue;
            long end = _starts[meeting] + pass.Nanoseconds[leader];
            last = Math.Max(last, end);
            done += pass.Sizes[leader];
            for (int other = leader; other < _ranks; other++)
            {
                if (pass.Together[other] == leader)
                    Finish(stage, other, isBackward, slot, end);
            }
        }

        return done == _ends.Length ? last : throw new InvalidOperationException("slots of a pipeline wait for one another");
    }

    private void Finish(int stage, int rank, bool isBackward, int slot, long end)
    {
        int lane = (stage * _ranks) + rank;
        _ends[Cell(stage, isBackward, slot, rank)] = end;
        (_free[lane], _arrived[lane]) = (end, false);
        _next[lane]++;
        _lanes.Push(lane);
        int neighbour = isBackward ? stage - 1 : stage + 1;
        if (neighbour >= 0 && neighbour < _stages)
            _lanes.Push((neighbour * _ranks) + rank);
    }

    // When a rank and what it works on next are there, or null where that is not known yet.
    private long? ReadyAt(int lane)
    {
        (int stage, int rank) = (lane / _ranks, lane % _ranks);
        (bool isBackward, int slot) = ActionOf(stage, _next[lane]);
        int before = isBackward ? stage + 1 : stage - 1;
        if (before < 0 || before == _stages)
            return _free[lane];
        long input = _ends[Cell(before, isBackward, slot, rank)];
        return input < 0 ? null : Math.Max(_free[lane], input + _hop);
    }

    private (bool IsBackward, int Slot) ActionOf(int stage, int index)
    {
        int ahead = Math.Min(_stages - 1 - stage + _lag, _slots - 1);
        if (index < ahead)
            return (false, index);
        int pair = (index - ahead) / 2;
        if (ahead + pair >= _slots)
            return (true, index - _slots);
        return (index - ahead) % 2 == 0 ? (false, ahead + pair) : (true, pair);
    }

    private int Cell(int stage, bool isBackward, int slot, int rank) => (((((stage * 2) + (isBackward ? 1 : 0)) * _slots) + slot) * _ranks) + rank;
}
