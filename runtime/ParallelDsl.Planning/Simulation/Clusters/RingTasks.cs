namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of rings. Every member has room for two blocks that are not its own: a block comes in over the one before the
/// last when that has been worked on and passed on. The hops from one member to the next follow one another.</summary>
internal sealed class RingTasks
{
    // For each step and member its work, the end of the hop that brings its block, and, in the backward, of the hop that brings the
    // gradient of what it had.
    private int[] _work = [], _arrival = [];
    private int[] _gradient = [], _nextGradient = [];

    /// <summary>Adds the tasks of <paramref name="exchange"/>. The work of a member is the same at every step, as in a zigzag
    /// split.</summary>
    public void Add(LayerGraph graph, Exchange exchange, int priority)
    {
        int[] members = exchange.Members;
        int count = members.Length;
        long keys = AttentionShares.KeyTokens(exchange);
        if (_work.Length < count * count)
            (_work, _arrival, _gradient, _nextGradient) = (new int[count * count], new int[count * count], new int[count], new int[count]);
        TaskGraph tasks = graph.Tasks;
        for (int step = 0; step < count; step++)
        {
            for (int member = 0; member < count; member++)
            {
                int cell = (step * count) + member, rank = members[member];
                _work[cell] = graph.Compute(rank, AttentionShares.Part(graph.Times[member], count, step), priority);
                if (step == 0)
                {
                    tasks.Wait(_work[cell], graph.Ready[rank]);
                    continue;
                }

                int sender = (member + count - 1) % count, next = (member + 1) % count, before = cell - count;
                long bytes = BlockBytes(graph, keys, count, (member + count - step) % count);
                (int begin, int end) = graph.Hop(members[sender], rank, bytes, exchange.Routed);
                tasks.Wait(begin, step == 1 ? graph.Ready[members[sender]] : _arrival[before - member + sender]);
                tasks.Wait(begin, step == 1 ? graph.Ready[rank] : _arrival[before]);
                if (step >= 3)
                {
                    tasks.Wait(begin, _work[before - count]);
                    tasks.Wait(begin, _arrival[before - member + next]);
                }

                tasks.Wait(_work[cell], end);
                _arrival[cell] = end;
            }

            if (graph.Backward)
                PassGradients(graph, exchange, keys, step);
        }
    }

    // After its work of this step every member passes the gradient of its block on, with what came to it added. The last step brings every
    // block's gradient home.
    private void PassGradients(LayerGraph graph, Exchange exchange, long keys, int step)
    {
        int[] members = exchange.Members;
        int count = members.Length;
        for (int member = 0; member < count; member++)
        {
            int next = (member + 1) % count;
            long bytes = BlockBytes(graph, keys, count, (member + count - step) % count) * graph.Rates.GradientBytesFactor;
            (int begin, int end) = graph.Hop(members[member], members[next], bytes, exchange.Routed);
            graph.Tasks.Wait(begin, _work[(step * count) + member]);
            if (step > 0)
            {
                graph.Tasks.Wait(begin, _gradient[member]);
                graph.Tasks.Wait(begin, _gradient[next]);
            }

            if (step == count - 1)
                graph.Tasks.Wait(graph.Done[members[next]], end);
            _nextGradient[next] = end;
        }

        (_gradient, _nextGradient) = (_nextGradient, _gradient);
    }

    private static long BlockBytes(LayerGraph graph, long keys, int count, int block) =>
        AttentionShares.Part(keys, count, block) * graph.Rates.KeyValueBytesPerToken;
}
