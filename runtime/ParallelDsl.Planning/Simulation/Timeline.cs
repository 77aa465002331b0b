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

/// <summary>An action and when it happens. A send lasts until its value arrives, a receive is the moment of arrival.</summary>
/// <param name="Action">The action.</param>
/// <param name="Start">Tick at which it starts.</param>
/// <param name="End">Tick at which it is done.</param>
public readonly record struct TimedAction(PipelineAction Action, long Start, long End);

/// <summary>A simulated run of a pipeline. On every device work + warm-up + residual + cool-down = makespan.</summary>
/// <param name="Makespan">Ticks from 0 to the end of the last computation.</param>
/// <param name="Devices">For each device its program, timed, in program order.</param>
/// <param name="Work">Ticks of computation on each device.</param>
/// <param name="WarmupBubble">Idle ticks of each device before the first backward anywhere.</param>
/// <param name="ResidualBubble">Idle ticks of each device in between.</param>
/// <param name="CooldownBubble">Idle ticks of each device after the last forward anywhere.</param>
/// <param name="PeakUnitsInFlight">The most stage activations that each device holds at once: one unit through one stage, from the start
/// of its F to the end of its backward (of both B and W).</param>
public sealed record Timeline(
    long Makespan,
    EquatableArray<EquatableArray<TimedAction>> Devices,
    EquatableArray<long> Work,
    EquatableArray<long> WarmupBubble,
    EquatableArray<long> ResidualBubble,
    EquatableArray<long> CooldownBubble,
    EquatableArray<int> PeakUnitsInFlight);
