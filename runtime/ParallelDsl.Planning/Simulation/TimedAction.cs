using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>An action and when it happens. A send lasts from the moment when its link takes the value until the value arrives, a receive
/// is the moment of arrival.</summary>
/// <param name="Action">The action.</param>
/// <param name="Start">Tick at which it starts.</param>
/// <param name="End">Tick at which it is done.</param>
public readonly record struct TimedAction(PipelineAction Action, long Start, long End);
