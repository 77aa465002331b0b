using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Runs a <see cref="TaskGraph"/> on a cluster: discrete events in integer nanoseconds, the same for the same input
/// everywhere.</summary>
/// <remarks>
/// <para>A device computes one task at a time and never interrupts it: of those that are ready it takes the least priority, then the least
/// number. A transfer starts when everything it waits for is done, waits for the latency of its way, and then moves its bytes over the
/// links that it crosses: inside a node the port of the sender and that of the receiver (over a mesh their one link), between nodes the
/// interfaces of both devices and the uplinks of both nodes, where they have one. Links carry both directions at once.</para>
/// <para>Contention is by fair share: a transfer's rate is the least, over its links, of the capacity by the number of transfers that move
/// bytes there. That is no max-min fairness: what a transfer cannot use of its share stays unused. Rates change when a transfer begins or
/// ends on one of the links.</para>
/// <para>While bytes move from or to a device, its computation goes on at 1000 - <c>overlapSlowdownPermille</c> thousandths of its speed,
/// because the transfer takes some of its processors and of its memory bandwidth.</para>
/// </remarks>
public sealed class ClusterSimulator
{
    /// <summary>By how much a transfer slows computation down if nobody says otherwise; nominal: a few of a device's hundred
    /// processors.</summary>
    public const int DefaultOverlapSlowdownPermille = 50;

    private const int None = -1;
    private const long FullSpeed = 1_000;

    private readonly LinkTable _table;
    private readonly long _slowSpeed;
    private readonly EventQueue _events = new();
    private readonly ReadyComputations _ready;
    private readonly SharedLinks _links;

    // For each device: its computation, the transfers that touch it, the time it has computed, and whether it has to be looked at.
    private readonly int[] _running, _touching, _changed;
    private readonly long[] _busy;
    private readonly bool[] _isChanged;
    private int _changedCount;

    private readonly long[] _nicSent, _nicReceived;

    // For each computation what is left (nanoseconds at full speed, times 1000) at its last change of speed, and that time.
    private long[] _remaining = [], _since = [], _speed = [];
    private long[] _start = [], _end = [];
    private int[] _waits = [], _released = [];
    private bool[] _moving = [];
    private int _releasedCount, _finished;
    private long _now;
    private TaskGraph _graph = new();

    /// <summary>A simulator of one cluster, to be used again and again.</summary>
    /// <param name="links">The cluster.</param>
    /// <param name="overlapSlowdownPermille">By how many thousandths a transfer slows the computation of its two devices down.</param>
    /// <exception cref="ArgumentException">A count or a rate is not positive, or the slow-down not in 0..999.</exception>
    public ClusterSimulator(ClusterLinks links, int overlapSlowdownPermille = DefaultOverlapSlowdownPermille)
    {
        if (overlapSlowdownPermille is < 0 or >= (int)FullSpeed)
        {
            throw new ArgumentOutOfRangeException(
                nameof(overlapSlowdownPermille), Invariant($"a slow-down by {overlapSlowdownPermille} thousandths"));
        }

        _table = new LinkTable(links);
        _slowSpeed = FullSpeed - overlapSlowdownPermille;
        int devices = _table.DeviceCount;
        (_ready, _links) = (new ReadyComputations(devices), new SharedLinks(_table));
        (_running, _touching, _changed) = (new int[devices], new int[devices], new int[devices]);
        (_busy, _isChanged) = (new long[devices], new bool[devices]);
        (_nicSent, _nicReceived) = (new long[_table.NicCount], new long[_table.NicCount]);
    }

    /// <summary>The end of the last task of the last run.</summary>
    public long Makespan { get; private set; }

    /// <summary>Bytes that crossed from one node to another in the last run.</summary>
    public long CrossNodeBytes { get; private set; }

    /// <summary>The number of network interfaces, in the order of nodes.</summary>
    public int NicCount => _table.NicCount;

    internal LinkTable Table => _table;

    /// <summary>When <paramref name="task"/> started: of a transfer, before its latency.</summary>
    public long StartOf(int task) => _start[task];

    /// <summary>When <paramref name="task"/> ended.</summary>
    public long EndOf(int task) => _end[task];

    /// <summary>Nanoseconds that <paramref name="device"/> computed, slowed down or not.</summary>
    public long BusyOf(int device) => _busy[device];

    /// <summary>Bytes that left through network interface <paramref name="nic"/>.</summary>
    public long BytesSentBy(int nic) => _nicSent[nic];

    /// <summary>Bytes that came in through network interface <paramref name="nic"/>.</summary>
    public long BytesReceivedBy(int nic) => _nicReceived[nic];

    /// <summary>Runs <paramref name="graph"/>. Its times are there until the next run.</summary>
    /// <exception cref="ArgumentException">A task is on no device, a transfer leaves a node without network interfaces, or tasks wait for
    /// one another.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public void Run(TaskGraph graph)
    {
        Reset(graph);
        for (int task = 0; task < graph.Count; task++)
        {
            if (_waits[task] == 0)
                _released[_releasedCount++] = task;
        }

        Release();
        while (true)
        {
            // Everything that happens at one time happens before anything new is chosen.
            while (_events.Count > 0 && _events.FirstTime == _now)
            {
                Happen(_events.Take());
                Release();
            }

            Settle();
            if (_events.Count == 0)
                break;
            _now = _events.FirstTime;
        }

        if (_finished < graph.Count)
            throw new ArgumentException(Invariant($"{graph.Count - _finished} of {graph.Count} tasks wait for one another"), nameof(graph));
        Makespan = _now;
    }

