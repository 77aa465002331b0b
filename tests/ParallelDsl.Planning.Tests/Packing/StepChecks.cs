using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Packing;

/// <summary>What must hold of every step plan, checked from the plan alone.</summary>
internal static class StepChecks
{
    /// <summary>Asserts all of it.</summary>
    public static void Sound(StepConstants constants, int[] lengths, StepPlan plan)
    {
        Tiles(lengths, plan);
        Rings(constants, plan);
        Order(constants, plan);
        Lists(constants, plan);
        Capacity(constants, plan);
    }

    /// <summary>Every token of every sequence is in one slice, in order.</summary>
    public static void Tiles(int[] lengths, StepPlan plan)
    {
        Assert.Equal(lengths.Length, plan.SequenceCount);
        Assert.Equal(plan.SliceCount, plan.FirstSlices[lengths.Length]);
        for (int sequence = 0; sequence < lengths.Length; sequence++)
        {
            int start = 0;
            long area = 0;
            for (int index = plan.FirstSlices[sequence]; index < plan.FirstSlices[sequence + 1]; index++)
            {
                Slice slice = plan.Slices[index];
                Assert.Equal((sequence, start), (slice.Sequence, slice.Start));
                Assert.True(slice.Length >= 1);
                start = slice.End;
                area += slice.Area;
                Assert.Equal(plan.Slices[plan.FirstSlices[sequence]].Ring, slice.Ring);
            }

            Assert.Equal(lengths[sequence], start);
            Assert.Equal(lengths[sequence] * (lengths[sequence] + 1L) / 2, area);
        }
    }

    // Rings name each rank once, node by node and in a node data rank by data rank; zones say how far they reach, and no two are the same.
    private static void Rings(StepConstants constants, StepPlan plan)
    {
        var seen = new HashSet<string>();
        for (int ring = 0; ring < plan.RingCount; ring++)
        {
            int[] ranks = plan.RanksOf(ring).ToArray();
            Assert.True(seen.Add(string.Join(",", ranks)), "two equal rings");
            Assert.Equal(ranks.Length, ranks.Distinct().Count());
            Assert.All(ranks, rank => Assert.InRange(rank, 0, plan.AttentionRanks - 1));
            int[] dataRanks = [.. ranks.Select(rank => rank / plan.SequenceRanks)];
            int[] nodeOf = [.. ranks.Select(constants.NodeOf)];
            int nodes = nodeOf.Distinct().Count();
            Assert.Equal(nodes - 1, Changes(nodeOf));
            foreach (int node in nodeOf.Distinct())
            {
                int[] here = [.. dataRanks.Where((_, member) => nodeOf[member] == node)];
                Assert.Equal(here.Distinct().Count() - 1, Changes(here));
            }

            Assert.Equal(ranks.Length == 1 ? Zone.Local : nodes == 1 ? Zone.IntraNode : Zone.InterNode, plan.RingZones[ring]);
            if (constants.Balance == SequenceBalance.Zigzag)
                Assert.Equal(dataRanks.Distinct().Count() * plan.SequenceRanks, ranks.Length);
            if (constants.Packing == ParallelDsl.Packing.Tokens)
                Assert.Single(dataRanks.Distinct());
        }
    }

    private static int Changes(int[] values) => values.Zip(values.Skip(1)).Count(pair => pair.First != pair.Second);

    // Forward units do not fall along a sequence, backward units do not rise, and both keep to one window.
    private static void Order(StepConstants constants, StepPlan plan)
    {
        for (int index = 0; index < plan.SliceCount; index++)
        {
            Slice slice = plan.Slices[index], before = plan.Slices[Math.Max(plan.FirstSlices[slice.Sequence], index - 1)];
            Assert.InRange(slice.ForwardUnit, before.ForwardUnit, plan.MicroBatches - 1);
            Assert.InRange(slice.BackwardUnit, 0, before.BackwardUnit);
            Assert.Equal(before.ForwardUnit / constants.Window, slice.ForwardUnit / constants.Window);
            Assert.Equal(slice.ForwardUnit / constants.Window, slice.BackwardUnit / constants.Window);
        }

        if (constants.Window == 1 || constants.Packing == ParallelDsl.Packing.Tokens)
            Assert.True(plan.IsSymmetric && !plan.IsSliced);
    }

