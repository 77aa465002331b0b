using System.Diagnostics;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>One strategy on the batches of one cell.</summary>
/// <param name="Strategy">Its name.</param>
/// <param name="Nanoseconds">Simulated time of a step, mean of the batches; 0 where one of them does not fit.</param>
/// <param name="CrossNodeBytes">Bytes between nodes, mean.</param>
/// <param name="PlanSeconds">Measured time of the whole search for one batch, mean.</param>
/// <param name="Candidates">Plans that were simulated for one batch, mean.</param>
/// <param name="Choice">What it chose for the first batch.</param>
internal sealed record StrategyFigure(string Strategy, long Nanoseconds, long CrossNodeBytes, double PlanSeconds, int Candidates, string Choice)
{
    public bool Fits => Nanoseconds > 0;
}

/// <summary>All strategies on the batches of one cell.</summary>
/// <param name="Group">The table it is in.</param>
/// <param name="Cell">The cell.</param>
/// <param name="Devices">Devices of the cluster.</param>
/// <param name="Sequences">Sequences of a batch, mean.</param>
/// <param name="LeastNanoseconds">What no strategy can be faster than: all work divided evenly over all devices, attention at the rate of whole
/// sequences, nothing sent, no pipeline to fill; mean.</param>
/// <param name="Figures">The strategies.</param>
/// <param name="Compiled">Ours with constants chosen once.</param>
internal sealed record BatchRow(
    CellGroup Group, string Cell, int Devices, int Sequences, long LeastNanoseconds, StrategyFigure[] Figures, CompiledFigure Compiled)
{
    /// <summary>The fastest strategy that ours is compared with.</summary>
    public StrategyFigure Best => Figures.Where(figure => figure.Fits && StrategyNames.Baselines.Contains(figure.Strategy)).MinBy(figure => figure.Nanoseconds)!;

    public StrategyFigure this[string strategy] => Figures.Single(figure => figure.Strategy == strategy);

    /// <summary>How many times as fast <paramref name="ours"/> is as <paramref name="other"/>, or null where one does not fit.</summary>
    public double? Over(string ours, string other) => this[ours].Fits && this[other].Fits ? this[other].Nanoseconds / (double)this[ours].Nanoseconds : null;

    /// <summary>How many times as fast it is as the fastest of the others.</summary>
    public double? OverBest(string ours) => this[ours].Fits ? Best.Nanoseconds / (double)this[ours].Nanoseconds : null;

    /// <summary>How many times as fast ours as compiled is as <paramref name="other"/>, or null where one does not fit.</summary>
    public double? CompiledOver(string other) => Compiled.Fits && this[other].Fits ? this[other].Nanoseconds / (double)Compiled.Simulated : null;

    /// <summary>How many times as fast it is as the fastest of the others.</summary>
    public double? CompiledOverBest => Compiled.Fits ? Best.Nanoseconds / (double)Compiled.Simulated : null;

    /// <summary>How many times as fast as the fastest of the others any strategy could be.</summary>
    public double LeftToWin => Best.Nanoseconds / (double)LeastNanoseconds;

    public static BatchRow Of(BatchCell cell) => new(
        cell.Group,
        cell.Name,
        cell.Problems[0].Devices,
        (int)cell.Problems.Average(problem => problem.Lengths.Count),
        (long)cell.Problems.Average(Least),
        [.. StrategyNames.All.Select(strategy => Figure(strategy, cell.Problems))],
        CompiledFigure.Of(cell));

    private static double Least(BatchProblem problem)
    {
        SequenceCosts costs = problem.Model.Costs(recompute: false);
        double flops = 0;
        foreach (int length in problem.Lengths)
        {
            long area = SequenceCosts.Area(0, length);
            flops += ((costs.PairForward + costs.PairBackward) * (double)area * 1000 / BatchSimulation.Curve.AtArea(area))
                + ((costs.TokenForward + costs.TokenBackward) * (double)length);
        }

        return flops / problem.FlopsPerNanosecond / problem.Devices;
    }

    private static StrategyFigure Figure(string strategy, BatchProblem[] problems)
    {
        long started = Stopwatch.GetTimestamp();
        StrategyResult[] results = [.. problems.Select(problem => StrategyPlanner.Plan(strategy, problem))];
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds / problems.Length;
        bool fits = results.All(result => result.Simulated is not null);
        return new(
            strategy,
            fits ? (long)results.Average(result => result.Simulated!.Nanoseconds) : 0,
            fits ? (long)results.Average(result => (double)result.Simulated!.CrossNodeBytes) : 0,
            seconds,
            (int)results.Average(result => result.Candidates),
            results[0].Plan?.Choice ?? results[0].Infeasible ?? "");
    }
}
