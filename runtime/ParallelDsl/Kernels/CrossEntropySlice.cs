using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Kernels;

/// <summary>
/// Cross-entropy of a softmax over a vocabulary whose logits are never in one place: a chain of slices, each with the logits of its rows.
/// Forward, every slice brings the statistics of the rows before it up to date (the online softmax of Milakov and Gimelshein,
/// arXiv 1805.02867); the last one has those of the whole vocabulary, with which every slice finds its part of the gradient. After
/// Vocabulary Parallelism (Yeung et al., arXiv 2411.05288); reconstructed as a chain, without a barrier between devices.
/// </summary>
/// <remarks>Statistics are a matrix [T, 3]: the largest logit, the sum of e^(logit - largest), the logit of the target, which is 0 until the slice
/// of the target was seen. Sums run in the order of the rows of the vocabulary, whatever the number of threads.</remarks>
public static unsafe class CrossEntropySlice
{
    /// <summary>Columns of the statistics.</summary>
    public const int Statistics = LayerCosts.SoftmaxStatistics;

    private const int Largest = 0;
    private const int Sum = 1;
    private const int Target = 2;

    /// <summary>Sets the statistics of no rows at all, with which the first slice starts.</summary>
    /// <param name="statistics">[T, 3].</param>
    public static void Reset(Matrix statistics)
    {
        Shapes.Require(statistics, statistics.Rows, Statistics);
        for (int row = 0; row < statistics.Rows; row++)
        {
            statistics[row, Largest] = float.NegativeInfinity;
            statistics[row, Sum] = 0;
            statistics[row, Target] = 0;
        }
    }

    /// <summary>Adds the rows of one slice to the statistics. The logits stay.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="logits">[T, r], of the r rows of the slice.</param>
    /// <param name="firstRow">The token id of column 0.</param>
    /// <param name="targets">[T], token ids; a negative one means that the row has no target.</param>
    /// <param name="before">[T, 3], of the rows before the slice.</param>
    /// <param name="after">[T, 3], written; may be <paramref name="before"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Forward(ThreadTeam team, Matrix logits, int firstRow, ReadOnlySpan<int> targets, Matrix before, Matrix after)
    {
        Shapes.RequireLength(targets.Length, logits.Rows, nameof(targets));
        Shapes.Require(before, logits.Rows, Statistics);
        Shapes.RequireSame(before, after);
        fixed (int* targetPointer = targets)
            RowPartition.Run(team, new ForwardRows(logits, firstRow, targetPointer, before, after), logits.Rows, 8L * logits.Columns);
    }

    /// <summary>The sum of -ln softmax(logits[t])[targets[t]] over the rows, from the statistics of the whole vocabulary.</summary>
    /// <param name="statistics">[T, 3].</param>
    /// <param name="targets">[T], token ids; a row without a target has the loss 0.</param>
    /// <param name="vocabulary">The number of token ids.</param>
    /// <returns>The sum in nats, added row by row in double precision.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit, or a target is outside the vocabulary.</exception>
    public static double Loss(Matrix statistics, ReadOnlySpan<int> targets, int vocabulary)
    {
        Shapes.Require(statistics, targets.Length, Statistics);
        double sum = 0;
        for (int row = 0; row < targets.Length; row++)
        {
            if (targets[row] >= vocabulary)
                throw new ArgumentOutOfRangeException(nameof(targets), targets[row], $"targets[{row}] is outside the vocabulary of {vocabulary}.");
            if (targets[row] >= 0)
                sum += Math.Log(statistics[row, Sum]) + ((double)statistics[row, Largest] - statistics[row, Target]);
        }

        return sum;
    }

    /// <summary>Turns the logits of one slice into their gradient, (softmax - onehot) * scale.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="logits">[T, r]; overwritten by the gradient.</param>
    /// <param name="firstRow">The token id of column 0.</param>
    /// <param name="targets">[T], token ids; a row without a target has the gradient 0.</param>
    /// <param name="statistics">[T, 3], of the whole vocabulary.</param>
    /// <param name="scale">Factor of the gradient.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Backward(ThreadTeam team, Matrix logits, int firstRow, ReadOnlySpan<int> targets, Matrix statistics, float scale)
    {
        Shapes.RequireLength(targets.Length, logits.Rows, nameof(targets));
        Shapes.Require(statistics, logits.Rows, Statistics);
        fixed (int* targetPointer = targets)
            RowPartition.Run(team, new BackwardRows(logits, firstRow, targetPointer, statistics, scale), logits.Rows, 8L * logits.Columns);
    }

    private readonly struct ForwardRows(Matrix logits, int firstRow, int* targets, Matrix before, Matrix after) : IRangeWork
    {
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                float* values = logits.RowPointer(row);
                float largest = MathF.Max(before[row, Largest], CrossEntropy.Maximum(values, logits.Columns));

                // Nothing times e^-infinity: the first slice's sum of nothing stays nothing.
                double earlier = before[row, Sum] * Math.Exp((double)before[row, Largest] - largest);
                uint target = (uint)(targets[row] - firstRow);
                after[row, Target] = target < (uint)logits.Columns && targets[row] >= 0 ? values[target] : before[row, Target];
                after[row, Sum] = (float)(earlier + SumOfExponentials(values, logits.Columns, largest));
                after[row, Largest] = largest;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double SumOfExponentials(float* row, int width, float largest)
        {
            Vector512<float> maxima = Vector512.Create(largest);
            double sum = 0;
            for (int strip = 0; strip < width; strip += CrossEntropy.Strip)
            {
                Vector512<float> sums = Vector512<float>.Zero;
                int end = Math.Min(width, strip + CrossEntropy.Strip);
                for (int i = strip; i < end; i += VectorMath.Lanes)
                    sums += VectorMath.Exp(VectorMath.Load(row + i, end - i, float.NegativeInfinity) - maxima);
                sum += VectorMath.SumToDouble(sums);
            }

            return sum;
        }
    }

    private readonly struct BackwardRows(Matrix logits, int firstRow, int* targets, Matrix statistics, float scale) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                if (targets[row] < 0)
                {
                    logits.Row(row).Clear();
                    continue;
                }

                float* values = logits.RowPointer(row);
                Vector512<float> maxima = Vector512.Create(statistics[row, Largest]);
                Vector512<float> factor = Vector512.Create(scale / statistics[row, Sum]);
                for (int i = 0; i < logits.Columns; i += VectorMath.Lanes)
                {
                    int remaining = logits.Columns - i;
                    VectorMath.Store(VectorMath.Exp(VectorMath.Load(values + i, remaining) - maxima) * factor, values + i, remaining);
                }

                uint target = (uint)(targets[row] - firstRow);
                if (target < (uint)logits.Columns)
                    values[target] -= scale;
            }
        }
    }
}
