using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>A pipeline that is predicted and then run.</summary>
/// <param name="Name">Its schedule.</param>
/// <param name="Candidate">Partition, placement and order.</param>
/// <param name="Plan">The same as a plan that the runtime executes.</param>
internal sealed record MeasuredPipeline(string Name, PipelineCandidate Candidate, ParallelPlan Plan)
{
    /// <summary>Layers of each stage and the rank that holds it.</summary>
    public string Layout => string.Join(", ", Plan.Stages.Select(stage => FormattableString.Invariant($"{stage.LayerCount} on {stage.Device}")));

    public static MeasuredPipeline Of(string name, ParallelPlan plan, PipelineCandidate candidate) => new(name, candidate, plan with
    {
        Stages = candidate.StageDevices.Select((device, stage) => new PlannedStage(
            stage,
            candidate.Boundaries[stage],
            candidate.Boundaries[stage + 1] - candidate.Boundaries[stage],
            device,
            candidate.Costs.Forward[stage],
            candidate.Costs.BackwardInput[stage],
            candidate.Costs.BackwardWeight[stage],
            candidate.Costs.Hop[stage])).ToEquatableArray(),
        Programs = PipelinePrograms.WithTransfers(candidate.Orders, candidate.StageDevices, plan.Batching.UnitsPerDataRank),
    });

    /// <summary>The pipelines of the benchmark, each for the measured costs of the layers: known schedules, and the one that the search
    /// finds.</summary>
    public static MeasuredPipeline[] All(ParallelPlan plan, PipelineProblem problem)
    {
        PipelineProblem unsplit = problem with { SplitBackward = false };
        return
        [
            Of("GPipe", plan, NamedPipelines.Of(unsplit, PipelineSchedule.GPipe)),
            Of("1F1B, tuned partition", plan, LayoutTuner.Tune(unsplit, PipelineSchedule.OneForwardOneBackward, 1)),
            Of("ZB-H1", plan, NamedPipelines.Of(problem, PipelineSchedule.ZeroBubbleH1, partition: new([5, 3]))),
            Of("ZB-V", plan, NamedPipelines.Of(problem, PipelineSchedule.ZeroBubbleV, partition: new([2, 3, 2, 1]))),
            Of("adaptive", plan, AdaptiveTuner.Tune(problem, new TuningOptions())),
        ];
    }

    /// <summary>The simulated makespan with the layers' costs of <paramref name="problem"/>, in nanoseconds.</summary>
    public long Predict(PipelineProblem problem) => PipelineSimulator.Run(
        Plan.Programs, Candidate.StageDevices, problem.CostsOf(Candidate.Boundaries, Candidate.StageDevices)).Makespan;
}
