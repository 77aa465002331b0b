using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Rotary position embedding (Su et al., arXiv 2104.09864) in the half-rotation convention of Hugging Face: dimensions i and i + D/2 of a
/// head turn together by position * base^(-2i/D).
/// </summary>
/// <typeparam name="TShape">Constants of the layer; only the head width is used.</typeparam>
public static unsafe class RotaryEmbedding<TShape>
    where TShape : struct, IAttentionShape
{
    /// <summary>Turns every head of every row in place.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">[T, n * HeadWidth] with any number n of heads.</param>
    /// <param name="positions">Position of each row in its sequence [T], from 0.</param>
    /// <param name="inverse">Whether to turn back: what the gradient needs.</param>
    /// <param name="base">Base of the frequencies, above 0; usually 10000.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, the head width is odd, a position is negative or the base is not
    /// positive.</exception>
    public static void Apply(ThreadTeam team, Matrix x, ReadOnlySpan<int> positions, bool inverse, float @base = 10_000)
    {
        if (TShape.HeadWidth < 2 || TShape.HeadWidth % 2 != 0)
            throw new ArgumentException($"{typeof(TShape).Name}.HeadWidth is {TShape.HeadWidth}: rotation needs pairs of dimensions.");
        if (x.Columns % TShape.HeadWidth != 0)
            throw new ArgumentException($"x is {x}: its columns must be a multiple of the head width {TShape.HeadWidth}.", nameof(x));
        Shapes.RequireLength(positions.Length, x.Rows, nameof(positions));
        if (!(@base > 0) || !float.IsFinite(@base))
            throw new ArgumentOutOfRangeException(nameof(@base), @base, "The base of the frequencies must be positive and finite.");
        if (x.Rows == 0 || x.Columns == 0)
            return;
        int largest = 0;
        for (int row = 0; row < positions.Length; row++)
        {
            if (positions[row] < 0)
                throw new ArgumentOutOfRangeException(nameof(positions), positions[row], $"positions[{row}] is negative.");
            largest = Math.Max(largest, positions[row]);
        }
        RotaryTable table = RotaryTable.For(TShape.HeadWidth, @base, largest + 1L);
        fixed (int* positionPointer = positions)
        {
            var rows = new Rows(x, positionPointer, table.Cosines, table.Sines, inverse);
            RowPartition.Run(team, rows, x.Rows, 2L * x.Columns);
        }
        // The rows hold bare addresses of the table.
        GC.KeepAlive(table);
    }

    private readonly struct Rows(Matrix x, int* positions, float* cosines, float* sines, bool inverse) : IRangeWork
    {
        private static int Half => TShape.HeadWidth / 2;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            Vector512<float> sign = Vector512.Create(inverse ? -1f : 1f);
            for (int row = start; row < end; row++)
            {
                float* cosine = cosines + ((long)positions[row] * Half);
                float* sine = sines + ((long)positions[row] * Half);
                float* head = x.RowPointer(row);
                for (float* endOfRow = head + x.Columns; head < endOfRow; head += TShape.HeadWidth)
                {
                    for (int i = 0; i < Half; i += VectorMath.Lanes)
                    {
                        int remaining = Half - i;
                        Vector512<float> c = VectorMath.Load(cosine + i, remaining);
                        Vector512<float> s = VectorMath.Load(sine + i, remaining) * sign;
                        Vector512<float> first = VectorMath.Load(head + i, remaining);
                        Vector512<float> second = VectorMath.Load(head + Half + i, remaining);
                        VectorMath.Store((first * c) - (second * s), head + i, remaining);
                        VectorMath.Store((second * c) + (first * s), head + Half + i, remaining);
                    }
                }
            }
        }
    }
}
