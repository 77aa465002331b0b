using System.Globalization;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

public class TunerBadInputTests
{
    private static readonly PipelineProblem Good = new(Enumerable.Repeat(new PipelineLayer(2, 3, 1), 6).ToEquatableArray(), 3, 4);

    private static ArgumentException Refuses(PipelineProblem problem, TuningOptions? options = null) =>
        Assert.ThrowsAny<ArgumentException>(() => AdaptiveTuner.Tune(problem, options ?? new(50)));

    private static PipelineProblem With(PipelineLayer layer) => Good with { Layers = [layer, .. Good.Layers.Skip(1)] };

    [Fact]
    public void The_good_one_is_good() => Legality.Check(Good, AdaptiveTuner.Tune(Good, new(50)));

    [Fact]
    public void Fewer_layers_than_devices()
    {
        Assert.Contains("7 devices", Refuses(Good with { Devices = 7 }).Message, StringComparison.Ordinal);
        Refuses(Good with { PinnedLast = 4 });
        Refuses(Good with { PinnedFirst = 7 });
        Refuses(Good with { Layers = [] });
    }

    [Fact]
    public void Counts()
    {
        Refuses(Good with { Devices = 0 });
        Refuses(Good with { MicroBatches = 0 });
        Refuses(Good with { PinnedFirst = -1 });
        Refuses(Good with { PinnedLast = -1 });
    }

    [Fact]
    public void Negative_costs()
    {
        Refuses(With(new(-1, 3, 1)));
        Refuses(With(new(2, -1, 1)));
        Refuses(With(new(2, 3, -1)));
        Refuses(With(new(2, 3, 1, Held: -1)));
        Refuses(With(new(2, 3, 1, Resident: -1)));
        Refuses(Good with { Hop = -1 });
        Refuses(Good with { Overhead = -1 });
        Refuses(Good with { Hops = [0, 1, 1, 1, 0, -1, 1, 1, 0] });
    }

    [Fact]
    public void Hops_of_other_devices()
    {
        Refuses(Good with { Hops = [0, 1, 1, 0] });
        Refuses(Good with { Hops = [0, 1, 1, 1, 0, 1, 1, 1, 0, 0] });
    }

    [Theory]
    [InlineData("1 1")]
    [InlineData("1 1 1 1")]
    [InlineData("1 0 1")]
    [InlineData("1 -1 1")]
    public void Rates(string text) => Refuses(Good with { Rates = Numbers(text).Select(rate => (long)rate).ToEquatableArray() });

    [Fact]
    public void Huge_times_and_sizes()
    {
        Refuses(With(new(long.MaxValue, 3, 1)));
        Refuses(With(new(long.MaxValue, long.MaxValue, long.MaxValue)));
        Refuses(With(new(2, 3, 1, Held: long.MaxValue)));
        Refuses(Good with { Hop = long.MaxValue });
        Refuses(Good with { Overhead = long.MaxValue });
    }

    [Fact]
    public void Huge_resident_sizes() => Refuses(Good with { Layers = Enumerable.Repeat(new PipelineLayer(2, 3, 1, 1, long.MaxValue), 6).ToEquatableArray() });

    [Fact]
    public void Everything_huge()
    {
        PipelineLayer huge = new(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue);
        Refuses(new PipelineProblem(
            Enumerable.Repeat(huge, 6).ToEquatableArray(), 3, int.MaxValue, Hop: long.MaxValue, Overhead: long.MaxValue));
    }

