using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

public sealed class RotaryEmbeddingTests
{
    [Fact]
    public void Equals_reference_of_the_half_rotation()
    {
        Check<WidthOf<Two>>(3);
        Check<WidthOf<Six>>(2);
        Check<WidthOf<SixtyFour>>(3);
        Check<WidthOf<SixtyFour>>(1, @base: 500_000);
    }

    [Fact]
    public void Inverse_turns_back()
    {
        using var team = new ThreadTeam(2);
        using TestMatrix x = TestMatrix.Random(new Random(1), 40, 128, 3);
        double[,] before = x.ToDouble();
        int[] positions = [.. Enumerable.Range(0, 40).Select(i => i * 97)];
        RotaryEmbedding<WidthOf<SixtyFour>>.Apply(team, x, positions, inverse: false);
        RotaryEmbedding<WidthOf<SixtyFour>>.Apply(team, x, positions, inverse: true);
        x.AssertClose(before, 1e-6);
    }

    [Fact]
    public void Scores_depend_on_the_distance_alone()
    {
        using var team = new ThreadTeam(1);
        using TestMatrix near = TestMatrix.Random(new Random(2), 2, 64);
        using TestMatrix far = near.Copy();
        RotaryEmbedding<WidthOf<SixtyFour>>.Apply(team, near, [5, 2], inverse: false);
        RotaryEmbedding<WidthOf<SixtyFour>>.Apply(team, far, [1005, 1002], inverse: false);
        Assert.Equal(Dot(near), Dot(far), 1e-3);

        static double Dot(Matrix x)
        {
            double sum = 0;
            for (int i = 0; i < x.Columns; i++)
                sum += (double)x[0, i] * x[1, i];
            return sum;
        }
    }

    [Fact]
    public void Table_grows_while_others_read()
    {
        int[] sizes = [1, 900, 1025, 5000, 3, 2049, 12_000, 64];
        Parallel.For(0, 32, i =>
        {
            using var team = new ThreadTeam(1);
            using TestMatrix x = TestMatrix.Random(new Random(i), 1, 6);
            double[,] before = x.ToDouble();
            int position = sizes[i % sizes.Length] - 1;
            float @base = 1000 + (i / sizes.Length);
            RotaryEmbedding<WidthOf<Six>>.Apply(team, x, [position], inverse: false, @base);
            x.AssertClose(Turn(before, [position], 6, @base), 1e-6);
        });
    }

    [Fact]
    public void Wrong_input_is_named()
    {
        using var team = new ThreadTeam(1);
        using var x = new TestMatrix(2, 12);
        Assert.Contains("HeadWidth is 3", Assert.Throws<ArgumentException>(() => RotaryEmbedding<WidthOf<Three>>.Apply(team, x, [0, 1], false)).Message);
        Assert.Contains("multiple of the head width 64", Assert.Throws<ArgumentException>(() => RotaryEmbedding<WidthOf<SixtyFour>>.Apply(team, x, [0, 1], false)).Message);
        Assert.Contains("positions", Assert.Throws<ArgumentException>(() => RotaryEmbedding<WidthOf<Six>>.Apply(team, x, [0], false)).Message);
        Assert.Contains("positions[1]", Assert.Throws<ArgumentOutOfRangeException>(() => RotaryEmbedding<WidthOf<Six>>.Apply(team, x, [0, -1], false)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => RotaryEmbedding<WidthOf<Six>>.Apply(team, x, [0, 1], false, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RotaryEmbedding<WidthOf<Six>>.Apply(team, x, [0, 1], false, float.NaN));
    }

    private static void Check<TShape>(int heads, float @base = 10_000)
        where TShape : struct, IAttentionShape
    {
        using var team = new ThreadTeam(1);
        using TestMatrix x = TestMatrix.Random(new Random(3), 5, heads * TShape.HeadWidth, 2);
        int[] positions = [0, 1, 7, 1500, 2];
        double[,] expected = Turn(x.ToDouble(), positions, TShape.HeadWidth, @base);
        RotaryEmbedding<TShape>.Apply(team, x, positions, inverse: false, @base);
        x.AssertClose(expected, 1e-6);
    }

    private static double[,] Turn(double[,] x, int[] positions, int width, double @base)
    {
        double[,] result = (double[,])x.Clone();
        for (int row = 0; row < positions.Length; row++)
        {
            for (int column = 0; column < x.GetLength(1); column++)
            {
                int start = column / width * width;
                int i = column - start;
                int pair = i % (width / 2);
                double angle = positions[row] * Math.Pow(@base, -2.0 * pair / width);
                double other = i < width / 2 ? -x[row, start + i + (width / 2)] : x[row, start + i - (width / 2)];
                result[row, column] = (x[row, column] * Math.Cos(angle)) + (other * Math.Sin(angle));
            }
        }
        return result;
    }

    private interface INumber
    {
        static abstract int Value { get; }
    }

    private readonly struct Two : INumber
    {
        public static int Value => 2;
    }

    private readonly struct Three : INumber
    {
        public static int Value => 3;
    }

    private readonly struct Six : INumber
    {
        public static int Value => 6;
    }

    private readonly struct SixtyFour : INumber
    {
        public static int Value => 64;
    }

    private readonly struct WidthOf<TNumber> : IAttentionShape
        where TNumber : struct, INumber
    {
        public static int Heads => 1;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => TNumber.Value;
    }
}
