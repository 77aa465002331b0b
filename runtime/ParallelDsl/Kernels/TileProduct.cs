using System.Runtime.CompilerServices;

namespace ParallelDsl.Kernels;

/// <summary>A factor that is not packed: element (i, d) at <c>Data[i * Row + d * Depth]</c>.</summary>
/// <param name="data">Address of element (0, 0).</param>
/// <param name="row">Distance of two rows.</param>
/// <param name="depth">Distance of two steps of the depth.</param>
internal readonly unsafe struct StridedFactor(float* data, nint row, nint depth)
{
    public readonly float* Data = data;
    public readonly nint Row = row;
    public readonly nint Depth = depth;
}

/// <summary>
/// The products attention is made of: tiles small enough for the cache, nothing packed, nothing computed that the causal mask hides.
/// Query number i of a tile sees the keys up to <c>diagonal</c> + i. Results are exact in their extent; right factors must be readable up
/// to the next multiple of half of <see cref="IMicroKernel.StridedColumns"/> columns.
/// </summary>
internal static unsafe class TileProduct<TKernel>
    where TKernel : struct, IMicroKernel
{
    private static int Wide => TKernel.StridedColumns;

    private static int Narrow => TKernel.StridedColumns / 2;

    /// <summary>c[key, query] = a[key, :] b[:, query] where some query in reach of the tile sees the key; elsewhere c is left as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeysByQueries(
        StridedFactor a, float* b, nint bStride, int keys, int queries, int depth, float* c, nint cStride, int diagonal)
    {
        for (int key = 0; key < keys; key += TKernel.StridedRows)
        {
            int rows = Math.Min(TKernel.StridedRows, keys - key);
            // The vectors of queries before this one see none of these keys.
            int first = Math.Max(0, key - diagonal) / VectorMath.Lanes * VectorMath.Lanes;
            for (int query = first; query < queries; query += Wide)
            {
                Run(
                    a.Data + (key * a.Row), a, rows, Math.Min(Wide, queries - query), b + query, bStride, depth,
                    c + (key * cStride) + query, cStride, accumulate: false);
            }
        }
    }

    /// <summary>c[row, query] = sum over the keys of a[row, key] b[key, query], or adds it; b must be zero where the query does not see the key
    /// but a later one of the same tile does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumOverKeys(
        StridedFactor a, float* b, nint bStride, int rows, int queries, int keys, float* c, nint cStride, bool accumulate, int diagonal)
    {
        for (int row = 0; row < rows; row += TKernel.StridedRows)
        {
            int height = Math.Min(TKernel.StridedRows, rows - row);
            for (int query = 0; query < queries; query += Wide)
            {
                int width = Math.Min(Wide, queries - query);
                int seen = Math.Clamp(diagonal + query + width, 0, keys);
                if (seen > 0 || !accumulate)
                {
                    Run(
                        a.Data + (row * a.Row), a, height, width, b + query, bStride, seen, c + (row * cStride) + query, cStride, accumulate);
                }
            }
        }
    }

    /// <summary>c[key, column] += sum over the queries that see some key of the tile of a[key, query] b[query, column]; a must be zero
    /// where the query does not see the key but sees an earlier one of the same tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumOverQueries(
        StridedFactor a, float* b, nint bStride, int keys, int columns, int queries, float* c, nint cStride, int diagonal)
    {
        for (int key = 0; key < keys; key += TKernel.StridedRows)
        {
            int rows = Math.Min(TKernel.StridedRows, keys - key);
            int first = Math.Clamp(key - diagonal, 0, queries);
            for (int column = 0; column < columns; column += Wide)
            {
                Run(
                    a.Data + (key * a.Row) + (first * a.Depth), a, rows, Math.Min(Wide, columns - column), b + (first * bStride) + column,
                    bStride, queries - first, c + (key * cStride) + column, cStride, accumulate: true);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        float* left, StridedFactor a, int rows, int columns, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        if (rows == TKernel.StridedRows && columns == Wide)
            TKernel.StridedWide(left, a.Row, a.Depth, rows, b, bStride, depth, c, cStride, accumulate);
        else if (rows == TKernel.StridedRows && columns == Narrow)
            TKernel.StridedNarrow(left, a.Row, a.Depth, rows, b, bStride, depth, c, cStride, accumulate);
        else
            RunEdge(left, a, rows, columns, b, bStride, depth, c, cStride, accumulate);
    }

    // A tile that sticks out of the result: computed beside it, then the part that exists is stored as the kernel would.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunEdge(
        float* left, StridedFactor a, int rows, int columns, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        float* tile = stackalloc float[TKernel.StridedRows * Wide];
        if (columns > Narrow)
            TKernel.StridedWide(left, a.Row, a.Depth, rows, b, bStride, depth, tile, Wide, accumulate: false);
        else
            TKernel.StridedNarrow(left, a.Row, a.Depth, rows, b, bStride, depth, tile, Wide, accumulate: false);
        Tiles.Store(tile, Wide, rows, columns, c, cStride, accumulate);
    }
}
