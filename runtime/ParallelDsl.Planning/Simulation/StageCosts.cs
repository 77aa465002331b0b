using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>What the stages of a pipeline cost, in ticks. All arrays have one item a stage.</summary>
/// <param name="Forward">Ticks of F.</param>
/// <param name="BackwardInput">Ticks of B.</param>
/// <param name="BackwardWeight">Ticks of W; an unsplit backward takes B + W.</param>
/// <param name="Hop">Ticks to move a value between stage s and stage s + 1, either way; counts only between two devices.</param>
/// <param name="Overhead">Ticks that every F, B, W and X costs on top, so that many small stages are not free.</param>
public sealed record StageCosts(
    EquatableArray<long> Forward,
    EquatableArray<long> BackwardInput,
    EquatableArray<long> BackwardWeight,
    EquatableArray<long> Hop,
    long Overhead = 0)
{
    /// <summary>The cost of <paramref name="action"/> on its device: 0 for a transfer, which occupies links only.</summary>
    public long Of(PipelineAction action) => action.Kind switch
    {
        ActionKind.Forward => Forward[action.Stage] + Overhead,
        ActionKind.BackwardInput => BackwardInput[action.Stage] + Overhead,
        ActionKind.BackwardWeight => BackwardWeight[action.Stage] + Overhead,
        ActionKind.Backward => BackwardInput[action.Stage] + BackwardWeight[action.Stage] + Overhead,
        _ => 0,
    };
}
