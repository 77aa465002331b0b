namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>The next event of each task that has one, the earliest first, of equal times that of the task with the least number: a binary
/// heap that knows where each task stands, so that an event can move.</summary>
internal sealed class EventQueue
{
    private const int Absent = -1;

    private int[] _heap = [];
    private int[] _position = [];
    private long[] _time = [];

    /// <summary>The number of events.</summary>
    public int Count { get; private set; }

    /// <summary>The time of the first event; there has to be one.</summary>
    public long FirstTime => _time[_heap[0]];

    /// <summary>Forgets all events and makes room for <paramref name="tasks"/> tasks.</summary>
    public void Reset(int tasks)
    {
        Count = 0;
        if (_position.Length < tasks)
        {
            int size = Math.Max(tasks, 2 * _position.Length);
            (_heap, _position, _time) = (new int[size], new int[size], new long[size]);
        }

        for (int task = 0; task < tasks; task++)
            _position[task] = Absent;
    }

    /// <summary>Sets the event of <paramref name="task"/>, anew or in place of the one that it has.</summary>
    public void Set(int task, long time)
    {
        int position = _position[task];
        if (position == Absent)
        {
            position = Count++;
            _time[task] = time;
            RiseFrom(position, task);
        }
        else if (time <= _time[task])
        {
            _time[task] = time;
            RiseFrom(position, task);
        }
        else
        {
            _time[task] = time;
            SinkFrom(position, task);
        }
    }

    /// <summary>Takes the first event out.</summary>
    /// <returns>Its task.</returns>
    public int Take()
    {
        int first = _heap[0], last = _heap[--Count];
        _position[first] = Absent;
        if (Count > 0)
            SinkFrom(0, last);
        return first;
    }

    private bool Before(int task, int other) =>
        _time[task] < _time[other] || (_time[task] == _time[other] && task < other);

    private void RiseFrom(int position, int task)
    {
        while (position > 0)
        {
            int parent = (position - 1) / 2, other = _heap[parent];
            if (!Before(task, other))
                break;
            Place(other, position);
            position = parent;
        }

        Place(task, position);
    }

    private void SinkFrom(int position, int task)
    {
        while (true)
        {
            int child = (2 * position) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && Before(_heap[child + 1], _heap[child]))
                child++;
            if (!Before(_heap[child], task))
                break;
            Place(_heap[child], position);
            position = child;
        }

        Place(task, position);
    }

    private void Place(int task, int position) => (_heap[position], _position[task]) = (task, position);
}
