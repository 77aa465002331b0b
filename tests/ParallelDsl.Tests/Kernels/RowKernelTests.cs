using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

/// <summary>The kernels that work row by row, against double precision; backward passes against central differences of the forward.</summary>
public sealed class RowKernelTests
{
    private const double Tolerance = 1e-5;
    private const float Epsilon = 1e-5f;

    public static TheoryData<int, int> Shapes => new()
    {
        { 0, 8 }, { 1, 1 }, { 3, 5 }, { 2, 16 }, { 5, 33 }, { 7, 64 }, { 4, 100 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void RmsNorm_equals_reference(int rows, int columns)
    {
        using var team = new ThreadTeam(2);
        var random = new Random(1);
        using TestMatrix x = TestMatrix.Random(random, rows, columns, 2);
        using TestMatrix weight = TestMatrix.Random(random, 1, columns);
        using TestMatrix dy = TestMatrix.Random(random, rows, columns, 3);
        using var y = new TestMatrix(rows, columns, 1);
        using TestMatrix dx = TestMatrix.Random(random, rows, columns, 4);
        using TestMatrix dWeight = TestMatrix.Random(random, 1, columns);
        float[] inverse = new float[rows];
        double[,] dxStart = dx.ToDouble();
        double[,] dWeightStart = dWeight.ToDouble();

        RmsNorm.Forward(team, x, weight.View.Row(0), Epsilon, y, inverse);
        RmsNorm.BackwardInput(team, x, weight.View.Row(0), inverse, dy, dx, accumulate: true);
        RmsNorm.BackwardWeight(team, x, inverse, dy, dWeight.View.Row(0));

        double[] weights = Row(weight.ToDouble(), 0);
        double[,] expected = new double[rows, columns];
        double[,] expectedDx = (double[,])dxStart.Clone();
        double[,] expectedDWeight = (double[,])dWeightStart.Clone();
        for (int row = 0; row < rows; row++)
        {
            double[] input = Row(x.ToDouble(), row);
            double[] gradient = Row(dy.ToDouble(), row);
            Write(expected, row, Normalise(input, weights));
            double[] byInput = Reference.Differences(input, values => Dot(Normalise(values, weights), gradient));
            double[] byWeight = Reference.Differences(weights, values => Dot(Normalise(input, values), gradient));
            for (int i = 0; i < columns; i++)
            {
                expectedDx[row, i] += byInput[i];
                expectedDWeight[0, i] += byWeight[i];
            }
        }
        y.AssertClose(expected, Tolerance);
        dx.AssertClose(expectedDx, Tolerance);
        dWeight.AssertClose(expectedDWeight, Tolerance);

        RmsNorm.BackwardInput(team, x, weight.View.Row(0), inverse, dy, dx, accumulate: false);
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < columns; i++)
                expectedDx[row, i] -= dxStart[row, i];
        }
        dx.AssertClose(expectedDx, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SwiGlu_equals_reference(int rows, int columns)
    {
        using var team = new ThreadTeam(2);
        var random = new Random(2);
        using TestMatrix gateUp = TestMatrix.Random(random, rows, 2 * columns, 2, scale: 6);
        using TestMatrix dy = TestMatrix.Random(random, rows, columns, 3);
        using var y = new TestMatrix(rows, columns, 1);
        using var dGateUp = new TestMatrix(rows, 2 * columns, 4);

        SwiGlu.Forward(team, gateUp, y);
        SwiGlu.Backward(team, gateUp, dy, dGateUp);

        double[,] expected = new double[rows, columns];
        double[,] expectedGradient = new double[rows, 2 * columns];
        for (int row = 0; row < rows; row++)
        {
            double[] input = Row(gateUp.ToDouble(), row);
            double[] gradient = Row(dy.ToDouble(), row);
            Write(expected, row, Gate(input));
            Write(expectedGradient, row, Reference.Differences(input, values => Dot(Gate(values), gradient)));
        }
        y.AssertClose(expected, Tolerance);
        dGateUp.AssertClose(expectedGradient, Tolerance);

        // In place of its input, as an executor that saves memory does.
        SwiGlu.Backward(team, gateUp, dy, gateUp);
        gateUp.AssertClose(expectedGradient, Tolerance);
    }

    [Fact]
    public void SwiGlu_saturates_without_overflow()
    {
        using var team = new ThreadTeam(1);
        using var gateUp = new TestMatrix(1, 8);
        float[] gates = [-1e30f, -200, 200, 1e30f];
        gates.CopyTo(gateUp.View.Row(0));
        gateUp.View.Row(0)[4..].Fill(1);
        using var y = new TestMatrix(1, 4);
        SwiGlu.Forward(team, gateUp, y);
        Assert.Equal(0, y.View[0, 1], 1e-30);
        Assert.Equal(200, y.View[0, 2]);
        Assert.Equal(1e30f, y.View[0, 3]);
        Assert.All(y.View.Row(0).ToArray(), value => Assert.True(float.IsFinite(value)));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void CrossEntropy_equals_reference(int rows, int columns)
    {
        using var team = new ThreadTeam(2);
        var random = new Random(3);
        using TestMatrix logits = TestMatrix.Random(random, rows, columns, 2, scale: 10);
        int[] targets = [.. Enumerable.Range(0, rows).Select(row => row % 3 == 2 ? -1 : random.Next(columns))];
        double[,] values = logits.ToDouble();

        double loss = CrossEntropy.Forward(team, logits, targets, 0.25f);

        double expectedLoss = 0;
        double[,] expected = new double[rows, columns];
        for (int row = 0; row < rows; row++)
        {
            if (targets[row] < 0)
                continue;
            double[] input = Row(values, row);
            int target = targets[row];
            expectedLoss += NegativeLogProbability(input, target);
            Write(expected, row, [.. Reference.Differences(input, at => NegativeLogProbability(at, target)).Select(value => value / 4)]);
        }
        Assert.Equal(expectedLoss, loss, Tolerance * Math.Max(1, expectedLoss));
        logits.AssertClose(expected, Tolerance);
    }

    [Fact]
    public void CrossEntropy_over_a_large_vocabulary()
    {
        using var team = new ThreadTeam(1);
        using TestMatrix logits = TestMatrix.Random(new Random(4), 2, 50_257, scale: 20);
        double expected = NegativeLogProbability(Row(logits.ToDouble(), 0), 17) + NegativeLogProbability(Row(logits.ToDouble(), 1), 50_256);
        Assert.Equal(expected, CrossEntropy.Forward(team, logits, [17, 50_256], 1), 1e-5);
        // A gradient of softmax sums to zero.
        Assert.Equal(0, logits.View.Row(0).ToArray().Sum(value => (double)value), 1e-5);
    }

    [Fact]
    public void Embedding_equals_reference()
    {
        var random = new Random(5);
        int[] tokens = [3, 0, 3, 9, 3, 1, 9];
        using TestMatrix table = TestMatrix.Random(random, 10, 37, 2);
        using TestMatrix dy = TestMatrix.Random(random, tokens.Length, 37, 3);
        using var y = new TestMatrix(tokens.Length, 37, 1);
        using TestMatrix dTable = TestMatrix.Random(random, 10, 37, 4);
        double[,] expected = new double[tokens.Length, 37];
        double[,] expectedGradient = dTable.ToDouble();
        for (int row = 0; row < tokens.Length; row++)
        {
            for (int i = 0; i < 37; i++)
            {
                expected[row, i] = table.View[tokens[row], i];
                expectedGradient[tokens[row], i] += dy.View[row, i];
            }
        }
        using var team = new ThreadTeam(3);
        Embedding.Forward(team, table, tokens, y);
        Embedding.BackwardWeight(team, tokens, dy, dTable);
        y.AssertClose(expected, 0);
        dTable.AssertClose(expectedGradient, 1e-6);
    }

    [Fact]
    public void Elementwise_equals_reference()
    {
        using var team = new ThreadTeam(2);
        var random = new Random(6);
        using TestMatrix a = TestMatrix.Random(random, 5, 37, 2);
        using TestMatrix b = TestMatrix.Random(random, 5, 37, 3);
        using var y = new TestMatrix(5, 37, 1);
        Elementwise.Add(team, a, b, y);
        y.AssertClose(Combine(a.ToDouble(), b.ToDouble(), (left, right) => left + right), 1e-7);
        using TestMatrix sum = b.Copy();
        Elementwise.AddScaled(team, a, -2.5f, sum);
        sum.AssertClose(Combine(a.ToDouble(), b.ToDouble(), (left, right) => right - (2.5 * left)), 1e-6);
        double[,] doubled = Combine(a.ToDouble(), a.ToDouble(), (left, right) => left + right);
        Elementwise.Scale(team, a, 2);
        a.AssertClose(doubled, 0);
    }

    [Fact]
    public void Wrong_input_is_named()
    {
        using var team = new ThreadTeam(1);
        using var x = new TestMatrix(2, 8);
        using var y = new TestMatrix(2, 7);
        Assert.Contains("[2 x 7]", Assert.Throws<ArgumentException>(() => RmsNorm.Forward(team, x, new float[8], Epsilon, y, new float[2])).Message);
        Assert.Contains("weight", Assert.Throws<ArgumentException>(() => RmsNorm.Forward(team, x, new float[7], Epsilon, x, new float[2])).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => RmsNorm.Forward(team, x, new float[8], 0, x, new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RmsNorm.Forward(team, x, new float[8], float.NaN, x, new float[2]));
        Assert.Contains("[2 x 14]", Assert.Throws<ArgumentException>(() => SwiGlu.Forward(team, x, y)).Message);
        Assert.Contains("tokens[1]", Assert.Throws<ArgumentOutOfRangeException>(() => Embedding.Forward(team, x, [1, 2], x)).Message);
        Assert.Contains("tokens[0]", Assert.Throws<ArgumentOutOfRangeException>(() => Embedding.BackwardWeight(team, [-1, 0], x, x)).Message);
        Assert.Contains("targets[1]", Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropy.Forward(team, x, [-1, 8], 1)).Message);
        Assert.Contains("targets", Assert.Throws<ArgumentException>(() => CrossEntropy.Forward(team, x, [0], 1)).Message);
        Assert.Contains("[2 x 7]", Assert.Throws<ArgumentException>(() => Elementwise.Add(team, x, x, y)).Message);
    }

    private static double[] Normalise(double[] x, double[] weight)
    {
        double inverse = 1 / Math.Sqrt((x.Sum(value => value * value) / x.Length) + Epsilon);
        return [.. x.Select((value, i) => value * inverse * weight[i])];
    }

    private static double[] Gate(double[] gateUp)
    {
        int width = gateUp.Length / 2;
        return [.. Enumerable.Range(0, width).Select(i => gateUp[i] / (1 + Math.Exp(-gateUp[i])) * gateUp[width + i])];
    }

    private static double NegativeLogProbability(double[] logits, int target)
    {
        double maximum = logits.Max();
        return Math.Log(logits.Sum(value => Math.Exp(value - maximum))) + maximum - logits[target];
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (left, right) => left * right).Sum();

    private static double[] Row(double[,] matrix, int row) => [.. Enumerable.Range(0, matrix.GetLength(1)).Select(i => matrix[row, i])];

    private static void Write(double[,] matrix, int row, double[] values)
    {
        for (int i = 0; i < values.Length; i++)
            matrix[row, i] = values[i];
    }

    private static double[,] Combine(double[,] a, double[,] b, Func<double, double, double> combine)
    {
        double[,] result = (double[,])a.Clone();
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                result[i, j] = combine(a[i, j], b[i, j]);
        }
        return result;
    }
}