    private void Reset(TaskGraph graph)
    {
        int tasks = graph.Count, devices = _running.Length;
        for (int task = 0; task < tasks; task++)
        {
            int source = graph.Devices[task], destination = graph.Destinations[task];
            if (source < 0 || source >= devices || destination < 0 || destination >= devices)
                throw new ArgumentException(Invariant($"task {task} is on device {source} or {destination} of {devices}"), nameof(graph));
        }

        if (_start.Length < tasks)
        {
            int size = Math.Max(tasks, 2 * _start.Length);
            (_start, _end, _remaining, _since, _speed) = (new long[size], new long[size], new long[size], new long[size], new long[size]);
            (_waits, _released, _moving) = (new int[size], new int[size], new bool[size]);
        }

        _graph = graph;
        Array.Copy(graph.Waits, _waits, tasks);
        Array.Clear(_moving, 0, tasks);
        _events.Reset(tasks);
        _ready.Reset(tasks, graph.Priorities);
        _links.Reset(tasks);
        for (int device = 0; device < devices; device++)
            (_running[device], _touching[device], _busy[device], _isChanged[device]) = (None, 0, 0, false);
        Array.Clear(_nicSent, 0, _nicSent.Length);
        Array.Clear(_nicReceived, 0, _nicReceived.Length);
        (_changedCount, _releasedCount, _finished, _now) = (0, 0, 0, 0);
        (Makespan, CrossNodeBytes) = (0, 0);
    }

    // Starts the tasks that wait for nothing any more. A task that takes no time ends here, and may release others.
    private void Release()
    {
        while (_releasedCount > 0)
        {
            int task = _released[--_releasedCount];
            _start[task] = _now;
            switch (_graph.Kinds[task])
            {
                case TaskKind.Compute:
                    _ready.Add(_graph.Devices[task], task);
                    Change(_graph.Devices[task]);
                    break;
                case TaskKind.Transfer when _graph.Devices[task] != _graph.Destinations[task]:
                    _events.Set(task, _now + _table.LatencyOf(_graph.Devices[task], _graph.Destinations[task]));
                    break;
                case TaskKind.Delay when _graph.Amounts[task] > 0:
                    _events.Set(task, _now + _graph.Amounts[task]);
                    break;
                default:
                    Finish(task);
                    break;
            }
        }
    }

    private void Happen(int task)
    {
        switch (_graph.Kinds[task])
        {
            case TaskKind.Compute:
                int device = _graph.Devices[task];
                _running[device] = None;
                _busy[device] += _now - _start[task];
                Change(device);
                Finish(task);
                break;
            case TaskKind.Transfer when _moving[task]:
                _links.End(task);
                Touch(task, -1);
                Finish(task);
                break;
            case TaskKind.Transfer when _graph.Amounts[task] > 0:
                _moving[task] = true;
                _links.Begin(task, _graph.Devices[task], _graph.Destinations[task], _graph.Amounts[task], _now);
                Touch(task, 1);
                Count(task);
                break;
            default:
                Finish(task);
                break;
        }
    }

    private void Finish(int task)
    {
        _end[task] = _now;
        _finished++;
        for (int edge = _graph.FirstEdge[task]; edge >= 0; edge = _graph.EdgeNext[edge])
        {
            int waiting = _graph.EdgeTask[edge];
            if (--_waits[waiting] == 0)
                _released[_releasedCount++] = waiting;
        }
    }

    // Rates of transfers, speeds of computations and new computations, after everything at this time has happened.
    private void Settle()
    {
        _links.Share(_now, _events);
        for (int index = 0; index < _changedCount; index++)
        {
            int device = _changed[index];
            _isChanged[device] = false;
            long speed = _touching[device] > 0 ? _slowSpeed : FullSpeed;
            int task = _running[device];
            if (task == None)
            {
                if (!_ready.TryTake(device, out task))
                    continue;
                _running[device] = task;
                (_start[task], _remaining[task]) = (_now, _graph.Amounts[task] * FullSpeed);
            }
            else if (_speed[task] == speed)
            {
                continue;
            }
            else
            {
                _remaining[task] = Math.Max(0, _remaining[task] - (_speed[task] * (_now - _since[task])));
            }

            (_speed[task], _since[task]) = (speed, _now);
            _events.Set(task, _now + ((_remaining[task] + speed - 1) / speed));
        }

        _changedCount = 0;
    }

    private void Touch(int task, int change)
    {
        int source = _graph.Devices[task], destination = _graph.Destinations[task];
        _touching[source] += change;
        _touching[destination] += change;
        Change(source);
        Change(destination);
    }

    private void Count(int task)
    {
        int source = _graph.Devices[task], destination = _graph.Destinations[task];
        if (_table.NodeOf(source) == _table.NodeOf(destination))
            return;
        long bytes = _graph.Amounts[task];
        CrossNodeBytes += bytes;
        _nicSent[_table.NicOf(source)] += bytes;
        _nicReceived[_table.NicOf(destination)] += bytes;
    }

    private void Change(int device)
    {
        if (_isChanged[device])
            return;
        _isChanged[device] = true;
        _changed[_changedCount++] = device;
    }
}
