using System.Globalization;
using CsCheck;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>The tuner finds the optimum of small problems, as the <see cref="Oracle"/> proves it.</summary>
public class TunerOptimalityTests
{
    [Fact]
    public void Hand_instances()
    {
        Assert.Equal(27, AdaptiveTuner.Tune(OracleTests.A, new()).Makespan);
        Assert.Equal(39, AdaptiveTuner.Tune(OracleTests.B, new()).Makespan);
    }

    [Fact]
    public void Equals_the_oracle() => Compare(SmallProblems.Of(3, 5, 4), 100);

    // The same with the largest counts only, where there is most to choose.
    [Fact]
    public void Equals_the_oracle_on_the_largest() => Compare(SmallProblems.Of(Gen.Int[2, 3], Gen.Int[4, 5], Gen.Int[3, 4]), 150);

    [Fact]
    public void Equals_the_oracle_with_overhead() => Compare(SmallProblems.Of(Gen.Int[2, 3], Gen.Int[3, 5], Gen.Int[2, 4], overhead: true), 60);

    [Fact]
    public void Equals_the_oracle_on_uneven_devices() => Compare(SmallProblems.Of(Gen.Int[2, 3], Gen.Int[2, 4], Gen.Int[1, 4], overhead: true, uneven: true), 60);

    // What it finds is the optimum, so more room never makes it slower.
    [Fact]
    public void More_room_is_never_slower() => Cases.Check(
        SmallProblems.Of(Gen.Int[2, 3], Gen.Int[3, 4], Gen.Int[2, 3]),
        12,
        problem =>
        {
            long least = SmallProblems.SmallestCap(problem);
            long before = long.MaxValue;
            foreach (long cap in new[] { least, least + 1, least + 2, least + 4, least + 8, long.MaxValue })
            {
                PipelineCandidate found = AdaptiveTuner.Tune(problem with { ActivationCap = cap }, new());
                Assert.InRange(found.Makespan, 0, before);
                before = found.Makespan;
            }
        });

    private static void Compare(Gen<PipelineProblem> gen, int count)
    {
        var lines = new string?[count];
        Parallel.For(0, count, index =>
        {
            PipelineProblem problem = gen.Generate(new PCG((uint)index + 1, 20_260_101UL), null, out _);
            lines[index] = Compare(problem) is { } difference
                ? string.Create(CultureInfo.InvariantCulture, $"case {index}: {difference}; {SmallProblems.Text(problem)}")
                : null;
        });
        string[] differences = [.. lines.OfType<string>()];
        Assert.True(differences.Length == 0, $"{differences.Length} of {count} differ\n{string.Join('\n', differences)}");
    }

    private static string? Compare(PipelineProblem problem)
    {
        try
        {
            Oracle.Optimum best = Oracle.Of(problem)!;

            // The optimum is one in the simulator's eyes too.
            PipelineCandidate proof = PipelineCandidate.Of(problem, PipelineSchedule.Adaptive, best.Boundaries, best.StageDevices, best.Orders);
            Legality.Check(problem, proof);
            Assert.Equal(best.Makespan, proof.Makespan);

            PipelineCandidate found = AdaptiveTuner.Tune(problem, new());
            if (found.Makespan != best.Makespan)
                return string.Create(CultureInfo.InvariantCulture, $"{found.Makespan} ({found.Schedule}), and the optimum is {best.Makespan}");
            Legality.Check(problem, found);
            return null;
        }
        catch (Exception exception)
        {
            return exception.Message;
        }
    }
}
