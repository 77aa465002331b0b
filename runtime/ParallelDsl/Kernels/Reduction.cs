using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Sums over long vectors, in chunks of a fixed size, so that the number of threads changes no bit.</summary>
public static unsafe class Reduction
{
    private const int Chunk = 32 * 1024;

    /// <summary>The sum of the squares.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="values">Address of the first value.</param>
    /// <param name="length">Number of values.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    public static double SumOfSquares(ThreadTeam team, float* values, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int chunks = checked((int)((length + Chunk - 1) / Chunk));
        var sums = (double*)Workspace.Rent(ScratchPurpose.PartialSums, 2L * chunks);
        RowPartition.Run(team, new SquareChunks(values, length, sums), chunks, Chunk);
        double sum = 0;
        for (int i = 0; i < chunks; i++)
            sum += sums[i];
        return sum;
    }

    /// <inheritdoc cref="SumOfSquares(ThreadTeam, float*, long)"/>
    public static double SumOfSquares(ThreadTeam team, ReadOnlySpan<float> values)
    {
        fixed (float* pointer = values)
            return SumOfSquares(team, pointer, values.Length);
    }

    private readonly struct SquareChunks(float* values, long length, double* sums) : IRangeWork
    {
        // Vectors added in single precision before the sum goes to double.
        private const int Strip = 16 * VectorMath.Lanes;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (int chunk = start; chunk < end; chunk++)
            {
                float* first = values + ((long)chunk * Chunk);
                int count = (int)Math.Min(Chunk, length - ((long)chunk * Chunk));
                Vector512<double> sum = Vector512<double>.Zero;
                for (int strip = 0; strip < count; strip += Strip)
                {
                    Vector512<float> squares = Vector512<float>.Zero;
                    int endOfStrip = Math.Min(count, strip + Strip);
                    for (int i = strip; i < endOfStrip; i += VectorMath.Lanes)
                    {
                        Vector512<float> value = VectorMath.Load(first + i, endOfStrip - i);
                        squares = Vector512.MultiplyAddEstimate(value, value, squares);
                    }
                    (Vector512<double> lower, Vector512<double> upper) = Vector512.Widen(squares);
                    sum += lower + upper;
                }
                sums[chunk] = Vector512.Sum(sum);
            }
        }
    }
}
