using CsCheck;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Packing;

public class StepPlannerTests
{
    private static string Text(StepPlan plan) => string.Join("; ", plan.Slices.Take(plan.SliceCount).Select(slice =>
        $"{slice.Sequence} {slice.Start}+{slice.Length} [{string.Join(",", plan.RanksOf(slice.Ring).ToArray())}] {slice.ForwardUnit}/{slice.BackwardUnit}"));

    private static StepPlan Plan(StepConstants constants, params int[] lengths)
    {
        var plan = new StepPlan();
        StepPlanner.Plan(constants, lengths, plan);
        StepChecks.Sound(constants, lengths, plan);
        return plan;
    }

    [Fact]
    public void Every_plan_is_sound()
    {
        var reused = new StepPlan();
        (int fitted, int refused, int sliced, int merged, int asymmetric, int crossing) = (0, 0, 0, 0, 0, 0);
        Cases.Check(StepCases.Any, 3_000, input =>
        {
            (StepConstants constants, int[] lengths) = input;
            if (!StepPlanner.TryPlan(constants, lengths, reused))
            {
                refused++;
                var exception = Assert.Throws<PackingException>(() => StepPlanner.Plan(constants, lengths, new StepPlan()));
                Assert.Matches("tokens are missing|room only in different units", exception.Message);
                return;
            }

            fitted++;
            Assert.True(lengths.Sum(length => (long)length) <= (long)constants.UnitTokensPerRank * reused.AttentionRanks * reused.MicroBatches);
            StepChecks.Sound(constants, lengths, reused);
            sliced += reused.IsSliced ? 1 : 0;
            asymmetric += reused.IsSymmetric ? 0 : 1;
            for (int ring = 0; ring < reused.RingCount; ring++)
            {
                merged += reused.RanksOf(ring)[0] / reused.SequenceRanks != reused.RanksOf(ring)[^1] / reused.SequenceRanks ? 1 : 0;
                crossing += reused.RingZones[ring] == Zone.InterNode ? 1 : 0;
            }

            // A plan that was used before gives the same as a new one, and so does an array of lengths.
            Assert.Equal(Text(Plan(constants, lengths)), Text(reused));
            Assert.True(StepPlanner.TryPlan(constants, [.. lengths, -1], lengths.Length, reused));
            Assert.Equal(Text(Plan(constants, lengths)), Text(reused));
        });

        // Of every kind there were many.
        Assert.All((int[])[fitted, refused, sliced, merged, asymmetric, crossing], count => Assert.InRange(count, 300, int.MaxValue));
    }

    [Fact]
    public void Every_pair_is_computed_exactly_once()
    {
        int checkedPlans = 0;
        var plan = new StepPlan();
        Cases.Check(Gen.Select(StepCases.Any, Gen.Int[1, 120].Array[1, 6]), 400, input =>
        {
            ((StepConstants constants, _), int[] lengths) = input;
            constants = constants with { UnitTokensPerRank = (lengths.Sum() * 2 / (constants.DataRanks * constants.SequenceRanks)) + 1 };
            if (!StepPlanner.TryPlan(constants, lengths, plan))
                return;
            checkedPlans++;
            for (int sequence = 0; sequence < lengths.Length; sequence++)
            {
                int[,] seen = new int[lengths[sequence], lengths[sequence]];
                for (int index = plan.FirstSlices[sequence]; index < plan.FirstSlices[sequence + 1]; index++)
                {
                    Slice slice = plan.Slices[index];
                    int ranks = plan.RingSize(slice.Ring);

                    // A member's queries meet the keys that every member holds of this slice and of all before it.
                    foreach (int query in Held(slice, ranks))
                    {
                        for (int earlier = plan.FirstSlices[sequence]; earlier <= index; earlier++)
                        {
                            foreach (int key in Held(plan.Slices[earlier], ranks))
                                seen[query, key] += key <= query ? 1 : 0;
                        }
                    }
                }

                for (int query = 0; query < lengths[sequence]; query++)
                {
                    for (int key = 0; key < lengths[sequence]; key++)
                        Assert.Equal(key <= query ? 1 : 0, seen[query, key]);
                }
            }
        });
        Assert.InRange(checkedPlans, 200, 400);

        static IEnumerable<int> Held(Slice slice, int ranks)
        {
            for (int member = 0; member < ranks; member++)
            {
                Segments segments = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
                for (int i = 0; i < segments.Count; i++)
                {
                    for (int token = segments[i].Start; token < segments[i].End; token++)
                        yield return slice.Start + token;
                }
            }
        }
    }

