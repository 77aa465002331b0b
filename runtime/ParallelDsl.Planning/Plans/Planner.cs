using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Rings;
using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Plans;

/// <summary>Makes plans. The same request gives the same plan everywhere.</summary>
public static class Planner
{
    /// <summary>No cluster has more devices.</summary>
    public const int MaximumRanks = 1_000_000;

    /// <summary>No model has more layers, repetitions and vocabulary slices counted.</summary>
    public const int MaximumLayers = 10_000;

    /// <summary>No pipeline has more stages.</summary>
    public const int MaximumStages = 4_096;

    /// <summary>The programs of a plan have no more actions in all.</summary>
    public const int MaximumActions = 2_000_000;

    /// <summary>Plans <paramref name="request"/>: checks it, cuts the layers into stages, orders the mesh, makes, proves and times the
    /// programs, and adds up the memory. Never throws for what a request says: all that is wrong with it comes back at once.</summary>
    /// <param name="request">The declaration.</param>
    /// <param name="cancellation">Ends the search for an adaptive pipeline, which takes the most of the time, and that for rings.</param>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static PlanResult Plan(PlanRequest request, CancellationToken cancellation = default) =>
        Plan(request, memoryMatters: true, cancellation);

    /// <summary>The plan of the same training on one rank, to compare with: one host device takes every unit of a step. Micro-batch
    /// u x D + d of it is micro-batch u of data rank d of the D data ranks of <paramref name="plan"/>. The granule stays, so that
    /// <see cref="Packing.TokenPacker"/> groups the sequences of a batch as it does for <paramref name="plan"/>. Embedding and head are whole.
    /// Whether it fits in memory is not asked.</summary>
    public static PlanResult SingleRank(ParallelPlan plan)
    {
        long units = (long)plan.Axes.Data * plan.Axes.MicroBatches;
        if (units > MaximumActions)
        {
            return new TooLarge(
                Invariant($"one rank would take {units:N0} units in a step; a plan has at most {MaximumActions:N0} actions"));
        }

        var cluster = new ClusterSpec("One host", new([new NodeGroup(1, 1, DeviceCatalogue.Of(DeviceKind.Host), Fabric.Switch, 0, 0)]));
        // A unit of slices may be shorter than the longest sequence, which one rank takes whole.
        var axes = new AxesSpec(MicroBatches: (int)units, UnitTokens: Math.Max(plan.Axes.UnitTokens, plan.Model.ContextLength));
        PlanResult result = Plan(new PlanRequest(plan.Model, cluster, axes), memoryMatters: false, CancellationToken.None);
        return result is Planned planned
            ? new Planned(planned.Plan with { Batching = planned.Plan.Batching with { Granule = plan.Batching.Granule } })
            : result;
    }

    private static PlanResult Plan(PlanRequest request, bool memoryMatters, CancellationToken cancellation)
    {
        try
        {
            request = WithDefaults(request);
            EquatableArray<PlanProblem> problems = RequestChecks.Run(request);
            if (problems.Count > 0)
                return new Infeasible(problems);
            if (Excess(request) is { } excess)
                return new TooLarge(excess);
            var sketch = PlanSketch.Of(request, cancellation);
            if (memoryMatters && !sketch.Fits)
                return new Infeasible(new([MemoryProblem.Of(sketch, cancellation)]));
            if (RequestChecks.LongestSequence(request, sketch.Window) is { } problem)
                return new Infeasible(new([problem]));
            return new Planned(Build(sketch, cancellation));
        }
        catch (OverflowException)
        {
            return new TooLarge($"the sizes of {request.Model.Name} on {request.Cluster.Name} leave 64 bits: "
                + "parameters, bytes or FLOPs of a step exceed 9.2e18");
        }
    }

    /// <summary>The request with the defaults of its axes filled in, as a plan records them. An adaptive pipeline has as many stages as its
    /// search finds: its chunks stay 0.</summary>
    public static PlanRequest WithDefaults(PlanRequest request)
    {
        AxesSpec axes = request.Axes;
        int least = axes.Pipeline is < 1 or > MaximumRanks ? axes.Pipeline : PipelineOrders.LeastMicroBatches(axes.Schedule, axes.Pipeline);
        return request with
        {
            Axes = axes with
            {
                MicroBatches = axes.MicroBatches == 0 ? least : axes.MicroBatches,
                Chunks = axes.Chunks != 0 || axes.Schedule == PipelineSchedule.Adaptive
                    ? axes.Chunks
                    : PipelineOrders.DefaultChunks(axes.Schedule),
                UnitTokens = axes.UnitTokens == 0 ? request.Model.ContextLength : axes.UnitTokens,
                VocabularySlices = axes.VocabularySlices == 0 ? 1 : axes.VocabularySlices,
            },
        };
    }

