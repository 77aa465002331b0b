using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Root-mean-square normalisation of rows (Zhang and Sennrich, arXiv 1910.07467): y = x * inverse * weight with
/// inverse = 1 / sqrt(mean(x^2) + epsilon).
/// </summary>
public static unsafe class RmsNorm
{
    /// <summary>Normalises the rows of <paramref name="x"/>.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">[T, W].</param>
    /// <param name="weight">[W].</param>
    /// <param name="epsilon">Added to the mean square; must be positive.</param>
    /// <param name="y">Result [T, W]; may be <paramref name="x"/>.</param>
    /// <param name="inverse">[T], kept for the backward pass.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or epsilon is not positive.</exception>
    public static void Forward(ThreadTeam team, Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y, Span<float> inverse)
    {
        Shapes.RequireLength(weight.Length, x.Columns, nameof(weight));
        Shapes.RequireLength(inverse.Length, x.Rows, nameof(inverse));
        Shapes.RequireSame(x, y);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        fixed (float* weightPointer = weight, inversePointer = inverse)
            RowPartition.Run(team, new ForwardRows(x, weightPointer, epsilon, y, inversePointer), x.Rows, 3L * x.Columns);
    }

    /// <summary>The gradient of the input: dx = inverse * (weight * dy - x * inverse^2 * mean(x * weight * dy)).</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">Input of the forward pass [T, W].</param>
    /// <param name="weight">[W].</param>
    /// <param name="inverse">Result of the forward pass [T].</param>
    /// <param name="dy">Gradient of the result [T, W].</param>
    /// <param name="dx">Result [T, W]; may be <paramref name="dy"/>.</param>
    /// <param name="accumulate">Whether to add to <paramref name="dx"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void BackwardInput(
        ThreadTeam team, Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> inverse, Matrix dy, Matrix dx, bool accumulate)
    {
        Shapes.RequireLength(weight.Length, x.Columns, nameof(weight));
        Shapes.RequireLength(inverse.Length, x.Rows, nameof(inverse));
        Shapes.RequireSame(x, dy);
        Shapes.RequireSame(x, dx);
        fixed (float* weightPointer = weight, inversePointer = inverse)
            RowPartition.Run(team, new BackwardRows(x, weightPointer, inversePointer, dy, dx, accumulate), x.Rows, 6L * x.Columns);
    }

    /// <summary>Adds the gradient of the weights: dWeight += sum over rows of dy * x * inverse.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">Input of the forward pass [T, W].</param>
    /// <param name="inverse">Result of the forward pass [T].</param>
    /// <param name="dy">Gradient of the result [T, W].</param>
    /// <param name="dWeight">Accumulates the gradient [W].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void BackwardWeight(ThreadTeam team, Matrix x, ReadOnlySpan<float> inverse, Matrix dy, Span<float> dWeight)
    {
        Shapes.RequireLength(dWeight.Length, x.Columns, nameof(dWeight));
        Shapes.RequireLength(inverse.Length, x.Rows, nameof(inverse));
        Shapes.RequireSame(x, dy);
        fixed (float* inversePointer = inverse, gradient = dWeight)
            RowPartition.Run(team, new WeightColumns(x, inversePointer, dy, gradient), x.Columns, 2L * x.Rows, VectorMath.Lanes);
    }

    private readonly struct ForwardRows(Matrix x, float* weight, float epsilon, Matrix y, float* inverse) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int width = x.Columns;
            for (int row = start; row < end; row++)
            {
                float* input = x.RowPointer(row);
                float* output = y.RowPointer(row);
                Vector512<float> squares = Vector512<float>.Zero;
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    Vector512<float> value = VectorMath.Load(input + i, width - i);
                    squares = Vector512.MultiplyAddEstimate(value, value, squares);
                }
                double mean = VectorMath.SumToDouble(squares) / width;
                float factor = (float)(1 / Math.Sqrt(mean + epsilon));
                inverse[row] = factor;
                Vector512<float> factors = Vector512.Create(factor);
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    int remaining = width - i;
                    Vector512<float> normalised = VectorMath.Load(input + i, remaining) * factors;
                    VectorMath.Store(normalised * VectorMath.Load(weight + i, remaining), output + i, remaining);
                }
            }
        }
    }

    private readonly struct BackwardRows(Matrix x, float* weight, float* inverse, Matrix dy, Matrix dx, bool accumulate) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int width = x.Columns;
            for (int row = start; row < end; row++)
            {
                float* input = x.RowPointer(row);
                float* gradient = dy.RowPointer(row);
                float* result = dx.RowPointer(row);
                Vector512<float> dots = Vector512<float>.Zero;
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    int remaining = width - i;
                    Vector512<float> weighted = VectorMath.Load(weight + i, remaining) * VectorMath.Load(gradient + i, remaining);
                    dots = Vector512.MultiplyAddEstimate(weighted, VectorMath.Load(input + i, remaining), dots);
                }
                double factor = inverse[row];
                Vector512<float> factors = Vector512.Create(inverse[row]);
                Vector512<float> pull = Vector512.Create((float)(factor * factor * factor * VectorMath.SumToDouble(dots) / width));
                for (int i = 0; i < width; i += VectorMath.Lanes)
                {
                    int remaining = width - i;
                    Vector512<float> weighted = VectorMath.Load(weight + i, remaining) * VectorMath.Load(gradient + i, remaining);
                    Vector512<float> value = (weighted * factors) - (VectorMath.Load(input + i, remaining) * pull);
                    if (accumulate)
                        value += VectorMath.Load(result + i, remaining);
                    VectorMath.Store(value, result + i, remaining);
                }
            }
        }
    }

    private readonly struct WeightColumns(Matrix x, float* inverse, Matrix dy, float* dWeight) : IRangeWork
    {
        // Columns whose sums stay in registers while the rows go by.
        private const int Strip = 4 * VectorMath.Lanes;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int column = start;
            for (; column + Strip <= end; column += Strip)
                AddStrip(column);
            for (; column < end; column += VectorMath.Lanes)
                AddVector(column, end - column);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void AddStrip(int column)
        {
            Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
            for (int row = 0; row < x.Rows; row++)
            {
                float* input = x.RowPointer(row) + column;
                float* gradient = dy.RowPointer(row) + column;
                Vector512<float> factor = Vector512.Create(inverse[row]);
                sum0 = Vector512.MultiplyAddEstimate(Vector512.Load(gradient) * factor, Vector512.Load(input), sum0);
                sum1 = Vector512.MultiplyAddEstimate(Vector512.Load(gradient + 16) * factor, Vector512.Load(input + 16), sum1);
                sum2 = Vector512.MultiplyAddEstimate(Vector512.Load(gradient + 32) * factor, Vector512.Load(input + 32), sum2);
                sum3 = Vector512.MultiplyAddEstimate(Vector512.Load(gradient + 48) * factor, Vector512.Load(input + 48), sum3);
            }
            (Vector512.Load(dWeight + column) + sum0).Store(dWeight + column);
            (Vector512.Load(dWeight + column + 16) + sum1).Store(dWeight + column + 16);
            (Vector512.Load(dWeight + column + 32) + sum2).Store(dWeight + column + 32);
            (Vector512.Load(dWeight + column + 48) + sum3).Store(dWeight + column + 48);
        }

        private void AddVector(int column, int remaining)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            for (int row = 0; row < x.Rows; row++)
            {
                Vector512<float> scaled = VectorMath.Load(dy.RowPointer(row) + column, remaining) * Vector512.Create(inverse[row]);
                sum = Vector512.MultiplyAddEstimate(scaled, VectorMath.Load(x.RowPointer(row) + column, remaining), sum);
            }
            VectorMath.Store(VectorMath.Load(dWeight + column, remaining) + sum, dWeight + column, remaining);
        }
    }
}
