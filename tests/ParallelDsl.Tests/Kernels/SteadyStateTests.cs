using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

/// <summary>What holds for all kernels: nothing is allocated once warm, nothing depends on the threads, and nothing is a valid input.</summary>
public sealed unsafe class SteadyStateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Nothing_is_allocated(int threads)
    {
        using var team = new ThreadTeam(threads);
        using var step = new Step(150);
        for (int i = 0; i < 3; i++)
            step.Run(team);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 5; i++)
            step.Run(team);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        int[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3, 6 })
        {
            using var team = new ThreadTeam(threads);
            using var step = new Step(600);
            step.Run(team);
            step.Run(team);
            int[] bits = step.Bits();
            expected ??= bits;
            Assert.Equal(expected, bits);
        }
    }

    [Fact]
    public void Nothing_is_a_valid_input()
    {
        using var team = new ThreadTeam(2);
        using var step = new Step(0);
        step.Run(team);
        Assert.Equal(0, step.Loss);
    }

    internal readonly struct Shape : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 32;
    }

    /// <summary>All kernels once, on a width of 128 and a vocabulary of 300.</summary>
    private sealed class Step : IDisposable
    {
        private const int Width = 128;
        private const int Vocabulary = 300;

        private readonly List<TestMatrix> _matrices = [];
        private readonly int[] _tokens;
        private readonly int[] _positions;
        private readonly AttentionBlock[] _blocks;
        private readonly float[] _weight = new float[Width];
        private readonly float[] _dWeight = new float[Width];
        private readonly float[] _inverse;
        private readonly Matrix _table, _dTable, _x, _y, _q, _k, _v, _o, _logSumExp, _delta, _dQ, _dK, _dV, _gateUp, _gated, _logits, _moments, _moreMoments;

        public Step(int tokens)
        {
            var random = new Random(1);
            _tokens = [.. Enumerable.Range(0, tokens).Select(_ => random.Next(Vocabulary))];
            _positions = [.. Enumerable.Range(0, tokens)];
            _blocks = [new AttentionBlock(0, tokens / 3, 0, 0, tokens / 3, 0), new AttentionBlock(tokens / 3, tokens - (tokens / 3), 0, tokens / 3, tokens - (tokens / 3), 0)];
            _inverse = new float[tokens];
            Array.Fill(_weight, 1.5f);
            _table = Matrix(random, Vocabulary, Width);
            _dTable = Matrix(random, Vocabulary, Width);
            (_x, _y, _q, _o, _dQ) = (Matrix(random, tokens, Width), Matrix(random, tokens, Width), Matrix(random, tokens, Width), Matrix(random, tokens, Width), Matrix(random, tokens, Width));
            (_k, _v, _dK, _dV) = (Matrix(random, tokens, 64), Matrix(random, tokens, 64), Matrix(random, tokens, 64), Matrix(random, tokens, 64));
            (_logSumExp, _delta) = (Matrix(random, 4, tokens), Matrix(random, 4, tokens));
            (_gateUp, _gated) = (Matrix(random, tokens, 2 * Width), Matrix(random, tokens, Width));
            _logits = Matrix(random, tokens, Vocabulary);
            (_moments, _moreMoments) = (Matrix(random, Vocabulary, Width), Matrix(random, Vocabulary, Width));
            _moments.Clear();
            _moreMoments.Clear();
        }

        public double Loss { get; private set; }

        public double Norm { get; private set; }

        public void Run(ThreadTeam team)
        {
            Embedding.Forward(team, _table, _tokens, _x);
            RmsNorm.Forward(team, _x, _weight, 1e-5f, _y, _inverse);
            MatrixProduct.Multiply(team, _y, _table.RowRange(0, Width), _q);
            RotaryEmbedding<Shape>.Apply(team, _q, _positions, inverse: false);
            Attention<Shape>.Reset(_o, _logSumExp);
            Attention<Shape>.Forward(team, _q, _k, _v, _blocks, _o, _logSumExp);
            Attention<Shape>.OutputDots(team, _y, _o, _delta);
            Attention<Shape>.Backward(team, _q, _k, _v, _y, _logSumExp, _delta, _blocks, _dQ, _dK, _dV);
            SwiGlu.Forward(team, _gateUp, _gated);
            Elementwise.Add(team, _gated, _o, _y);
            Elementwise.AddScaled(team, _dQ, 0.01f, _y);
            MatrixProduct.MultiplyTransposedB(team, _y, _table, _logits);
            Loss = CrossEntropy.Forward(team, _logits, _tokens, 0.01f);
            MatrixProduct.MultiplyTransposedA(team, _logits, _y, _dTable, accumulate: true);
            SwiGlu.Backward(team, _gateUp, _y, _gateUp);
            RmsNorm.BackwardInput(team, _x, _weight, _inverse, _y, _x, accumulate: true);
            RmsNorm.BackwardWeight(team, _x, _inverse, _y, _dWeight);
            Embedding.BackwardWeight(team, _tokens, _x, _dTable);
            Elementwise.Scale(team, _dTable, 0.5f);
            Norm = Reduction.SumOfSquares(team, _dTable.Span);
            AdamW.Step(team, _table.Data, _dTable.Data, _moments.Data, _moreMoments.Data, _table.Count, new AdamWStep(1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 1, 1));
        }

        public int[] Bits() =>
        [
            .. _matrices.SelectMany(matrix => matrix.ToBits()), .. _dWeight.Select(BitConverter.SingleToInt32Bits),
            Loss.GetHashCode(), Norm.GetHashCode(),
        ];

        public void Dispose()
        {
            foreach (TestMatrix matrix in _matrices)
                matrix.Dispose();
        }

        private TestMatrix Matrix(Random random, int rows, int columns)
        {
            TestMatrix matrix = TestMatrix.Random(random, rows, columns, scale: 0.3f);
            _matrices.Add(matrix);
            return matrix;
        }
    }
}
