using CsCheck;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

public class TokenPackerTests
{
    private static string Text(StepPlan plan) => string.Join(" | ", Enumerable.Range(0, plan.DataRanks).Select(rank =>
        string.Join(" ", Enumerable.Range(0, plan.MicroBatches).Select(unit => $"[{string.Join(",", plan.ForwardSlices(rank, unit).ToArray())}]"))));

    private static StepPlan Pack(int[] lengths, int dataRanks, int units, int unitTokens, int granule = 1, int context = 1_000_000)
    {
        var plan = new StepPlan();
        TokenPacker.Pack(lengths, dataRanks, 1, units, unitTokens, granule, context, plan);
        return plan;
    }

    [Fact]
    public void Longest_first_into_the_least_filled_over_data_ranks_first() => Assert.Equal(
        "[3] [2] | [0] [1,4]", Text(Pack([6, 3, 4, 9, 1], 2, 2, 10)));

    [Fact]
    public void Equal_lengths_go_round_data_ranks_then_micro_batches() => Assert.Equal(
        "[0,4] [2] | [1] [3]", Text(Pack([5, 5, 5, 5, 5], 2, 2, 10)));

    [Fact]
    public void A_batch_may_be_empty()
    {
        StepPlan plan = Pack([], 2, 2, 10);
        Assert.Equal("[] [] | [] []", Text(plan));
        Assert.Equal((0, 0L), (plan.SequenceCount, plan.TotalTokens));
    }

    private static readonly Gen<(int[] Lengths, int DataRanks, int Units, int Granule)> Batches =
        from lengths in Gen.Int[1, 100].Array[0, 60]
        from dataRanks in Gen.Int[1, 4]
        from units in Gen.Int[1, 4]
        from granule in Gen.OneOf(Gen.Const(1), Gen.Const(2), Gen.Const(4), Gen.Const(8))
        select (lengths, dataRanks, units, granule);

    [Fact]
    public void Every_sequence_is_in_one_unit_and_no_unit_overflows()
    {
        var reused = new StepPlan();
        int fitted = 0;
        Cases.Check(Gen.Select(Batches, Gen.Int[100, 1_000]), 2_000, input =>
        {
            ((int[] lengths, int dataRanks, int units, int granule), int unitTokens) = input;
            bool fits = TokenPacker.TryPack(lengths, dataRanks, 1, units, unitTokens, granule, 100, reused);
            if (!fits)
            {
                Assert.Throws<PackingException>(() => Pack(lengths, dataRanks, units, unitTokens, granule, 100));
                return;
            }

            fitted++;
            var seen = new List<int>();
            for (int unit = 0; unit < dataRanks * units; unit++)
            {
                int[] sequences = reused.ForwardSlices(unit / units, unit % units).ToArray();
                Assert.Equal(sequences.Order(), sequences);
                Assert.Equal(sequences.Sum(sequence => lengths[sequence]), reused.UnitTokens(unit / units, unit % units));
                Assert.True(sequences.Sum(sequence => (lengths[sequence] + granule - 1) / granule * granule) <= unitTokens);
                seen.AddRange(sequences);
            }

            Assert.Equal(Enumerable.Range(0, lengths.Length), seen.Order());
            Assert.Equal(lengths.Sum(), reused.TotalTokens);

            // A plan that was used before gives the same as a new one, and so does an array of lengths.
            Assert.Equal(Text(Pack(lengths, dataRanks, units, unitTokens, granule)), Text(reused));
            TokenPacker.Pack([.. lengths, -1], lengths.Length, dataRanks, 1, units, unitTokens, granule, 100, reused);
            Assert.Equal(Text(Pack(lengths, dataRanks, units, unitTokens, granule)), Text(reused));
        });
        Assert.InRange(fitted, 500, 1_999);
    }

