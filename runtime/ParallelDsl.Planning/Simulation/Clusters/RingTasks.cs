using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of rings: the hops of their <see cref="Itinerary"/>, on every lane. A member has room for what two hops bring: a
/// part comes in over that of the hop before the last when that has been worked on, and passed on where parts are. The hops of a lane that
/// leave a member, and those that come to it, follow one another.</summary>
internal sealed class RingTasks
{
    private const int None = -1;

    private readonly Dictionary<(Datapath Datapath, int Ranks, int Nodes), Itinerary> _itineraries = [];

    // For each step and member its work. For each member and lane the end of the hop that brings its part of this step and of the one
    // before, and, in the backward, of the hops that bring gradients.
    private int[] _work = [], _arrival = [], _lastArrival = [];
    private int[] _gradient = [], _lastGradient = [];
    private long _keys;

    /// <summary>Adds the tasks of <paramref name="exchange"/>. Of what a member attends to a part comes with each hop, of the same work for
    /// every member and hop, as in a zigzag split.</summary>
    public void Add(LayerGraph graph, Exchange exchange, int priority)
    {
        Itinerary ways = ItineraryOf(graph, exchange);
        Reserve(ways);
        _keys = AttentionShares.KeyTokens(exchange);
        for (int step = 0; step <= ways.Hops; step++)
        {
            for (int member = 0; member < ways.Ranks; member++)
            {
                int work = graph.Compute(exchange.Members[member], WorkOf(graph.Times[member], ways, step), priority);
                _work[(step * ways.Ranks) + member] = work;
                if (step == 0)
                    graph.Tasks.Wait(work, graph.Ready[exchange.Members[member]]);
                for (int lane = 0; step > 0 && lane < ways.Lanes; lane++)
                    Receive(graph, exchange, ways, step, member, lane);
            }

            (_arrival, _lastArrival) = (_lastArrival, _arrival);
            if (graph.Backward && (ways.Forwards || step > 0))
                SendGradients(graph, exchange, ways, step);
        }
    }

    private void Receive(LayerGraph graph, Exchange exchange, Itinerary ways, int step, int member, int lane)
    {
        int place = (member * ways.Lanes) + lane;
        long bytes = PartBytes(graph, ways, step, member, lane);
        _arrival[place] = None;
        if (IsLeftOut(bytes, ways))
            return;
        TaskGraph tasks = graph.Tasks;
        int rank = exchange.Members[member], sender = ways.From(step, member, lane), work = _work[(step * ways.Ranks) + member];
        (int begin, int end) = graph.Hop(exchange.Members[sender], rank, bytes, exchange.Routed);
        if (step == 1 || !ways.Forwards)
            tasks.Wait(begin, graph.Ready[exchange.Members[sender]]);
        else
            Follow(tasks, begin, _lastArrival[(sender * ways.Lanes) + lane]);
        if (step == 1)
        {
            tasks.Wait(begin, graph.Ready[rank]);
        }
        else
        {
            // On a ring, who received from the sender before is this member itself.
            int before = ways.To(step - 1, sender, lane);
            Follow(tasks, begin, _lastArrival[place]);
            if (before != member)
                Follow(tasks, begin, _lastArrival[(before * ways.Lanes) + lane]);
        }

        if (step >= 3)
        {
            tasks.Wait(begin, _work[((step - 2) * ways.Ranks) + member]);
            if (ways.Forwards)
                Follow(tasks, begin, _lastArrival[(ways.To(step - 1, member, lane) * ways.Lanes) + lane]);
        }

        tasks.Wait(work, end);
        _arrival[place] = end;
    }

    // Where parts are passed on, every member passes the gradient of its part on after its work of this step, with what came to it added; the
    // last step brings every gradient home. Else the gradients of what came go straight home.
    private void SendGradients(LayerGraph graph, Exchange exchange, Itinerary ways, int step)
    {
        bool isFirst = step == (ways.Forwards ? 0 : 1);
        for (int member = 0; member < ways.Ranks; member++)
        {
            for (int lane = 0; lane < ways.Lanes; lane++)
            {
                int to = GradientTo(ways, step, member, lane), place = (to * ways.Lanes) + lane;
                long bytes = PartBytes(graph, ways, step, member, lane) * graph.Rates.GradientBytesFactor;
                _gradient[place] = None;
                if (IsLeftOut(bytes, ways))
                    continue;
                (int begin, int end) = graph.Hop(exchange.Members[member], exchange.Members[to], bytes, exchange.Routed);
                graph.Tasks.Wait(begin, _work[(step * ways.Ranks) + member]);
                if (!isFirst)
                {
                    int before = GradientTo(ways, step - 1, member, lane);
                    if (ways.Forwards)
                        Follow(graph.Tasks, begin, _lastGradient[(member * ways.Lanes) + lane]);
                    Follow(graph.Tasks, begin, _lastGradient[place]);
                    if (before != to)
                        Follow(graph.Tasks, begin, _lastGradient[(before * ways.Lanes) + lane]);
                }

                if (step == ways.Hops || !ways.Forwards)
                    graph.Tasks.Wait(graph.Done[exchange.Members[to]], end);
                _gradient[place] = end;
            }
        }

        (_gradient, _lastGradient) = (_lastGradient, _gradient);
    }

    private static int GradientTo(Itinerary ways, int step, int member, int lane) => ways.Forwards && step < ways.Hops
        ? ways.To(step + 1, member, lane)
        : ways.Origin(step, member, lane);

    // What a member attends to at a step: an nth of all, or, where all comes with one hop, all but its own.
    private static long WorkOf(long time, Itinerary ways, int step) => ways.Hops == 1 && step == 1
        ? time - AttentionShares.Part(time, ways.Ranks, 0)
        : AttentionShares.Part(time, ways.Ranks, step);

    // What a member has on a lane at a step, in bytes; the rows of a part as RowParts has them.
    private long PartBytes(LayerGraph graph, Itinerary ways, int step, int member, int lane)
    {
        long rows = AttentionShares.Part(_keys, ways.Ranks, ways.Origin(step, member, lane));
        long part = (rows / ways.Parts) + (ways.PartOf(lane) < rows % ways.Parts ? 1 : 0);
        return part * graph.Rates.KeyValueBytesPerToken;
    }

    // Parts without rows are not sent. Whole blocks are, as few sequences are shorter than their rings.
    private static bool IsLeftOut(long bytes, Itinerary ways) => bytes == 0 && ways.Parts > 1;

    private static void Follow(TaskGraph tasks, int task, int earlier)
    {
        if (earlier != None)
            tasks.Wait(task, earlier);
    }

    private Itinerary ItineraryOf(LayerGraph graph, Exchange exchange)
    {
        int count = exchange.Members.Length;
        int nodes = exchange.Datapath is Datapath.DoubleRing or Datapath.Hamiltonian
            ? Itineraries.NodesOf(exchange.Members, count, [.. graph.Devices.Select(graph.Table.NodeOf)])
            : 1;
        if (!_itineraries.TryGetValue((exchange.Datapath, count, nodes), out Itinerary? ways))
            _itineraries.Add((exchange.Datapath, count, nodes), ways = Itineraries.Of(exchange.Datapath, count, nodes));
        return ways;
    }

    private void Reserve(Itinerary ways)
    {
        int works = (ways.Hops + 1) * ways.Ranks, places = ways.Ranks * ways.Lanes;
        if (_work.Length < works)
            _work = new int[works];
        if (_arrival.Length < places)
            (_arrival, _lastArrival, _gradient, _lastGradient) = (new int[places], new int[places], new int[places], new int[places]);
    }
}
