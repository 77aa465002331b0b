namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>For each device the computations that are ready, the least priority first, of equal ones the least number. Each is a skew heap
/// through arrays that all devices share, so that none has a size of its own.</summary>
internal sealed class ReadyComputations(int devices)
{
    private const int None = -1;

    private readonly int[] _root = new int[devices];
    private int[] _left = [], _right = [];
    private int[] _priorities = [];

    /// <summary>Forgets everything and makes room for <paramref name="tasks"/> tasks with <paramref name="priorities"/>.</summary>
    public void Reset(int tasks, int[] priorities)
    {
        if (_left.Length < tasks)
            (_left, _right) = (new int[tasks], new int[tasks]);
        _priorities = priorities;
        for (int device = 0; device < _root.Length; device++)
            _root[device] = None;
    }

    /// <summary>Adds <paramref name="task"/> to those of <paramref name="device"/>.</summary>
    public void Add(int device, int task)
    {
        (_left[task], _right[task]) = (None, None);
        _root[device] = Merge(_root[device], task);
    }

    /// <summary>Takes the first of <paramref name="device"/>.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryTake(int device, out int task)
    {
        task = _root[device];
        if (task == None)
            return false;
        _root[device] = Merge(_left[task], _right[task]);
        return true;
    }

    // Down the right sides of both, which change sides on the way: without recursion, as such a side may be long.
    private int Merge(int heap, int other)
    {
        int root = None, parent = None;
        while (heap != None && other != None)
        {
            if (!Before(heap, other))
                (heap, other) = (other, heap);
            int next = _right[heap];
            _right[heap] = _left[heap];
            if (parent == None)
                root = heap;
            else
                _left[parent] = heap;
            (parent, heap) = (heap, next);
        }

        int rest = heap == None ? other : heap;
        if (parent == None)
            return rest;
        _left[parent] = rest;
        return root;
    }

    private bool Before(int task, int other) =>
        _priorities[task] < _priorities[other] || (_priorities[task] == _priorities[other] && task < other);
}
