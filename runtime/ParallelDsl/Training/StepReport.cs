namespace ParallelDsl.Training;

/// <summary>What one step of training did.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Loss">Mean over the step's target tokens of -log p, nats, before the update.</param>
/// <param name="GradientNorm">Norm of the gradient of all parameters, before clipping.</param>
/// <param name="LearningRate">The learning rate used.</param>
/// <param name="Tokens">Target tokens of the step on all ranks.</param>
/// <param name="Seconds">Wall time of the step on rank 0.</param>
public readonly record struct StepReport(int Step, double Loss, double GradientNorm, float LearningRate, long Tokens, double Seconds);