    [Fact]
    public void The_fullest_unit_is_within_the_bound_of_LPT() => Cases.Check(
        from lengths in Gen.Int[1, 50].Array[1, 9]
        from units in Gen.Int[1, 3]
        select (lengths, units),
        500,
        input =>
        {
            StepPlan plan = Pack(input.lengths, 1, input.units, 1_000);
            int fullest = Enumerable.Range(0, input.units).Max(unit => plan.UnitTokens(0, unit));

            // Graham, 1969: at most 4/3 - 1/(3m) of the best.
            Assert.True(3 * input.units * fullest <= ((4 * input.units) - 1) * Best(input.lengths, new int[input.units], 0));
        });

    private static int Best(int[] lengths, int[] filled, int next)
    {
        if (next == lengths.Length)
            return filled.Max();
        int best = int.MaxValue;
        for (int unit = 0; unit < filled.Length; unit++)
        {
            filled[unit] += lengths[next];
            best = Math.Min(best, Best(lengths, filled, next + 1));
            filled[unit] -= lengths[next];
        }

        return best;
    }

    [Fact]
    public void One_rank_with_all_units_groups_the_same_sequences() => Cases.Check(Batches, 300, input =>
    {
        (int[] lengths, int dataRanks, int units, int granule) = input;
        StepPlan plan = Pack(lengths, dataRanks, units, 100_000, granule), single = Pack(lengths, 1, dataRanks * units, 100_000, granule);
        for (int rank = 0; rank < dataRanks; rank++)
        {
            for (int unit = 0; unit < units; unit++)
                Assert.Equal(plan.ForwardSlices(rank, unit).ToArray(), single.ForwardSlices(0, (unit * dataRanks) + rank).ToArray());
        }
    });

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(65)]
    [InlineData(int.MaxValue)]
    public void Impossible_lengths_are_named(int length)
    {
        var exception = Assert.Throws<PackingException>(() => Pack([3, length], 1, 1, 100, 1, context: 64));
        Assert.Equal($"sequence 1 has {length} tokens, and the context length allows 1 to 64", exception.Message);
        Assert.Throws<PackingException>(() => TokenPacker.TryPack([length], 1, 1, 1, 100, 1, 64, new StepPlan()));
    }

    [Fact]
    public void A_batch_that_does_not_fit_names_the_sequence()
    {
        var exception = Assert.Throws<PackingException>(() => Pack([60, 50, 51], 1, 2, 64, 4));
        Assert.Equal(
            "sequence 1 fits into none of 2 units of 64 tokens with lengths rounded up to multiples of 4: the batch has 3 sequences and 161 tokens",
            exception.Message);
        Assert.False(TokenPacker.TryPack([60, 50, 51], 1, 1, 2, 64, 4, 1_000, new StepPlan()));
    }

    [Theory]
    [InlineData(0, 1, 1, 1)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(1, 1, 0, 1)]
    [InlineData(1, 1, 1, 0)]
    [InlineData(int.MaxValue, int.MaxValue, 1, 1)]
    public void Impossible_arguments_are_refused(int dataRanks, int units, int unitTokens, int granule)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Pack([1], dataRanks, units, unitTokens, granule));
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenPacker.Pack([1], 2, 1, 1, 1, 1, 1, 1, new StepPlan()));
    }

    [Fact]
    public void The_longest_lengths_do_not_overflow() => Assert.False(
        TokenPacker.TryPack([int.MaxValue, int.MaxValue], 1, 1, 1, int.MaxValue, 8, int.MaxValue, new StepPlan()));

    [Fact]
    public void Steady_state_allocates_nothing()
    {
        int[] lengths = [.. Enumerable.Range(0, 1_000).Select(index => 1 + (index * 7_919 % 500))];
        var plan = new StepPlan();
        for (int warmUp = 0; warmUp < 3; warmUp++)
            TokenPacker.Pack(lengths, 4, 2, 8, 100_000, 4, 500, plan);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 10; step++)
            TokenPacker.Pack(lengths, 4, 2, 8, 100_000, 4, 500, plan);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
