using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Any processor: 128-bit vectors, which are hardware on x64 and Arm64 and software elsewhere. The multiply-add is fused where the
/// processor can.
/// </summary>
internal readonly unsafe struct MicroKernel128 : IMicroKernel
{
    /// <inheritdoc/>
    public static int Rows => 6;

    /// <inheritdoc/>
    public static int Columns => 8;

    /// <inheritdoc/>
    public static int StridedRows => 4;

    /// <inheritdoc/>
    public static int StridedColumns => 8;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Packed(float* a, float* b, nint depth, float* c, nint cStride, bool accumulate)
    {
        Vector128<float> c0a = default, c0b = default;
        Vector128<float> c1a = default, c1b = default;
        Vector128<float> c2a = default, c2b = default;
        Vector128<float> c3a = default, c3b = default;
        Vector128<float> c4a = default, c4b = default;
        Vector128<float> c5a = default, c5b = default;
        float* end = a + depth * 6;
        for (; a < end; a += 6, b += 8)
        {
            Vector128<float> ba = Vector128.Load(b);
            Vector128<float> bb = Vector128.Load(b + 4);
            Vector128<float> a0 = Vector128.Create(a[0]);
            c0a = Vector128.MultiplyAddEstimate(a0, ba, c0a);
            c0b = Vector128.MultiplyAddEstimate(a0, bb, c0b);
            Vector128<float> a1 = Vector128.Create(a[1]);
            c1a = Vector128.MultiplyAddEstimate(a1, ba, c1a);
            c1b = Vector128.MultiplyAddEstimate(a1, bb, c1b);
            Vector128<float> a2 = Vector128.Create(a[2]);
            c2a = Vector128.MultiplyAddEstimate(a2, ba, c2a);
            c2b = Vector128.MultiplyAddEstimate(a2, bb, c2b);
            Vector128<float> a3 = Vector128.Create(a[3]);
            c3a = Vector128.MultiplyAddEstimate(a3, ba, c3a);
            c3b = Vector128.MultiplyAddEstimate(a3, bb, c3b);
            Vector128<float> a4 = Vector128.Create(a[4]);
            c4a = Vector128.MultiplyAddEstimate(a4, ba, c4a);
            c4b = Vector128.MultiplyAddEstimate(a4, bb, c4b);
            Vector128<float> a5 = Vector128.Create(a[5]);
            c5a = Vector128.MultiplyAddEstimate(a5, ba, c5a);
            c5b = Vector128.MultiplyAddEstimate(a5, bb, c5b);
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
        Vector128<float> c0a = default, c0b = default;
        Vector128<float> c1a = default, c1b = default;
        Vector128<float> c2a = default, c2b = default;
        Vector128<float> c3a = default, c3b = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector128<float> ba = Vector128.Load(b);
            Vector128<float> bb = Vector128.Load(b + 4);
            Vector128<float> v0 = Vector128.Create(a0[d]);
            c0a = Vector128.MultiplyAddEstimate(v0, ba, c0a);
            c0b = Vector128.MultiplyAddEstimate(v0, bb, c0b);
            Vector128<float> v1 = Vector128.Create(a1[d]);
            c1a = Vector128.MultiplyAddEstimate(v1, ba, c1a);
            c1b = Vector128.MultiplyAddEstimate(v1, bb, c1b);
            Vector128<float> v2 = Vector128.Create(a2[d]);
            c2a = Vector128.MultiplyAddEstimate(v2, ba, c2a);
            c2b = Vector128.MultiplyAddEstimate(v2, bb, c2b);
            Vector128<float> v3 = Vector128.Create(a3[d]);
            c3a = Vector128.MultiplyAddEstimate(v3, ba, c3a);
            c3b = Vector128.MultiplyAddEstimate(v3, bb, c3b);
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
        Vector128<float> c0a = default;
        Vector128<float> c1a = default;
        Vector128<float> c2a = default;
        Vector128<float> c3a = default;
        nint last = rows - 1;
        float* a0 = a;
        float* a1 = a + Math.Min(1, last) * aRow;
        float* a2 = a + Math.Min(2, last) * aRow;
        float* a3 = a + Math.Min(3, last) * aRow;
        nint end = depth * aDepth;
        for (nint d = 0; d < end; d += aDepth, b += bStride)
        {
            Vector128<float> ba = Vector128.Load(b);
            c0a = Vector128.MultiplyAddEstimate(Vector128.Create(a0[d]), ba, c0a);
            c1a = Vector128.MultiplyAddEstimate(Vector128.Create(a1[d]), ba, c1a);
            c2a = Vector128.MultiplyAddEstimate(Vector128.Create(a2[d]), ba, c2a);
            c3a = Vector128.MultiplyAddEstimate(Vector128.Create(a3[d]), ba, c3a);
        }
        Store(c, c0a, accumulate);
        Store(c + cStride, c1a, accumulate);
        Store(c + 2 * cStride, c2a, accumulate);
        Store(c + 3 * cStride, c3a, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector128<float> a, Vector128<float> b, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector128.Load(c);
            b += Vector128.Load(c + 4);
        }
        a.Store(c);
        b.Store(c + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector128<float> a, bool accumulate)
    {
        if (accumulate)
        {
            a += Vector128.Load(c);
        }
        a.Store(c);
    }
}
