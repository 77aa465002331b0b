namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>The transfers that are moving bytes, and how fast: of every link that it crosses a transfer could have an equal share, and it
/// moves at the least of these.</summary>
/// <remarks>This is contention by fair share, not max-min fairness: what a transfer leaves of its share, because another link holds it up
/// more, nobody else takes. Rates are rounded down and ends up, so no link ever carries more than it can, and every byte is
/// moved.</remarks>
internal sealed class SharedLinks(LinkTable table)
{
    private const int None = -1;
    private const int Length = LinkTable.LongestRoute;

    // For each link the first of its transfers' places, and how many there are. A transfer has a place for each link of its route.
    private readonly int[] _first = new int[table.Capacities.Length];
    private readonly int[] _active = new int[table.Capacities.Length];
    private int[] _next = [], _previous = [], _route = [];
    private byte[] _routeLength = [];

    // For each transfer what is left at the time of its last change of rate, the rate, and that time.
    private long[] _remaining = [], _rate = [], _since = [];

    // Links whose transfers have to be looked at, each once; transfers that have been, by the number of the look.
    private readonly int[] _changed = new int[table.Capacities.Length];
    private readonly bool[] _isChanged = new bool[table.Capacities.Length];
    private int _changedCount;
    private int[] _lookedAt = [];
    private int _look;

    public void Reset(int tasks)
    {
        if (_rate.Length < tasks)
        {
            (_next, _previous, _route) = (new int[tasks * Length], new int[tasks * Length], new int[tasks * Length]);
            (_remaining, _rate, _since) = (new long[tasks], new long[tasks], new long[tasks]);
            (_routeLength, _lookedAt) = (new byte[tasks], new int[tasks]);
        }

        for (int link = 0; link < _first.Length; link++)
            (_first[link], _active[link], _isChanged[link]) = (None, 0, false);
        Array.Clear(_lookedAt, 0, _lookedAt.Length);
        (_changedCount, _look) = (0, 0);
    }

    /// <summary>Lets <paramref name="task"/> begin to move its bytes; it has its rate after <see cref="Share"/>.</summary>
    public void Begin(int task, int source, int destination, long bytes, long now)
    {
        int place = task * Length;
        (_remaining[task], _rate[task], _since[task]) = (LinkTable.WorkOf(bytes), 0, now);
        _routeLength[task] = (byte)table.Route(source, destination, _route, place);
        for (int end = place + _routeLength[task]; place < end; place++)
        {
            int link = _route[place], head = _first[link];
            (_previous[place], _next[place]) = (None, head);
            if (head != None)
                _previous[head] = place;
            _first[link] = place;
            _active[link]++;
            Change(link);
        }
    }

    /// <summary>Takes <paramref name="task"/>, which has moved all its bytes, off its links.</summary>
    public void End(int task)
    {
        int place = task * Length;
        for (int end = place + _routeLength[task]; place < end; place++)
        {
            int link = _route[place], before = _previous[place], after = _next[place];
            if (before == None)
                _first[link] = after;
            else
                _next[before] = after;
            if (after != None)
                _previous[after] = before;
            _active[link]--;
            Change(link);
        }
    }

    /// <summary>Gives every transfer on a link whose transfers have changed its rate, and moves the event of its end.</summary>
    public void Share(long now, EventQueue events)
    {
        if (_changedCount == 0)
            return;
        _look++;
        for (int index = 0; index < _changedCount; index++)
        {
            int link = _changed[index];
            _isChanged[link] = false;
            for (int place = _first[link]; place != None; place = _next[place])
            {
                int task = place / Length;
                if (_lookedAt[task] == _look)
                    continue;
                _lookedAt[task] = _look;
                long rate = RateOf(task);
                if (rate == _rate[task])
                    continue;

                // At its very end a transfer may have moved a little more than it had to, within the last nanosecond.
                _remaining[task] = Math.Max(0, _remaining[task] - (_rate[task] * (now - _since[task])));
                (_rate[task], _since[task]) = (rate, now);
                events.Set(task, now + ((_remaining[task] + rate - 1) / rate));
            }
        }

        _changedCount = 0;
    }

    private long RateOf(int task)
    {
        int place = task * Length;
        long least = long.MaxValue;
        for (int end = place + _routeLength[task]; place < end; place++)
            least = Math.Min(least, table.Capacities[_route[place]] / _active[_route[place]]);
        return Math.Max(1, least);
    }

    private void Change(int link)
    {
        if (_isChanged[link])
            return;
        _isChanged[link] = true;
        _changed[_changedCount++] = link;
    }
}
