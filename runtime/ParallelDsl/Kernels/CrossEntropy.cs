using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Cross-entropy of a softmax over the vocabulary, and its gradient, in one pass over the logits.</summary>
public static unsafe class CrossEntropy
{
    /// <summary>Exponentials added in single precision before the sum goes to double.</summary>
    internal const int Strip = 64 * VectorMath.Lanes;

    /// <summary>
    /// Returns the sum of -ln softmax(logits[t])[targets[t]] over the rows and turns the logits into their gradient,
    /// (softmax - onehot) * scale.
    /// </summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="logits">[T, V]; overwritten by the gradient.</param>
    /// <param name="targets">[T], each below V. A negative one means that the row has no target: loss 0 and gradient 0.</param>
    /// <param name="scale">Factor of the gradient, such as one over the number of targets; not applied to the loss.</param>
    /// <returns>The sum in nats, added row by row in double precision.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit, or a target is outside the vocabulary.</exception>
    public static double Forward(ThreadTeam team, Matrix logits, ReadOnlySpan<int> targets, float scale)
    {
        Shapes.RequireLength(targets.Length, logits.Rows, nameof(targets));
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] >= logits.Columns)
                throw new ArgumentOutOfRangeException(nameof(targets), targets[i], $"targets[{i}] is outside the vocabulary of {logits.Columns}.");
        }
        // A double takes the room of two floats.
        var losses = (double*)Workspace.Rent(ScratchPurpose.PartialSums, 2L * logits.Rows);
        fixed (int* targetPointer = targets)
            RowPartition.Run(team, new Rows(logits, targetPointer, scale, losses), logits.Rows, 12L * logits.Columns);
        double sum = 0;
        for (int row = 0; row < logits.Rows; row++)
            sum += losses[row];
        return sum;
    }

    /// <summary>The largest value of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float Maximum(float* row, int width)
    {
        Vector512<float> maxima = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < width; i += VectorMath.Lanes)
            maxima = Vector512.Max(maxima, VectorMath.Load(row + i, width - i, float.NegativeInfinity));
        float maximum = maxima[0];
        for (int lane = 1; lane < VectorMath.Lanes; lane++)
            maximum = MathF.Max(maximum, maxima[lane]);
        return maximum;
    }

    private readonly struct Rows(Matrix logits, int* targets, float scale, double* losses) : IRangeWork
    {
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                if (targets[row] < 0)
                {
                    losses[row] = 0;
                    logits.Row(row).Clear();
                }
                else
                {
                    losses[row] = RunRow(logits.RowPointer(row), logits.Columns, targets[row]);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private double RunRow(float* row, int width, int target)
        {
            float targetLogit = row[target];
            float maximum = Maximum(row, width);
            Vector512<float> maxima = Vector512.Create(maximum);
            double sum = 0;
            for (int strip = 0; strip < width; strip += Strip)
            {
                Vector512<float> sums = Vector512<float>.Zero;
                int end = Math.Min(width, strip + Strip);
                for (int i = strip; i < end; i += VectorMath.Lanes)
                {
                    int remaining = end - i;
                    Vector512<float> exponential = VectorMath.Exp(VectorMath.Load(row + i, remaining, float.NegativeInfinity) - maxima);
                    sums += exponential;
                    VectorMath.Store(exponential, row + i, remaining);
                }
                sum += VectorMath.SumToDouble(sums);
            }
            Vector512<float> factor = Vector512.Create((float)(scale / sum));
            for (int i = 0; i < width; i += VectorMath.Lanes)
            {
                int remaining = width - i;
                VectorMath.Store(VectorMath.Load(row + i, remaining) * factor, row + i, remaining);
            }
            row[target] -= scale;
            return Math.Log(sum) + ((double)maximum - targetLogit);
        }
    }
}
