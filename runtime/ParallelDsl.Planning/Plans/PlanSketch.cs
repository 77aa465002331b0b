using ParallelDsl.Planning.Memory;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>A layout with its programs and its memory, before it is proven and timed: enough to know whether it fits.</summary>
internal sealed class PlanSketch
{
    /// <summary>Sketches <paramref name="layout"/>.</summary>
    /// <param name="frame">What the layout lies in.</param>
    /// <param name="layout">The stages.</param>
    /// <param name="orders">The order of computation of each position, made from what the stages cost.</param>
    /// <param name="window">Units that may exchange slices under that order.</param>
    public PlanSketch(
        PlanFrame frame, StageLayout layout, Func<StageCosts, EquatableArray<EquatableArray<PipelineAction>>> orders, int window = 1)
    {
        (Frame, Layout, Window) = (frame, layout, window);
        Stages = frame.Stages(layout);
        Programs = PipelinePrograms.WithTransfers(orders(Planner.CostsOf(Stages)), layout.StageDevices, Axes.MicroBatches);
        Memory = PlanMemory();
    }

    public PlanFrame Frame { get; }

    public StageLayout Layout { get; }

    /// <summary>Units that may exchange slices.</summary>
    public int Window { get; }

    public EquatableArray<PlannedStage> Stages { get; }

    public EquatableArray<PipelineProgram> Programs { get; }

    public EquatableArray<DeviceMemory> Memory { get; }

    public bool Fits => Memory.All(position => position.Needed <= position.Available);

    private AxesSpec Axes => Frame.Request.Axes;

    /// <summary>The sketch of a sound request.</summary>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static PlanSketch Of(PlanRequest request, CancellationToken cancellation)
    {
        var frame = new PlanFrame(request);
        AxesSpec axes = request.Axes;
        return axes.Schedule == PipelineSchedule.Adaptive
            ? AdaptivePlanning.Sketch(frame, cancellation)
            : Known(frame, axes.Schedule, axes.Chunks);
    }

    /// <summary>The sketch of a known schedule on the partition of near-equal times.</summary>
    public static PlanSketch Known(PlanFrame frame, PipelineSchedule schedule, int chunks)
    {
        AxesSpec axes = frame.Request.Axes;
        StageLayout layout = frame.Partition(PipelineOrders.PlacementOf(schedule, axes.Pipeline, chunks));
        if (axes.Packing != ParallelDsl.Packing.Asymmetric)
            return At(1);
        if (schedule == PipelineSchedule.GPipe)
            return At(axes.MicroBatches);
        if (schedule != PipelineSchedule.OneForwardOneBackward)
            return At(1);

        // The more units lie open, the finer the work can be cut: as many as fit in memory, which more of them only fill.
        PlanSketch best = At(1);
        for (int least = 1, most = best.Fits ? axes.MicroBatches : 1; least < most;)
        {
            int window = least + ((most - least + 1) / 2);
            PlanSketch wider = At(window);
            if (wider.Fits)
                (best, least) = (wider, window);
            else
                most = window - 1;
        }

        return best;

        PlanSketch At(int window) => new(
            frame,
            layout,
            costs => PipelineOrders.Of(
                schedule,
                axes.Pipeline,
                axes.MicroBatches,
                chunks,
                splitBackward: false,
                costs,
                lag: schedule == PipelineSchedule.GPipe ? 0 : window - 1),
            window);
    }

    /// <summary>The simulated step of full units.</summary>
    public Timeline Simulate() => PipelineSimulator.Run(Programs, Layout.StageDevices, Planner.CostsOf(Stages));

    private EquatableArray<DeviceMemory> PlanMemory()
    {
        var memory = new DeviceMemory[Axes.Pipeline];
        for (int position = 0; position < Axes.Pipeline; position++)
        {
            EquatableArray<PipelineAction> actions = Programs[position].Actions;
            int[] units = ActivationPeak.UnitsByStage(actions, Layout.StageDevices, Window);

            // A backward unit that takes slices of several forward units gathers their rows in memory of its own.
            int gathered = Window > 1 ? 1 : 0;
            int[] gradients = ActivationPeak.GradientsByStage(actions, Layout.StageDevices);

            // Where W may come later than B, anywhere in its program, a rank holds the gradients of every layer of a unit.
            bool splits = actions.Any(action => action.Kind == ActionKind.BackwardInput);
            var held = new PositionLayers(Frame, Layout, position);
            memory[position] = MemoryPlanner.Of(
                position,
                held.Parameters,
                Frame.Type,
                [.. Layout.StagesAt(position).Select(stage => MemoryOf(stage, units[stage] + gathered, gradients[stage], splits))],
                held.Layers.Max(layer => Frame.BackwardElements(layer).Scratch) * LayerCosts.ElementBytes(Frame.Type),
                TransferBytes(position, held),
                Frame.Batching.UnitTokensPerRank,
                Frame.Positions.Memory[position]);
        }

        return new(memory);
    }

    // With slices, every layer also sums up gradients of the keys and values of earlier ones, for all units of the step.
    private long TransferBytes(int position, PositionLayers held) =>
        MemoryPlanner.PipelineBytes(WidestBoundary(position), Axes.Pipeline)
        + Frame.RingBytes(held.Layers, Window)
        + (Window > 1 ? held.Layers.Sum(layer => layer.KeyValueBytes) * Axes.MicroBatches : 0);

    private long WidestBoundary(int position)
    {
        long widest = 0;
        foreach (int stage in Layout.StagesAt(position))
            widest = Math.Max(widest, Math.Max(Frame.BoundaryBytes(Layout, stage - 1), Frame.BoundaryBytes(Layout, stage)));
        return widest;
    }

    private StageMemory MemoryOf(int stage, int units, int gradients, bool splits)
    {
        long activations = 0, widest = 0, all = 0;
        int first = Layout.Boundaries[stage], end = Layout.Boundaries[stage + 1];
        for (int layer = first; layer < end; layer++)
        {
            long held = Frame.BackwardElements(Frame.Layers[layer]).Held;
            activations += Frame.Layers[layer].ActivationBytes;
            (widest, all) = (Math.Max(widest, held), all + held);
        }

        long elements = splits ? all : widest * Math.Min(2, end - first);
        return new StageMemory(activations, units, elements * LayerCosts.ElementBytes(Frame.Type), gradients);
    }
}
