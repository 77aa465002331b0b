using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class ZeroBubbleOrdersTests
{
    private static readonly int[] DeviceCounts = [1, 2, 3, 4, 5, 6, 7, 8];

    private static int[] AtLeastDevices(int devices) => [devices, devices + 1, 2 * devices, (3 * devices) + 1];

    // The orders that the authors' scheduler prints for four devices and eight units.
    [Fact]
    public void H1_is_1F1B_whose_W_wait_for_gaps()
    {
        string H1(int device) => PipelineText.Write(new PipelineProgram(PipelineOrders.Of(PipelineSchedule.ZeroBubbleH1, 4, 8)[device]));
        Assert.StartsWith("F0.0 F0.1 F0.2 F0.3 B0.0 W0.0 F0.4 B0.1 W0.1", H1(0), StringComparison.Ordinal);
        Assert.StartsWith("F3.0 B3.0 F3.1 B3.1 F3.2 B3.2 F3.3 B3.3 W3.0 F3.4 B3.4 W3.1", H1(3), StringComparison.Ordinal);
    }

    // The closed form of the zero-bubble paper. It holds while W takes no longer than F: see the next test.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(10, 11, 9)]
    [InlineData(1_000, 1_100, 900)]
    [InlineData(3, 4, 2)]
    [InlineData(2, 3, 2)]
    [InlineData(5, 4, 3)]
    [InlineData(1, 2, 1)]
    [InlineData(7, 1, 2)]
    [InlineData(3, 4, 0)]
    public void H1_takes_the_closed_form(long forward, long input, long weight)
    {
        foreach (int devices in DeviceCounts)
        {
            foreach (int microBatches in AtLeastDevices(devices))
            {
                Timeline timeline = Spans.Simulate(
                    PipelineSchedule.ZeroBubbleH1, devices, microBatches, Spans.Uniform(devices, forward, input, weight));
                Assert.Equal(
                    (microBatches * (forward + input + weight)) + ((devices - 1) * (forward + input - weight)), timeline.Span);
                Assert.True(timeline.PeakUnitsInFlight.Max() <= devices, $"{devices}, {microBatches}");
                if (forward == input && input == weight)
                    Assert.Equal((3 * microBatches * forward) + ((devices - 1) * forward), timeline.Makespan);
            }
        }
    }

    // A W longer than F, which has to make room for it, delays that F by the difference on every device after the first.
    [Theory]
    [InlineData(4, 5, 5)]
    [InlineData(2, 3, 5)]
    [InlineData(1, 7, 2)]
    public void H1_is_slower_than_the_closed_form_where_W_is_longer_than_F(long forward, long input, long weight)
    {
        foreach (int devices in DeviceCounts)
        {
            foreach (int microBatches in AtLeastDevices(devices))
            {
                Timeline timeline = Spans.Simulate(
                    PipelineSchedule.ZeroBubbleH1, devices, microBatches, Spans.Uniform(devices, forward, input, weight));
                Assert.Equal((microBatches * (forward + input + weight)) + ((devices - 1) * input), timeline.Span);
            }
        }
    }

    [Fact]
    public void H2_has_no_gap_where_F_B_and_W_cost_the_same()
    {
        foreach (int devices in DeviceCounts)
        {
            foreach (int microBatches in new[] { 2 * devices, (2 * devices) + 1, (3 * devices) + 1, 5 * devices })
            {
                Timeline timeline = Spans.Simulate(PipelineSchedule.ZeroBubbleH2, devices, microBatches, Spans.Uniform(devices, 7, 7, 7));
                Assert.Equal(21 * microBatches, timeline.Span);
                Assert.Equal((21 * microBatches) + ((devices - 1) * 7), timeline.Makespan);
                Assert.True(timeline.PeakUnitsInFlight.Max() <= 2 * devices, $"{devices}, {microBatches}");
            }
        }
    }

    [Theory]
    [InlineData(4, 8, 1, 1, 1, 0, 27, 24)]
    [InlineData(8, 16, 1, 1, 1, 0, 55, 48)]
    [InlineData(4, 12, 10, 11, 9, 0, 396, 366)]
    [InlineData(4, 8, 1_000, 1_100, 900, 50, 28_200, 25_000)]
    public void Spans_are_those_of_the_authors_scheduler(
        int devices, int microBatches, long forward, long input, long weight, long hop, long first, long second)
    {
        StageCosts costs = Spans.Uniform(devices, forward, input, weight, hop);
        Assert.Equal(first, Spans.Simulate(PipelineSchedule.ZeroBubbleH1, devices, microBatches, costs).Span);
        Assert.Equal(second, Spans.Simulate(PipelineSchedule.ZeroBubbleH2, devices, microBatches, costs).Span);
    }

    // The authors' scheduler takes 363 here: it counts half of a unit as free after B, and so holds up to 12 units, three times the memory of
    // 1F1B as we count it. One unit more than twice that memory is enough for as much.
    [Theory]
    [InlineData(8, 366)]
    [InlineData(9, 363)]
    [InlineData(10, 360)]
    public void H2_takes_what_its_memory_allows(int capacity, long span)
    {
        StageCosts costs = Spans.Uniform(4, 10, 11, 9);
        EquatableArray<int> placement = PipelineOrders.PlacementOf(PipelineSchedule.ZeroBubbleH2, 4);
        EquatableArray<PipelineProgram> programs =
            PipelinePrograms.WithTransfers(ZeroBubbleOrders.Of(placement, 12, costs, capacity), placement, 12);
        Timeline timeline = PipelineSimulator.Run(programs, placement, costs);
        Assert.Equal(span, timeline.Span);
        Assert.Equal(capacity, timeline.PeakUnitsInFlight.Max());
    }

    [Fact]
    public void V_has_no_gap_where_F_B_and_W_cost_the_same()
    {
        foreach (int devices in DeviceCounts)
        {
            foreach (int microBatches in new[] { 2 * devices, (2 * devices) + 1, (3 * devices) + 1, 5 * devices })
            {
                Timeline timeline = Spans.Simulate(PipelineSchedule.ZeroBubbleV, devices, microBatches, Spans.Uniform(2 * devices, 3, 3, 3));
                Assert.Equal(18 * microBatches, timeline.Span);
                Assert.True(timeline.PeakUnitsInFlight.Max() <= 2 * devices, $"{devices}, {microBatches}");
            }
        }
    }

    // The bubble of the authors' scheduler, as a share of the span: 1.64, 1.10 and 2.54 %.
    [Theory]
    [InlineData(4, 8, 488)]
    [InlineData(4, 12, 728)]
    [InlineData(8, 16, 985)]
    public void V_has_small_gaps_where_they_differ(int devices, int microBatches, long span)
    {
        Timeline timeline = Spans.Simulate(PipelineSchedule.ZeroBubbleV, devices, microBatches, Spans.Uniform(2 * devices, 10, 11, 9));
        Assert.Equal(span, timeline.Span);
    }

    private sealed record Pipeline(PipelineSchedule Schedule, int Devices, int MicroBatches, StageCosts Costs)
    {
        public long Bound => Enumerable.Range(0, Devices).Max(device => Placement
            .Select((other, stage) => other == device
                ? MicroBatches * (Costs.Forward[stage] + Costs.BackwardInput[stage] + Costs.BackwardWeight[stage] + (3 * Costs.Overhead))
                : 0)
            .Sum());

        public EquatableArray<int> Placement => PipelineOrders.PlacementOf(Schedule, Devices);
    }

    private static readonly Gen<Pipeline> Uneven =
        from schedule in Gen.Int[(int)PipelineSchedule.ZeroBubbleH1, (int)PipelineSchedule.ZeroBubbleV].Select(value => (PipelineSchedule)value)
        from devices in Gen.Int[1, 9]
        from microBatches in Gen.Int[1, 27]
        from even in Gen.Long[0, 20].Array[4 * 18]
        from dear in Gen.Int[2, 40]
        let ticks = even.Select((cost, index) => index % dear == 1 ? 30 * cost : cost).ToArray()
        from overhead in Gen.Long[0, 2]
        let stages = devices * PipelineOrders.DefaultChunks(schedule)
        select new Pipeline(schedule, devices, microBatches, new StageCosts(
            ticks.Take(stages).ToEquatableArray(),
            ticks.Skip(18).Take(stages).ToEquatableArray(),
            ticks.Skip(36).Take(stages).ToEquatableArray(),
            ticks.Skip(54).Take(stages).ToEquatableArray(),
            overhead));

    [Fact]
    public void Uneven_costs_make_legal_orders_that_keep_to_the_memory_and_the_bounds() => Cases.Check(Uneven, 1_500, pipeline =>
    {
        Timeline timeline = Spans.Simulate(pipeline.Schedule, pipeline.Devices, pipeline.MicroBatches, pipeline.Costs);
        int capacity = pipeline.Schedule == PipelineSchedule.ZeroBubbleH1 ? pipeline.Devices : 2 * pipeline.Devices;
        Assert.All(timeline.PeakUnitsInFlight, peak => Assert.True(peak <= capacity, $"{peak} > {capacity}"));
        Assert.True(timeline.Span >= pipeline.Bound);
        Assert.True(timeline.Makespan >= timeline.Span);
        if (pipeline.Schedule == PipelineSchedule.ZeroBubbleH2)
        {
            Timeline less = Spans.Simulate(PipelineSchedule.ZeroBubbleH1, pipeline.Devices, pipeline.MicroBatches, pipeline.Costs);
            Assert.True(timeline.Span <= less.Span);
        }

        Assert.Equal(
            PipelineOrders.Of(pipeline.Schedule, pipeline.Devices, pipeline.MicroBatches, costs: pipeline.Costs),
            PipelineOrders.Of(pipeline.Schedule, pipeline.Devices, pipeline.MicroBatches, costs: pipeline.Costs));
    });

    // The draft is timed as the simulator times the order that comes of it: its choice would otherwise be of something else.
    [Fact]
    public void A_draft_is_timed_as_the_simulator_does_and_never_gets_stuck() => Cases.Check(Gen.Select(Uneven, Gen.Int[0, 1_000_000].Array[0, 500]), 300, input =>
    {
        (Pipeline pipeline, int[] choices) = input;
        int stages = pipeline.Placement.Count;
        var draft = new OrderDraft(pipeline.Placement, pipeline.MicroBatches, pipeline.Costs, capacity: 2 + (choices.Length % 20));
        foreach (int choice in choices)
        {
            int stage = choice % stages;
            if ((choice / stages) % 3 == 2 && draft.Delayed(pipeline.Placement[stage]) > 0)
                draft.PutWeight(pipeline.Placement[stage]);
            else
                draft.TryPut((choice / stages) % 3 == 0 ? ActionKind.Forward : ActionKind.BackwardInput, stage);
        }

        // Whatever was done so far, the rest can follow.
        bool goesOn = true;
        while (goesOn)
        {
            draft.PutWeights();
            goesOn = false;
            for (int stage = 0; stage < stages; stage++)
                goesOn |= draft.TryPut(ActionKind.Forward, stage) | draft.TryPut(ActionKind.BackwardInput, stage);
        }

        draft.PutWeights();
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(draft.Orders, pipeline.Placement, pipeline.MicroBatches);
        Assert.Empty(PipelineValidation.Validate(programs, pipeline.Placement, pipeline.MicroBatches));
        Timeline timeline = PipelineSimulator.Run(programs, pipeline.Placement, pipeline.Costs);
        Assert.Equal(timeline.Makespan, draft.Makespan);
        Assert.Equal(timeline.Span, draft.Span);
    });

    [Fact]
    public void Costs_that_do_not_fit_the_stages_are_refused()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() =>
            PipelineOrders.Of(PipelineSchedule.ZeroBubbleV, 4, 8, costs: Spans.Uniform(4, 1, 1, 1)));
        Assert.StartsWith("4 costs for 8 stages", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PipelineOrders.Of(PipelineSchedule.ZeroBubbleH1, 2, 2, costs: Spans.Uniform(2, 1, -1, 1)));
        Assert.Throws<OverflowException>(() =>
            PipelineOrders.Of(PipelineSchedule.ZeroBubbleH1, 2, 4, costs: Spans.Uniform(2, long.MaxValue / 2, 1, 1)));
    }
}
