using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Times the steps of pipelines, to be used again and again. Every stage does its warm-up, then a forward and a backward in turn,
/// then the backwards that are left. A forward waits for that of the stage before and the hop, a backward for that of the stage after and
/// the hop; hops occupy nothing.</summary>
public sealed class StepSimulator
{
    // When each forward and backward ends.
    private long[] _forwardEnd = [], _backwardEnd = [];

    // For each data rank and stage when it is free; for each stage how many forwards and backwards all data ranks have done.
    private long[] _free = [];
    private int[] _forwards = [], _backwards = [];

    // For each data rank when its action could start and how long it takes, if it leads others: all of theirs.
    private long[] _start = [], _duration = [];

    /// <summary>Times <paramref name="work"/>.</summary>
    /// <exception cref="ArgumentException">A time is negative, or a leader is no leader.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public StepTimes Run(StepWork work)
    {
        Check(work);
        Reset(work);
        var busy = new long[work.DataRanks * work.Stages];

        // Every stage goes on as long as it can, up and down. All data ranks have the same program, so that none waits for ever.
        int left = 2 * work.Slots * work.Stages;
        for (bool up = true; left > 0; up = !up)
        {
            for (int index = 0; index < work.Stages; index++)
            {
                int stage = up ? index : work.Stages - 1 - index;
                while (TryAct(work, stage, busy))
                    left--;
            }
        }

        long makespan = 0;
        for (int device = 0; device < busy.Length; device++)
            makespan = Math.Max(makespan, _free[device]);
        var bubble = new long[busy.Length];
        for (int device = 0; device < busy.Length; device++)
            bubble[device] = makespan - busy[device];
        return new StepTimes(makespan, busy, bubble);
    }

    private bool TryAct(StepWork work, int stage, long[] busy)
    {
        int forwards = _forwards[stage], backwards = _backwards[stage];
        if (backwards == work.Slots)
            return false;
        if (forwards < work.Slots && forwards <= work.WarmUpOf(stage) + backwards)
        {
            if (stage > 0 && _forwards[stage - 1] <= forwards)
                return false;
            Act(work, stage, forwards, stage - 1, work.Forward, work.ForwardLeaders, _forwardEnd, busy);
            _forwards[stage]++;
            return true;
        }

        if (stage + 1 < work.Stages && _backwards[stage + 1] <= backwards)
            return false;
        Act(work, stage, backwards, stage + 1, work.Backward, work.BackwardLeaders, _backwardEnd, busy);
        _backwards[stage]++;
        return true;
    }

    // One action of all data ranks. What it needs comes from stage `source`, if there is one.
    private void Act(StepWork work, int stage, int slot, int source, long[] durations, int[] leaders, long[] ends, long[] busy)
    {
        bool travels = source >= 0 && source < work.Stages;
        for (int rank = 0; rank < work.DataRanks; rank++)
        {
            int device = (rank * work.Stages) + stage, leader = leaders[(rank * work.Slots) + slot];
            long start = _free[device];
            if (travels)
                start = Math.Max(start, ends[work.Cell(rank, source, slot)] + work.Hops[Math.Min(stage, source)]);
            long duration = durations[work.Cell(rank, stage, slot)];

            // A leader comes before those that it leads.
            (_start[leader], _duration[leader]) = leader == rank
                ? (start, duration)
                : (Math.Max(_start[leader], start), Math.Max(_duration[leader], duration));
        }

        for (int rank = 0; rank < work.DataRanks; rank++)
        {
            int device = (rank * work.Stages) + stage, leader = leaders[(rank * work.Slots) + slot];
            _free[device] = _start[leader] + _duration[leader];
            ends[work.Cell(rank, stage, slot)] = _free[device];
            busy[device] += _duration[leader];
        }
    }

    private void Reset(StepWork work)
    {
        if (_forwardEnd.Length < work.Forward.Length)
            (_forwardEnd, _backwardEnd) = (new long[work.Forward.Length], new long[work.Forward.Length]);
        if (_free.Length < work.DataRanks * work.Stages)
            _free = new long[work.DataRanks * work.Stages];
        if (_forwards.Length < work.Stages)
            (_forwards, _backwards) = (new int[work.Stages], new int[work.Stages]);
        if (_start.Length < work.DataRanks)
            (_start, _duration) = (new long[work.DataRanks], new long[work.DataRanks]);
        Array.Clear(_free, 0, _free.Length);
        Array.Clear(_forwards, 0, _forwards.Length);
        Array.Clear(_backwards, 0, _backwards.Length);
    }

    private static void Check(StepWork work)
    {
        foreach (long[] times in new[] { work.Forward, work.Backward, work.Hops })
        {
            foreach (long time in times)
            {
                if (time < 0)
                    throw new ArgumentException(Invariant($"a time of {time} ns is negative"), nameof(work));
            }
        }

        foreach (int[] leaders in new[] { work.ForwardLeaders, work.BackwardLeaders })
        {
            for (int index = 0; index < leaders.Length; index++)
            {
                int rank = index / work.Slots, slot = index % work.Slots, leader = leaders[index];
                if (leader < 0 || leader > rank || leaders[(leader * work.Slots) + slot] != leader)
                {
                    throw new ArgumentException(
                        Invariant($"data rank {leader} does not lead data rank {rank} in slot {slot}"), nameof(work));
                }
            }
        }
    }
}
