using CsCheck;
using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

public sealed class AttentionTests
{
    private const double Tolerance = 1e-5;

    private static readonly Gen<(int[] Lengths, int Shape, int Cut, int Seed)> Cases = Gen.Select(
        Gen.OneOf(Gen.Int[0, 40], Gen.Int[60, 70], Gen.Int[120, 140]).Array[0, 4], Gen.Int[0, 4], Gen.Int[1, 80], Gen.Int[0, 1000]);

    [Fact]
    public void Packed_sequences_equal_reference() => Cases.Sample(
        (lengths, shape, _, seed) => WithShape(shape, new Packed(lengths, seed, whole => whole)), iter: 40, seed: "0N0XIzNsQ0O2", threads: 1);

    [Fact]
    public void Pieces_in_any_order_equal_reference() => Cases.Sample(
        (lengths, shape, cut, seed) => WithShape(shape, new Packed(lengths, seed, whole => Pieces(whole, cut, seed))), iter: 40, seed: "0N0XIzNsQ0O2", threads: 1);

    [Fact]
    public void One_long_sequence_equals_reference() => WithShape(2, new Packed([400], 3, whole => whole));

    [Fact]
    public void Every_micro_kernel_equals_reference()
    {
        foreach (Action<Operands, ThreadTeam> run in new Action<Operands, ThreadTeam>[]
            { RunWithKernel<Grouped, MicroKernel512>, RunWithKernel<Grouped, MicroKernel256>, RunWithKernel<Grouped, MicroKernel128> })
        {
            using var team = new ThreadTeam(3);
            using Operands operands = Operands.Create<Grouped>([37, 5, 130, 1], 7, whole => whole);
            run(operands, team);
            operands.AssertEqualsReference<Grouped>();
        }
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        int[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3, 5 })
        {
            using var team = new ThreadTeam(threads);
            using Operands operands = Operands.Create<Grouped>([290, 17, 301, 64], 11, whole => Pieces(whole, 70, 1));
            operands.Run<Grouped>(team);
            int[] bits = [.. operands.Results.SelectMany(result => result.ToBits())];
            expected ??= bits;
            Assert.Equal(expected, bits);
        }
    }

    [Fact]
    public void Rows_that_see_nothing_stay_empty()
    {
        // Queries at positions 0..9 against keys from position 5 on: the first five see nothing, the rest a triangle.
        using Operands operands = Operands.Create<Grouped>([10], 1, _ => [new AttentionBlock(0, 10, 0, 0, 10, 5)]);
        using var team = new ThreadTeam(1);
        operands.Run<Grouped>(team);
        operands.AssertEqualsReference<Grouped>();
        for (int row = 0; row < 5; row++)
        {
            Assert.Equal(float.NegativeInfinity, operands.LogSumExp.View[0, row]);
            Assert.All(operands.O.View.Row(row).ToArray(), value => Assert.Equal(0, value));
            Assert.All(operands.DQ.View.Row(row).ToArray(), value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void Block_in_the_future_changes_nothing()
    {
        using Operands operands = Operands.Create<Grouped>([40], 1, _ => [new AttentionBlock(0, 40, 0, 0, 40, 40)]);
        using var team = new ThreadTeam(1);
        operands.Run<Grouped>(team);
        Assert.All(operands.DK.ToBits(), bits => Assert.Equal(0, bits));
        Assert.All(operands.O.ToBits(), bits => Assert.Equal(0, bits));
    }

    [Fact]
    public void Large_scores_do_not_overflow()
    {
        using Operands operands = Operands.Create<Grouped>([50], 1, whole => whole, scale: 40);
        using var team = new ThreadTeam(1);
        operands.Run<Grouped>(team);
        // Scores reach thousands, so single precision leaves an error of about 1e-3 in their exponentials.
        operands.AssertEqualsReference<Grouped>(2e-3);
    }

    [Fact]
    public void Not_a_number_does_not_outlive_its_step()
    {
        using var team = new ThreadTeam(1);
        using Operands poisoned = Operands.Create<Grouped>([150], 1, whole => whole);
        poisoned.Q.View.Row(70).Fill(float.NaN);
        poisoned.V.View.Row(3).Fill(float.NaN);
        poisoned.Run<Grouped>(team);
        Assert.True(float.IsNaN(poisoned.O.View[149, 0]));
        Assert.True(float.IsNaN(poisoned.DK.View[10, 0]));

        // The scratch tiles of this thread now hold NaN.
        using Operands clean = Operands.Create<Grouped>([13, 150, 33], 2, whole => whole);
        clean.Run<Grouped>(team);
        clean.AssertEqualsReference<Grouped>();
    }

    [Fact]
    public void Area_counts_the_seen_pairs() => Gen.Int[0, 12].Array[4].Sample(
        sizes =>
        {
            var block = new AttentionBlock(0, sizes[0], sizes[1], 0, sizes[2], sizes[3]);
            long counted = 0;
            for (int i = 0; i < block.QueryLength; i++)
            {
                for (int j = 0; j < block.KeyLength; j++)
                    counted += block.KeyPosition + j <= block.QueryPosition + i ? 1 : 0;
            }
            Assert.Equal(counted, block.Area);
        },
        iter: 2000, seed: "0N0XIzNsQ0O2", threads: 1);

    /// <summary>A call with some of the key-value heads and their query heads gives the columns that a call with all of them gives.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(0, 2)]
    public void Some_heads_are_columns_of_all(int first, int count)
    {
        const int Width = 16, Group = 2;
        using var team = new ThreadTeam(2);
        using Operands all = Operands.Create<Grouped>([37, 130, 5], 4, whole => whole), some = Operands.Create<Grouped>([37, 130, 5], 4, whole => whole);
        all.Run<Grouped>(team);
        Matrix o = Queries(some.O), logSumExp = Heads(some.LogSumExp), delta = Heads(some.Delta), k = Keys(some.K), v = Keys(some.V);
        Attention<Grouped>.Reset(o, logSumExp);
        Attention<Grouped>.Forward(team, Queries(some.Q), k, v, some.Blocks, o, logSumExp);
        Heads(all.Delta).CopyTo(delta);
        Attention<Grouped>.Backward(
            team, Queries(some.Q), k, v, Queries(some.DO), logSumExp, delta, some.Blocks, Queries(some.DQ), Keys(some.DK), Keys(some.DV));
        AssertSame(Queries(all.O), o);
        AssertSame(Heads(all.LogSumExp), logSumExp);
        AssertSame(Queries(all.DQ), Queries(some.DQ));
        AssertSame(Keys(all.DK), Keys(some.DK));
        AssertSame(Keys(all.DV), Keys(some.DV));

        Matrix Queries(Matrix matrix) => matrix.ColumnRange(first * Group * Width, count * Group * Width);

        Matrix Keys(Matrix matrix) => matrix.ColumnRange(first * Width, count * Width);

        Matrix Heads(Matrix matrix) => matrix.RowRange(first * Group, count * Group);

        static void AssertSame(Matrix expected, Matrix actual)
        {
            for (int row = 0; row < expected.Rows; row++)
                Assert.Equal(expected.Row(row).ToArray(), actual.Row(row).ToArray());
        }
    }

    [Fact]
    public void Keys_of_other_heads_than_queries_are_named()
    {
        using var team = new ThreadTeam(1);
        using Operands operands = Operands.Create<Grouped>([8], 1, whole => whole);
        Matrix query = ((Matrix)operands.Q).ColumnRange(0, 32), output = ((Matrix)operands.O).ColumnRange(0, 32), logSumExp = ((Matrix)operands.LogSumExp).RowRange(0, 2);
        Assert.Contains("k is [8 x 32] but must be [8 x 16]", Assert.Throws<ArgumentException>(() => Attention<Grouped>.Forward(
            team, query, operands.K, operands.V, operands.Blocks, output, logSumExp)).Message);
    }

    [Fact]
    public void Wrong_shapes_and_blocks_are_named()
    {
        using var team = new ThreadTeam(1);
        using Operands operands = Operands.Create<Grouped>([8], 1, whole => whole);
        using var narrow = new TestMatrix(8, 7);
        using var few = new TestMatrix(3, 8);
        AttentionBlock[] outside = [new(0, 9, 0, 0, 8, 0)];
        Assert.Contains("[8 x 7]", Assert.Throws<ArgumentException>(() => Attention<Grouped>.Forward(
            team, narrow, operands.K, operands.V, operands.Blocks, operands.O, operands.LogSumExp)).Message);
        Assert.Contains("logSumExp", Assert.Throws<ArgumentException>(() => Attention<Grouped>.Forward(
            team, operands.Q, operands.K, operands.V, operands.Blocks, operands.O, few)).Message);
        Assert.Contains("blocks[0]", Assert.Throws<ArgumentException>(() => Attention<Grouped>.Forward(
            team, operands.Q, operands.K, operands.V, outside, operands.O, operands.LogSumExp)).Message);
        Assert.Contains("key-value heads must divide", Assert.Throws<ArgumentException>(() => Attention<Indivisible>.Forward(
            team, operands.Q, operands.K, operands.V, operands.Blocks, operands.O, operands.LogSumExp)).Message);
    }

    // Cuts every sequence into chunks of queries and keys, as the steps of a ring do, and shuffles the chunk pairs.
    private static AttentionBlock[] Pieces(IEnumerable<AttentionBlock> whole, int cut, int seed)
    {
        var pieces = new List<AttentionBlock>();
        foreach (AttentionBlock block in whole)
        {
            for (int q = 0; q < block.QueryLength; q += cut)
            {
                for (int k = 0; k < block.KeyLength; k += cut)
                {
                    pieces.Add(new AttentionBlock(
                        block.QueryStart + q, Math.Min(cut, block.QueryLength - q), block.QueryPosition + q,
                        block.KeyStart + k, Math.Min(cut, block.KeyLength - k), block.KeyPosition + k));
                }
            }
        }
        AttentionBlock[] shuffled = [.. pieces];
        new Random(seed).Shuffle(shuffled);
        return shuffled;
    }

    private static void RunWithKernel<TShape, TKernel>(Operands operands, ThreadTeam team)
        where TShape : struct, IAttentionShape
        where TKernel : struct, IMicroKernel
    {
        operands.Run<TShape>(
            team,
            (problem, _) => AttentionForward<TShape, TKernel>.Run(team, problem, operands.O, long.MaxValue / 16),
            (problem, gradients) => AttentionBackward<TShape, TKernel>.Run(team, problem, gradients, long.MaxValue / 16));
    }

    private static void WithShape(int shape, Packed packed)
    {
        switch (shape)
        {
            case 0:
                packed.Check<Tiny>();
                break;
            case 1:
                packed.Check<Single>();
                break;
            case 2:
                packed.Check<Grouped>();
                break;
            case 3:
                packed.Check<Odd>();
                break;
            default:
                packed.Check<Wide>();
                break;
        }
    }

    private sealed record Packed(int[] Lengths, int Seed, Func<AttentionBlock[], AttentionBlock[]> Cut)
    {
        public void Check<TShape>()
            where TShape : struct, IAttentionShape
        {
            using var team = new ThreadTeam(1);
            using Operands operands = Operands.Create<TShape>(Lengths, Seed, Cut);
            operands.Run<TShape>(team);
            operands.AssertEqualsReference<TShape>(Tolerance);
        }
    }

    internal readonly struct Tiny : IAttentionShape
    {
        public static int Heads => 2;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => 4;
    }

    internal readonly struct Single : IAttentionShape
    {
        public static int Heads => 1;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => 64;
    }

    internal readonly struct Grouped : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 16;
    }

    internal readonly struct Odd : IAttentionShape
    {
        public static int Heads => 3;

        public static int KeyValueHeads => 3;

        public static int HeadWidth => 23;
    }

    internal readonly struct Wide : IAttentionShape
    {
        public static int Heads => 2;

        public static int KeyValueHeads => 2;

        public static int HeadWidth => 80;
    }

    internal readonly struct Indivisible : IAttentionShape
    {
        public static int Heads => 4;

        public static int KeyValueHeads => 3;

        public static int HeadWidth => 16;
    }
}
