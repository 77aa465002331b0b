using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>A pipeline that was made and simulated.</summary>
/// <param name="Schedule">What was asked for, as the command line calls it.</param>
/// <param name="Model">The model.</param>
/// <param name="Problem">What had to be laid out.</param>
/// <param name="Pipeline">The result.</param>
/// <param name="HasFixedLayout">Whether partition and placement were given or are the schedule's, so that only the order was open.</param>
/// <param name="HasExclusiveLinks">Whether it was timed with links that carry one transfer at a time.</param>
/// <param name="Searched">Candidates that a search simulated; 0 without a search.</param>
/// <param name="Time">How long planning took.</param>
internal sealed record PipelineRun(
    string Schedule,
    PipelineModel Model,
    PipelineProblem Problem,
    PipelineCandidate Pipeline,
    bool HasFixedLayout,
    bool HasExclusiveLinks,
    int Searched,
    TimeSpan Time)
{
    /// <summary>Layers of each stage, as a partition counts them.</summary>
    public EquatableArray<int> Partition => Model.PartitionOf(Pipeline.Boundaries);

    /// <summary>Stages of each device.</summary>
    public IEnumerable<IEnumerable<int>> Placement => StageLists.StagesOf(Pipeline.StageDevices, Problem.Devices);

    /// <summary>Idle ticks of all devices.</summary>
    public long Bubble => (Pipeline.Makespan * Problem.Devices) - Pipeline.Timeline.Work.Sum();

    /// <summary>Whether B and W are actions of their own, at least some.</summary>
    public bool Splits => Has(ActionKind.BackwardWeight);

    /// <summary>Whether some backwards are split and others are not.</summary>
    public bool Mixes => Splits && Has(ActionKind.Backward);

    /// <summary>A makespan that nothing beats which could have been the result.</summary>
    public long LowerBound
    {
        get
        {
            // Splitting is a freedom, except for the overhead of the third action.
            PipelineProblem problem = Problem with { SplitBackward = Splits, Overhead = Mixes ? 0 : Problem.Overhead };
            return HasFixedLayout ? PipelineBound.Of(problem, Pipeline.Boundaries, Pipeline.StageDevices) : PipelineBound.Of(problem);
        }
    }

    private bool Has(ActionKind kind) => Pipeline.Orders.Any(order => order.Any(action => action.Kind == kind));
}
