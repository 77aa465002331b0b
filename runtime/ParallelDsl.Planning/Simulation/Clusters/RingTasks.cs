using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Makes the tasks of rings: the hops of their <see cref="Itinerary"/>, on every lane. A member has room for what two hops bring: a
/// part comes in over that of the hop before the last when that has been worked on, and passed on where parts are. The hops of a lane that
/// leave a member, and those that come to it, follow one another.</summary>
internal sealed class RingTasks
{
    private const int None = -1;

    private readonly Dictionary<(Datapath Datapath, int Ranks, int Nodes), Itinerary> _itineraries = [];

    // For each step and member its work; for each member and part its bytes.
    private int[] _work = [];
    private long[] _bytes = [];

    // For each member and lane the hops of this step and of the one before; in the backward the ends of those that brought it gradients, and
    // to whom it sent its last.
    private Place[] _places = [], _lastPlaces = [];
    private int[] _gradient = [], _lastGradient = [], _gradientTo = [];

    // Whose part a member has, the end of the hop that brought it, and to whom the member sent meanwhile.
    private record struct Place(int Origin, int Arrival, int To);

    /// <summary>Adds the tasks of <paramref name="exchange"/>. Of what a member attends to a part comes with each hop, of the same work for
    /// every member and hop, as in a zigzag split.</summary>
    public void Add(LayerGraph graph, Exchange exchange, int priority)
    {
        Itinerary ways = ItineraryOf(graph, exchange);
        Reserve(ways);
        CountBytes(graph, exchange, ways);
        for (int step = 0; step <= ways.Hops; step++)
        {
            for (int member = 0; member < ways.Ranks; member++)
            {
                int work = graph.Compute(exchange.Members[member], WorkOf(graph.Times[member], ways, step), priority);
                _work[(step * ways.Ranks) + member] = work;
                if (step == 0)
                    graph.Tasks.Wait(work, graph.Ready[exchange.Members[member]]);
                for (int lane = 0; lane < ways.Lanes; lane++)
                {
                    if (step == 0)
                        _places[(member * ways.Lanes) + lane] = new(member, None, None);
                    else
                        Receive(graph, exchange, ways, step, member, lane);
                }
            }

            (_places, _lastPlaces) = (_lastPlaces, _places);
            if (graph.Backward && (ways.Forwards || step > 0))
                SendGradients(graph, exchange, ways, step);
        }
    }

    private void Receive(LayerGraph graph, Exchange exchange, Itinerary ways, int step, int member, int lane)
    {
        int sender = ways.From(step, member, lane), from = (sender * ways.Lanes) + lane, at = (member * ways.Lanes) + lane;
        int origin = ways.Forwards ? _lastPlaces[from].Origin : sender;
        (_places[at].Origin, _places[at].Arrival, _places[from].To) = (origin, None, member);
        long bytes = _bytes[(origin * ways.Parts) + ways.PartOf(lane)];
        if (IsLeftOut(bytes, ways))
            return;
        TaskGraph tasks = graph.Tasks;
        int rank = exchange.Members[member];
        (int begin, int end) = graph.Hop(exchange.Members[sender], rank, bytes, exchange.Routed);
        if (step == 1 || !ways.Forwards)
            tasks.Wait(begin, graph.Ready[exchange.Members[sender]]);
        else
            Follow(tasks, begin, _lastPlaces[from].Arrival);
        if (step == 1)
        {
            tasks.Wait(begin, graph.Ready[rank]);
        }
        else
        {
            // On a ring the sender sent to this member before, too.
            Follow(tasks, begin, _lastPlaces[at].Arrival);
            if (_lastPlaces[from].To != member)
                Follow(tasks, begin, _lastPlaces[(_lastPlaces[from].To * ways.Lanes) + lane].Arrival);
        }

        if (step >= 3)
        {
            tasks.Wait(begin, _work[((step - 2) * ways.Ranks) + member]);
            if (ways.Forwards)
                Follow(tasks, begin, _lastPlaces[(_lastPlaces[at].To * ways.Lanes) + lane].Arrival);
        }

        tasks.Wait(_work[(step * ways.Ranks) + member], end);
        _places[at].Arrival = end;
    }

    // Where parts are passed on, every member passes the gradient of its part on after its work of this step, with what came to it added; the
    // last step brings every gradient home. Else the gradients of what came go straight home.
    private void SendGradients(LayerGraph graph, Exchange exchange, Itinerary ways, int step)
    {
        bool goesHome = step == ways.Hops || !ways.Forwards, isFirst = step == (ways.Forwards ? 0 : 1);
        for (int member = 0; member < ways.Ranks; member++)
        {
            for (int lane = 0; lane < ways.Lanes; lane++)
            {
                int from = (member * ways.Lanes) + lane, origin = _lastPlaces[from].Origin, before = _gradientTo[from];
                int to = goesHome ? origin : ways.To(step + 1, member, lane), at = (to * ways.Lanes) + lane;
                (_gradientTo[from], _gradient[at]) = (to, None);
                long bytes = _bytes[(origin * ways.Parts) + ways.PartOf(lane)] * graph.Rates.GradientBytesFactor;
                if (IsLeftOut(bytes, ways))
                    continue;
                (int begin, int end) = graph.Hop(exchange.Members[member], exchange.Members[to], bytes, exchange.Routed);
                graph.Tasks.Wait(begin, _work[(step * ways.Ranks) + member]);
                if (!isFirst)
                {
                    if (ways.Forwards)
                        Follow(graph.Tasks, begin, _lastGradient[from]);
                    Follow(graph.Tasks, begin, _lastGradient[at]);
                    if (before != to)
                        Follow(graph.Tasks, begin, _lastGradient[(before * ways.Lanes) + lane]);
                }

                if (goesHome)
                    graph.Tasks.Wait(graph.Done[exchange.Members[to]], end);
                _gradient[at] = end;
            }
        }

        (_gradient, _lastGradient) = (_lastGradient, _gradient);
    }

    // What a member attends to at a step: an nth of all, or, where all comes with one hop, all but its own.
    private static long WorkOf(long time, Itinerary ways, int step) => ways.Hops == 1 && step == 1
        ? time - AttentionShares.Part(time, ways.Ranks, 0)
        : AttentionShares.Part(time, ways.Ranks, step);

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
        if (_bytes.Length < ways.Ranks * ways.Parts)
            _bytes = new long[ways.Ranks * ways.Parts];
        if (_places.Length < places)
        {
            (_places, _lastPlaces) = (new Place[places], new Place[places]);
            (_gradient, _lastGradient, _gradientTo) = (new int[places], new int[places], new int[places]);
        }
    }

    // Rows of a part are those that RowParts gives it.
    private void CountBytes(LayerGraph graph, Exchange exchange, Itinerary ways)
    {
        long keys = AttentionShares.KeyTokens(exchange);
        for (int member = 0; member < ways.Ranks; member++)
        {
            long rows = AttentionShares.Part(keys, ways.Ranks, member);
            for (int part = 0; part < ways.Parts; part++)
                _bytes[(member * ways.Parts) + part] = ((rows / ways.Parts) + (part < rows % ways.Parts ? 1 : 0)) * graph.Rates.KeyValueBytesPerToken;
        }
    }
}