    [Fact]
    public void The_ranks_of_a_ring_have_equal_areas()
    {
        var plan = new StepPlan();
        Cases.Check(StepCases.Any, 400, input =>
        {
            if (!StepPlanner.TryPlan(input.Constants, input.Lengths, plan))
                return;
            for (int index = 0; index < plan.SliceCount; index++)
            {
                Slice slice = plan.Slices[index];
                int ranks = plan.RingSize(slice.Ring);
                long[] areas = [.. Enumerable.Range(0, ranks).Select(member =>
                {
                    Segments segments = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
                    return Enumerable.Range(0, segments.Count).Sum(i => SequenceCosts.Area(slice.Start + segments[i].Start, segments[i].Length));
                })];
                Assert.Equal(slice.Area, areas.Sum());

                // Two tokens more or less, each with all keys; none where all chunks are equal.
                long rounding = slice.Length % (2 * ranks) == 0 ? 0 : 2L * slice.End;
                Assert.InRange(areas.Max() - areas.Min(), 0, rounding);
            }
        });
    }

    [Fact]
    public void Another_order_of_the_batch_changes_only_who_is_who() => Cases.Check(
        Gen.Select(StepCases.Any, Gen.Int[0, 1_000]),
        500,
        input =>
        {
            ((StepConstants constants, int[] lengths), int seed) = input;
            int[] order = [.. Enumerable.Range(0, lengths.Length)];
            new Random(seed).Shuffle(order);
            StepPlan plan = new(), other = new();
            bool fits = StepPlanner.TryPlan(constants, lengths, plan);
            Assert.Equal(fits, StepPlanner.TryPlan(constants, [.. order.Select(index => lengths[index])], other));
            if (fits)
                Assert.Equal(Shapes(plan), Shapes(other));

            static string[] Shapes(StepPlan plan) => [.. Enumerable.Range(0, plan.SequenceCount).Select(sequence => string.Join("; ", plan.Slices
                .Take(plan.FirstSlices[sequence + 1]).Skip(plan.FirstSlices[sequence]).Select(slice =>
                    $"{slice.Start}+{slice.Length} [{string.Join(",", plan.RanksOf(slice.Ring).ToArray())}] {slice.ForwardUnit}/{slice.BackwardUnit}")))
                .Order(StringComparer.Ordinal)];
        });

    [Fact]
    public void Zones_follow_from_length_and_cost()
    {
        // Shares of 8 ranks on nodes of 4: one sequence over a node's share crosses, one over a rank's stays in a node, the others are local.
        StepConstants constants = StepCases.Constants(
            ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 2, 4, 1, 30_000, perNode: 4, intra: 500, inter: 1_000);
        int[] shorts = [.. Enumerable.Range(0, 60).Select(index => 200 + index)];
        StepPlan plan = Plan(constants, [40_000, 12_000, .. shorts]);
        Assert.Equal(Zone.InterNode, plan.RingZones[plan.Slices[0].Ring]);
        Assert.Equal(Zone.IntraNode, plan.RingZones[plan.Slices[1].Ring]);
        Assert.All(plan.Slices.Take(plan.SliceCount).Skip(2), slice => Assert.Equal(Zone.Local, plan.RingZones[slice.Ring]));

        // Where transfers across nodes would not hide, it stays in one.
        plan = Plan(constants with { InterNodeTokens = 10_000 }, [40_000, 12_000, .. shorts]);
        Assert.Equal((Zone.IntraNode, 4), (plan.RingZones[plan.Slices[0].Ring], plan.RingSize(plan.Slices[0].Ring)));

        // Where they would not hide inside a node either, on one rank, unless it has no room.
        constants = constants with { InterNodeTokens = 50_000, IntraNodeTokens = 50_000, UnitTokensPerRank = 45_000 };
        Assert.Equal(Zone.Local, Plan(constants, [40_000, 12_000, .. shorts]).RingZones[0]);
        plan = Plan(constants with { UnitTokensPerRank = 20_000 }, [40_000, 12_000, .. shorts]);
        Assert.Equal((Zone.IntraNode, 2), (plan.RingZones[plan.Slices[0].Ring], plan.RingSize(plan.Slices[0].Ring)));
    }

