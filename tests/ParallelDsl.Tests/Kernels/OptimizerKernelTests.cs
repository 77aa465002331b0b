using System.Runtime.Intrinsics;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Tests.Kernels;

public sealed unsafe class OptimizerKernelTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(70_001)]
    public void AdamW_equals_reference(int length)
    {
        using var team = new ThreadTeam(2);
        var random = new Random(1);
        using NativeBuffer weights = Random(random, length);
        using NativeBuffer gradients = Random(random, length);
        using var first = new NativeBuffer(length);
        using var second = new NativeBuffer(length);
        double[] w = ToDouble(weights);
        double[] m = new double[length];
        double[] v = new double[length];
        for (int step = 1; step <= 5; step++)
        {
            var numbers = new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step, 0.5f);
            AdamW.Step(team, weights.Pointer, gradients.Pointer, first.Pointer, second.Pointer, length, numbers);
            for (int i = 0; i < length; i++)
            {
                double g = gradients.Span[i] * 0.5;
                m[i] = (0.9 * m[i]) + (0.1 * g);
                v[i] = (0.95 * v[i]) + (0.05 * g * g);
                double mean = m[i] / (1 - Math.Pow(0.9, step));
                double square = v[i] / (1 - Math.Pow(0.95, step));
                w[i] -= 1e-2 * ((mean / (Math.Sqrt(square) + 1e-8)) + (0.1 * w[i]));
            }
        }
        for (int i = 0; i < length; i++)
            Assert.Equal(w[i], weights.Span[i], 2e-6);
    }

    [Fact]
    public void AdamW_of_zero_gradients_only_decays()
    {
        using var team = new ThreadTeam(1);
        using NativeBuffer weights = Random(new Random(1), 5);
        double[] before = ToDouble(weights);
        using var zero = new NativeBuffer(5);
        using var first = new NativeBuffer(5);
        using var second = new NativeBuffer(5);
        AdamW.Step(team, weights.Pointer, zero.Pointer, first.Pointer, second.Pointer, 5, new AdamWStep(0.1f, 0.9f, 0.95f, 1e-8f, 0.5f, 1, 1));
        for (int i = 0; i < 5; i++)
            Assert.Equal(before[i] * 0.95, weights.Span[i], 1e-6);
    }

    [Fact]
    public void AdamW_refuses_wrong_numbers()
    {
        using var team = new ThreadTeam(1);
        using var buffer = new NativeBuffer(1);
        float* p = buffer.Pointer;
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(team, p, p, p, p, 1, new AdamWStep(1, 0.9f, 0.9f, 1e-8f, 0, 0, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(team, p, p, p, p, 1, new AdamWStep(1, 1, 0.9f, 1e-8f, 0, 1, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(team, p, p, p, p, 1, new AdamWStep(1, 0.9f, float.NaN, 1e-8f, 0, 1, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(team, p, p, p, p, -1, new AdamWStep(1, 0.9f, 0.9f, 1e-8f, 0, 1, 1)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(200_003)]
    public void SumOfSquares_equals_reference_on_any_number_of_threads(int length)
    {
        using NativeBuffer values = Random(new Random(2), length);
        double expected = ToDouble(values).Sum(value => value * value);
        double? bits = null;
        foreach (int threads in new[] { 1, 2, 3, 5 })
        {
            using var team = new ThreadTeam(threads);
            double sum = Reduction.SumOfSquares(team, values.Span);
            Assert.Equal(expected, sum, 1e-6 * Math.Max(1, expected));
            bits ??= sum;
            Assert.Equal(bits.Value, sum);
        }
    }

    [Fact]
    public void Exponential_is_within_two_units_in_the_last_place()
    {
        double worst = 0;
        float* lanes = stackalloc float[16];
        for (float start = -87.2f; start < 88.6f; start += 0.0137f)
        {
            for (int i = 0; i < 16; i++)
                lanes[i] = start + (i * 0.0008f);
            Vector512<float> result = VectorMath.Exp(Vector512.Load(lanes));
            for (int i = 0; i < 16; i++)
            {
                double expected = Math.Exp(lanes[i]);
                worst = Math.Max(worst, Math.Abs(result[i] - expected) / (MathF.BitIncrement((float)expected) - (float)expected));
            }
        }
        Assert.InRange(worst, 0, 2);
    }

    [Fact]
    public void Exponential_of_extremes()
    {
        Assert.Equal(1, VectorMath.Exp(Vector512<float>.Zero)[0]);
        Assert.Equal(0, VectorMath.Exp(Vector512.Create(float.NegativeInfinity))[0]);
        Assert.Equal(0, VectorMath.Exp(Vector512.Create(-88f))[0]);
        Assert.Equal(0, VectorMath.Exp(Vector512.Create(float.MinValue))[0]);
        Assert.InRange(VectorMath.Exp(Vector512.Create(float.PositiveInfinity))[0], 3e38f, float.MaxValue);
        Assert.True(float.IsNaN(VectorMath.Exp(Vector512.Create(float.NaN))[0]));
    }

    private static NativeBuffer Random(Random random, int length)
    {
        var buffer = new NativeBuffer(length);
        foreach (ref float value in buffer.Span)
            value = (2 * random.NextSingle()) - 1;
        return buffer;
    }

    private static double[] ToDouble(NativeBuffer buffer)
    {
        double[] values = new double[buffer.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = buffer.Span[i];
        return values;
    }
}
