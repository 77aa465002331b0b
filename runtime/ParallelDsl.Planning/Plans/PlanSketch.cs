using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Memory;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>What follows from a sound request before programs are made: enough to know whether it fits in memory.</summary>
internal sealed class PlanSketch
{
    public PlanSketch(PlanRequest request)
    {
        (Request, AxesSpec axes) = (request, request.Axes);
        Type = LayerCosts.TypeOf(request.Cluster);
        Layers = LayerCosts.Unroll(request.Model, Type, axes.VocabularySlices);
        Batching = new BatchingPlan(
            axes.MicroBatches, axes.UnitTokens, axes.UnitTokens / axes.Sequence, axes.Sequence == 1 ? 1 : 2 * axes.Sequence);
        Work = UnitWork.Of(axes.UnitTokens, request.Model.ContextLength, axes.Sequence);
        StageDevices = PipelinePrograms.CyclicPlacement(axes.Pipeline * axes.Chunks, axes.Pipeline);

        long[] flops = Prefix(Work.All);
        Boundaries = LayerPartition.Plan(Layers.Count, StageDevices.Count, (_, first, count) => flops[first + count] - flops[first]);
        Mesh = PlanMesh();
        var topology = new ClusterTopology(request.Cluster);
        (EquatableArray<long> rates, EquatableArray<long> memory) = SmallestDevices(topology);
        if (rates.Distinct().Count() > 1)
        {
            // Faster positions take more layers.
            Boundaries = LayerPartition.Plan(
                Layers.Count,
                StageDevices.Count,
                (stage, first, count) => UnitWork.Ticks(flops[first + count] - flops[first], rates[StageDevices[stage]]));
        }

        Stages = PlanStages(topology, rates);
        Memory = PlanMemory(memory);
    }

    public PlanRequest Request { get; }

    public TrainingType Type { get; }

    public EquatableArray<PlannedLayer> Layers { get; }

    public BatchingPlan Batching { get; }

    public UnitWork Work { get; }

    public EquatableArray<int> StageDevices { get; }

    public EquatableArray<int> Boundaries { get; }

    public Mesh Mesh { get; }

    public EquatableArray<PlannedStage> Stages { get; }

    public EquatableArray<DeviceMemory> Memory { get; }

    public long DataBytes { get; private set; }

    public long SequenceBytes { get; private set; }

    public long PipelineBytes { get; private set; }

    public bool Fits => Memory.All(position => position.Needed <= position.Available);

    private AxesSpec Axes => Request.Axes;

    private long[] Prefix(Func<PlannedLayer, long> valueOf)
    {
        var sums = new long[Layers.Count + 1];
        for (int layer = 0; layer < Layers.Count; layer++)
            sums[layer + 1] = sums[layer] + valueOf(Layers[layer]);
        return sums;
    }

    private List<PlannedLayer> LayersAt(int position)
    {
        var layers = new List<PlannedLayer>();
        for (int stage = position; stage < StageDevices.Count; stage += Axes.Pipeline)
        {
            for (int layer = Boundaries[stage]; layer < Boundaries[stage + 1]; layer++)
                layers.Add(Layers[layer]);
        }

        return layers;
    }

    // A tied head, or a slice of it, needs the embedding's table of the same rows on its own device too.
    private long TiedParametersAt(List<PlannedLayer> layers)
    {
        if (!Request.Model.Layers[Request.Model.Layers.Count - 1].TiedWeights)
            return 0;
        var tables = new HashSet<int>(layers.Where(layer => layer.Kind == LayerKind.Embedding).Select(layer => layer.Slice));
        return layers.Where(layer => layer.Kind == LayerKind.LanguageModelHead && !tables.Contains(layer.Slice))
            .Sum(layer => LayerCosts.TiedParameters(Request.Model, layer));
    }

    // What a rank sends in a step, at the position that sends the most. Gradients: a ring all-reduce over n ranks sends 2 (n - 1) / n of
    // them; first over the sequence axis, then each rank its share over the data axis. Ring attention: keys and values go n - 1 hops
    // forward, n - 1 hops backward, and their gradients n hops, back to where they belong. Pipeline: the output for the next stage, the
    // gradient of the input, which is as wide as the input, for the one before.
    private Mesh PlanMesh()
    {
        long sequence = Axes.Sequence, data = Axes.Data;
        for (int position = 0; position < Axes.Pipeline; position++)
        {
            List<PlannedLayer> layers = LayersAt(position);
            long gradients = (layers.Sum(layer => layer.Parameters) + TiedParametersAt(layers)) * LayerCosts.GradientBytes;
            long keysAndValues = layers.Sum(layer => layer.KeyValueBytes) * Work.Tokens * Axes.MicroBatches;
            long rings = sequence == 1 ? 0 : ((3 * sequence) - 2) * keysAndValues;
            DataBytes = Math.Max(DataBytes, 2 * (data - 1) * (gradients / sequence) / data);
            SequenceBytes = Math.Max(SequenceBytes, (2 * (sequence - 1) * gradients / sequence) + rings);
            long boundaries = 0;
            for (int stage = position; stage < StageDevices.Count && Axes.Pipeline > 1; stage += Axes.Pipeline)
                boundaries += BoundaryBytes(stage - 1) + BoundaryBytes(stage);
            PipelineBytes = Math.Max(PipelineBytes, boundaries * Work.Tokens * Axes.MicroBatches);
        }

        return MeshPlanner.Plan(Axes.Data, Axes.Sequence, Axes.Pipeline, DataBytes, SequenceBytes, PipelineBytes);
    }

    // Bytes a token that go from a stage to the next, and of the gradient that comes back. Before the first stage and after the last one
    // there are none.
    private long BoundaryBytes(int stage) => stage < 0 ? 0 : Layers[Boundaries[stage + 1] - 1].OutputBytes;

