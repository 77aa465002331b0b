using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ParallelDsl.Kernels;

/// <summary>Elementary functions and partial loads of sixteen lanes. Processors with narrower vectors do them in halves or quarters.</summary>
internal static unsafe class VectorMath
{
    /// <summary>Lanes of a vector.</summary>
    public const int Lanes = 16;

    // 2^22 + 2^23: adding it rounds to an integer and leaves that integer in the low mantissa bits.
    private const float Rounder = 12_582_912f;
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 6.93145752e-1f;
    private const float Ln2Low = 1.42860677e-6f;

    // Outside, the exponent of the result would leave the normal range.
    private const float SmallestExponent = -87.3f;
    private const float LargestExponent = 88.7f;

    /// <summary>
    /// e^x within two units in the last place. Below -87.3 the result is 0, above 88.7 it stays at e^88.7 (3.3e38); NaN stays NaN.
    /// </summary>
    /// <remarks>
    /// x = n ln 2 + r with |r| at most ln 2 / 2, a minimax polynomial of degree 6 for e^r, and n added to the exponent bits.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // MaxNative and MinNative return the second operand when one is NaN.
        Vector512<float> clamped = Vector512.MaxNative(
            Vector512.Create(SmallestExponent), Vector512.MinNative(Vector512.Create(LargestExponent), x));
        Vector512<float> rounded = Vector512.MultiplyAddEstimate(clamped, Vector512.Create(Log2E), Vector512.Create(Rounder));
        Vector512<float> n = rounded - Vector512.Create(Rounder);
        Vector512<float> r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2High), clamped);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2Low), r);
        Vector512<float> p = Vector512.MultiplyAddEstimate(Vector512.Create(1.37805939e-3f), r, Vector512.Create(8.37312452e-3f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(4.16695364e-2f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1.66664720e-1f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(4.99999851e-1f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        Vector512<float> scaled = (p.AsInt32() + (rounded.AsInt32() << 23)).AsSingle();
        return Vector512.ConditionalSelect(
            Vector512.LessThan(x, Vector512.Create(SmallestExponent)), Vector512<float>.Zero, scaled);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>Sixteen floats, or the first <paramref name="remaining"/> and then <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source, int remaining, float fill = 0)
    {
        if (remaining >= Lanes)
            return Vector512.Load(source);
        // Without a call on this path either, the loops around it keep their values in registers.
        return Avx512F.IsSupported
            ? Avx512F.MaskLoad(source, FirstLanes(remaining), Vector512.Create(fill))
            : LoadPartial(source, remaining, fill);
    }

    /// <summary>Stores all lanes, or the first <paramref name="remaining"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* destination, int remaining)
    {
        if (remaining >= Lanes)
            value.Store(destination);
        else if (Avx512F.IsSupported)
            Avx512F.MaskStore(destination, FirstLanes(remaining), value);
        else
            StorePartial(value, destination, remaining);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FirstLanes(int count) =>
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    /// <summary>The sum of the lanes in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumToDouble(Vector512<float> value)
    {
        (Vector512<double> lower, Vector512<double> upper) = Vector512.Widen(value);
        return Vector512.Sum(lower + upper);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadPartial(float* source, int count, float fill)
    {
        float* lanes = stackalloc float[Lanes];
        for (int i = 0; i < Lanes; i++)
            lanes[i] = i < count ? source[i] : fill;
        return Vector512.Load(lanes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePartial(Vector512<float> value, float* destination, int count)
    {
        float* lanes = stackalloc float[Lanes];
        value.Store(lanes);
        for (int i = 0; i < count; i++)
            destination[i] = lanes[i];
    }
}
