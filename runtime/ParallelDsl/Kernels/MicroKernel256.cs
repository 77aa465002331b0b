using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// AVX2 and FMA: a packed tile of 6 x 16 keeps 12 sums in the 16 registers; a strided tile of 4 x 16 keeps eight.
/// </summary>
internal readonly unsafe struct MicroKernel256 : IMicroKernel
{
    /// <inheritdoc/>
    public static int Rows => 6;

    /// <inheritdoc/>
    public static int Columns => 16;

    /// <inheritdoc/>
    public static int StridedRows => 4;

    /// <inheritdoc/>
    public static int StridedColumns => 16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector256<float> c0a = default, c0b = default;
        Vector256<float> c1a = default, c1b = default;
        Vector256<float> c2a = default, c2b = default;
        Vector256<float> c3a = default, c3b = default;
        Vector256<float> c4a = default, c4b = default;
        Vector256<float> c5a = default, c5b = default;
        float* end = a + depth * 6;
        for (; a < end; a += 6, b += 16)
        {
            Vector256<float> ba = Vector256.Load(b);
            Vector256<float> bb = Vector256.Load(b + 8);
            Vector256<float> a0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(a0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(a0, bb, c0b);
            Vector256<float> a1 = Vector256.Create(a[1]);
            c1a = Vector256.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(a1, bb, c1b);
            Vector256<float> a2 = Vector256.Create(a[2]);
            c2a = Vector256.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(a2, bb, c2b);
            Vector256<float> a3 = Vector256.Create(a[3]);
            c3a = Vector256.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(a3, bb, c3b);
            Vector256<float> a4 = Vector256.Create(a[4]);
            c4a = Vector256.FusedMultiplyAdd(a4, ba, c4a);
            c4b = Vector256.FusedMultiplyAdd(a4, bb, c4b);
            Vector256<float> a5 = Vector256.Create(a[5]);
            c5a = Vector256.FusedMultiplyAdd(a5, ba, c5a);
            c5b = Vector256.FusedMultiplyAdd(a5, bb, c5b);
        }
        Store(c, c0a, c0b, accumulate);
        Store(c + cStride, c1a, c1b, accumulate);
        Store(c + 2 * cStride, c2a, c2b, accumulate);
        Store(c + 3 * cStride, c3a, c3b, accumulate);
        Store(c + 4 * cStride, c4a, c4b, accumulate);
        Store(c + 5 * cStride, c5a, c5b, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StridedWide(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector256<float> c0a = default, c0b = default;
        Vector256<float> c1a = default, c1b = default;
        Vector256<float> c2a = default, c2b = default;
        Vector256<float> c3a = default, c3b = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector256<float> ba = Vector256.Load(b);
            Vector256<float> bb = Vector256.Load(b + 8);
            Vector256<float> v0 = Vector256.Create(a0[d]);
            c0a = Vector256.FusedMultiplyAdd(v0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(v0, bb, c0b);
            Vector256<float> v1 = Vector256.Create(a1[d]);
            c1a = Vector256.FusedMultiplyAdd(v1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(v1, bb, c1b);
            Vector256<float> v2 = Vector256.Create(a2[d]);
            c2a = Vector256.FusedMultiplyAdd(v2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(v2, bb, c2b);
            Vector256<float> v3 = Vector256.Create(a3[d]);
            c3a = Vector256.FusedMultiplyAdd(v3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(v3, bb, c3b);
        }
        Store(c, c0a, c0b, accumulate);
        Store(c + cStride, c1a, c1b, accumulate);
        Store(c + 2 * cStride, c2a, c2b, accumulate);
        Store(c + 3 * cStride, c3a, c3b, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StridedNarrow(
        float* a, nint aRow, nint aDepth, int rows, float* b, nint bStride, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector256<float> c0a = default;
        Vector256<float> c1a = default;
        Vector256<float> c2a = default;
        Vector256<float> c3a = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector256<float> ba = Vector256.Load(b);
            c0a = Vector256.FusedMultiplyAdd(Vector256.Create(a0[d]), ba, c0a);
            c1a = Vector256.FusedMultiplyAdd(Vector256.Create(a1[d]), ba, c1a);
            c2a = Vector256.FusedMultiplyAdd(Vector256.Create(a2[d]), ba, c2a);
            c3a = Vector256.FusedMultiplyAdd(Vector256.Create(a3[d]), ba, c3a);
        }
        Store(c, c0a, accumulate);
        Store(c + cStride, c1a, accumulate);
        Store(c + 2 * cStride, c2a, accumulate);
        Store(c + 3 * cStride, c3a, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector256<float> a, Vector256<float> b, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector256.Load(c);
            b += Vector256.Load(c + 8);
        }
        a.Store(c);
        b.Store(c + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector256<float> a, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector256.Load(c);
        }
        a.Store(c);
    }
}
