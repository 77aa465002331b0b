using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace ParallelDsl.Kernels;

/// <summary>Strips of a row-major matrix, written transposed.</summary>
internal static unsafe class Transpose
{
    /// <summary>
    /// Writes <c>destination[d * destinationStride + i] = source[i * stride + d]</c> for i below <paramref name="rows"/> and d below
    /// <paramref name="depth"/>, and nothing else.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* source, nint stride, int rows, int depth, float* destination, nint destinationStride)
    {
        int row = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; row + 16 <= rows; row += 16)
                SixteenRows(source + (row * stride), stride, depth, destination + row, destinationStride);
        }
        for (; row + 4 <= rows; row += 4)
            FourRows(source + (row * stride), stride, depth, destination + row, destinationStride);
        for (; row < rows; row++)
        {
            float* from = source + (row * stride);
            float* to = destination + row;
            for (int d = 0; d < depth; d++, to += destinationStride)
                *to = from[d];
        }
    }

    /// <summary>Writes <c>destination[d * destinationStride + i] = source[i * stride + d]</c> for i in 0..3 and d below the depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(float* source, nint stride, int depth, float* destination, nint destinationStride)
    {
        float* row0 = source;
        float* row1 = source + stride;
        float* row2 = source + 2 * stride;
        float* row3 = source + 3 * stride;
        int d = 0;
        for (; d + 4 <= depth; d += 4, destination += 4 * destinationStride)
        {
            Vector128<float> r0 = Vector128.Load(row0 + d);
            Vector128<float> r1 = Vector128.Load(row1 + d);
            Vector128<float> r2 = Vector128.Load(row2 + d);
            Vector128<float> r3 = Vector128.Load(row3 + d);
            Vector128<float> low01 = UnpackLow(r0, r1);
            Vector128<float> high01 = UnpackHigh(r0, r1);
            Vector128<float> low23 = UnpackLow(r2, r3);
            Vector128<float> high23 = UnpackHigh(r2, r3);
            JoinLow(low01, low23).Store(destination);
            JoinHigh(low01, low23).Store(destination + destinationStride);
            JoinLow(high01, high23).Store(destination + 2 * destinationStride);
            JoinHigh(high01, high23).Store(destination + 3 * destinationStride);
        }
        for (; d < depth; d++, destination += destinationStride)
        {
            destination[0] = row0[d];
            destination[1] = row1[d];
            destination[2] = row2[d];
            destination[3] = row3[d];
        }
    }

    /// <summary>As <see cref="FourRows"/> for i in 0..15: four transpositions of 4 x 4 side by side in one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixteenRows(float* source, nint stride, int depth, float* destination, nint destinationStride)
    {
        int d = 0;
        for (; d + 4 <= depth; d += 4, destination += 4 * destinationStride)
        {
            float* at = source + d;
            Vector512<float> r0 = LoadEveryFourthRow(at, stride);
            Vector512<float> r1 = LoadEveryFourthRow(at + stride, stride);
            Vector512<float> r2 = LoadEveryFourthRow(at + 2 * stride, stride);
            Vector512<float> r3 = LoadEveryFourthRow(at + 3 * stride, stride);
            Vector512<float> low01 = UnpackLow(r0, r1);
            Vector512<float> high01 = UnpackHigh(r0, r1);
            Vector512<float> low23 = UnpackLow(r2, r3);
            Vector512<float> high23 = UnpackHigh(r2, r3);
            JoinLow(low01, low23).Store(destination);
            JoinHigh(low01, low23).Store(destination + destinationStride);
            JoinLow(high01, high23).Store(destination + 2 * destinationStride);
            JoinHigh(high01, high23).Store(destination + 3 * destinationStride);
        }
        for (; d < depth; d++, destination += destinationStride)
        {
            for (int i = 0; i < 16; i++)
                destination[i] = source[i * stride + d];
        }
    }

    /// <summary>As <see cref="FourRows"/> for i in 0..11, written without gaps.</summary>
    /// <remarks>Needs AVX-512. Writes four floats beyond the end, which the next panel overwrites.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwelveRows(float* source, nint stride, int depth, float* destination)
    {
        int d = 0;
        for (; d + 4 <= depth; d += 4, destination += 48)
        {
            float* at = source + d;
            Vector512<float> r0 = LoadEveryFourthOfTwelve(at, stride);
            Vector512<float> r1 = LoadEveryFourthOfTwelve(at + stride, stride);
            Vector512<float> r2 = LoadEveryFourthOfTwelve(at + 2 * stride, stride);
            Vector512<float> r3 = LoadEveryFourthOfTwelve(at + 3 * stride, stride);
            Vector512<float> low01 = UnpackLow(r0, r1);
            Vector512<float> high01 = UnpackHigh(r0, r1);
            Vector512<float> low23 = UnpackLow(r2, r3);
            Vector512<float> high23 = UnpackHigh(r2, r3);
            JoinLow(low01, low23).Store(destination);
            JoinHigh(low01, low23).Store(destination + 12);
            JoinLow(high01, high23).Store(destination + 24);
            JoinHigh(high01, high23).Store(destination + 36);
        }
        for (; d < depth; d++, destination += 12)
        {
            for (int i = 0; i < 12; i++)
                destination[i] = source[i * stride + d];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LoadEveryFourthOfTwelve(float* at, nint stride) => Vector512.Create(
        Vector256.Create(Vector128.Load(at), Vector128.Load(at + 4 * stride)),
        Vector128.Load(at + 8 * stride).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LoadEveryFourthRow(float* at, nint stride) => Vector512.Create(
        Vector256.Create(Vector128.Load(at), Vector128.Load(at + 4 * stride)),
        Vector256.Create(Vector128.Load(at + 8 * stride), Vector128.Load(at + 12 * stride)));

    // Within each group of four lanes: a0 b0 a1 b1; a2 b2 a3 b3; the first two of both; the last two of both.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> UnpackLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b)
        : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> UnpackHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b)
        : Vector128.Create(a[2], b[2], a[3], b[3]);

    // Not by GetLower and GetUpper: the 64-bit halves would go through memory.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a.AsDouble(), b.AsDouble()).AsSingle()
        : Vector128.Create(a[0], a[1], b[0], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveHighToLow(b, a)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a.AsDouble(), b.AsDouble()).AsSingle()
        : Vector128.Create(a[2], a[3], b[2], b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> UnpackLow(Vector512<float> a, Vector512<float> b) => Avx512F.UnpackLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> UnpackHigh(Vector512<float> a, Vector512<float> b) => Avx512F.UnpackHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> JoinLow(Vector512<float> a, Vector512<float> b) =>
        Avx512F.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> JoinHigh(Vector512<float> a, Vector512<float> b) =>
        Avx512F.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle();
}
