using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Simulates one layer of one unit on the ranks of a stage: its linear modules, the exchanges of its attention, and the moves
/// between the layouts of both.</summary>
/// <remarks>
/// <para>Forward: half of the linear work (projections) on the rows of the linear layout; queries, keys and values move to the attention
/// layout; the exchanges; attention's outputs move back; the other half. A rank begins its attention when its own rows are there, and the
/// second half when its own attention and its rows are. Backward: the same the other way round. That linear work is halved is our
/// simplification.</para>
/// <para>A rank prefers the work of earlier exchanges, so the hops of rings that cross nodes hide under the work of the others. Work is
/// never interrupted. After the attention engine of Zeppelin (arXiv 2509.21841; reconstructed).</para>
/// </remarks>
/// <param name="links">The cluster.</param>
/// <param name="overlapSlowdownPermille">By how many thousandths a transfer slows computation down.</param>
public sealed class LayerSimulator(
    ClusterLinks links, int overlapSlowdownPermille = ClusterSimulator.DefaultOverlapSlowdownPermille)
{
    private const int ForwardPermille = 1_000;

    private readonly ClusterSimulator _simulator = new(links, overlapSlowdownPermille);
    private readonly RingTasks _rings = new();
    private readonly AllGatherTasks _gathers = new();
    private readonly DirectTasks _direct = new();
    private readonly HeadTasks _heads = new();
    private LayerGraph? _graph;

    // For each rank what it waits for before its pass, and the last task of its pass.
    private int[] _entry = [], _exit = [];

    /// <summary>Simulates one pass.</summary>
    /// <param name="work">What is done. Rank r is device r.</param>
    /// <param name="rates">What it costs.</param>
    /// <param name="backward">Whether the pass is a backward.</param>
    /// <exception cref="ArgumentException">The work names ranks that do not exist, a rank twice in an exchange, or a negative
    /// amount.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public LayerTimes Run(LayerWork work, LayerRates rates, bool backward)
    {
        var devices = new int[work.Ranks];
        for (int rank = 0; rank < devices.Length; rank++)
            devices[rank] = rank;
        return Run(work, rates, backward, devices);
    }

    /// <summary>Simulates one pass on some devices of the cluster.</summary>
    /// <param name="work">What is done.</param>
    /// <param name="rates">What it costs.</param>
    /// <param name="backward">Whether the pass is a backward.</param>
    /// <param name="devices">For each rank its device.</param>
    /// <exception cref="ArgumentException">The work names ranks that do not exist, a rank twice in an exchange, or a negative
    /// amount.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public LayerTimes Run(LayerWork work, LayerRates rates, bool backward, int[] devices)
    {
        LayerChecks.Check(work, rates);
        if (devices.Length != work.Ranks)
            throw new ArgumentException(Invariant($"{devices.Length} devices for {work.Ranks} ranks"), nameof(devices));
        foreach (int device in devices)
        {
            if (device < 0 || device >= _simulator.Table.DeviceCount)
                throw new ArgumentException(Invariant($"device {device} of {_simulator.Table.DeviceCount}"), nameof(devices));
        }

        LayerGraph graph = _graph ??= new(_simulator.Table);
        graph.Tasks.Clear();
        (graph.Devices, graph.Rates) = (devices, rates);
        if (graph.Ready.Length < work.Ranks)
        {
            (graph.Ready, graph.Done, graph.Times) = (new int[work.Ranks], new int[work.Ranks], new long[work.Ranks]);
            (graph.OwnTimes, _entry, _exit) = (new long[work.Ranks], new int[work.Ranks], new int[work.Ranks]);
        }

        for (int rank = 0; rank < work.Ranks; rank++)
            _entry[rank] = graph.Tasks.AddDelay();
        if (!backward || rates.Recompute)
            AddPass(graph, work, backward: false);
        if (backward && rates.Recompute)
            (_entry, _exit) = (_exit, _entry);
        if (backward)
            AddPass(graph, work, backward: true);
        _simulator.Run(graph.Tasks);
        return Times(graph, work.Ranks);
    }

    private void AddPass(LayerGraph graph, LayerWork work, bool backward)
    {
        graph.Backward = backward;
        TaskGraph tasks = graph.Tasks;
        LayerRates rates = graph.Rates;
        int output = work.Exchanges.Length, permille = backward ? rates.BackwardLinearPermille : ForwardPermille;
        for (int rank = 0; rank < work.Ranks; rank++)
        {
            long linear = AttentionShares.Ceiling(
                work.LinearTokens[rank] * rates.LinearFlopsPerToken, permille, rates.FlopsPerNanosecond * ForwardPermille);
            int first = tasks.AddCompute(graph.Devices[rank], linear / 2);
            tasks.Wait(first, _entry[rank]);
            (graph.Ready[rank], graph.Done[rank]) = (tasks.AddDelay(), tasks.AddDelay());
            tasks.Wait(graph.Ready[rank], first);
            tasks.Wait(graph.Done[rank], graph.Ready[rank]);
            _exit[rank] = tasks.AddCompute(graph.Devices[rank], linear - (linear / 2), output);
            tasks.Wait(_exit[rank], graph.Done[rank]);
            _entry[rank] = first;
        }

        // Rows enter attention with queries, keys and values, and leave it as outputs; of gradients it is the other way round.
        long wide = (long)rates.HiddenBytesPerToken + rates.KeyValueBytesPerToken, narrow = rates.HiddenBytesPerToken;
        foreach ((int origin, int linear, int rows) in work.RemapMoves)
        {
            int enter = graph.Transfer(linear, origin, rows * (backward ? narrow : wide));
            tasks.Wait(enter, _entry[linear]);
            tasks.Wait(graph.Ready[origin], enter);
            int leave = graph.Transfer(origin, linear, rows * (backward ? wide : narrow));
            tasks.Wait(leave, graph.Done[origin]);
            tasks.Wait(_exit[linear], leave);
        }

        for (int index = 0; index < work.Exchanges.Length; index++)
        {
            Exchange exchange = work.Exchanges[index];
            int attention = backward ? rates.BackwardAttentionPermille : ForwardPermille;
            AttentionShares.Times(exchange, rates, attention, graph.Times);
            switch (exchange.Kind)
            {
                case ExchangeKind.Direct:
                    AttentionShares.OwnTimes(exchange, rates, attention, graph.OwnTimes);
                    _direct.AddDirect(graph, exchange, index);
                    break;
                case ExchangeKind.Ring when exchange.Members.Length > 1:
                    _rings.Add(graph, exchange, index);
                    break;
                case ExchangeKind.Heads when exchange.Members.Length > 1:
                    _heads.Add(graph, exchange, index);
                    break;
                case ExchangeKind.AllGather when exchange.Members.Length > 1:
                    _gathers.Add(graph, exchange, index);
                    break;
                default:
                    DirectTasks.AddLocal(graph, exchange, index);
                    break;
            }
        }
    }

    private LayerTimes Times(LayerGraph graph, int ranks)
    {
        long[] compute = new long[ranks], finish = new long[ranks], nics = new long[_simulator.NicCount];
        for (int rank = 0; rank < ranks; rank++)
        {
            compute[rank] = _simulator.BusyOf(graph.Devices[rank]);
            finish[rank] = _simulator.EndOf(_exit[rank]);
        }

        for (int nic = 0; nic < nics.Length; nic++)
            nics[nic] = _simulator.BytesSentBy(nic);
        return new LayerTimes(_simulator.Makespan, compute, finish, _simulator.CrossNodeBytes, nics, graph.Tasks.Count);
    }
}
