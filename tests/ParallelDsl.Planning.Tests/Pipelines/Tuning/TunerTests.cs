using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>What holds for every result of the tuner, whatever the budget.</summary>
public class TunerTests
{
    [Fact]
    public void Results_are_legal_and_beat_no_bound() => Cases.Check(
        Gen.Select(MediumProblems.Any, Gen.Int[1, 600]), 120, input =>
        {
            (PipelineProblem problem, int budget) = input;
            PipelineCandidate found = AdaptiveTuner.Tune(problem, new(budget));
            Legality.Check(problem, found);
            Assert.InRange(PipelineBound.Of(problem), 0, found.Makespan);
            Assert.InRange(PipelineBound.Of(problem, found.Boundaries, found.StageDevices), 0, found.Makespan);
        });

    [Fact]
    public void Results_are_legal_on_uneven_devices() => Cases.Check(
        Gen.Select(SmallProblems.Of(3, 5, 4, overhead: true, uneven: true), Gen.Int[1, 600]), 120, input =>
            Legality.Check(input.Item1, AdaptiveTuner.Tune(input.Item1, new(input.Item2))));

    [Fact]
    public void The_best_never_gets_worse() => Cases.Check(MediumProblems.Any, 25, problem =>
    {
        var search = new TuningSearch(problem, new(1_200));
        long before = long.MaxValue;
        int searched = 0;
        while (!search.IsDone)
        {
            search.Advance();
            Assert.InRange(search.Best.Makespan, search.LowerBound, before);
            Assert.InRange(search.Searched, searched, int.MaxValue);
            (before, searched) = (search.Best.Makespan, search.Searched);
        }
    });

    [Fact]
    public void The_same_problem_gives_the_same_pipeline() => Cases.Check(MediumProblems.Any, 15, problem =>
    {
        PipelineCandidate[] found = [.. Enumerable.Range(0, 3).AsParallel().Select(_ => AdaptiveTuner.Tune(problem with { }, new(900)))];
        Assert.All(found, candidate => Assert.Equal(found[0], candidate));
    });