    [Theory]
    [InlineData(SequenceBalance.Zigzag)]
    [InlineData(SequenceBalance.Hierarchical)]
    public void A_sequence_longer_than_half_the_batch_merges_data_ranks_whose_loads_are_equal(SequenceBalance balance)
    {
        foreach (int window in (int[])[1, 4])
        {
            StepConstants constants = StepCases.Constants(ParallelDsl.Packing.Asymmetric, balance, 4, 2, window, 16_384, window);
            int[] lengths = [32_768, .. Enumerable.Repeat(256, 96)];
            StepPlan plan = Plan(constants, lengths);
            int ring = plan.Slices[0].Ring;
            int[] dataRanks = [.. plan.RanksOf(ring).ToArray().Select(rank => rank / 2).Distinct()];
            Assert.InRange(dataRanks.Length, 2, 4);
            long[,] forward = StepChecks.Flops(constants, plan, backward: false);
            long[] loads = [.. Enumerable.Range(0, 8).Select(rank => Enumerable.Range(0, window).Sum(unit => forward[rank, unit]))];
            long[] merged = [.. plan.RanksOf(ring).ToArray().Select(rank => loads[rank])];
            Assert.InRange(merged.Max(), merged.Min(), merged.Min() + (merged.Min() / 50));
        }
    }

    /// <summary>Where data ranks share nodes a ring over several goes round the ranks of a node before it goes on to the next: as few arcs
    /// between nodes as there are nodes.</summary>
    [Theory]
    [InlineData(SequenceBalance.Zigzag, 2, 4, 4)]
    [InlineData(SequenceBalance.Zigzag, 4, 4, 4)]
    [InlineData(SequenceBalance.Zigzag, 4, 4, 8)]
    [InlineData(SequenceBalance.Zigzag, 3, 4, 4)]
    [InlineData(SequenceBalance.Hierarchical, 2, 4, 4)]
    [InlineData(SequenceBalance.Hierarchical, 4, 4, 4)]
    [InlineData(SequenceBalance.Hierarchical, 3, 4, 4)]
    public void A_joint_ring_visits_every_node_once(SequenceBalance balance, int dataRanks, int sequenceRanks, int perNode)
    {
        int ranks = dataRanks * sequenceRanks;
        StepConstants constants = StepCases.Interleaved(
            StepCases.Constants(ParallelDsl.Packing.Asymmetric, balance, dataRanks, sequenceRanks, 1, 2_048), perNode);
        StepPlan plan = Plan(constants, ranks * 1_024);
        int[] ring = plan.RanksOf(plan.Slices[0].Ring).ToArray();
        Assert.Equal((ranks, ranks / perNode), (ring.Length, ArcsBetweenNodes(constants, ring)));

        // In a node as they were: data rank by data rank.
        Assert.Equal(ring.OrderBy(constants.NodeOf).ThenBy(rank => rank), ring);
    }

    /// <summary>The planner makes no such mesh, since the sequence axis always moves more than the data axis; a plan file may bring one.</summary>
    [Fact]
    public void Joint_rings_of_a_mesh_with_data_innermost_visit_every_node_once()
    {
        ParallelPlan planned = Requests.Plan(new PlanRequest(Requests.Gpt(context: 2_048), Requests.Lab, new AxesSpec(
            4, 2, 1, MicroBatches: 1, UnitTokens: 512, Packing: ParallelDsl.Packing.Asymmetric, Balance: SequenceBalance.Hierarchical, OverlapPercent: 0)));
        Assert.Equal(Axis.Sequence, planned.Mesh.Order[0]);
        var constants = StepConstants.Of(planned with { Mesh = planned.Mesh with { Order = [Axis.Data, Axis.Sequence, Axis.Pipeline] } });
        StepPlan step = Plan(constants, 2_048);
        int[] ring = step.RanksOf(step.Slices[0].Ring).ToArray();
        Assert.Equal((8, 2), (ring.Length, ArcsBetweenNodes(constants, ring)));
    }

    private static int ArcsBetweenNodes(StepConstants constants, int[] ring) =>
        ring.Where((rank, member) => constants.NodeOf(rank) != constants.NodeOf(ring[(member + 1) % ring.Length])).Count();

