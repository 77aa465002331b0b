using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>What a task occupies.</summary>
internal enum TaskKind : byte
{
    /// <summary>One device.</summary>
    Compute,

    /// <summary>The links from one device to another.</summary>
    Transfer,

    /// <summary>Nothing, for a fixed time.</summary>
    Delay,
}

/// <summary>Tasks of a cluster and what each waits for. A task is a number, from 0 in the order of being added. The graph is made to be
/// filled again and again: <see cref="Clear"/> keeps its memory.</summary>
public sealed class TaskGraph
{
    private const int None = -1;

    private TaskKind[] _kinds = [];
    private int[] _devices = [], _destinations = [], _priorities = [], _waits = [], _firstEdge = [];
    private long[] _amounts = [];
    private int[] _edgeTask = [], _edgeNext = [];
    private int _edges;

    /// <summary>The number of tasks.</summary>
    public int Count { get; private set; }

    internal TaskKind[] Kinds => _kinds;

    // Of a computation its device, of a transfer its source.
    internal int[] Devices => _devices;

    internal int[] Destinations => _destinations;

    internal int[] Priorities => _priorities;

    // Nanoseconds of a computation or a delay, bytes of a transfer.
    internal long[] Amounts => _amounts;

    // For each task how many others it waits for.
    internal int[] Waits => _waits;

    // The tasks that wait for a task, as a list of edges.
    internal int[] FirstEdge => _firstEdge;

    internal int[] EdgeTask => _edgeTask;

    internal int[] EdgeNext => _edgeNext;

    /// <summary>Forgets all tasks.</summary>
    public void Clear() => (Count, _edges) = (0, 0);

    /// <summary>Adds a computation.</summary>
    /// <param name="device">The device that it occupies.</param>
    /// <param name="nanoseconds">How long, where no transfer slows it down.</param>
    /// <param name="priority">Of the computations that are ready the device takes the one with the least priority, and of these the one
    /// that was added first. It never interrupts one.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative time.</exception>
    public int AddCompute(int device, long nanoseconds, int priority = 0)
    {
        int task = Add(TaskKind.Compute, device, device, nanoseconds);
        _priorities[task] = priority;
        return task;
    }

    /// <summary>Adds a transfer. It starts when everything that it waits for is done.</summary>
    /// <param name="source">The device that sends.</param>
    /// <param name="destination">The device that receives; the same one makes a transfer that takes no time.</param>
    /// <param name="bytes">How much.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Negative bytes.</exception>
    public int AddTransfer(int source, int destination, long bytes) => Add(TaskKind.Transfer, source, destination, bytes);

    /// <summary>Adds a task that occupies nothing and takes a fixed time; one of no time only gathers what others wait for.</summary>
    /// <param name="nanoseconds">How long.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative time.</exception>
    public int AddDelay(long nanoseconds = 0) => Add(TaskKind.Delay, 0, 0, nanoseconds);

    /// <summary>Lets <paramref name="task"/> wait for <paramref name="earlier"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One of them is no task.</exception>
    public void Wait(int task, int earlier)
    {
        Check(task, nameof(task));
        Check(earlier, nameof(earlier));
        if (_edges == _edgeTask.Length)
        {
            int size = Math.Max(256, 2 * _edges);
            Array.Resize(ref _edgeTask, size);
            Array.Resize(ref _edgeNext, size);
        }

        (_edgeTask[_edges], _edgeNext[_edges]) = (task, _firstEdge[earlier]);
        _firstEdge[earlier] = _edges++;
        _waits[task]++;
    }

    private int Add(TaskKind kind, int device, int destination, long amount)
    {
        if (amount < 0)
            throw new ArgumentOutOfRangeException(nameof(amount), Invariant($"a task of {amount} nanoseconds or bytes"));
        if (Count == _kinds.Length)
            Grow(Math.Max(128, 2 * Count));
        int task = Count++;
        (_kinds[task], _devices[task], _destinations[task], _amounts[task]) = (kind, device, destination, amount);
        (_priorities[task], _waits[task], _firstEdge[task]) = (0, 0, None);
        return task;
    }

    private void Check(int task, string name)
    {
        if (task < 0 || task >= Count)
            throw new ArgumentOutOfRangeException(name, Invariant($"task {task} of {Count}"));
    }

    private void Grow(int size)
    {
        Array.Resize(ref _kinds, size);
        Array.Resize(ref _devices, size);
        Array.Resize(ref _destinations, size);
        Array.Resize(ref _priorities, size);
        Array.Resize(ref _waits, size);
        Array.Resize(ref _firstEdge, size);
        Array.Resize(ref _amounts, size);
    }
}
