namespace ParallelDsl.Planning.Rings;

/// <summary>Chooses as many rings of a few devices as share no link, by trying all of them.</summary>
internal sealed class CycleChoice
{
    /// <summary>The most devices: 720 rings, whose links fit in the bits of a number.</summary>
    public const int MostDevices = 7;

    private readonly int _devices;
    private readonly List<(long Links, int[] Next)>[] _rings;
    private readonly List<int[]> _chosen = [];
    private int _steps;
    private List<int[]> _best = [];

    private CycleChoice(bool[,] linked, int steps)
    {
        _devices = linked.GetLength(0);
        _steps = steps;
        // By the device after device 0: of each at most one is chosen.
        _rings = new List<(long, int[])>[_devices];
        for (int device = 0; device < _devices; device++)
            _rings[device] = [];
        Extend(linked, 0, 0, 1, new int[_devices]);
    }

    /// <summary>The most rings; where <paramref name="steps"/> are too few, those found so far.</summary>
    /// <param name="linked">Whether there is a link, first index: from whom.</param>
    /// <param name="bound">How many there are at most.</param>
    /// <param name="steps">How many rings are tried.</param>
    public static List<int[]> Find(bool[,] linked, int bound, int steps)
    {
        var choice = new CycleChoice(linked, steps);
        choice.Choose(1, 0, bound);
        return choice._best;
    }

    // All ways on from a device, with the links and the devices taken so far as bits.
    private void Extend(bool[,] linked, int from, long links, int taken, int[] next)
    {
        bool isLast = taken == (1 << _devices) - 1;
        for (int to = isLast ? 0 : 1; to < (isLast ? 1 : _devices); to++)
        {
            if (!linked[from, to] || (!isLast && (taken >> to & 1) == 1))
                continue;
            next[from] = to;
            long more = links | (1L << ((from * _devices) + to));
            if (isLast)
                _rings[next[0]].Add((more, (int[])next.Clone()));
            else
                Extend(linked, to, more, taken | (1 << to), next);
        }
    }

    private void Choose(int first, long used, int bound)
    {
        if (_chosen.Count > _best.Count)
            _best = [.. _chosen];
        if (first == _devices || _best.Count == bound || _chosen.Count + _devices - first <= _best.Count)
            return;
        foreach ((long links, int[] next) in _rings[first])
        {
            if ((links & used) != 0 || _steps-- <= 0)
                continue;
            _chosen.Add(next);
            Choose(first + 1, used | links, bound);
            _chosen.RemoveAt(_chosen.Count - 1);
        }

        Choose(first + 1, used, bound);
    }
}
