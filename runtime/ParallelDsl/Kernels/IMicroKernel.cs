namespace ParallelDsl.Kernels;

/// <summary>
/// The innermost products, one implementation for each vector width. Everything above (packing, blocking, attention) is written once,
/// generic over this interface, so the JIT folds the tile sizes and inlines the choice away.
/// </summary>
internal unsafe interface IMicroKernel
{
    /// <summary>Rows of a packed tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of a packed tile.</summary>
    static abstract int Columns { get; }

    /// <summary>Rows of a strided tile.</summary>
    static abstract int StridedRows { get; }

    /// <summary>Columns of a wide strided tile; a narrow one has half as many.</summary>
    static abstract int StridedColumns { get; }

    /// <summary>c = a b, or c += a b, on one full tile of <see cref="Rows"/> x <see cref="Columns"/>.</summary>
    /// <param name="a">Packed left panel: <see cref="Rows"/> consecutive values for each step of the depth.</param>
    /// <param name="b">Packed right panel: <see cref="Columns"/> consecutive values for each step of the depth.</param>
    /// <param name="depth">Length of the sum.</param>
    /// <param name="c">Tile of the result.</param>
    /// <param name="cStride">Distance of two rows of <paramref name="c"/>.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>.</param>
    static abstract void Packed(float* a, float* b, nint depth, float* c, nint cStride, bool accumulate);

    /// <summary>c = a b, or c += a b, on one tile of <see cref="StridedRows"/> x <see cref="StridedColumns"/>, nothing packed.</summary>
    /// <param name="a">Left factor: element (i, d) at <c>a[i * aRow + d * aDepth]</c>.</param>
    /// <param name="aRow">Distance of two rows of <paramref name="a"/>.</param>
    /// <param name="aDepth">Distance of two steps of the depth of <paramref name="a"/>.</param>
    /// <param name="rows">Rows that exist, from 1. Rows from there on repeat the last one, and nothing outside is read.</param>
    /// <param name="b">Right factor: row d at <c>b + d * bStride</c>, all columns of the tile readable.</param>
    /// <param name="bStride">Distance of two rows of <paramref name="b"/>.</param>
    /// <param name="depth">Length of the sum.</param>
    /// <param name="c">Tile of the result; all of it is written, whatever <paramref name="rows"/> says.</param>
    /// <param name="cStride">Distance of two rows of <paramref name="c"/>.</param>
    /// <param name="accumulate">Whether to add to <paramref name="c"/>.</param>
    static abstract void StridedWide(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate);

    /// <summary>As <see cref="StridedWide"/> with half the columns.</summary>
    /// <inheritdoc cref="StridedWide"/>
    static abstract void StridedNarrow(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate);
}
