using CsCheck;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Planning.Tests.Strategies;

public class PackingRuleTests
{
    private static string Text(List<List<HybridGroup>> rounds) => string.Join(" | ", rounds.Select(round =>
        string.Join(" ", round.Select(group => $"{group.Size}:[{string.Join(",", group.Sequences)}]"))));

    [Fact]
    public void First_fit_fills_the_first_pack_with_room()
    {
        // 7 | 7 6 -> own pack | 4 after 6 | 3 after 7 | 2 in a third.
        int[] packs = WholeSampleStrategy.FirstFit([3, 7, 6, 2, 4], 10, out int count);
        Assert.Equal([0, 0, 1, 2, 1], packs);
        Assert.Equal(3, count);
    }

    [Fact]
    public void The_dearest_go_first_to_the_cheapest_bin()
    {
        int[] bins = LongestFirst.Assign([1, 5, 4, 3, 3], length => length, 2, 100, out long missing);
        Assert.Equal([1, 0, 1, 1, 0], bins);
        Assert.Equal(0, missing);
    }

    [Fact]
    public void What_finds_no_room_is_counted()
    {
        int[] bins = LongestFirst.Assign([6, 6, 6], length => length, 2, 10, out long missing);
        Assert.Equal([0, 1, -1], bins);
        Assert.Equal(6, missing);
    }

    // 8 takes all ranks; then 4 takes two, 2 and 1 the others.
    [Fact]
    public void Rounds_by_hand() => Assert.Equal("4:[0] | 2:[1] 1:[2] 1:[3]", Text(new HybridSchedule([8, 4, 2, 1], 4, 2).Rounds()));

    [Fact]
    public void A_group_grows_into_idle_ranks() => Assert.Equal("8:[0]", Text(new HybridSchedule([4], 8, 2).Rounds()));

    // Two sequences on a rank each; the first of the smallest groups doubles until no rank is idle.
    [Fact]
    public void The_first_of_the_smallest_groups_grows_first() => Assert.Equal("2:[0] 2:[1]", Text(new HybridSchedule([2, 2], 4, 2).Rounds()));

    [Fact]
    public void Ranks_are_the_least_power_of_two_that_holds_a_sequence()
    {
        var schedule = new HybridSchedule([1], 8, 1_000);
        Assert.Equal([1, 1, 2, 4, 8, 8], new[] { 1, 1_000, 1_001, 2_001, 4_001, 100_000 }.Select(schedule.RanksOf));
    }

    [Fact]
    public void Every_sequence_is_in_one_round_and_groups_share_out_the_ranks() => Cases.Check(
        Gen.Select(Gen.Int[1, 10_000].Array[1, 60], Gen.Int[0, 4], Gen.Int[100, 3_000]), 300, input =>
        {
            (int[] lengths, int power, int tokens) = input;
            int ranks = 1 << power;
            var schedule = new HybridSchedule(new(lengths), ranks, tokens);
            List<List<HybridGroup>> rounds = schedule.Rounds();
            Assert.Equal(
                Enumerable.Range(0, lengths.Length),
                rounds.SelectMany(round => round).SelectMany(group => group.Sequences).Order());
            foreach (List<HybridGroup> round in rounds)
            {
                Assert.Equal(ranks, round.Sum(group => group.Size));
                foreach (HybridGroup group in round)
                    Assert.All(group.Sequences, sequence => Assert.True(schedule.RanksOf(lengths[sequence]) <= group.Size));
            }
        });

    [Fact]
    public void Groups_are_all_ways_to_divide_the_ranks()
    {
        Assert.Equal(["8", "4,4", "4,2,2", "4,2,1,1", "4,1,1,1,1"], GroupsStrategy.Compositions(8).Take(5).Select(sizes => string.Join(",", sizes)));

        // Partitions of 8 and 16 into powers of two (OEIS A018819).
        Assert.Equal((10, 36), (GroupsStrategy.Compositions(8).Count, GroupsStrategy.Compositions(16).Count));
        Assert.All(GroupsStrategy.Compositions(128), sizes => Assert.Equal(128, sizes.Sum()));
        Assert.Equal(27_338, GroupsStrategy.Compositions(128).Count);
        Assert.InRange(GroupsStrategy.Compositions(256).Count, 1_000, 30_000);
    }
}
