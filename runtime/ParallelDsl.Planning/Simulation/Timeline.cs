namespace ParallelDsl.Planning.Simulation;

/// <summary>A simulated run of a pipeline. On every device work + warm-up + residual + cool-down = makespan.</summary>
/// <remarks>Two lengths are in use. The makespan is what a step takes. The span is what the zero-bubble papers report (Qi et al., arXiv
/// 2401.10241 and 2405.15362): it leaves out how much later one device starts than another, which steps that follow each other
/// without a barrier overlap. Makespan is at least span, and span at least the work of any device; compare like with like.</remarks>
/// <param name="Makespan">Ticks from 0 to the end of the last computation anywhere.</param>
/// <param name="Span">The most ticks of a device from the start of its first computation to the end of its last.</param>
/// <param name="Devices">For each device its program, timed, in program order.</param>
/// <param name="Work">Ticks of computation on each device.</param>
/// <param name="WarmupBubble">Idle ticks of each device before the first backward anywhere.</param>
/// <param name="ResidualBubble">Idle ticks of each device in between.</param>
/// <param name="CooldownBubble">Idle ticks of each device after the last forward anywhere.</param>
/// <param name="PeakUnitsInFlight">The most stage activations that each device holds at once: one unit through one stage, from the start
/// of its F to the end of its backward (of both B and W).</param>
public sealed record Timeline(
    long Makespan,
    long Span,
    EquatableArray<EquatableArray<TimedAction>> Devices,
    EquatableArray<long> Work,
    EquatableArray<long> WarmupBubble,
    EquatableArray<long> ResidualBubble,
    EquatableArray<long> CooldownBubble,
    EquatableArray<int> PeakUnitsInFlight);
