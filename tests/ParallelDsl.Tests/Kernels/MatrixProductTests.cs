using CsCheck;
using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

public sealed class MatrixProductTests
{
    public enum Orientation
    {
        NN,
        NT,
        TN,
    }

    private static readonly int[] Paddings = [0, 1, 5, 16];

    private static readonly Gen<int> Size = Gen.OneOf(Gen.Int[0, 3], Gen.Int[10, 14], Gen.Int[30, 34], Gen.Int[1, 100]);

    private static readonly Gen<(int M, int N, int K, int Orientation, bool Accumulate, int Padding)> Cases =
        Gen.Select(Size, Size, Gen.OneOf(Size, Gen.Int[380, 400]), Gen.Int[0, 2], Gen.Bool, Gen.Int[0, 3].Select(i => Paddings[i]));

    [Fact]
    public void Equals_reference_on_random_shapes() => Cases.Sample(
        (m, n, k, orientation, accumulate, padding) =>
        {
            using var team = new ThreadTeam(1);
            Check(m, n, k, (Orientation)orientation, accumulate, padding, (a, b, c) => Multiply(team, (Orientation)orientation, a, b, c, accumulate));
        },
        iter: 300, seed: "0N0XIzNsQ0O2", threads: 1);

    [Theory]
    [InlineData(typeof(MicroKernel512))]
    [InlineData(typeof(MicroKernel256))]
    [InlineData(typeof(MicroKernel128))]
    public void Every_micro_kernel_equals_reference(Type kernel)
    {
        using var team = new ThreadTeam(2);
        foreach ((int m, int n, int k) in new[] { (1, 1, 1), (13, 33, 7), (24, 64, 50), (7, 17, 390), (61, 97, 33) })
        {
            foreach (Orientation orientation in Enum.GetValues<Orientation>())
            {
                Check(m, n, k, orientation, accumulate: true, padding: 3, (a, b, c) =>
                {
                    var left = new FactorOf(a, orientation == Orientation.TN).Value;
                    var right = new FactorOf(b, orientation != Orientation.NT).Value;
                    if (kernel == typeof(MicroKernel512))
                        BlockedProduct<MicroKernel512>.Run(team, left, right, c, k, true);
                    else if (kernel == typeof(MicroKernel256))
                        BlockedProduct<MicroKernel256>.Run(team, left, right, c, k, true);
                    else
                        BlockedProduct<MicroKernel128>.Run(team, left, right, c, k, true);
                });
            }
        }
    }

    [Theory]
    [InlineData(Orientation.NN)]
    [InlineData(Orientation.NT)]
    [InlineData(Orientation.TN)]
    public void More_than_one_cache_block_in_every_direction(Orientation orientation)
    {
        using var team = new ThreadTeam(1);
        Check(205, 2100, 40, orientation, false, 0, (a, b, c) => Multiply(team, orientation, a, b, c, false));
        Check(30, 40, 1000, orientation, true, 2, (a, b, c) => Multiply(team, orientation, a, b, c, true));
    }

