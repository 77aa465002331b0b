using CsCheck;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>A plan is made where a step holds the longest sequence, and only there: compared with every ring and every way to cut.</summary>
public class LongestSequenceTests
{
    [Fact]
    public void A_plan_is_made_exactly_where_some_ring_and_some_cuts_hold_the_longest_sequence()
    {
        (int planned, int refused, int byTotalsAlone) = (0, 0, 0);
        Cases.Check(
            from data in Gen.Int[1, 5]
            from sequence in Gen.OneOf(1, 1, 1, 2, 3)
            from window in Gen.Int[1, 4]
            from hierarchical in Gen.Bool
            from unitGranules in Gen.Int[1, 12]

                // About as much as all units hold.
            from more in Gen.OneOf(Gen.Int[-4, 2], Gen.Int[-40, 20])
            select (data, sequence, window, hierarchical, Math.Max(1, (data * window * unitGranules) + more), unitGranules),
            1_000,
            input =>
            {
                (int data, int sequence, int window, bool hierarchical, int contextGranules, int unitGranules) = input;
                int granule = sequence == 1 ? 1 : 2 * sequence, context = contextGranules * granule, unitTokens = unitGranules * granule;
                var request = new PlanRequest(
                    Requests.Tiny(context),
                    Requests.Hosts(data * sequence),
                    new AxesSpec(
                        data, sequence, 1, PipelineSchedule.GPipe, window, UnitTokens: unitTokens, Packing: ParallelDsl.Packing.Asymmetric,
                        Balance: hierarchical ? SequenceBalance.Hierarchical : SequenceBalance.Zigzag));
                bool holds = Holds(request, unitTokens);
                if (holds)
                {
                    planned++;
                    ParallelPlan plan = Requests.Plan(request);
                    Assert.Equal(window, plan.Batching.Window);
                    var step = new StepPlan();
                    StepPlanner.Plan(StepConstants.Of(plan), [context], step);
                    Packing.StepChecks.Sound(StepConstants.Of(plan), [context], step);
                    return;
                }

                refused++;
                byTotalsAlone += (long)window * data * unitTokens >= context ? 1 : 0;
                PlanProblem problem = Assert.Single(Requests.Problems(request));
                Assert.Equal((PlanProblemCode.UnitShorterThanContext, "UnitTokens"), (problem.Code, problem.Field));
                int enough = (int)Assert.Single(problem.Suggestions);
                Assert.True(Holds(request, enough));
                for (int fewer = unitTokens; fewer < enough; fewer += granule)
                    Assert.False(Holds(request, fewer));
                Requests.Plan(request with { Axes = request.Axes with { UnitTokens = enough } });
            });

        // Of every kind there were some.
        Assert.All((int[])[planned, refused, byTotalsAlone], count => Assert.InRange(count, 10, 1_000));
    }

    [Fact]
    public void The_error_says_that_totals_would_do()
    {
        // Four units of 3 hold 12 tokens, but a ring of two ranks cuts slices of 4: the first takes 2 tokens a rank, and of the 7 that are left
        // one rank has 4.
        var request = new PlanRequest(
            Requests.Tiny(9), Requests.Hosts(2), new AxesSpec(2, MicroBatches: 2, Schedule: PipelineSchedule.GPipe, UnitTokens: 2, Packing: ParallelDsl.Packing.Asymmetric));
        Assert.Equal(
            "a sequence of the context length, 9, is spread over at most 4 units (2 of each of 2 data ranks), which hold 8 tokens",
            Assert.Single(Requests.Problems(request)).Message);
        request = request with { Model = Requests.Tiny(11), Axes = request.Axes with { UnitTokens = 3 } };
        PlanProblem problem = Assert.Single(Requests.Problems(request));
        Assert.Equal(
            "a sequence of the context length, 11, is spread over at most 4 units (2 of each of 2 data ranks), which hold 12 tokens, "
            + "but not its largest share on a rank in units of 3",
            problem.Message);
        Assert.Equal([4], problem.Suggestions);
    }

    // Tries every ring of some lanes and every length of every slice but the last; slices of a ring of several ranks are multiples of twice as many.
    private static bool Holds(PlanRequest request, int unitTokens)
    {
        AxesSpec axes = request.Axes;
        int width = axes.Balance == SequenceBalance.Hierarchical ? 1 : axes.Sequence, slotTokens = unitTokens / axes.Sequence;
        for (int ring = width; ring <= axes.Data * axes.Sequence; ring += width)
        {
            if (Cut(request.Model.ContextLength, ring, axes.MicroBatches))
                return true;
        }

        return false;

        bool Cut(int length, int ring, int slots)
        {
            if (Largest(length, ring) <= slotTokens)
                return true;
            if (slots == 1)
                return false;

            // More is never worse before the last slice.
            int step = ring == 1 ? 1 : 2 * ring;
            for (int slice = step; slice < length && Largest(slice, ring) <= slotTokens; slice += step)
            {
                if (Cut(length - slice, ring, slots - 1))
                    return true;
            }

            return false;
        }

        static int Largest(int length, int ring) => Enumerable.Range(0, ring).Max(member => ZigzagSplit.TokensOf(length, ring, member));
    }
}
