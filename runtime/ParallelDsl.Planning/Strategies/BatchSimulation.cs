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

    private readonly StepSimulator _steps = new();
    private readonly Dictionary<int, List<int[]>> _stages = [];

    /// <summary>What one layer costs where that was measured, in place of what follows from the problem.</summary>
    internal LayerRates? MeasuredRates { get; init; }

    /// <summary>Nanoseconds that every pass of a slot takes besides, forward and backward.</summary>
    internal (long Forward, long Backward) PassOverhead { get; init; }

    /// <summary>How fast attention is on short shards, the same for all.</summary>
    internal static EfficiencyCurve Curve => EfficiencyCurve.Published;

    /// <summary>A step of <paramref name="plan"/> in the simulator.</summary>
    public SimulatedBatch Run(BatchPlan plan)
    {
        LayerRates rates = MeasuredRates ?? RatesOf(plan.Recompute);

        // To the pipeline every rank is a data rank: only those that are together wait for one another.
        var step = new StepWork(plan.Ranks, plan.Stages, plan.Slots.Count, plan.Lag);
        long[] busy = new long[plan.Ranks];
        long crossing = 0;
        int widest = 0;
        for (int slot = 0; slot < plan.Slots.Count; slot++)
        {
            UnitSlot unit = plan.Slots[slot];
            crossing += Simulate(unit.Forward, rates, step, slot, backward: false, busy);
            crossing += Simulate(unit.Backward, rates, step, slot, backward: true, busy);
            widest = Math.Max(widest, unit.Forward.LinearTokens.Max());
        }

        for (int stage = 0; stage + 1 < plan.Stages; stage++)
            step.Hops[stage] = HopTime(plan, stage, widest);
        return new SimulatedBatch(_steps.Run(step).Makespan, crossing, new(busy));
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

    // Sets the times of one pass of a slot on all stages; gives its bytes between nodes in all layers.
    private long Simulate(LayerWork work, LayerRates rates, StepWork step, int slot, bool backward, long[] busy)
    {
        int[] leaders = backward ? step.BackwardLeaders : step.ForwardLeaders;
        long[] durations = backward ? step.Backward : step.Forward;
        int layers = LayersOf(problem, step.Stages);
        int[] together = Together(work);
        LayerTimes times = Slowest(work, step.Stages, rates, backward);
        for (int rank = 0; rank < work.Ranks; rank++)
        {
            leaders[(rank * step.Slots) + slot] = together[rank];
            for (int stage = 0; stage < step.Stages; stage++)
                durations[step.Cell(rank, stage, slot)] = (times.Finish[rank] * layers) + (backward ? PassOverhead.Backward : PassOverhead.Forward);
            busy[rank] += times.Compute[rank] * layers;
        }

        return times.CrossNodeBytes * problem.Model.Layers;
    }

    // Stages that lie alike in their nodes take equal times: of each kind the first one is simulated, and the slowest counts.
    private LayerTimes Slowest(LayerWork work, int stages, LayerRates rates, bool backward)
    {
        LayerTimes? slowest = null;
        foreach (int[] devices in Stages(work.Ranks, stages))
        {
            LayerTimes times = _layers.Run(work, rates, backward, devices);
            slowest = times.Makespan > (slowest?.Makespan ?? -1) ? times : slowest;
        }

        return slowest!;
    }

    // The devices of the first of all stages that lie alike: each rank in a node of the same kind, which is as many nodes after that of the first
    // rank, and, where the stage has several nodes, at the same place in its node.
    private List<int[]> Stages(int ranks, int stages)
    {
        if (_stages.TryGetValue(stages, out List<int[]>? known))
            return known;
        var topology = new ClusterTopology(problem.Cluster);
        var seen = new HashSet<EquatableArray<(NodeGroup Kind, int Node, int Place)>>();
        var found = new List<int[]>();
        for (int stage = 0; stage < stages; stage++)
        {
            int[] devices = [.. Enumerable.Range(stage * ranks, ranks)];
            int first = topology.Locate(devices[0]).Node, last = topology.Locate(devices[ranks - 1]).Node;
            var places = new (NodeGroup, int, int)[ranks];
            for (int rank = 0; rank < ranks; rank++)
            {
                (_, NodeGroup group, int node) = topology.Locate(devices[rank]);
                places[rank] = (group, node - first, first == last ? 0 : PlaceOf(topology, devices[rank]));
            }

            if (seen.Add(new(places)))
                found.Add(devices);
        }

        _stages.Add(stages, found);
        return found;
    }

    // Where in its node a device lies.
    private static int PlaceOf(ClusterTopology topology, int device)
    {
        int place = 0;
        while (device - place > 0 && topology.Locate(device - place - 1).Node == topology.Locate(device).Node)
            place++;
        return place;
    }

    // The widest slot's hidden vectors, of all devices of a node at once.
    private long HopTime(BatchPlan plan, int stage, int tokens)
    {
        int sender = stage * plan.Ranks, receiver = sender + plan.Ranks;
        var topology = new ClusterTopology(problem.Cluster);
        bool crosses = topology.Locate(sender).Node != topology.Locate(receiver).Node;
        return topology.TransferTime(sender, receiver, (long)tokens * problem.Model.HiddenBytesPerToken)
            + (crosses ? problem.Assumptions.InterNodeLatency : problem.Assumptions.IntraNodeLatency);
    }

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