    [Fact]
    public void No_known_schedule_that_keeps_the_cap_is_faster() => Cases.Check(MediumProblems.Any, 60, problem =>
    {
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(1_000));
        foreach (PipelineSchedule schedule in Enum.GetValues<PipelineSchedule>())
        {
            for (int chunks = 1; chunks <= 8; chunks++)
            {
                if (Known(problem, schedule, chunks) is { } known && known.Peak <= problem.ActivationCap)
                    Assert.True(found.Makespan <= known.Makespan, $"{found.Makespan}, and {schedule} with {chunks} stages a device takes {known.Makespan}");
            }
        }
    });

    // Null where the counts do not allow the schedule, or it needs B and W apart and the problem does not have them.
    private static PipelineCandidate? Known(PipelineProblem problem, PipelineSchedule schedule, int chunks)
    {
        try
        {
            PipelineCandidate candidate = NamedPipelines.Of(problem, schedule, chunks);
            bool splits = candidate.Orders.Any(order => order.Any(action => action.Kind == ActionKind.BackwardWeight));
            return splits && !problem.SplitBackward ? null : candidate;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    [Fact]
    public void A_backward_that_is_not_split_stays_whole()
    {
        PipelineProblem problem = new(
            new([new(9, 6, 2), new(2, 1, 3), new(2, 8, 9), new(6, 6, 0), new(1, 5, 7)]), 2, 4, SplitBackward: false);
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(2_000));
        Assert.All(found.Orders, order => Assert.DoesNotContain(order, action => action.Kind is ActionKind.BackwardInput or ActionKind.BackwardWeight));
    }

    [Fact]
    public void The_memory_of_1F1B_is_enough_for_its_time() => Cases.Check(MediumProblems.Any, 40, problem =>
    {
        PipelineCandidate known = NamedPipelines.Of(problem, PipelineSchedule.OneForwardOneBackward);
        problem = problem with { ActivationCap = known.Peak };
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(400));
        Legality.Check(problem, found);
        Assert.InRange(found.Makespan, 0, known.Makespan);
    });

    [Fact]
    public void Given_partition_and_placement_are_kept() => Cases.Check(
        from problem in MediumProblems.Any
        let free = problem.FreeLayers
        from stages in Gen.Int[problem.Devices, free]
        from cuts in Gen.Shuffle(Enumerable.Range(1, free - 1).ToArray(), stages - 1)
        from others in Gen.Int[0, problem.Devices - 1].Array[stages - problem.Devices]
        from placement in Gen.Shuffle((int[])[.. Enumerable.Range(0, problem.Devices), .. others])
        select (problem, cuts, placement),
        60,
        input =>
        {
            PipelineProblem problem = input.problem with { ActivationCap = long.MaxValue };
            int[] ends = [0, .. input.cuts.Order(), problem.FreeLayers];
            EquatableArray<int> partition = ends.Zip(ends.Skip(1), (first, end) => end - first).ToEquatableArray();
            PipelineCandidate both = AdaptiveTuner.Tune(problem, new(300, partition, new(input.placement)));
            Legality.Check(problem, both);
            Assert.Equal(new(input.placement), both.StageDevices);
            Assert.Equal(NamedPipelines.BoundariesOf(problem, partition, both.StageDevices), both.Boundaries);

            PipelineCandidate first = AdaptiveTuner.Tune(problem, new(300, partition));
            Legality.Check(problem, first);
            Assert.Equal(both.Boundaries, first.Boundaries);

            PipelineCandidate second = AdaptiveTuner.Tune(problem, new(300, Placement: new(input.placement)));
            Legality.Check(problem, second);
            Assert.Equal(both.StageDevices, second.StageDevices);
        });

    // Equal loads make the bubbles of all devices equal whatever the order, so the control law never asks for a partition move, though one helps.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_phase_that_stalls_gives_way(bool tunesOrder)
    {
        PipelineProblem problem = new(Enumerable.Repeat(new PipelineLayer(1, 2, 0), 64).ToEquatableArray(), 4, 8, SplitBackward: false);
        Assert.Equal(456, NamedPipelines.Of(problem, PipelineSchedule.Interleaved, 2).Makespan);
        EquatableArray<int> placement = PipelinePrograms.CyclicPlacement(8, 4);
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(4_000, Placement: placement, TunesOrder: tunesOrder));
        Legality.Check(problem, found);
        Assert.InRange(found.Makespan, PipelineBound.Of(problem), 447);
    }

    [Theory]
    [InlineData(11, 0, 0, 10, (int)TuningPhase.Partition)]
    [InlineData(10, 6, 5, 10, (int)TuningPhase.Placement)]
    [InlineData(10, 5, 5, 10, (int)TuningPhase.Schedule)]
    [InlineData(10, 5, 6, 10, (int)TuningPhase.Schedule)]
    [InlineData(0, 1, 0, 0, (int)TuningPhase.Placement)]
    [InlineData(0, 0, 0, 0, (int)TuningPhase.Schedule)]
    [InlineData(1, 0, 9, 0, (int)TuningPhase.Partition)]
    public void The_control_law_compares_strictly(long spread, long boundary, long residual, long smallestLayer, int phase) =>
        Assert.Equal((TuningPhase)phase, new BubbleShare(spread, boundary, residual).Phase(smallestLayer));

    // Two devices, one unit, hop 0: F on 0 from 0 to 2, F and B and W on 1 from 2 to 9, B and W on 0.
    [Fact]
    public void Bubbles_are_before_after_and_between()
    {
        PipelineProblem problem = new([new(2, 1, 1), new(3, 2, 2)], 2, 1);
        var table = new StageTable(problem);
        table.Fill(Layout.Of(problem, [1, 1], [0, 1]));
        var rule = new SchedulingRule();
        rule.Stretch(table, 100, 100, 0);
        var scheduler = new ListScheduler(table);
        Assert.Equal(9, scheduler.Run(rule));

        // Device 0 works 0-2 and 7-9: 5 idle between. Device 1 works 2-9: 2 idle before.
        Assert.Equal(new BubbleShare(3, 2, 5), scheduler.Bubbles(9));
    }

    [Fact]
    public void Cancellation_is_honoured()
    {
        PipelineProblem problem = new(Enumerable.Repeat(new PipelineLayer(3, 4, 5), 24).ToEquatableArray(), 4, 16);
        Assert.ThrowsAny<OperationCanceledException>(() => AdaptiveTuner.Tune(problem, new(), new(canceled: true)));
    }
}
