using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

/// <summary>Everything one attention step reads and writes.</summary>
internal sealed class Operands : IDisposable
{
    private double[,] _startOfDQ = new double[0, 0];
    private double[,] _startOfDK = new double[0, 0];
    private double[,] _startOfDV = new double[0, 0];

    public required TestMatrix Q { get; init; }

    public required TestMatrix K { get; init; }

    public required TestMatrix V { get; init; }

    public required TestMatrix DO { get; init; }

    public required TestMatrix O { get; init; }

    public required TestMatrix LogSumExp { get; init; }

    public required TestMatrix Delta { get; init; }

    public required TestMatrix DQ { get; init; }

    public required TestMatrix DK { get; init; }

    public required TestMatrix DV { get; init; }

    public required AttentionBlock[] Blocks { get; init; }

    public TestMatrix[] Results => [O, LogSumExp, DQ, DK, DV];

    /// <summary>Random operands for sequences packed one after the other, each one block that <paramref name="cut"/> may change.</summary>
    public static Operands Create<TShape>(int[] lengths, int seed, Func<AttentionBlock[], AttentionBlock[]> cut, float scale = 2)
        where TShape : struct, IAttentionShape
    {
        var random = new Random(seed);
        int tokens = lengths.Sum();
        int queryWidth = TShape.Heads * TShape.HeadWidth;
        int keyWidth = TShape.KeyValueHeads * TShape.HeadWidth;
        var whole = new List<AttentionBlock>();
        int start = 0;
        foreach (int length in lengths)
        {
            whole.Add(new AttentionBlock(start, length, 0, start, length, 0));
            start += length;
        }
        return new Operands
        {
            Q = TestMatrix.Random(random, tokens, queryWidth, 3, scale),
            K = TestMatrix.Random(random, tokens, keyWidth, 5, scale),
            V = TestMatrix.Random(random, tokens, keyWidth),
            DO = TestMatrix.Random(random, tokens, queryWidth, 1),
            O = TestMatrix.Random(random, tokens, queryWidth, 2),
            LogSumExp = TestMatrix.Random(random, TShape.Heads, tokens),
            Delta = new TestMatrix(TShape.Heads, tokens, 4),
            DQ = new TestMatrix(tokens, queryWidth, 7),
            DK = new TestMatrix(tokens, keyWidth),
            DV = new TestMatrix(tokens, keyWidth, 9),
            Blocks = cut([.. whole]),
        };
    }

    /// <summary>Forward and backward, each block in a call of its own where their number allows.</summary>
    public void Run<TShape>(ThreadTeam team)
        where TShape : struct, IAttentionShape
    {
        Attention<TShape>.Reset(O, LogSumExp);
        int half = Blocks.Length / 2;
        Attention<TShape>.Forward(team, Q, K, V, Blocks.AsSpan(0, half), O, LogSumExp);
        Attention<TShape>.Forward(team, Q, K, V, Blocks.AsSpan(half), O, LogSumExp);
        Attention<TShape>.OutputDots(team, DO, O, Delta);
        RememberStart();
        Attention<TShape>.Backward(team, Q, K, V, DO, LogSumExp, Delta, Blocks.AsSpan(half), DQ, DK, DV);
        Attention<TShape>.Backward(team, Q, K, V, DO, LogSumExp, Delta, Blocks.AsSpan(0, half), DQ, DK, DV);
    }

    /// <summary>Forward and backward by given implementations.</summary>
    public unsafe void Run<TShape>(
        ThreadTeam team, Action<AttentionProblem, AttentionGradients> forward, Action<AttentionProblem, AttentionGradients> backward)
        where TShape : struct, IAttentionShape
    {
        Attention<TShape>.Reset(O, LogSumExp);
        RememberStart();
        fixed (AttentionBlock* blocks = Blocks)
        {
            var problem = new AttentionProblem(Q, K, V, LogSumExp, blocks, Blocks.Length);
            var gradients = new AttentionGradients(DO, Delta, DQ, DK, DV);
            forward(problem, gradients);
            Attention<TShape>.OutputDots(team, DO, O, Delta);
            backward(problem, gradients);
        }
    }

    public void AssertEqualsReference<TShape>(double tolerance = 1e-5)
        where TShape : struct, IAttentionShape
    {
        bool[,] seen = Reference.Seen(Q.View.Rows, K.View.Rows, Blocks);
        (int heads, int keyValueHeads, int width) = (TShape.Heads, TShape.KeyValueHeads, TShape.HeadWidth);
        (double[,] o, double[,] logSumExp) = Reference.Attention(
            Q.ToDouble(), K.ToDouble(), V.ToDouble(), heads, keyValueHeads, width, seen);
        (double[,] dQ, double[,] dK, double[,] dV) = Reference.AttentionBackward(
            Q.ToDouble(), K.ToDouble(), V.ToDouble(), DO.ToDouble(), heads, keyValueHeads, width, seen);
        O.AssertClose(o, tolerance);
        LogSumExp.AssertClose(logSumExp, tolerance);
        DQ.AssertClose(Sum(_startOfDQ, dQ), tolerance);
        DK.AssertClose(Sum(_startOfDK, dK), tolerance);
        DV.AssertClose(Sum(_startOfDV, dV), tolerance);
    }

    public void Dispose()
    {
        foreach (TestMatrix matrix in new[] { Q, K, V, DO, O, LogSumExp, Delta, DQ, DK, DV })
            matrix.Dispose();
    }

    private void RememberStart()
    {
        _startOfDQ = DQ.ToDouble();
        _startOfDK = DK.ToDouble();
        _startOfDV = DV.ToDouble();
    }

    private static double[,] Sum(double[,] a, double[,] b)
    {
        double[,] sum = (double[,])a.Clone();
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                sum[i, j] += b[i, j];
        }
        return sum;
    }
}
