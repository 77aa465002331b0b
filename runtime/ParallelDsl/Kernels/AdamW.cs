using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>The numbers of one optimizer step.</summary>
/// <param name="LearningRate">Learning rate of this step.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">Decay of the weights, decoupled from the gradient and multiplied by the learning rate.</param>
/// <param name="Step">Number of this step, from 1.</param>
/// <param name="GradientScale">Factor of every gradient before use, such as the clipping factor.</param>
public readonly record struct AdamWStep(
    float LearningRate, float Beta1, float Beta2, float Epsilon, float WeightDecay, int Step, float GradientScale);

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).</summary>
public static unsafe class AdamW
{
    private const int Chunk = 4 * 1024;

    /// <summary>Updates moments and weights in place.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="weights">Weights.</param>
    /// <param name="gradients">Gradients; only read.</param>
    /// <param name="firstMoment">Running mean of the gradients.</param>
    /// <param name="secondMoment">Running mean of their squares.</param>
    /// <param name="length">Number of weights.</param>
    /// <param name="step">The numbers of this step.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative, the step is less than 1 or a decay is outside [0, 1).</exception>
    public static void Step(
        ThreadTeam team, float* weights, float* gradients, float* firstMoment, float* secondMoment, long length, in AdamWStep step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Step, 1, nameof(step));
        RequireDecay(step.Beta1, nameof(step.Beta1));
        RequireDecay(step.Beta2, nameof(step.Beta2));
        int chunks = checked((int)((length + Chunk - 1) / Chunk));
        RowPartition.Run(team, new Chunks(weights, gradients, firstMoment, secondMoment, length, step), chunks, 4 * Chunk);
    }

    private static void RequireDecay(float decay, string name)
    {
        if (!(decay >= 0 && decay < 1))
            throw new ArgumentOutOfRangeException(name, decay, $"{name} must be at least 0 and below 1.");
    }

    private readonly struct Chunks(
        float* weights, float* gradients, float* firstMoment, float* secondMoment, long length, AdamWStep step) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            // The corrections of the zero start, folded into step size and denominator.
            double firstCorrection = 1 - Math.Pow(step.Beta1, step.Step);
            double secondCorrection = 1 - Math.Pow(step.Beta2, step.Step);
            Vector512<float> stepSize = Vector512.Create((float)(step.LearningRate / firstCorrection));
            Vector512<float> rootScale = Vector512.Create((float)(1 / Math.Sqrt(secondCorrection)));
            Vector512<float> epsilon = Vector512.Create(step.Epsilon);
            Vector512<float> keep = Vector512.Create((float)(1 - ((double)step.LearningRate * step.WeightDecay)));
            Vector512<float> beta1 = Vector512.Create(step.Beta1);
            Vector512<float> beta2 = Vector512.Create(step.Beta2);
            Vector512<float> rest1 = Vector512.Create(1 - step.Beta1);
            Vector512<float> rest2 = Vector512.Create(1 - step.Beta2);
            Vector512<float> gradientScale = Vector512.Create(step.GradientScale);
            long last = Math.Min(length, (long)end * Chunk);
            for (long i = (long)start * Chunk; i < last; i += VectorMath.Lanes)
            {
                int remaining = (int)Math.Min(VectorMath.Lanes, last - i);
                Vector512<float> gradient = VectorMath.Load(gradients + i, remaining) * gradientScale;
                Vector512<float> first = (VectorMath.Load(firstMoment + i, remaining) * beta1) + (gradient * rest1);
                Vector512<float> second = (VectorMath.Load(secondMoment + i, remaining) * beta2) + (gradient * gradient * rest2);
                Vector512<float> weight = VectorMath.Load(weights + i, remaining) * keep;
                weight -= stepSize * first / ((Vector512.Sqrt(second) * rootScale) + epsilon);
                VectorMath.Store(first, firstMoment + i, remaining);
                VectorMath.Store(second, secondMoment + i, remaining);
                VectorMath.Store(weight, weights + i, remaining);
            }
        }
    }
}
