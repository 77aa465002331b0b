using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Matrix products in float32, row-major, with any strides. Blocked and packed after Goto and van de Geijn, "Anatomy of High-Performance
/// Matrix Multiplication" (2008), and BLIS; packing absorbs the transposes. Every element is one sum in one order that depends on the
/// length of the sum alone, so neither the number of threads nor the other rows change a bit of it.
/// </summary>
public static unsafe class MatrixProduct
{
    /// <summary>c = a b, or c += a b.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="a">[m, k].</param>
    /// <param name="b">[k, n].</param>
    /// <param name="c">[m, n]; overlaps neither factor.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>; otherwise it is overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Multiply(ThreadTeam team, Matrix a, Matrix b, Matrix c, bool accumulate = false)
    {
        Shapes.Require(b, a.Columns, c.Columns);
        Shapes.Require(c, a.Rows, b.Columns);
        Run(team, new Factor(a.Data, a.Stride, depthMajor: false), new Factor(b.Data, b.Stride, depthMajor: true), c, a.Columns, accumulate);
    }

    /// <summary>c = a b^T, or c += a b^T: the forward product Y = X W^T with weights stored as [out, in].</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="a">[m, k].</param>
    /// <param name="b">[n, k].</param>
    /// <param name="c">[m, n]; overlaps neither factor.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>; otherwise it is overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void MultiplyTransposedB(ThreadTeam team, Matrix a, Matrix b, Matrix c, bool accumulate = false)
    {
        Shapes.Require(b, c.Columns, a.Columns);
        Shapes.Require(c, a.Rows, b.Rows);
        Run(team, new Factor(a.Data, a.Stride, depthMajor: false), new Factor(b.Data, b.Stride, depthMajor: false), c, a.Columns, accumulate);
    }

    /// <summary>c = a^T b, or c += a^T b: the weight gradient dW = dY^T X.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="a">[k, m].</param>
    /// <param name="b">[k, n].</param>
    /// <param name="c">[m, n]; overlaps neither factor.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>; otherwise it is overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void MultiplyTransposedA(ThreadTeam team, Matrix a, Matrix b, Matrix c, bool accumulate = false)
    {
        Shapes.Require(b, a.Rows, c.Columns);
        Shapes.Require(c, a.Columns, b.Columns);
        Run(team, new Factor(a.Data, a.Stride, depthMajor: true), new Factor(b.Data, b.Stride, depthMajor: true), c, a.Rows, accumulate);
    }

    private static void Run(ThreadTeam team, Factor a, Factor b, Matrix c, int depth, bool accumulate)
    {
        if (Vector512.IsHardwareAccelerated)
            BlockedProduct<MicroKernel512>.Run(team, a, b, c, depth, accumulate);
        else if (Vector256.IsHardwareAccelerated)
            BlockedProduct<MicroKernel256>.Run(team, a, b, c, depth, accumulate);
        else
            BlockedProduct<MicroKernel128>.Run(team, a, b, c, depth, accumulate);
    }
}
