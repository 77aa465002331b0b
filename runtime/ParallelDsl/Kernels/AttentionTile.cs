using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Steps on tiles whose lanes are queries: element (i, query) at <c>tile[i * 64 + query]</c>.</summary>
internal static unsafe class AttentionTile
{
    /// <summary>Writes rows transposed, so that queries become lanes; the last vector is filled up with zeros.</summary>
    public static void PackQueries(float* source, nint stride, int rows, int width, float* tile)
    {
        int lanes = QueryTile.Lanes(rows);
        if (lanes > rows)
        {
            for (int i = 0; i < width; i++)
                Vector512<float>.Zero.Store(tile + (i * QueryTile.Rows) + lanes - VectorMath.Lanes);
        }
        Transpose.Rows(source, stride, rows, width, tile, QueryTile.Rows);
    }

    /// <summary>Copies rows, scaled, to a contiguous tile whose rows are filled up with zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyRows(float* source, nint stride, int rows, int width, float scale, float* tile, int tileStride)
    {
        Vector512<float> factor = Vector512.Create(scale);
        for (int row = 0; row < rows; row++, source += stride, tile += tileStride)
        {
            for (int i = 0; i < tileStride; i += VectorMath.Lanes)
                (VectorMath.Load(source + i, width - i) * factor).Store(tile + i);
        }
    }

    /// <summary>Multiplies all lanes of a tile.</summary>
    public static void Scale(float* tile, int rows, int lanes, float factor)
    {
        for (int lane = 0; lane < lanes; lane += VectorMath.Lanes)
            ScaleLanes(tile + lane, rows, Vector512.Create(factor));
    }

    /// <summary>Multiplies the sixteen lanes at <paramref name="tile"/> in every row by their factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScaleLanes(float* tile, int rows, Vector512<float> factors)
    {
        for (float* end = tile + (rows * QueryTile.Rows); tile < end; tile += QueryTile.Rows)
            (Vector512.Load(tile) * factors).Store(tile);
    }

    /// <summary>
    /// Sets the scores of sixteen queries to -infinity where the key lies in the future, or to zero, which is a probability already, from
    /// the first key on that lies in the future of all sixteen. Query i sees the keys up to <paramref name="diagonal"/> + i.
    /// </summary>
    /// <returns>The number of keys that some query sees.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Mask(float* scores, int keys, int diagonal)
    {
        Vector512<float> lanes = Vector512<float>.Indices;
        int seenBySome = Math.Clamp(diagonal + VectorMath.Lanes, 0, keys);
        for (int key = Math.Max(0, diagonal + 1); key < seenBySome; key++)
        {
            float* row = scores + (key * QueryTile.Rows);
            Vector512<float> seen = Vector512.GreaterThanOrEqual(lanes, Vector512.Create((float)(key - diagonal)));
            Vector512.ConditionalSelect(seen, Vector512.Load(row), Vector512.Create(float.NegativeInfinity)).Store(row);
        }
        for (int key = seenBySome; key < keys; key++)
            Vector512<float>.Zero.Store(scores + (key * QueryTile.Rows));
        return seenBySome;
    }
}
