namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of exchanges whose members fetch from one another, and of local ones, whose members have nothing to
/// fetch.</summary>
internal sealed class DirectTasks
{
    // Local work can be interrupted between sequences: a rank that waits for a hop does not lose it to one long task.
    private const int LocalBlocks = 16;

    private int[] _count = [], _index = [], _lastWork = [], _workBeforeLast = [];
    private int[] _memberOf = [];

    /// <summary>Adds the work of a single member, in as many tasks as there are pieces, but no more than 16.</summary>
    public static void AddLocal(LayerGraph graph, Exchange exchange, int priority)
    {
        int blocks = Math.Min(LocalBlocks, exchange.Pieces.Length), rank = exchange.Members[0];
        for (int block = 0; block < blocks; block++)
            graph.Tasks.Wait(graph.Compute(rank, AttentionShares.Part(graph.Times[0], blocks, block), priority), graph.Ready[rank]);
    }

    /// <summary>Adds the tasks of a direct exchange.</summary>
    public void AddDirect(LayerGraph graph, Exchange exchange, int priority)
    {
        Begin(graph, exchange);
        foreach ((int _, int to, long _) in exchange.Fetches)
            _count[_memberOf[to]]++;
        if (graph.Backward)
        {
            foreach ((int from, int _, long _) in exchange.Returns)
                _count[_memberOf[from]]++;
        }

        for (int member = 0; member < exchange.Members.Length; member++)
        {
            // Who fetches nothing has all of its work at once.
            int rank = exchange.Members[member];
            long own = _count[member] == 0 ? graph.Times[member] : graph.OwnTimes[member];
            _lastWork[member] = graph.Compute(rank, own, priority);
            graph.Tasks.Wait(_lastWork[member], graph.Ready[rank]);
            graph.Times[member] -= own;
        }

        foreach ((int from, int to, long bytes) in exchange.Fetches)
            Fetch(graph, from, to, bytes, exchange.Routed, priority);
        if (graph.Backward)
        {
            // The gradient of an output goes where that was made.
            foreach ((int from, int to, long bytes) in exchange.Returns)
                Fetch(graph, to, from, bytes, exchange.Routed, priority);
            foreach ((int from, int to, long bytes) in exchange.Fetches)
                Return(graph, to, from, bytes * graph.Rates.GradientBytesFactor, exchange.Routed);
        }
        else
        {
            foreach ((int from, int to, long bytes) in exchange.Returns)
                Return(graph, from, to, bytes, exchange.Routed);
        }
    }

    private void Begin(LayerGraph graph, Exchange exchange)
    {
        int members = exchange.Members.Length;
        if (_count.Length < members)
            (_count, _index, _lastWork, _workBeforeLast) = (new int[members], new int[members], new int[members], new int[members]);
        if (_memberOf.Length < graph.Devices.Length)
            _memberOf = new int[graph.Devices.Length];
        for (int member = 0; member < members; member++)
        {
            (_count[member], _index[member]) = (0, 0);
            _memberOf[exchange.Members[member]] = member;
        }
    }

    private void Fetch(LayerGraph graph, int from, int to, long bytes, bool routed, int priority)
    {
        int member = _memberOf[to], index = _index[member]++;
        (int begin, int end) = graph.Hop(from, to, bytes, routed);
        graph.Tasks.Wait(begin, graph.Ready[from]);
        graph.Tasks.Wait(begin, graph.Ready[to]);
        if (index >= 2)
            graph.Tasks.Wait(begin, _workBeforeLast[member]);
        int work = graph.Compute(to, AttentionShares.Part(graph.Times[member], _count[member], index), priority);
        graph.Tasks.Wait(work, graph.Ready[to]);
        graph.Tasks.Wait(work, end);

        // A member works in the order of its fetches, so that its last work is its end.
        graph.Tasks.Wait(work, _lastWork[member]);
        (_workBeforeLast[member], _lastWork[member]) = (_lastWork[member], work);
    }

    private void Return(LayerGraph graph, int from, int to, long bytes, bool routed)
    {
        (int begin, int end) = graph.Hop(from, to, bytes, routed);
        graph.Tasks.Wait(begin, _lastWork[_memberOf[from]]);
        graph.Tasks.Wait(graph.Done[to], end);
    }
}