    // Just under the limit, where sums of products would first overflow.
    [Fact]
    public void Large_costs_are_no_trouble()
    {
        PipelineProblem problem = Good with
        {
            Layers = Enumerable.Repeat(new PipelineLayer(1L << 42, 1L << 42, 1L << 42, 1L << 44), 6).ToEquatableArray(),
        };
        Legality.Check(problem, AdaptiveTuner.Tune(problem, new(3_000)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void No_budget(int budget) => Refuses(Good, new(budget));

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void No_stage_for_a_device(int most) => Refuses(Good, new(50, MaximumStagesPerDevice: most));

    [Theory]
    [InlineData("0 1 0")] // Device 2 has none.
    [InlineData("0 1")]
    [InlineData("0 1 3")]
    [InlineData("0 1 2 -1")]
    [InlineData("0 1 2 0 1 2 0")] // More stages than layers.
    [InlineData("")]
    public void Placements(string text)
    {
        EquatableArray<int> placement = Numbers(text);
        Refuses(Good, new(50, Placement: placement));
        if (placement.Count is > 0 and < 7)
            Refuses(Good, new(50, [.. Enumerable.Repeat(1, placement.Count - 1), 7 - placement.Count], placement));
    }

    [Theory]
    [InlineData("2 2 1")]
    [InlineData("2 2 3")]
    [InlineData("3 3 0")]
    [InlineData("4 3 -1")]
    [InlineData("3 3")] // Fewer stages than devices.
    [InlineData("")]
    public void Partitions(string text) => Refuses(Good, new(50, Numbers(text)));

    private static EquatableArray<int> Numbers(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToEquatableArray();

    [Fact]
    public void A_cap_that_nothing_keeps_names_the_smallest()
    {
        Assert.Contains("one unit alone holds 2 ", Refuses(Good with { ActivationCap = 1 }).Message, StringComparison.Ordinal);
        Refuses(Good with { ActivationCap = 0 });
        Refuses(Good with { ActivationCap = -1 });
        Legality.Check(Good with { ActivationCap = 2 }, AdaptiveTuner.Tune(Good with { ActivationCap = 2 }, new(50)));
    }

    // Whatever layers hold, the smallest cap is named, and kept.
    [Fact]
    public void The_smallest_cap_is_the_smallest() => Cases.Check(SmallProblems.Of(3, 5, 3, overhead: true), 300, problem =>
    {
        long least = SmallProblems.SmallestCap(problem);
        Assert.Contains($" {least} ", Refuses(problem with { ActivationCap = least - 1 }).Message, StringComparison.Ordinal);
        problem = problem with { ActivationCap = least };
        Legality.Check(problem, AdaptiveTuner.Tune(problem, new(5)));
    });

    [Fact]
    public void The_smallest_cap_of_a_placement()
    {
        // Six, six and three in even stages; five each where the third device's stage has five.
        PipelineProblem problem = new(new([.. Enumerable.Repeat(new PipelineLayer(1, 1, 1), 15)]), 3, 2, ActivationCap: 5);
        EquatableArray<int> placement = [0, 1, 2, 0, 1];
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(50, Placement: placement));
        Legality.Check(problem, found);
        Assert.Equal(placement, found.StageDevices);
    }

    [Fact]
    public void Stages_are_no_more_than_allowed_under_the_tightest_cap()
    {
        PipelineProblem problem = new(new([.. Enumerable.Repeat(new PipelineLayer(3, 2, 1), 56)]), 4, 8, ActivationCap: 14);
        PipelineCandidate found = AdaptiveTuner.Tune(problem, new(2_000, MaximumStagesPerDevice: 1));
        Legality.Check(problem, found);
        Assert.InRange(found.StageDevices.Count, 4, 4);
    }

    // The largest first to the emptiest holds 7 here: 3 + 2 + 2; and 3 + 3 beside 2 + 2 + 2 holds 6.
    [Fact]
    public void The_smallest_cap_where_filling_up_the_emptiest_is_not_best()
    {
        PipelineProblem problem = new([new(1, 1, 1, 3), new(1, 1, 1, 2), new(1, 1, 1, 3), new(1, 1, 1, 2), new(1, 1, 1, 2)], 2, 2, ActivationCap: 6);
        Legality.Check(problem, AdaptiveTuner.Tune(problem, new(50)));
    }
}
