using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Sums and multiples of whole matrices.</summary>
public static unsafe class Elementwise
{
    /// <summary>y = a + b.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="a">[m, n].</param>
    /// <param name="b">[m, n].</param>
    /// <param name="y">Result [m, n]; may be <paramref name="a"/> or <paramref name="b"/>.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static void Add(ThreadTeam team, Matrix a, Matrix b, Matrix y)
    {
        Shapes.RequireSame(a, b);
        Shapes.RequireSame(a, y);
        RowPartition.Run(team, new AddRows(a, b, y), a.Rows, a.Columns);
    }

    /// <summary>y += factor * x.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">[m, n].</param>
    /// <param name="factor">Factor of <paramref name="x"/>.</param>
    /// <param name="y">Accumulates [m, n].</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static void AddScaled(ThreadTeam team, Matrix x, float factor, Matrix y)
    {
        Shapes.RequireSame(x, y);
        RowPartition.Run(team, new AddScaledRows(x, factor, y), x.Rows, x.Columns);
    }

    /// <summary>x *= factor.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="x">[m, n], in place.</param>
    /// <param name="factor">Factor of every element.</param>
    public static void Scale(ThreadTeam team, Matrix x, float factor) =>
        RowPartition.Run(team, new ScaleRows(x, factor), x.Rows, x.Columns);

    private readonly struct AddRows(Matrix a, Matrix b, Matrix y) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                float* left = a.RowPointer(row);
                float* right = b.RowPointer(row);
                float* result = y.RowPointer(row);
                for (int i = 0; i < a.Columns; i += VectorMath.Lanes)
                {
                    int remaining = a.Columns - i;
                    VectorMath.Store(VectorMath.Load(left + i, remaining) + VectorMath.Load(right + i, remaining), result + i, remaining);
                }
            }
        }
    }

    private readonly struct AddScaledRows(Matrix x, float factor, Matrix y) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            Vector512<float> factors = Vector512.Create(factor);
            for (int row = start; row < end; row++)
            {
                float* source = x.RowPointer(row);
                float* sum = y.RowPointer(row);
                for (int i = 0; i < x.Columns; i += VectorMath.Lanes)
                {
                    int remaining = x.Columns - i;
                    Vector512<float> value = Vector512.MultiplyAddEstimate(
                        VectorMath.Load(source + i, remaining), factors, VectorMath.Load(sum + i, remaining));
                    VectorMath.Store(value, sum + i, remaining);
                }
            }
        }
    }

    private readonly struct ScaleRows(Matrix x, float factor) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            Vector512<float> factors = Vector512.Create(factor);
            for (int row = start; row < end; row++)
            {
                float* values = x.RowPointer(row);
                for (int i = 0; i < x.Columns; i += VectorMath.Lanes)
                    VectorMath.Store(VectorMath.Load(values + i, x.Columns - i) * factors, values + i, x.Columns - i);
            }
        }
    }
}
