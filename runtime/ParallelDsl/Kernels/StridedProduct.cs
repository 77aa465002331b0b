using System.Runtime.CompilerServices;

namespace ParallelDsl.Kernels;

/// <summary>Products of tiles that are small enough for the cache, without packing: what attention is made of.</summary>
internal static unsafe class StridedProduct<TKernel>
    where TKernel : struct, IMicroKernel
{
    /// <summary>c = a b, or c += a b.</summary>
    /// <param name="a">Left factor: element (i, d) at <c>a[i * aRow + d * aDepth]</c>.</param>
    /// <param name="aRow">Distance of two rows of <paramref name="a"/>.</param>
    /// <param name="aDepth">Distance of two steps of the depth of <paramref name="a"/>.</param>
    /// <param name="b">Right factor: row d at <c>b + d * bStride</c>, readable up to the next multiple of
    /// <see cref="IMicroKernel.StridedColumns"/> / 2 columns.</param>
    /// <param name="bStride">Distance of two rows of <paramref name="b"/>.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="columns">Columns of the result.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="c">Result; nothing outside it is touched.</param>
    /// <param name="cStride">Distance of two rows of <paramref name="c"/>.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(
        float* a, nint aRow, nint aDepth, float* b, nint bStride, int rows, int columns, nint depth, float* c, nint cStride, bool accumulate)
    {
        int narrow = TKernel.StridedColumns / 2;
        for (int row = 0; row < rows; row += TKernel.StridedRows)
        {
            int rowsLeft = rows - row;
            float* left = a + row * aRow;
            int column = 0;
            if (rowsLeft >= TKernel.StridedRows)
            {
                float* result = c + row * cStride;
                for (; column + TKernel.StridedColumns <= columns; column += TKernel.StridedColumns)
                {
                    TKernel.StridedWide(
                        left, aRow, aDepth, TKernel.StridedRows, b + column, bStride, depth, result + column, cStride, accumulate);
                }
                for (; column + narrow <= columns; column += narrow)
                {
                    TKernel.StridedNarrow(
                        left, aRow, aDepth, TKernel.StridedRows, b + column, bStride, depth, result + column, cStride, accumulate);
                }
            }
            while (column < columns)
            {
                int columnsLeft = columns - column;
                RunEdge(
                    left, aRow, aDepth, b + column, bStride, Math.Min(rowsLeft, TKernel.StridedRows),
                    Math.Min(columnsLeft, TKernel.StridedColumns), depth, c + row * cStride + column, cStride, accumulate);
                column += TKernel.StridedColumns;
            }
        }
    }

    // A tile that sticks out of the result: computed beside it, then the part that exists is stored as the kernel would.
    private static void RunEdge(
        float* a, nint aRow, nint aDepth, float* b, nint bStride, int rows, int columns, nint depth, float* c, nint cStride, bool accumulate)
    {
        int width = TKernel.StridedColumns;
        float* tile = stackalloc float[TKernel.StridedRows * width];
        if (columns > width / 2)
            TKernel.StridedWide(a, aRow, aDepth, rows, b, bStride, depth, tile, width, accumulate: false);
        else
            TKernel.StridedNarrow(a, aRow, aDepth, rows, b, bStride, depth, tile, width, accumulate: false);
        Tiles.Store(tile, width, rows, columns, c, cStride, accumulate);
    }
}