    // Refuses what would take long or fill memory while it is planned.
    internal static string? Excess(PlanRequest request)
    {
        AxesSpec axes = request.Axes;
        long ranks = (long)axes.Data * axes.Sequence * axes.Pipeline;
        if (ranks > MaximumRanks)
            return Invariant($"the mesh has {ranks:N0} ranks; a plan has at most {MaximumRanks:N0}");
        long together = axes.Packing == ParallelDsl.Packing.Asymmetric ? (long)axes.Data * axes.Sequence : axes.Sequence;
        if (together > Itineraries.MostRanks && (Itineraries.IsDense(axes.Datapath) || Itineraries.IsDense(axes.InterNodeDatapath)))
        {
            Datapath datapath = Itineraries.IsDense(axes.Datapath) ? axes.Datapath : axes.InterNodeDatapath;
            return Invariant($"sequences go over {together:N0} ranks; under {nameof(Datapath)}.{datapath} over at most {Itineraries.MostRanks:N0}");
        }

        long layers = LayerCosts.Count(request.Model, axes.VocabularySlices);
        if (layers > MaximumLayers)
        {
            string counted = axes.VocabularySlices > 1 ? "repetitions and vocabulary slices" : "repetitions";
            return Invariant($"{request.Model.Name} has {layers:N0} layers with {counted}; a plan has at most {MaximumLayers:N0}");
        }

        long stages = (long)axes.Pipeline * Math.Max(1, axes.Chunks);
        if (stages > MaximumStages)
            return Invariant($"the pipeline has {stages:N0} stages; a plan has at most {MaximumStages:N0}");
        bool splits = axes.Schedule is not (PipelineSchedule.GPipe or PipelineSchedule.OneForwardOneBackward or PipelineSchedule.Interleaved);
        long actions = (((splits ? 3 : 2) * stages) + (axes.Pipeline == 1 ? 0 : 4 * (stages - 1))) * axes.MicroBatches;
        string size = Invariant($"{stages:N0} stages, {axes.MicroBatches:N0} micro-batches");
        if (actions > MaximumActions)
            return Invariant($"the programs have {actions:N0} actions ({size}); a plan has at most {MaximumActions:N0}");
        return axes.Schedule == PipelineSchedule.Adaptive ? AdaptivePlanning.Excess(axes, layers) : null;
    }

    internal static ParallelPlan Build(PlanSketch sketch, CancellationToken cancellation)
    {
        (PlanFrame frame, EquatableArray<PipelineProgram> programs) = (sketch.Frame, sketch.Programs);
        (PlanRequest request, AxesSpec axes) = (frame.Request, frame.Request.Axes);

        // The construction proves them already; this proves the construction, on every plan that anybody makes.
        EquatableArray<PipelineError> errors = PipelineValidation.Validate(programs, sketch.Layout.StageDevices, axes.MicroBatches);
        if (errors.Count > 0)
            throw new InvalidOperationException($"the planner made a wrong pipeline, which is a bug of it: {errors[0]}");

        Timeline timeline = sketch.Simulate();
        AxesSpec chosen = axes.With(frame.Batching.Datapaths);
        Datapath datapath = BatchingPlanner.CrossesNodes(request.Cluster, frame.Mesh) ? chosen.InterNodeDatapath : chosen.Datapath;
        EquatableArray<EquatableArray<int>> rings = SequenceRings.Of(datapath, request.Cluster, frame.Mesh, axes.Rail, cancellation);
        var traffic = StepTraffic.Of(frame, sketch.Layout, datapath, rings);
        long unitFlops = frame.Layers.Sum(frame.Work.All);
        return new ParallelPlan(
            request.Model,
            frame.Layers,
            request.Cluster,
            axes,
            frame.Mesh,
            sketch.Stages,
            programs,
            rings,
            frame.Batching with { Window = sketch.Window },
            sketch.Memory,
            new Estimates(
                timeline.Makespan,
                timeline.Work,
                unitFlops * axes.Sequence * axes.MicroBatches,
                traffic.Data,
                traffic.Sequence,
                traffic.Pipeline),
            GradientReductions.Of(frame.Mesh, request.Cluster, sketch.Memory, axes.Rail, cancellation));
    }

    /// <summary>The costs of <paramref name="stages"/> as the simulator takes them.</summary>
    public static StageCosts CostsOf(EquatableArray<PlannedStage> stages) => new(
        stages.Select(stage => stage.Forward).ToEquatableArray(),
        stages.Select(stage => stage.BackwardInput).ToEquatableArray(),
        stages.Select(stage => stage.BackwardWeight).ToEquatableArray(),
        stages.Select(stage => stage.Hop).ToEquatableArray());
}
