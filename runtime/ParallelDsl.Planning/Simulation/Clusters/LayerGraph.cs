namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>The tasks of one pass of one layer while they are made: what exchanges hang their tasks between, and how hops are
/// made.</summary>
/// <param name="table">The links of the cluster.</param>
internal sealed class LayerGraph(LinkTable table)
{
    /// <summary>The tasks.</summary>
    public TaskGraph Tasks { get; } = new();

    /// <summary>The links of the cluster.</summary>
    public LinkTable Table => table;

    /// <summary>For each rank its device.</summary>
    public int[] Devices { get; set; } = [];

    /// <summary>For each rank the task after which its queries, keys and values lie in the attention layout.</summary>
    public int[] Ready { get; set; } = [];

    /// <summary>For each rank the task that waits for all its attention, and for the gradients that come back to it.</summary>
    public int[] Done { get; set; } = [];

    /// <summary>For each member of the exchange at hand its nanoseconds of attention.</summary>
    public long[] Times { get; set; } = [];

    /// <summary>For each member of the exchange at hand, where it is direct, what part of that needs nothing fetched.</summary>
    public long[] OwnTimes { get; set; } = [];

    /// <summary>Whether this pass is a backward.</summary>
    public bool Backward { get; set; }

    /// <summary>What the layer costs.</summary>
    public LayerRates Rates { get; set; } = new(0, 0, 0, 0, 1, EfficiencyCurve.Flat);

    /// <summary>Adds a computation of <paramref name="rank"/>, for whose end its attention waits.</summary>
    public int Compute(int rank, long nanoseconds, int priority)
    {
        int task = Tasks.AddCompute(Devices[rank], nanoseconds, priority);
        Tasks.Wait(Done[rank], task);
        return task;
    }

    /// <summary>Adds a transfer from rank to rank.</summary>
    public int Transfer(int from, int to, long bytes) => Tasks.AddTransfer(Devices[from], Devices[to], bytes);

    /// <summary>Adds a hop from rank to rank: a transfer, or, where that is allowed and predicted faster, a route over several network
    /// interfaces: the source gives a part to a proxy at each of them (dispatch), these send at once, and proxies at the other node give
    /// the parts to the destination (combine). Source and destination carry one part over their own interfaces.</summary>
    /// <returns>What has to wait for what comes before the hop, and what stands for its end.</returns>
    public (int Begin, int End) Hop(int from, int to, long bytes, bool routed)
    {
        int source = Devices[from], destination = Devices[to];
        int parts = routed ? NicRoutes.PartsOf(table, source, destination, bytes) : 1;
        if (parts == 1)
        {
            int transfer = Tasks.AddTransfer(source, destination, bytes);
            return (transfer, transfer);
        }

        int begin = Tasks.AddDelay(), end = Tasks.AddDelay();
        for (int part = 0; part < parts; part++)
        {
            (int proxy, int receiver) = NicRoutes.ProxiesOf(table, source, destination, parts, part);
            long share = AttentionShares.Part(bytes, parts, part);
            int dispatch = Tasks.AddTransfer(source, proxy, share);
            int send = Tasks.AddTransfer(proxy, receiver, share);
            int combine = Tasks.AddTransfer(receiver, destination, share);
            Tasks.Wait(dispatch, begin);
            Tasks.Wait(send, dispatch);
            Tasks.Wait(combine, send);
            Tasks.Wait(end, combine);
        }

        return (begin, end);
    }
}
