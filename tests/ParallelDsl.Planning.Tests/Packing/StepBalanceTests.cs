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

    // Cuts fall finely enough for these batches, so nothing is left over for granules.
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
                for (int rank = 0; rank < plan.AttentionRanks; rank++)
                {
                    long[] loads = [.. Enumerable.Range(0, slots).Select(slot => flops[rank, slot])];
                    worst = Math.Max(worst, loads.Max() / loads.Average());
                    Assert.True(loads.Max() <= loads.Average() * 1.02);
                }
            }
        }

        output.WriteLine($"worst slot over the mean of its rank: {worst:F4}");
    }

    // The backward of attention is 2.5 forwards, that of the linear part 2: with one sequence of nearly nothing but attention in one unit and
    // short ones of nearly none in the other, units that are even in the forward are not in the backward.
    [Fact]
    public void One_grouping_for_both_directions_is_uneven_where_two_are_not()
    {
        StepConstants constants = StepCases.Constants(
            ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 1, 1, 2, 2_000_000, window: 2, costs: SequenceCosts.Of(1_000, 480_000, 64, 64));
        long longForward = constants.Costs.Forward(0, 28_800);
        int count = (int)(longForward / constants.Costs.Forward(0, 32));
        int[] lengths = [28_800, .. Enumerable.Repeat(32, count)];
        Assert.InRange((double)longForward / (count * constants.Costs.Forward(0, 32)), 1, 1.001);
        long longBackward = constants.Costs.Backward(0, 28_800), shortBackward = count * constants.Costs.Backward(0, 32);
        double symmetric = 2.0 * Math.Max(longBackward, shortBackward) / (longBackward + shortBackward);
        Assert.InRange(symmetric, 1.1, 1.12);

        var plan = new StepPlan();
        StepPlanner.Plan(constants, lengths, plan);
        StepChecks.Tiles(lengths, plan);
        double forward = Imbalance(StepChecks.Flops(constants, plan, false)), backward = Imbalance(StepChecks.Flops(constants, plan, true));
        output.WriteLine($"backward: one grouping {symmetric:F3}; two: forward {forward:F3}, backward {backward:F3}");
        Assert.InRange(forward, 1, 1.02);
        Assert.InRange(backward, 1, 1.02);
        Assert.False(plan.IsSymmetric);
    }

    // Ranks are even in what they were weighed by: a plan for another weight of attention is not.
    [Theory]
    [InlineData(10)]
    [InlineData(300)]
    [InlineData(10_000)]
    public void Ranks_are_even_in_what_attention_weighs(int percent)
    {
        double weighed = 0, plain = 0;
        for (int seed = 1; seed <= 10; seed++)
        {
            int[] lengths = StepCases.LongTailed(2_000, seed, 32_768);
            StepConstants constants = StepCases.Constants(
                ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 4, 4, 1, lengths.Sum() / 8, intra: 500, inter: 1_000);
            StepConstants heavier = constants with { Costs = constants.Costs.WithAttention(percent) };
            double ofWeighed = Weighed(heavier, heavier, lengths), ofPlain = Weighed(heavier, constants, lengths);
            Assert.InRange(ofWeighed, 1, 1.03);
            (weighed, plain) = (weighed + ofWeighed, plain + ofPlain);
        }

        output.WriteLine($"attention {percent} %: planned with it {weighed / 10:F4}, without {plain / 10:F4}");
        Assert.True(plain > weighed);

        static double Weighed(StepConstants weights, StepConstants constants, int[] lengths)
        {
            var plan = new StepPlan();
            StepPlanner.Plan(constants, lengths, plan);
            long[,] forward = StepChecks.Flops(weights, plan, backward: false), backward = StepChecks.Flops(weights, plan, backward: true);
            double[] loads = [.. Enumerable.Range(0, plan.AttentionRanks).Select(rank => (double)(forward[rank, 0] + backward[rank, 0]))];
            return loads.Max() / loads.Average();
        }
    }

    // Of four sequences in five units no way to fill the rank is even, and pouring all of them is the least even of three.
    [Fact]
    public void The_evenest_of_the_ways_to_fill_a_lane_counts()
    {
        int[] lengths = [18, 5, 18, 15];
        StepConstants constants = StepCases.Constants(ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag, 1, 2, 5, 9, window: 6);
        var plan = new StepPlan();
        StepPlanner.Plan(constants, lengths, plan);
        StepChecks.Sound(constants, lengths, plan);
        long dearest = 0;
        foreach (bool backward in (bool[])[false, true])
        {
            long[,] tokens = StepChecks.Tokens(plan, backward);
            for (int rank = 0; rank < 2; rank++)
                dearest += Enumerable.Range(0, 5).Max(unit => tokens[rank, unit]);
        }

        output.WriteLine($"tokens of the dearest units: {dearest}");
        Assert.InRange(dearest, 23, 26);
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
