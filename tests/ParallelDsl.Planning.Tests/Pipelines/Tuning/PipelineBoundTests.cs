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

    // All in one stage: F of 2 and X of 4, with an overhead each.
    [Fact]
    public void Layers_of_one_stage_share_an_overhead()
    {
        PipelineProblem problem = new([new(1, 1, 1), new(1, 1, 1)], 1, 1, Overhead: 5, SplitBackward: false);
        Assert.Equal(16, Oracle.Of(problem)!.Makespan);
        Assert.Equal(16, PipelineBound.Of(problem));
    }

    // F, B and W of 10 at 4 a tick, rounded up. Nothing comes before the first layer, and nothing takes no time.
    [Fact]
    public void No_layers_take_no_time()
    {
        PipelineProblem problem = new([new(10, 10, 10)], 1, 2, Rates: [10]);
        Assert.Equal(2 * 3 * 3, Oracle.Of(problem)!.Makespan);
        Assert.Equal(2 * 3 * 3, PipelineBound.Of(problem));
    }

    private static void Check(PipelineProblem problem)
    {
        Oracle.Optimum best = Oracle.Of(problem)!;
        Assert.InRange(PipelineBound.Of(problem), 0, best.Makespan);
        Assert.InRange(PipelineBound.Of(problem, best.Boundaries, best.StageDevices), 0, best.Makespan);
    }

    // One unit whose backward is whole is never in two places, so the bound of the layout is reached.
    [Fact]
    public void One_unit_reaches_the_bound_of_its_layout() => Cases.Check(
        from problem in SmallProblems.Of(Gen.Int[1, 3], Gen.Int[3, 5], Gen.Const(1))
        select problem with { SplitBackward = false },
        50,
        problem =>
        {
            Oracle.Optimum best = Oracle.Of(problem)!;
            Assert.Equal(best.Makespan, PipelineBound.Of(problem, best.Boundaries, best.StageDevices));
        });
}
