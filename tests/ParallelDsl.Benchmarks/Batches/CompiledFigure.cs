using System.Collections.Concurrent;
using System.Diagnostics;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>What a declaration gives for cells of one kind: constants chosen once, from sample batches that no cell measures.</summary>
/// <param name="Simulated">Simulated time of a step, mean of the batches; 0 where one of them does not fit.</param>
/// <param name="PlanSeconds">Measured time of one call of <c>PlanStep</c> for one batch, median of some, mean of the batches.</param>
/// <param name="Choice">The constants.</param>
internal sealed record CompiledFigure(long Simulated, double PlanSeconds, string Choice)
{
    private const int Calls = 15;

    // Cells of one kind run beside one another, and the first one chooses for all.
    private static readonly ConcurrentDictionary<string, Lazy<CompiledStrategy?>> Chosen = new(StringComparer.Ordinal);

    public bool Fits => Simulated > 0;

    public static CompiledFigure Of(BatchCell cell)
    {
        CompiledStrategy? strategy = Chosen.GetOrAdd(cell.Family, _ => new(() => Choose(cell.Samples()))).Value;
        if (strategy is null)
            return new(0, 0, "no constants fit all samples");
        StrategyResult[] results = [.. cell.Problems.Select(strategy.Plan)];
        bool fits = results.All(result => result.Simulated is not null);
        return new(
            fits ? (long)results.Average(result => result.Simulated!.Nanoseconds) : 0,
            fits ? cell.Problems.Average(problem => Time(strategy, problem)) : 0,
            strategy.Choice.Describe(cell.Problems[0].Devices / strategy.Choice.Stages));
    }

    private static CompiledStrategy? Choose((BatchProblem[] Searched, BatchProblem[] Others) samples) =>
        CompiledStrategy.Choose([.. samples.Searched, .. samples.Others], samples.Searched.Length);

    // Constants as values: emitted code, where they are compiled in, is no slower.
    private static double Time(CompiledStrategy strategy, BatchProblem problem)
    {
        StepConstants constants = new ChoicePlanner(problem).ConstantsOf(strategy.Choice);
        StepPlan plan = new();
        int[] lengths = [.. problem.Lengths];
        double[] seconds = new double[Calls];
        for (int call = -Calls; call < Calls; call++)
        {
            long started = Stopwatch.GetTimestamp();
            StepPlanner.Plan(constants, lengths, lengths.Length, plan);
            if (call >= 0)
                seconds[call] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[Calls / 2];
    }
}
