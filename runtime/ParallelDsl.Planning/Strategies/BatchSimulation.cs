using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Simulates plans of one batch: one layer of every slot on the devices of a stage, of different stages the slowest, then the slots with all
/// layers in the pipeline.</summary>
/// <param name="problem">The batch.</param>
public sealed class BatchSimulation(BatchProblem problem)
{
    private readonly LayerSimulator _layers = new(
        ClusterLinks.Of(problem.Cluster, problem.Assumptions.InterNodeLatency, problem.Assumptions.IntraNodeLatency),
        problem.Assumptions.OverlapSlowdownPermille);

    /// <summary>How fast attention is on short shards, the same for all.</summary>
    internal static EfficiencyCurve Curve => EfficiencyCurve.Published;

    /// <summary>A step of <paramref name="plan"/> in the simulator.</summary>
    public SimulatedBatch Run(BatchPlan plan)
    {
        LayerRates rates = RatesOf(plan.Recompute);
        int layers = LayersOf(problem, plan.Stages), count = plan.Slots.Count;
        var forward = new SlotPass[count];
        var backward = new SlotPass[count];
        long[] busy = new long[plan.Ranks];
        long crossing = 0;
        int widest = 0;
        for (int slot = 0; slot < count; slot++)
        {
            (forward[slot], long forwardBytes) = Simulate(plan.Slots[slot].Forward, plan.Stages, rates, false, layers, busy);
            (backward[slot], long backwardBytes) = Simulate(plan.Slots[slot].Backward, plan.Stages, rates, true, layers, busy);
            crossing += (forwardBytes + backwardBytes) * problem.Model.Layers;
            widest = Math.Max(widest, plan.Slots[slot].Forward.LinearTokens.Max());
        }

        long time = SlotReplay.Run(plan.Stages, plan.Lag, forward, backward, HopTime(plan, widest));
        return new SimulatedBatch(time, crossing, new(busy));
    }

    /// <summary>Layers of a stage, of the fullest one where they do not divide.</summary>
    internal static int LayersOf(BatchProblem problem, int stages) => (problem.Model.Layers + stages - 1) / stages;

    /// <summary>The node of every rank of the first stage.</summary>
    internal static int[] NodesOf(BatchProblem problem, int stages)
    {
        var topology = new ClusterTopology(problem.Cluster);
        int[] nodes = new int[problem.Devices / stages];
        for (int rank = 0; rank < nodes.Length; rank++)
            nodes[rank] = topology.Locate(rank).Node;
        return nodes;
    }

    /// <summary>What one layer costs.</summary>
    internal LayerRates RatesOf(bool recompute) => new(
        problem.Model.LinearFlopsPerToken,
        problem.Model.AttentionFlopsPerPair,
        problem.Model.KeyValueBytesPerToken,
        problem.Model.HiddenBytesPerToken,
        problem.FlopsPerNanosecond,
        Curve,
        Recompute: recompute);

    private (SlotPass Pass, long CrossNodeBytes) Simulate(
        LayerWork work, int stages, LayerRates rates, bool backward, int layers, long[] busy)
    {
        int[] together = Together(work), sizes = new int[work.Ranks];
        long[] nanoseconds = new long[work.Ranks];
        foreach (int leader in together)
            sizes[leader]++;
        LayerTimes times = Slowest(work, stages, rates, backward);
        for (int rank = 0; rank < work.Ranks; rank++)
        {
            int leader = together[rank];
            nanoseconds[leader] = Math.Max(nanoseconds[leader], times.Finish[rank] * layers);
            busy[rank] += times.Compute[rank] * layers;
        }

        return (new SlotPass(together, sizes, nanoseconds), times.CrossNodeBytes);
    }

    // Stages whose nodes are equal take equal times; only a cluster of several groups is simulated stage by stage.
    private LayerTimes Slowest(LayerWork work, int stages, LayerRates rates, bool backward)
    {
        LayerTimes slowest = _layers.Run(work, rates, backward, DevicesOf(work.Ranks, 0));
        for (int stage = 1; stage < stages && problem.Cluster.Nodes.Count > 1; stage++)
        {
            LayerTimes times = _layers.Run(work, rates, backward, DevicesOf(work.Ranks, stage));
            slowest = times.Makespan > slowest.Makespan ? times : slowest;
        }

        return slowest;
    }

    private static int[] DevicesOf(int ranks, int stage)
    {
        int[] devices = new int[ranks];
        for (int rank = 0; rank < ranks; rank++)
            devices[rank] = (stage * ranks) + rank;
        return devices;
    }

    // The widest slot's hidden vectors, of all devices of a node at once.
    private long HopTime(BatchPlan plan, int tokens) => plan.Stages == 1
        ? 0
        : new ClusterTopology(problem.Cluster).TransferTime(0, plan.Ranks, (long)tokens * problem.Model.HiddenBytesPerToken)
            + problem.Assumptions.InterNodeLatency;

    // For each rank the least of those that it is together with, through exchanges and moved rows.
    private static int[] Together(LayerWork work)
    {
        int[] parent = new int[work.Ranks];
        for (int rank = 0; rank < parent.Length; rank++)
            parent[rank] = rank;
        int Root(int rank)
        {
            while (parent[rank] != rank)
                rank = parent[rank] = parent[parent[rank]];
            return rank;
        }

        void Join(int left, int right)
        {
            (left, right) = (Root(left), Root(right));
            parent[Math.Max(left, right)] = Math.Min(left, right);
        }

        foreach (Exchange exchange in work.Exchanges)
        {
            foreach (int member in exchange.Members)
                Join(exchange.Members[0], member);
        }

        foreach ((int from, int to, int _) in work.RemapMoves)
            Join(from, to);
        for (int rank = 0; rank < parent.Length; rank++)
            parent[rank] = Root(rank);
        return parent;
    }
}
