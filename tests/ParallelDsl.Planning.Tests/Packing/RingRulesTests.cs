using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Planning.Tests.Packing;

/// <summary>How many ranks a sequence goes on, against counting heads.</summary>
public class RingRulesTests
{
    // Heads of the busiest of some ranks: member i has those from i H / n to (i + 1) H / n.
    private static int Busiest(int ranks, int heads) =>
        heads == 0 ? 0 : Enumerable.Range(0, ranks).Max(rank => ((rank + 1) * heads / ranks) - (rank * heads / ranks));

    [Fact]
    public void Ranks_are_the_fewest_whose_busiest_has_no_more_than_its_part()
    {
        foreach (int heads in new[] { 1, 2, 3, 8, 12, 32 })
        {
            for (int whole = 1; whole <= 200; whole += 7)
            {
                for (int part = 1; part <= 210; part += 9)
                {
                    int ranks = RingRules.RanksFor(whole, part, heads);
                    int least = Enumerable.Range(1, heads).FirstOrDefault(count => Busiest(count, heads) * whole <= part * heads, heads);
                    Assert.Equal(least, ranks);
                    Assert.Equal((whole + part - 1) / part, RingRules.RanksFor(whole, part, 0));
                }
            }
        }
    }

    [Fact]
    public void No_more_ranks_than_are_faster()
    {
        foreach (int heads in new[] { 1, 2, 3, 8, 12, 32 })
        {
            for (int ranks = 1; ranks <= 70; ranks++)
            {
                int usable = RingRules.AsFastAs(ranks, heads);
                Assert.Equal(Enumerable.Range(1, ranks).First(count => Busiest(count, heads) == Busiest(ranks, heads)), usable);
                Assert.Equal(((1_000L * Busiest(ranks, heads)) + heads - 1) / heads, RingRules.BusiestOf(1_000, ranks, heads));
                Assert.Equal((ranks, (1_000 + ranks - 1) / ranks), (RingRules.AsFastAs(ranks, 0), RingRules.BusiestOf(1_000, ranks, 0)));
            }
        }
    }

    [Fact]
    public void A_sequence_goes_on_as_many_ranks_as_share_out_its_heads_evenly()
    {
        // Five sixteenths of all work: in a ring on five of sixteen ranks. Of 32 heads a rank may have six, so that six ranks are enough; but then
        // some have five and wait, which eight do not.
        StepConstants constants = StepCases.Constants(
            ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 16, 1, 1, 1_000_000, costs: new SequenceCosts(1, 0, 1, 0, 1, 1));
        int[] lengths = [5_000, .. Enumerable.Repeat(100, 5_460)];
        int RingSize(StepConstants with)
        {
            StepPlan plan = new();
            StepPlanner.Plan(with, lengths, lengths.Length, plan);
            return plan.RingSize(plan.Slices[plan.FirstSlices[0]].Ring);
        }

        Assert.Equal(5, RingSize(constants));
        Assert.Equal(8, RingSize(constants with { IntraNodeHeads = 32, InterNodeHeads = 32 }));

        // What swaps would cost keeps it off other nodes, though 8 heads would allow it.
        Assert.InRange(RingSize(constants with { IntraNodeHeads = 8, InterNodeHeads = 8, InterNodeTokens = 1_000_000 }), 1, 8);
    }
}