    [Theory]
    [InlineData(Orientation.NN)]
    [InlineData(Orientation.NT)]
    [InlineData(Orientation.TN)]
    public void Threads_and_other_rows_change_no_bit(Orientation orientation)
    {
        var random = new Random(5);
        (int m, int n, int k) = (150, 210, 500);
        (TestMatrix a, TestMatrix b) = Factors(random, m, n, k, orientation, 4);
        int[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3, 4, 7 })
        {
            using var team = new ThreadTeam(threads);
            using var c = new TestMatrix(m, n);
            Multiply(team, orientation, a, b, c, false);
            expected ??= c.ToBits();
            Assert.Equal(expected, c.ToBits());
        }
        // One row alone gives the same row.
        using var alone = new ThreadTeam(1);
        using var single = new TestMatrix(1, n);
        Matrix row = orientation == Orientation.TN ? a.View.ColumnRange(77, 1) : a.View.RowRange(77, 1);
        Multiply(alone, orientation, row, b, single, false);
        Assert.Equal(expected![(77 * n)..(78 * n)], single.ToBits());
        a.Dispose();
        b.Dispose();
    }

    [Fact]
    public void Empty_sum_clears_or_leaves_the_result()
    {
        using var team = new ThreadTeam(1);
        using var a = new TestMatrix(3, 0);
        using var b = new TestMatrix(0, 4);
        using var c = TestMatrix.Random(new Random(1), 3, 4, 2);
        double[,] before = c.ToDouble();
        MatrixProduct.Multiply(team, a, b, c, accumulate: true);
        c.AssertClose(before, 0);
        MatrixProduct.Multiply(team, a, b, c);
        c.AssertClose(new double[3, 4], 0);
    }

    [Fact]
    public void Not_a_number_reaches_the_result()
    {
        using var team = new ThreadTeam(1);
        using TestMatrix a = TestMatrix.Random(new Random(1), 3, 5);
        using TestMatrix b = TestMatrix.Random(new Random(2), 5, 4);
        using var c = new TestMatrix(3, 4);
        a.View[1, 2] = float.NaN;
        MatrixProduct.Multiply(team, a, b, c);
        for (int column = 0; column < 4; column++)
        {
            Assert.False(float.IsNaN(c.View[0, column]));
            Assert.True(float.IsNaN(c.View[1, column]));
        }
    }

    [Fact]
    public void Wrong_shapes_are_named()
    {
        using var team = new ThreadTeam(1);
        using var a = new TestMatrix(3, 5);
        using var b = new TestMatrix(4, 6);
        using var c = new TestMatrix(3, 6);
        Assert.Contains("b is [4 x 6] but must be [5 x 6]", Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(team, a, b, c)).Message);
        Assert.Contains("[6 x 5]", Assert.Throws<ArgumentException>(() => MatrixProduct.MultiplyTransposedB(team, a, b, c)).Message);
        Assert.Contains("[3 x 6]", Assert.Throws<ArgumentException>(() => MatrixProduct.MultiplyTransposedA(team, a, b, c)).Message);
        using var wide = new TestMatrix(5, 7);
        Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(team, a, wide, c));
    }

    private static void Check(int m, int n, int k, Orientation orientation, bool accumulate, int padding, Action<TestMatrix, TestMatrix, TestMatrix> multiply)
    {
        // Not HashCode.Combine, which differs from process to process.
        var random = new Random((((m * 4_099) + n) * 4_099) + k);
        (TestMatrix a, TestMatrix b) = Factors(random, m, n, k, orientation, padding);
        using TestMatrix c = TestMatrix.Random(random, m, n, padding);
        double[,] start = accumulate ? c.ToDouble() : new double[m, n];
        double[,] left = orientation == Orientation.TN ? Reference.Transpose(a.ToDouble()) : a.ToDouble();
        double[,] right = orientation == Orientation.NT ? Reference.Transpose(b.ToDouble()) : b.ToDouble();
        multiply(a, b, c);

        // A sum of k products of operands from -1 to 1 has a deviation of sqrt(k) / 3.
        c.AssertClose(Reference.Multiply(left, right, start), 2e-6, Math.Max(0.1, Math.Sqrt(k) / 3));
        a.AssertNothingOutsideWritten();
        b.AssertNothingOutsideWritten();
        a.Dispose();
        b.Dispose();
    }

    private static (TestMatrix A, TestMatrix B) Factors(Random random, int m, int n, int k, Orientation orientation, int padding)
    {
        TestMatrix a = orientation == Orientation.TN ? TestMatrix.Random(random, k, m, padding) : TestMatrix.Random(random, m, k, padding);
        TestMatrix b = orientation == Orientation.NT ? TestMatrix.Random(random, n, k, padding) : TestMatrix.Random(random, k, n, padding);
        return (a, b);
    }

    private static void Multiply(ThreadTeam team, Orientation orientation, Matrix a, Matrix b, Matrix c, bool accumulate)
    {
        if (orientation == Orientation.NN)
            MatrixProduct.Multiply(team, a, b, c, accumulate);
        else if (orientation == Orientation.NT)
            MatrixProduct.MultiplyTransposedB(team, a, b, c, accumulate);
        else
            MatrixProduct.MultiplyTransposedA(team, a, b, c, accumulate);
    }

    private readonly unsafe struct FactorOf(Matrix matrix, bool depthMajor)
    {
        public Factor Value { get; } = new(matrix.Data, matrix.Stride, depthMajor);
    }
}