    private long WidestBoundary(int position)
    {
        long widest = 0;
        for (int stage = position; stage < StageDevices.Count; stage += Axes.Pipeline)
            widest = Math.Max(widest, Math.Max(BoundaryBytes(stage - 1), BoundaryBytes(stage)));
        return widest;
    }

    // The lowest rate and the least memory of the devices at each position.
    private (EquatableArray<long> Rates, EquatableArray<long> Memory) SmallestDevices(ClusterTopology topology)
    {
        DeviceSpec first = Request.Cluster.Nodes[0].Device;
        long[] rates = new long[Axes.Pipeline], memory = new long[Axes.Pipeline];
        for (int position = 0; position < Axes.Pipeline; position++)
            (rates[position], memory[position]) = (first.FlopsPerNanosecond, first.MemoryBytes);
        if (Request.Cluster.Nodes.Any(group => group.Device != first))
        {
            for (int position = 0; position < Axes.Pipeline; position++)
                (rates[position], memory[position]) = (long.MaxValue, long.MaxValue);
            for (int rank = 0; rank < Mesh.Size; rank++)
            {
                DeviceSpec device = topology.Locate(rank).Device;
                int position = Mesh.CoordinateOf(rank).Pipeline;
                rates[position] = Math.Min(rates[position], device.FlopsPerNanosecond);
                memory[position] = Math.Min(memory[position], device.MemoryBytes);
            }
        }

        return (new(rates), new(memory));
    }

    private EquatableArray<PlannedStage> PlanStages(ClusterTopology topology, EquatableArray<long> rates)
    {
        long[] forward = Prefix(Work.Forward), input = Prefix(Work.BackwardInput), weight = Prefix(Work.BackwardWeight);
        var stages = new PlannedStage[StageDevices.Count];

        // Boundaries have two widths at most: between slices of a head, and everywhere else.
        var hops = new Dictionary<(int Position, long Bytes), long>();
        long HopOf(int stage)
        {
            if (Axes.Pipeline == 1 || stage == stages.Length - 1)
                return 0;
            (int Position, long Bytes) key = (StageDevices[stage], BoundaryBytes(stage));
            if (!hops.TryGetValue(key, out long hop))
                hops.Add(key, hop = SlowestHop(topology, key.Position, (key.Position + 1) % Axes.Pipeline, key.Bytes));
            return hop;
        }

        for (int stage = 0; stage < stages.Length; stage++)
        {
            int device = StageDevices[stage], first = Boundaries[stage], end = Boundaries[stage + 1];
            stages[stage] = new PlannedStage(
                stage,
                first,
                end - first,
                device,
                UnitWork.Ticks(forward[end] - forward[first], rates[device]),
                UnitWork.Ticks(input[end] - input[first], rates[device]),
                UnitWork.Ticks(weight[end] - weight[first], rates[device]),
                HopOf(stage));
        }

        return new(stages);
    }

    // Between two positions of the pipeline axis, over all ranks of the other axes, either way.
    private long SlowestHop(ClusterTopology topology, int from, int to, long tokenBytes)
    {
        long slowest = 0;
        for (int data = 0; data < Axes.Data; data++)
        {
            for (int sequence = 0; sequence < Axes.Sequence; sequence++)
            {
                int source = Mesh.RankOf(new Coordinate(data, sequence, from));
                int destination = Mesh.RankOf(new Coordinate(data, sequence, to));
                slowest = Math.Max(slowest, topology.TransferTime(source, destination, tokenBytes * Work.Tokens));
            }
        }

        return slowest;
    }

    private EquatableArray<DeviceMemory> PlanMemory(EquatableArray<long> available)
    {
        EquatableArray<EquatableArray<PipelineAction>> orders =
            PipelineOrders.Of(Axes.Schedule, Axes.Pipeline, Axes.MicroBatches, Axes.Chunks);
        var memory = new DeviceMemory[Axes.Pipeline];
        for (int position = 0; position < Axes.Pipeline; position++)
        {
            List<PlannedLayer> layers = LayersAt(position);
            int[] units = ActivationPeak.UnitsByStage(orders[position], StageDevices.Count);
            int[] gradients = ActivationPeak.GradientsByStage(orders[position], StageDevices);
            var stages = new List<StageMemory>();
            for (int stage = position; stage < StageDevices.Count; stage += Axes.Pipeline)
                stages.Add(MemoryOf(stage, units[stage], gradients[stage]));
            memory[position] = MemoryPlanner.Of(
                position,
                layers.Sum(layer => layer.Parameters) + TiedParametersAt(layers),
                Type,
                stages,
                layers.Max(layer => BackwardElements(layer).Scratch) * LayerCosts.ElementBytes(Type),
                MemoryPlanner.TransferBytes(WidestBoundary(position), layers.Max(layer => layer.KeyValueBytes), Axes.Sequence, Axes.Pipeline),
                Batching.UnitTokensPerRank,
                available[position]);
        }

        return new(memory);
    }

    private StageMemory MemoryOf(int stage, int units, int gradients)
    {
        long activations = 0, widest = 0;
        int first = Boundaries[stage], end = Boundaries[stage + 1];
        for (int layer = first; layer < end; layer++)
        {
            activations += Layers[layer].ActivationBytes;
            widest = Math.Max(widest, BackwardElements(Layers[layer]).Held);
        }

        return new StageMemory(activations, units, widest * Math.Min(2, end - first) * LayerCosts.ElementBytes(Type), gradients);
    }

    private (long Held, long Scratch) BackwardElements(PlannedLayer layer) =>
        LayerCosts.BackwardElements(Request.Model.Layers[layer.Declared], layer, Request.Model.Layers[0].Width);
}