    // The lists of units say what the slices say.
    private static void Lists(StepConstants constants, StepPlan plan)
    {
        for (int dataRank = 0; dataRank < constants.DataRanks; dataRank++)
        {
            for (int unit = 0; unit < constants.UnitsPerDataRank; unit++)
            {
                bool Here(Slice slice) => plan.RanksOf(slice.Ring).ToArray().Any(rank => rank / plan.SequenceRanks == dataRank);
                int[] all = [.. Enumerable.Range(0, plan.SliceCount).Where(index => Here(plan.Slices[index]))];
                Assert.Equal(all.Where(index => plan.Slices[index].ForwardUnit == unit), plan.ForwardSlices(dataRank, unit).ToArray());
                Assert.Equal(all.Where(index => plan.Slices[index].BackwardUnit == unit), plan.BackwardSlices(dataRank, unit).ToArray());
            }
        }

        for (int dataRank = 0; dataRank < constants.DataRanks; dataRank++)
        {
            for (int unit = 0; unit < constants.UnitsPerDataRank; unit++)
            {
                long tokens = 0;
                for (int rank = dataRank * plan.SequenceRanks; rank < (dataRank + 1) * plan.SequenceRanks; rank++)
                    tokens += Tokens(plan, backward: false)[rank, unit];
                Assert.Equal(tokens, plan.UnitTokens(dataRank, unit));
            }
        }
    }

    private static void Capacity(StepConstants constants, StepPlan plan)
    {
        // Token packing with zigzag counts the tokens of a unit on all its ranks.
        long slack = constants.Packing == ParallelDsl.Packing.Tokens && constants.Balance == SequenceBalance.Zigzag ? 2L * plan.SequenceCount : 0;
        foreach (bool backward in (bool[])[false, true])
            Assert.All(Tokens(plan, backward).Cast<long>(), tokens => Assert.InRange(tokens, 0, constants.UnitTokensPerRank + slack));
    }

    /// <summary>Tokens of each rank in each unit.</summary>
    public static long[,] Tokens(StepPlan plan, bool backward) => Sum(plan, backward, (slice, ranks, member) =>
        ZigzagSplit.TokensOf(slice.Length, ranks, member));

    /// <summary>What each rank has to compute in each unit, in FLOPs: exact, from the pairs of its zigzag chunks.</summary>
    public static long[,] Flops(StepConstants constants, StepPlan plan, bool backward)
    {
        (long pair, long token) = backward
            ? (constants.Costs.PairBackward, constants.Costs.TokenBackward)
            : (constants.Costs.PairForward, constants.Costs.TokenForward);
        return Sum(plan, backward, (slice, ranks, member) =>
        {
            long area = 0;
            Segments segments = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
            for (int i = 0; i < segments.Count; i++)
                area += SequenceCosts.Area(slice.Start + segments[i].Start, segments[i].Length);
            return (pair * area) + (token * segments.Tokens);
        });
    }

    private static long[,] Sum(StepPlan plan, bool backward, Func<Slice, int, int, long> part)
    {
        long[,] sums = new long[plan.AttentionRanks, plan.MicroBatches];
        for (int index = 0; index < plan.SliceCount; index++)
        {
            Slice slice = plan.Slices[index];
            int[] ranks = plan.RanksOf(slice.Ring).ToArray();
            for (int member = 0; member < ranks.Length; member++)
                sums[ranks[member], backward ? slice.BackwardUnit : slice.ForwardUnit] += part(slice, ranks.Length, member);
        }

        return sums;
    }
}