    [Fact]
    public void A_batch_may_be_empty_or_one_sequence()
    {
        foreach ((ParallelDsl.Packing packing, SequenceBalance balance) in StepCases.Strategies)
        {
            StepConstants constants = StepCases.Constants(packing, balance, 2, 2, 3, 100, window: 2);
            Assert.Equal((0, 0, 0L), (Plan(constants).SequenceCount, Plan(constants).SliceCount, Plan(constants).TotalTokens));
            Assert.Equal(1, Plan(constants, 1).SliceCount);
            Plan(constants, 150);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(65)]
    [InlineData(int.MaxValue)]
    public void Impossible_lengths_are_named(int length)
    {
        foreach ((ParallelDsl.Packing packing, SequenceBalance balance) in StepCases.Strategies)
        {
            StepConstants constants = StepCases.Constants(packing, balance, 2, 2, 3, 100, context: 64);
            var exception = Assert.Throws<PackingException>(() => StepPlanner.TryPlan(constants, [3, length], new StepPlan()));
            Assert.Equal($"sequence 1 has {length} tokens, and the context length allows 1 to 64", exception.Message);
        }
    }

    [Fact]
    public void A_batch_that_does_not_fit_says_how_much_is_missing()
    {
        StepConstants constants = StepCases.Constants(ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 2, 2, 2, 100, window: 1);
        Assert.Equal(
            "the batch has 3 sequences and 900 tokens, and 4 units of 2 x 100 tokens hold 800: 100 tokens are missing", Message([300, 300, 300]));
        Assert.Equal(
            "sequence 1 of 450 tokens finds no room in any unit, 50 tokens are missing: "
            + "the batch has 2 sequences and 550 tokens, and 4 units of 2 x 100 tokens hold 800",
            Message([100, 450]));

        // Over a window of both units it is cut.
        constants = constants with { Window = 2 };
        Assert.True(Plan(constants, 100, 450).IsSliced);

        // Token packing keeps it on one data rank, in one unit.
        constants = constants with { Packing = ParallelDsl.Packing.Tokens };
        Assert.Equal(
            "sequence 1 of 450 tokens finds no room in any unit, 250 tokens are missing: "
            + "the batch has 2 sequences and 550 tokens, and 4 units of 2 x 100 tokens hold 800",
            Message([100, 450]));

        string Message(int[] lengths) => Assert.Throws<PackingException>(() => StepPlanner.Plan(constants, lengths, new StepPlan())).Message;
    }

    [Fact]
    public void Full_ranks_hold_every_token()
    {
        // Nothing is left over: each rank holds exactly its capacity.
        foreach (int window in (int[])[1, 2, 4])
        {
            StepConstants constants = StepCases.Constants(ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, 2, 2, 4, 64, window);
            Plan(constants, [.. Enumerable.Repeat(64, 16)]);
            Plan(constants, [.. Enumerable.Repeat(4, 256)]);
            if (window == 4)
                Plan(constants, 1_024);
        }
    }

    [Fact]
    public void The_longest_lengths_do_not_overflow()
    {
        foreach ((ParallelDsl.Packing packing, SequenceBalance balance) in StepCases.Strategies)
        {
            StepConstants constants = StepCases.Constants(packing, balance, 2, 2, 4, int.MaxValue, window: 4, context: int.MaxValue);
            var plan = new StepPlan();
            Assert.True(StepPlanner.TryPlan(constants, [int.MaxValue - 4, 1_000_000_000, 1, 7], plan));
            StepChecks.Tiles([int.MaxValue - 4, 1_000_000_000, 1, 7], plan);
            Assert.False(StepPlanner.TryPlan(constants, [.. Enumerable.Repeat(int.MaxValue, 64)], plan));
        }
    }

    [Theory]
    [InlineData(0, 1, 1, 1, 1)]
    [InlineData(1, 0, 1, 1, 1)]
    [InlineData(1, 1, 0, 1, 1)]
    [InlineData(1, 1, 1, 0, 1)]
    [InlineData(1, 1, 1, 1, 0)]
    public void Impossible_arguments_are_refused(int dataRanks, int sequenceRanks, int units, int rankTokens, int window)
    {
        StepConstants constants = StepCases.Constants(
            ParallelDsl.Packing.Asymmetric, SequenceBalance.Hierarchical, dataRanks, sequenceRanks, units, rankTokens, window);
        Assert.Throws<ArgumentOutOfRangeException>(() => StepPlanner.TryPlan(constants, [1], new StepPlan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => StepPlanner.TryPlan(constants, [1], 2, new StepPlan()));
    }

    [Fact]
    public void Steady_state_allocates_nothing()
    {
        int[] lengths = StepCases.LongTailed(1_000, 1);
        foreach ((ParallelDsl.Packing packing, SequenceBalance balance) in StepCases.Strategies)
        {
            foreach (int window in (int[])[1, 8])
            {
                StepConstants constants = StepCases.Interleaved(
                    StepCases.Constants(packing, balance, 4, 4, 8, 16_384, window, intra: 500, inter: 1_000), perNode: 8);
                var plan = new StepPlan();
                for (int warmUp = 0; warmUp < 3; warmUp++)
                    StepPlanner.Plan(constants, lengths, plan);
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int step = 0; step < 5; step++)
                    StepPlanner.Plan(constants, lengths, plan);
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }
    }
}
