using CsCheck;
using ParallelDsl.Planning.Packing;
using Xunit.Abstractions;

namespace ParallelDsl.Planning.Tests.Packing;

/// <summary>How even the plans are, from the pairs and tokens of every rank alone.</summary>
public class StepBalanceTests(ITestOutputHelper output)
{
    private static double Imbalance(long[,] flops) => flops.Cast<long>().Max() / flops.Cast<long>().Average();

    private static long Best(long[] costs, long[] loads, int next)
    {
        if (next == costs.Length)
            return loads.Max();
        long best = long.MaxValue;
        for (int rank = 0; rank < loads.Length; rank++)
        {
            loads[rank] += costs[next];
            best = Math.Min(best, Best(costs, loads, next + 1));
            loads[rank] -= costs[next];
            if (loads[rank] == 0)
                break;
        }

        return best;
    }

    // The ratio to the best placement that divides nothing: Graham's bound without rings and with room for all; rings go below it.
    [Fact]
    public void Placement_is_near_the_best_of_all_placements()
    {
        double worst = 0, sum = 0, worstWithRings = 0;
        int cases = 0;
        Cases.Check(Gen.Select(Gen.Int[1, 5_000].Array[1, 8], Gen.Int[1, 4]), 300, input =>
        {
            (int[] lengths, int ranks) = input;
            StepConstants constants = StepCases.Constants(
                ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 1, ranks, 1, 40_000, intra: 1_000_000, inter: 1_000_000);
            long best = Best([.. lengths.OrderDescending().Select(length => constants.Costs.Both(0, length))], new long[ranks], 0);
            long whole = Fullest(constants, lengths);
            Assert.True(3m * ranks * whole <= ((4m * ranks) - 1) * best);
            double ratio = (double)whole / best, withRings = (double)Fullest(constants with { IntraNodeTokens = 0 }, lengths) / best;
            (worst, sum, worstWithRings, cases) = (Math.Max(worst, ratio), sum + ratio, Math.Max(worstWithRings, withRings), cases + 1);
        });
        output.WriteLine($"whole: mean {sum / cases:F4}, worst {worst:F4} of the best; with rings worst {worstWithRings:F4} of the best without");
        Assert.InRange(worstWithRings, 0, 1.05);

        static long Fullest(StepConstants constants, int[] lengths)
        {
            var plan = new StepPlan();
            Assert.True(StepPlanner.TryPlan(constants, lengths, plan));
            long[,] forward = StepChecks.Flops(constants, plan, backward: false), backward = StepChecks.Flops(constants, plan, backward: true);
            return Enumerable.Range(0, plan.AttentionRanks).Max(rank => forward[rank, 0] + backward[rank, 0]);
        }
    }

    // Within 2 percent wherever a slice boundary allows it: what one cut may be off is half a granule of 16 tokens at the end of the longest
    // sequence, and the zigzag shares of a ring differ by two tokens with all their keys.
    [Theory]
    [InlineData(SequenceBalance.Zigzag)]
    [InlineData(SequenceBalance.Hierarchical)]
    public void Slots_of_a_rank_are_within_two_percent_of_their_mean(SequenceBalance balance)
    {
        double worst = 0;
        for (int seed = 1; seed <= 30; seed++)
        {
            int slots = 2 + (seed % 7), dataRanks = 1 + (seed % 4);
            int[] lengths = StepCases.LongTailed(150 * dataRanks, seed, 8_192 << (seed % 3));
            StepConstants constants = StepCases.Constants(
                ParallelDsl.Packing.Asymmetric, balance, dataRanks, 2, slots, lengths.Sum() * 2 / (2 * dataRanks * slots), slots, intra: 500, inter: 1_000);
            var plan = new StepPlan();
            StepPlanner.Plan(constants, lengths, plan);
            StepChecks.Sound(constants, lengths, plan);
            foreach (bool backward in (bool[])[false, true])
            {
                long[,] flops = StepChecks.Flops(constants, plan, backward);
                long slack = StepChecks.CostOfToken(constants, lengths.Max(), backward) * (balance == SequenceBalance.Zigzag ? 16 : 10);
                for (int rank = 0; rank < plan.AttentionRanks; rank++)
                {
                    long[] loads = [.. Enumerable.Range(0, slots).Select(slot => flops[rank, slot])];
                    worst = Math.Max(worst, loads.Max() / loads.Average());
                    Assert.InRange(loads.Max(), 0, (loads.Average() * 1.02) + slack);
                }
            }
        }

        output.WriteLine($"worst slot over the mean of its rank: {worst:F4}");
    }

    // Attention is dear: what is even in the forward, where a token of the linear part counts more, is not in the backward.
    [Fact]
    public void One_grouping_for_both_directions_is_uneven_where_two_are_not()
    {
        SequenceCosts costs = SequenceCosts.Of(1_000, 2_000_000, 64, 64);
        StepConstants constants = StepCases.Constants(
            ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 1, 1, 2, 100_000, window: 2, costs: costs);

        // One long sequence costs in the forward what all the short ones cost together; in the backward it costs more.
        constants = constants with { Costs = costs with { PairBackward = 5_000, TokenBackward = 2_000_000 } };
        int[] lengths = [8_000, .. Enumerable.Repeat(500, 42)];
        long longForward = constants.Costs.Forward(0, 8_000), shortForward = 42 * constants.Costs.Forward(0, 500);
        long longBackward = constants.Costs.Backward(0, 8_000), shortBackward = 42 * constants.Costs.Backward(0, 500);
        Assert.InRange((double)longForward / shortForward, 0.95, 1.05);
        double symmetric = 2.0 * Math.Max(longBackward, shortBackward) / (longBackward + shortBackward);
        Assert.InRange(symmetric, 1.1, 2);

        var plan = new StepPlan();
        StepPlanner.Plan(constants, lengths, plan);
        StepChecks.Sound(constants, lengths, plan);
        double forward = Imbalance(StepChecks.Flops(constants, plan, false)), backward = Imbalance(StepChecks.Flops(constants, plan, true));
        output.WriteLine($"backward: one grouping {symmetric:F3}; two: forward {forward:F3}, backward {backward:F3}");
        Assert.InRange(forward, 1, 1.02);
        Assert.InRange(backward, 1, 1.02);
        Assert.False(plan.IsSymmetric);
    }

    [Fact]
    public void Ranks_are_even_where_short_sequences_are_many()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            int[] lengths = StepCases.LongTailed(2_000, seed, 32_768);
            StepConstants constants = StepCases.Constants(
                ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 4, 4, 1, lengths.Sum() / 8, intra: 500, inter: 1_000);
            var plan = new StepPlan();
            StepPlanner.Plan(constants, lengths, plan);
            Assert.InRange(Imbalance(StepChecks.Flops(constants, plan, false)), 1, 1.03);
            Assert.InRange(Imbalance(StepChecks.Flops(constants, plan, true)), 1, 1.03);
        }
    }
}
