namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of all-gathers in two levels: between nodes every block goes round the nodes by its column, inside a node every
/// member then gives what its column has to all others. A chunk of heads is gathered while the one before it is worked on; there is room
/// for two.</summary>
internal sealed class AllGatherTasks
{
    // What comes from other nodes is given on inside the node in so many parts at most: enough to overlap both levels.
    private const int MostBatches = 4;

    private readonly NodeColumns _columns = new();

    // For each chunk and member its work. For each member and step the hop of its block between nodes in the chunk before. For each member
    // and batch what its column has of it, when, and the last transfer of it to each other member of the node.
    private int[] _work = [], _hops = [], _have = [], _gifts = [], _summed = [];
    private long[] _bytes = [];
    private int _batches, _widest;

    /// <summary>Adds the tasks of <paramref name="exchange"/>.</summary>
    public void Add(LayerGraph graph, Exchange exchange, int priority)
    {
        _columns.Arrange(graph, exchange);
        int count = exchange.Members.Length, nodes = _columns.Nodes, chunks = exchange.HeadChunks;
        _batches = 1 + Math.Min(MostBatches, nodes - 1);
        _widest = 0;
        for (int node = 0; node < nodes; node++)
            _widest = Math.Max(_widest, _columns.CountOf(node));
        Grow(ref _work, chunks * count);
        Grow(ref _hops, count * nodes);
        Grow(ref _have, count * _batches);
        Grow(ref _gifts, count * _batches * _widest);
        Grow(ref _summed, count);
        if (_bytes.Length < count * _batches)
            _bytes = new long[count * _batches];
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            for (int member = 0; member < count; member++)
            {
                int rank = exchange.Members[member], cell = (chunk * count) + member;
                _work[cell] = graph.Compute(rank, AttentionShares.Part(graph.Times[member], chunks, chunk), priority);
                graph.Tasks.Wait(_work[cell], graph.Ready[rank]);
                if (chunk > 0)
                    graph.Tasks.Wait(_work[cell], _work[cell - count]);
            }

            Gather(graph, exchange, chunk);
            if (graph.Backward)
                Scatter(graph, exchange, chunk);
        }
    }

    private static void Grow(ref int[] array, int size)
    {
        if (array.Length < size)
            array = new int[size];
    }

    private static long BlockBytes(LayerGraph graph, Exchange exchange, int member, int chunk) => AttentionShares.Part(
        AttentionShares.Part(AttentionShares.KeyTokens(exchange), exchange.Members.Length, member) * graph.Rates.KeyValueBytesPerToken,
        exchange.HeadChunks,
        chunk);

    private int BatchOf(int step) => 1 + ((step - 1) * (_batches - 1) / (_columns.Nodes - 1));

    private void Gather(LayerGraph graph, Exchange exchange, int chunk)
    {
        int[] members = exchange.Members;
        int count = members.Length;
        TaskGraph tasks = graph.Tasks;
        for (int cell = 0; cell < count * _batches; cell++)
            (_bytes[cell], _have[cell]) = (0, tasks.AddDelay());
        for (int member = 0; member < count; member++)
        {
            long bytes = BlockBytes(graph, exchange, member, chunk);
            _bytes[member * _batches] += bytes;
            tasks.Wait(_have[member * _batches], graph.Ready[members[member]]);
            for (int step = 1; step < _columns.Nodes; step++)
            {
                int from = _columns.Host(member, step - 1), to = _columns.Host(member, step), cell = (member * _columns.Nodes) + step;
                (int begin, int end) = graph.Hop(members[from], members[to], bytes, exchange.Routed);
                tasks.Wait(begin, step == 1 ? graph.Ready[members[member]] : _hops[cell - 1]);
                tasks.Wait(begin, chunk == 0 ? graph.Ready[members[to]] : _hops[cell]);
                if (chunk > 1)
                    tasks.Wait(begin, _work[((chunk - 2) * count) + to]);
                int batch = (to * _batches) + BatchOf(step);
                _bytes[batch] += bytes;
                tasks.Wait(_have[batch], end);
                _hops[cell] = end;
            }
        }

        for (int member = 0; member < count; member++)
        {
            for (int batch = 0; batch < _batches; batch++)
            {
                tasks.Wait(_work[(chunk * count) + member], _have[(member * _batches) + batch]);
                Give(graph, exchange, chunk, member, batch);
            }
        }
    }

    // Inside the node, what the column of a member has.
    private void Give(LayerGraph graph, Exchange exchange, int chunk, int member, int batch)
    {
        int node = _columns.NodeOf(member), count = exchange.Members.Length, cell = (member * _batches) + batch;
        TaskGraph tasks = graph.Tasks;
        for (int index = 0; index < _columns.CountOf(node); index++)
        {
            int other = _columns.MemberAt(node, index), gift = (cell * _widest) + index;
            if (other == member || _bytes[cell] == 0)
                continue;
            int transfer = graph.Transfer(exchange.Members[member], exchange.Members[other], _bytes[cell]);
            tasks.Wait(transfer, _have[cell]);
            tasks.Wait(transfer, chunk == 0 ? graph.Ready[exchange.Members[other]] : _gifts[gift]);
            if (chunk > 1)
                tasks.Wait(transfer, _work[((chunk - 2) * count) + other]);
            tasks.Wait(_work[(chunk * count) + other], transfer);
            _gifts[gift] = transfer;
        }
    }

    // Gradients the other way round: inside a node to the member whose column has the block, then round the nodes, summed on the way.
    private void Scatter(LayerGraph graph, Exchange exchange, int chunk)
    {
        int[] members = exchange.Members;
        int count = members.Length;
        TaskGraph tasks = graph.Tasks;
        for (int member = 0; member < count; member++)
        {
            _summed[member] = tasks.AddDelay();
            tasks.Wait(_summed[member], _work[(chunk * count) + member]);
        }

        for (int member = 0; member < count; member++)
        {
            int node = _columns.NodeOf(member);
            long bytes = 0;
            for (int batch = 0; batch < _batches; batch++)
                bytes += _bytes[(member * _batches) + batch];
            for (int index = 0; index < _columns.CountOf(node); index++)
            {
                int other = _columns.MemberAt(node, index);
                if (other == member)
                    continue;
                int transfer = graph.Transfer(members[other], members[member], bytes * graph.Rates.GradientBytesFactor);
                tasks.Wait(transfer, _work[(chunk * count) + other]);
                tasks.Wait(_summed[member], transfer);
            }
        }

        for (int member = 0; member < count; member++)
        {
            long bytes = BlockBytes(graph, exchange, member, chunk) * graph.Rates.GradientBytesFactor;
            int before = -1;
            for (int step = 1; step < _columns.Nodes; step++)
            {
                int from = _columns.Host(member, step), to = _columns.Host(member, step + 1);
                (int begin, int end) = graph.Hop(members[from], members[to], bytes, exchange.Routed);
                tasks.Wait(begin, _summed[from]);
                if (before >= 0)
                    tasks.Wait(begin, before);
                before = end;
            }

            tasks.Wait(graph.Done[members[member]], before >= 0 ? before : _summed[member]);
            tasks.Wait(graph.Done[members[member]], _summed[member]);
        }
    }
}
