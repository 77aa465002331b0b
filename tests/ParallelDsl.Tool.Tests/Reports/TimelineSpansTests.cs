using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Tool.Tests.Reports;

public class TimelineSpansTests
{
    [Fact]
    public void A_span_shows_what_fills_most_of_it() => Cases.CheckPlans(60, plan =>
    {
        Timeline timeline = PlanTimeline.Of(plan);
        const int Count = 97;
        foreach (EquatableArray<TimedAction> actions in timeline.Devices)
        {
            IReadOnlyList<PipelineAction?> spans = TimelineSpans.Of(actions, timeline.Makespan, Count);
            for (int i = 0; i < Count; i++)
            {
                long start = (long)((Int128)timeline.Makespan * i / Count), end = (long)((Int128)timeline.Makespan * (i + 1) / Count);
                Dictionary<PipelineAction, long> overlaps = [];
                foreach (TimedAction timed in actions.Where(timed => timed.Action.IsCompute))
                {
                    long overlap = Math.Min(end, timed.End) - Math.Max(start, timed.Start);
                    if (overlap > 0)
                        overlaps[timed.Action] = overlap;
                }

                long busy = overlaps.Values.Sum();
                if (spans[i] is { } action)
                {
                    Assert.True(2 * busy >= end - start);
                    Assert.Equal(overlaps.Values.Max(), overlaps[action]);
                }
                else
                {
                    Assert.True(2 * busy < end - start);
                }
            }
        }
    });

    [Fact]
    public void Spans_do_not_leave_64_bits()
    {
        var action = new PipelineAction(ActionKind.Forward, 0, 3);
        EquatableArray<TimedAction> actions = [new TimedAction(action, long.MaxValue / 2, long.MaxValue)];
        IReadOnlyList<PipelineAction?> spans = TimelineSpans.Of(actions, long.MaxValue, 10);
        Assert.Equal([null, null, null, null, null, action, action, action, action, action], spans);
    }

    [Theory]
    [InlineData(10, 0)]
    [InlineData(10, -1)]
    [InlineData(10, 11)]
    [InlineData(0, 1)]
    public void Refuses_counts_that_make_no_spans(long makespan, int count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TimelineSpans.Of(default, makespan, count));
}
