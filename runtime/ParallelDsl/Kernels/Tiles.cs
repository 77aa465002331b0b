namespace ParallelDsl.Kernels;

/// <summary>Small blocks of a result.</summary>
internal static unsafe class Tiles
{
    /// <summary>Stores the first <paramref name="rows"/> x <paramref name="columns"/> elements of a tile, or adds them.</summary>
    public static void Store(float* tile, nint tileStride, int rows, int columns, float* c, nint cStride, bool accumulate)
    {
        for (int row = 0; row < rows; row++, tile += tileStride, c += cStride)
        {
            var from = new ReadOnlySpan<float>(tile, columns);
            var to = new Span<float>(c, columns);
            if (accumulate)
            {
                for (int column = 0; column < columns; column++)
                    to[column] += from[column];
            }
            else
                from.CopyTo(to);
        }
    }
}
