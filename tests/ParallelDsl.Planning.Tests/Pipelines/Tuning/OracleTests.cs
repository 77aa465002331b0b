using CsCheck;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>The judge of the tuner judged: by hand, by trying everything, and by the simulator.</summary>
public class OracleTests
{
    internal static readonly PipelineProblem A = new([new(1, 1, 1), new(1, 1, 1), new(1, 1, 1), new(1, 1, 1), new(2, 2, 1)], 2, 3, PinnedLast: 1);

    internal static readonly PipelineProblem B = new([new(1, 1, 1), new(2, 3, 1), new(1, 1, 1), new(2, 3, 1), new(2, 2, 0)], 2, 3, PinnedLast: 1);

    // Proven by a branch and bound of ours before there was any code here: with one stage a device.
    [Fact]
    public void Hand_instances()
    {
        Assert.Equal(27, Oracle.Of(A)!.Makespan);
        Assert.Equal(39, Oracle.Of(B)!.Makespan);
    }

    [Fact]
    public void Equals_trying_everything() => Cases.Check(SmallProblems.Of(Gen.Int[1, 2], Gen.Int[2, 3], Gen.Int[1, 2]), 20, Equals);

    [Fact]
    public void Equals_trying_everything_with_overhead() => Cases.Check(SmallProblems.Of(Gen.Const(2), Gen.Int[2, 3], Gen.Int[1, 2], overhead: true), 20, Equals);

    [Fact]
    public void Equals_trying_everything_on_uneven_devices() => Cases.Check(SmallProblems.Of(Gen.Const(2), Gen.Int[2, 3], Gen.Int[1, 2], overhead: true, uneven: true), 20, Equals);

    private static void Equals(PipelineProblem problem) => Assert.Equal(ExhaustiveSearch.Makespan(problem), Oracle.Of(problem)!.Makespan);

    [Fact]
    public void No_pipeline_keeps_less_than_the_smallest_cap() => Cases.Check(SmallProblems.Of(3, 5, 3), 40, problem =>
    {
        long least = SmallProblems.SmallestCap(problem);
        Assert.Null(Oracle.Of(problem with { ActivationCap = least - 1 }));
        Assert.NotNull(Oracle.Of(problem with { ActivationCap = least }));
    });
}
