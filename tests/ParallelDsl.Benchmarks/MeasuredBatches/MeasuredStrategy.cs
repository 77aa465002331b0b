using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.MeasuredBatches;

/// <summary>One way to run a batch on two ranks, and what the cluster simulator predicts for it.</summary>
/// <param name="Name">What is said of it.</param>
/// <param name="Plan">Its plan.</param>
internal sealed record MeasuredStrategy(string Name, ParallelPlan Plan)
{
    public static MeasuredStrategy[] All() =>
    [
        Of("whole sequences on two data ranks", new AxesSpec(Data: 2, MicroBatches: 4, UnitTokens: 4_096)),
        Of("zigzag ring", new AxesSpec(Sequence: 2, MicroBatches: 4, UnitTokens: 4_096)),
        Of("hierarchical", new AxesSpec(Sequence: 2, MicroBatches: 4, UnitTokens: 4_096, Balance: SequenceBalance.Hierarchical)),
        Of("asymmetric", new AxesSpec(Data: 2, Schedule: PipelineSchedule.GPipe, MicroBatches: 4, UnitTokens: 2_048, Packing: Packing.Asymmetric)),
        Of("joint", new AxesSpec(
            Data: 1, Sequence: 2, Schedule: PipelineSchedule.GPipe, MicroBatches: 4, UnitTokens: 4_096, Packing: Packing.Asymmetric, Balance: SequenceBalance.Hierarchical)),
    ];

    /// <summary>The step plan of a batch.</summary>
    public StepPlan PlanStep(List<int[]> batch)
    {
        StepPlan step = new();
        StepPlanner.Plan(StepConstants.Of(Plan), [.. batch.Select(tokens => tokens.Length - 1)], step);
        return step;
    }

    /// <summary>Nanoseconds of the programs of a step, simulated with measured costs: all layers as one, whose exchanges carry the bytes and have
    /// the latencies of all.</summary>
    public long Predict(StepPlan step, BatchCalibration costs, EfficiencyCurve curve, TransferCost transfer)
    {
        // Ticks of a picosecond keep small costs exact enough.
        const double Scale = 1_000;
        LayerRates rates = new(
            (long)(costs.Forward.Token * Scale),
            (long)(costs.Forward.Pair * Scale),
            checked((int)Plan.Layers.Sum(layer => layer.KeyValueBytes)),
            checked((int)Plan.Layers.Where(layer => layer.KeyValueBytes > 0).Sum(layer => layer.OutputBytes)),
            (long)Scale,
            curve,
            (int)(1_000 * costs.Backward.Token / costs.Forward.Token),
            (int)(1_000 * costs.Backward.Pair / costs.Forward.Pair));
        int attention = Plan.Layers.Count(layer => layer.KeyValueBytes > 0);
        DeviceSpec device = DeviceCatalogue.Custom("rank", 1L << 32, (long)Scale, 1, Math.Max(1, (long)transfer.BytesPerNanosecond));
        ClusterSpec cluster = new("Host", new([new NodeGroup(1, 2, device, Fabric.Switch, 0, 0)]));
        int[] lengths = [.. Enumerable.Range(0, step.SequenceCount).Select(sequence => step.Slices[step.FirstSlices[sequence + 1] - 1].End)];
        BatchProblem problem = new(
            cluster,
            new BatchModel("measured", 1, 64, 4, 4, 128, 258),
            new EquatableArray<int>(lengths),
            Plan.Model.ContextLength,
            1,
            step.MicroBatches,
            new BatchAssumptions(IntraNodeLatency: attention * transfer.LatencyNanoseconds, OverlapSlowdownPermille: 0));
        EquatableArray<UnitSlot> slots = new StepSlots(problem, [0, 0]).Of(step, StepTransport.Of(Plan));
        BatchSimulation simulation = new(problem)
        {
            MeasuredRates = rates,
            PassOverhead = (Math.Max(0, (long)costs.Forward.Constant), Math.Max(0, (long)costs.Backward.Constant)),
        };
        return simulation.Run(new BatchPlan(Name, Name, 1, slots, Plan.Batching.Window - 1)).Nanoseconds;
    }

    private static MeasuredStrategy Of(string name, AxesSpec axes) => Planner.Plan(new PlanRequest(Long64.Plan.Model, Long64.Plan.Cluster, axes)) is Planned planned
        ? new(name, planned.Plan)
        : throw new InvalidOperationException($"{name} cannot be planned");
}
