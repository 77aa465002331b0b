using System.Numerics;
using CsCheck;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

public class CostScaleTests
{
    [Fact]
    public void Costs_are_in_proportion_and_a_batch_keeps_below_its_bits() => Cases.Check(
        from pair in Gen.Long[1, 10_000_000]
        from token in Gen.Long[0, 1_000_000_000_000]
        from longest in Gen.OneOf(Gen.Int[1, 100], Gen.Int[1, 2_000_000], Gen.Int[1, int.MaxValue])
        from count in Gen.Int[1, 1_000_000]
        select (SequenceCosts.Of(2 * pair, token, 1, 1), longest, count),
        1_000,
        input =>
        {
            (SequenceCosts costs, int longest, int count) = input;
            (CostScale forward, CostScale backward) = CostScale.Of(costs, longest, (long)longest * count);
            Assert.Equal(0, forward.Of(0));
            Assert.True((forward.Of(longest) + backward.Of(longest)) * (BigInteger)count < BigInteger.One << (CostScale.TotalBits + 1));
            BigInteger Exact(long pair, long token) => (pair * ((BigInteger)longest * (longest + 1L) / 2)) + ((BigInteger)token * longest);
            BigInteger whole = Exact(costs.PairForward, costs.TokenForward), back = Exact(costs.PairBackward, costs.TokenBackward);
            if (forward.Of(longest) > 10_000)
                Assert.InRange((double)backward.Of(longest) / forward.Of(longest) / ((double)back / (double)whole), 0.99, 1.01);
            Assert.True(forward.Of(longest / 2) <= forward.Of(longest));
        });
}
