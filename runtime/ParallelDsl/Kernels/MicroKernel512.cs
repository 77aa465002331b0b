using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// AVX-512: a packed tile of 12 x 32 keeps 24 sums in the 32 registers, which leaves room for two right vectors and one broadcast; a
/// strided tile of 8 x 32 keeps 16 sums and its eight row addresses in general registers. Both hide the latency of the multiply-add.
/// </summary>
internal readonly unsafe struct MicroKernel512 : IMicroKernel
{
    /// <inheritdoc/>
    public static int Rows => 12;

    /// <inheritdoc/>
    public static int Columns => 32;

    /// <inheritdoc/>
    public static int StridedRows => 8;

    /// <inheritdoc/>
    public static int StridedColumns => 32;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        Vector512<float> c4a = default, c4b = default;
        Vector512<float> c5a = default, c5b = default;
        Vector512<float> c6a = default, c6b = default;
        Vector512<float> c7a = default, c7b = default;
        Vector512<float> c8a = default, c8b = default;
        Vector512<float> c9a = default, c9b = default;
        Vector512<float> c10a = default, c10b = default;
        Vector512<float> c11a = default, c11b = default;
        float* end = a + depth * 12;
        for (; a < end; a += 12, b += 32)
        {
            Vector512<float> ba = Vector512.Load(b);
            Vector512<float> bb = Vector512.Load(b + 16);
            Vector512<float> a0 = Vector512.Create(a[0]);
            c0a = Vector512.FusedMultiplyAdd(a0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(a0, bb, c0b);
            Vector512<float> a1 = Vector512.Create(a[1]);
            c1a = Vector512.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(a1, bb, c1b);
            Vector512<float> a2 = Vector512.Create(a[2]);
            c2a = Vector512.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(a2, bb, c2b);
            Vector512<float> a3 = Vector512.Create(a[3]);
            c3a = Vector512.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(a3, bb, c3b);
            Vector512<float> a4 = Vector512.Create(a[4]);
            c4a = Vector512.FusedMultiplyAdd(a4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(a4, bb, c4b);
            Vector512<float> a5 = Vector512.Create(a[5]);
            c5a = Vector512.FusedMultiplyAdd(a5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(a5, bb, c5b);
            Vector512<float> a6 = Vector512.Create(a[6]);
            c6a = Vector512.FusedMultiplyAdd(a6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(a6, bb, c6b);
            Vector512<float> a7 = Vector512.Create(a[7]);
            c7a = Vector512.FusedMultiplyAdd(a7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(a7, bb, c7b);
            Vector512<float> a8 = Vector512.Create(a[8]);
            c8a = Vector512.FusedMultiplyAdd(a8, ba, c8a);
            c8b = Vector512.FusedMultiplyAdd(a8, bb, c8b);
            Vector512<float> a9 = Vector512.Create(a[9]);
            c9a = Vector512.FusedMultiplyAdd(a9, ba, c9a);
            c9b = Vector512.FusedMultiplyAdd(a9, bb, c9b);
            Vector512<float> a10 = Vector512.Create(a[10]);
            c10a = Vector512.FusedMultiplyAdd(a10, ba, c10a);
            c10b = Vector512.FusedMultiplyAdd(a10, bb, c10b);
            Vector512<float> a11 = Vector512.Create(a[11]);
            c11a = Vector512.FusedMultiplyAdd(a11, ba, c11a);
            c11b = Vector512.FusedMultiplyAdd(a11, bb, c11b);
        }
        Store(c, c0a, c0b, accumulate);
        Store(c + cStride, c1a, c1b, accumulate);
        Store(c + 2 * cStride, c2a, c2b, accumulate);
        Store(c + 3 * cStride, c3a, c3b, accumulate);
        Store(c + 4 * cStride, c4a, c4b, accumulate);
        Store(c + 5 * cStride, c5a, c5b, accumulate);
        Store(c + 6 * cStride, c6a, c6b, accumulate);
        Store(c + 7 * cStride, c7a, c7b, accumulate);
        Store(c + 8 * cStride, c8a, c8b, accumulate);
        Store(c + 9 * cStride, c9a, c9b, accumulate);
        Store(c + 10 * cStride, c10a, c10b, accumulate);
        Store(c + 11 * cStride, c11a, c11b, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StridedWide(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        Vector512<float> c4a = default, c4b = default;
        Vector512<float> c5a = default, c5b = default;
        Vector512<float> c6a = default, c6b = default;
        Vector512<float> c7a = default, c7b = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        float* a4 = a + Math.Min(4, last) * aRow;
        float* a5 = a + Math.Min(5, last) * aRow;
        float* a6 = a + Math.Min(6, last) * aRow;
        float* a7 = a + Math.Min(7, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector512<float> ba = Vector512.Load(b);
            Vector512<float> bb = Vector512.Load(b + 16);
            Vector512<float> v0 = Vector512.Create(a0[d]);
            c0a = Vector512.FusedMultiplyAdd(v0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(v0, bb, c0b);
            Vector512<float> v1 = Vector512.Create(a1[d]);
            c1a = Vector512.FusedMultiplyAdd(v1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(v1, bb, c1b);
            Vector512<float> v2 = Vector512.Create(a2[d]);
            c2a = Vector512.FusedMultiplyAdd(v2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(v2, bb, c2b);
            Vector512<float> v3 = Vector512.Create(a3[d]);
            c3a = Vector512.FusedMultiplyAdd(v3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(v3, bb, c3b);
            Vector512<float> v4 = Vector512.Create(a4[d]);
            c4a = Vector512.FusedMultiplyAdd(v4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(v4, bb, c4b);
            Vector512<float> v5 = Vector512.Create(a5[d]);
            c5a = Vector512.FusedMultiplyAdd(v5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(v5, bb, c5b);
            Vector512<float> v6 = Vector512.Create(a6[d]);
            c6a = Vector512.FusedMultiplyAdd(v6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(v6, bb, c6b);
            Vector512<float> v7 = Vector512.Create(a7[d]);
            c7a = Vector512.FusedMultiplyAdd(v7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(v7, bb, c7b);
        }
        Store(c, c0a, c0b, accumulate);
        Store(c + cStride, c1a, c1b, accumulate);
        Store(c + 2 * cStride, c2a, c2b, accumulate);
        Store(c + 3 * cStride, c3a, c3b, accumulate);
        Store(c + 4 * cStride, c4a, c4b, accumulate);
        Store(c + 5 * cStride, c5a, c5b, accumulate);
        Store(c + 6 * cStride, c6a, c6b, accumulate);
        Store(c + 7 * cStride, c7a, c7b, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StridedNarrow(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector512<float> c0a = default;
        Vector512<float> c1a = default;
        Vector512<float> c2a = default;
        Vector512<float> c3a = default;
        Vector512<float> c4a = default;
        Vector512<float> c5a = default;
        Vector512<float> c6a = default;
        Vector512<float> c7a = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        float* a4 = a + Math.Min(4, last) * aRow;
        float* a5 = a + Math.Min(5, last) * aRow;
        float* a6 = a + Math.Min(6, last) * aRow;
        float* a7 = a + Math.Min(7, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector512<float> ba = Vector512.Load(b);
            c0a = Vector512.FusedMultiplyAdd(Vector512.Create(a0[d]), ba, c0a);
            c1a = Vector512.FusedMultiplyAdd(Vector512.Create(a1[d]), ba, c1a);
            c2a = Vector512.FusedMultiplyAdd(Vector512.Create(a2[d]), ba, c2a);
            c3a = Vector512.FusedMultiplyAdd(Vector512.Create(a3[d]), ba, c3a);
            c4a = Vector512.FusedMultiplyAdd(Vector512.Create(a4[d]), ba, c4a);
            c5a = Vector512.FusedMultiplyAdd(Vector512.Create(a5[d]), ba, c5a);
            c6a = Vector512.FusedMultiplyAdd(Vector512.Create(a6[d]), ba, c6a);
            c7a = Vector512.FusedMultiplyAdd(Vector512.Create(a7[d]), ba, c7a);
        }
        Store(c, c0a, accumulate);
        Store(c + cStride, c1a, accumulate);
        Store(c + 2 * cStride, c2a, accumulate);
        Store(c + 3 * cStride, c3a, accumulate);
        Store(c + 4 * cStride, c4a, accumulate);
        Store(c + 5 * cStride, c5a, accumulate);
        Store(c + 6 * cStride, c6a, accumulate);
        Store(c + 7 * cStride, c7a, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> a, Vector512<float> b, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector512.Load(c);
            b += Vector512.Load(c + 16);
        }
        a.Store(c);
        b.Store(c + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> a, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector512.Load(c);
        }
        a.Store(c);
    }
}
