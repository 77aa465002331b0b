using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Plans;

/// <summary>What a sound request settles whatever the layout of its stages: layers, units, mesh and devices.</summary>
internal sealed class PlanFrame
{
    private readonly long[] _all, _forward, _input, _weight;
    private readonly RingReach _reach;

    public PlanFrame(PlanRequest request)
    {
        (Request, AxesSpec axes) = (request, request.Axes);
        Type = LayerCosts.TypeOf(request.Cluster);
        Layers = LayerCosts.Unroll(request.Model, Type, axes.VocabularySlices);
        Work = UnitWork.Of(axes.UnitTokens, request.Model.ContextLength, axes.Sequence);
        (_all, _forward, _input, _weight) =
            (Prefix(Work.All), Prefix(Work.Forward), Prefix(Work.BackwardInput), Prefix(Work.BackwardWeight));

        // The order of the axes follows from what they move, and the devices of a position from that order: so the mesh comes first, from
        // stages of equal work; one for each position where the stages are still to be searched for.
        EquatableArray<int> placement = axes.Schedule == PipelineSchedule.Adaptive
            ? PipelinePrograms.CyclicPlacement(axes.Pipeline, axes.Pipeline)
            : PipelineOrders.PlacementOf(axes.Schedule, axes.Pipeline, axes.Chunks);
        // The axis that moves most lies inside nodes as far as it can.
        StepTraffic traffic = StepTraffic.Of(this, EqualWork(placement), axes.Datapath == Datapath.Automatic ? Datapath.Ring : axes.Datapath);
        Mesh = MeshPlanner.Plan(axes.Data, axes.Sequence, axes.Pipeline, traffic.Data, traffic.Sequence, traffic.Pipeline);
        Batching = BatchingPlanner.Plan(request, Layers, Mesh);
        Positions = new PipelinePositions(request.Cluster, Mesh);
        _reach = RingReach.Of(axes.With(Batching.Datapaths), request.Cluster, Mesh);
    }

    public PlanRequest Request { get; }

    public TrainingType Type { get; }

    public EquatableArray<PlannedLayer> Layers { get; }

    public BatchingPlan Batching { get; }

    public UnitWork Work { get; }

    public Mesh Mesh { get; }

    public PipelinePositions Positions { get; }

    /// <summary>The partition of near-equal times for a placement: faster positions take more layers.</summary>
    public StageLayout Partition(EquatableArray<int> placement)
    {
        EquatableArray<long> rates = Positions.Rates;
        return rates.Distinct().Take(2).Count() < 2 ? EqualWork(placement) : new StageLayout(
            LayerPartition.Plan(
                Layers.Count,
                placement.Count,
                (stage, first, count) => UnitWork.Ticks(_all[first + count] - _all[first], rates[placement[stage]])),
            placement);
    }

    /// <summary>The stages of a layout, with the times of a full unit.</summary>
    public EquatableArray<PlannedStage> Stages(StageLayout layout)
    {
        var stages = new PlannedStage[layout.Stages];
        for (int stage = 0; stage < stages.Length; stage++)
        {
            (int device, int first, int end) = (layout.StageDevices[stage], layout.Boundaries[stage], layout.Boundaries[stage + 1]);
            long rate = Positions.Rates[device];
            stages[stage] = new PlannedStage(
                stage,
                first,
                end - first,
                device,
                UnitWork.Ticks(_forward[end] - _forward[first], rate),
                UnitWork.Ticks(_input[end] - _input[first], rate),
                UnitWork.Ticks(_weight[end] - _weight[first], rate),
                layout.Sends(stage)
                    ? Positions.Hop(device, layout.StageDevices[stage + 1], BoundaryBytes(layout, stage) * Work.Tokens)
                    : 0);
        }

        return new(stages);
    }

    /// <summary>Bytes a token that go from stage <paramref name="stage"/> to the next, and of the gradient that comes back; 0 before the
    /// first stage and after the last one.</summary>
    public long BoundaryBytes(StageLayout layout, int stage) => stage < 0 ? 0 : Layers[layout.Boundaries[stage + 1] - 1].OutputBytes;

    /// <summary>Elements a token that a layer's backward holds until W, and that it uses within a pass.</summary>
    public (long Held, long Scratch) BackwardElements(PlannedLayer layer) =>
        LayerCosts.BackwardElements(Request.Model.Layers[layer.Declared], layer, Request.Model.Layers[0].Width, Batching.Remaps);

    /// <summary>Bytes a token of a unit of the messages between attention ranks that are there at once.</summary>
    /// <param name="layers">The layers at one position.</param>
    /// <param name="window">Units that may exchange slices: rings carry the keys and values of all of them.</param>
    public long RingBytes(IReadOnlyCollection<PlannedLayer> layers, int window)
    {
        AxesSpec axes = Request.Axes.With(Batching.Datapaths);
        long moved = Batching.Remaps
            ? layers.Max(layer => LayerCosts.RemapElements(Request.Model.Layers[layer.Declared], layer, Request.Model.Layers[0].Width))
            : 0;

        // A rank over which hops of others are routed passes on one part of a block at a time: at most a half of it.
        long routed = Batching.Routes && axes.InterNodeDatapath == Datapath.Ring ? layers.Max(layer => layer.KeyValueBytes) * window : 0;
        IEnumerable<AttentionWidths> widths = layers.Select(layer => AttentionWidths.Of(Request.Model, layer));
        return (ExchangeMemory.Elements(axes, _reach, widths, moved, window) * LayerCosts.ElementBytes(Type)) + ((routed + 1) / 2);
    }

    private StageLayout EqualWork(EquatableArray<int> placement) => new(
        LayerPartition.Plan(Layers.Count, placement.Count, (_, first, count) => _all[first + count] - _all[first]), placement);

    private long[] Prefix(Func<PlannedLayer, long> valueOf)
    {
        var sums = new long[Layers.Count + 1];
        for (int layer = 0; layer < Layers.Count; layer++)
            sums[layer + 1] = sums[layer] + valueOf(Layers[layer]);
        return sums;
    }
}
