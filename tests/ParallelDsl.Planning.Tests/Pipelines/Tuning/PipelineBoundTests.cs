using CsCheck;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>No optimum beats a bound, of the problem or of its own layout.</summary>
public class PipelineBoundTests
{
    [Fact]
    public void Hand_instances()
    {
        Check(OracleTests.A);
        Check(OracleTests.B);
    }

    [Fact]
    public void No_optimum_beats_a_bound() => Cases.Check(SmallProblems.Of(3, 4, 3), 100, Check);

    [Fact]
    public void No_optimum_beats_a_bound_with_overhead() => Cases.Check(SmallProblems.Of(3, 4, 3, overhead: true), 100, Check);

    [Fact]
    public void No_optimum_beats_a_bound_on_uneven_devices() =>
        Cases.Check(SmallProblems.Of(3, 4, 3, overhead: true, uneven: true), 100, Check);

    private static void Check(PipelineProblem problem)
    {
        Oracle.Optimum best = Oracle.Of(problem)!;
        Assert.InRange(PipelineBound.Of(problem), 0, best.Makespan);
        Assert.InRange(PipelineBound.Of(problem, best.Boundaries, best.StageDevices), 0, best.Makespan);
    }

    // Even work on one device, and one unit, leave nothing to gain: the bounds are reached.
    [Fact]
    public void Serial_pipelines_reach_the_bound() => Cases.Check(
        from problem in SmallProblems.Of(Gen.Int[1, 3], Gen.Int[3, 5], Gen.Const(1))
        select problem with { SplitBackward = false },
        50,
        problem =>
        {
            Oracle.Optimum best = Oracle.Of(problem)!;
            Assert.Equal(best.Makespan, PipelineBound.Of(problem, best.Boundaries, best.StageDevices));
        });
}
