using System.Diagnostics;
using ParallelDsl.Planning.Strategies;
using static System.FormattableString;

namespace ParallelDsl.Tool.Batches;

/// <summary>Plans batches by strategies.</summary>
/// <param name="problems">The batches, at least one.</param>
internal sealed class StrategyRuns(IReadOnlyList<BatchProblem> problems)
{
    // After a plan that warms up; odd, so that the median is one of them.
    private const int MeasuredPlans = 3;

    // Beside a plan that takes so long it does not count that code was compiled during it.
    private const long LongPlan = 1_000_000_000;

    private int _planned;

    /// <summary>How many batches are planned so far, those of all strategies together.</summary>
    public int Planned => Volatile.Read(ref _planned);

    /// <summary>Every batch by <paramref name="strategy"/>, or why one of them does not fit.</summary>
    public (StrategyRun? Run, string? Infeasible) Run(string strategy)
    {
        var batches = new PlannedBatch[problems.Count];
        for (int batch = 0; batch < batches.Length; batch++)
        {
            (StrategyResult result, long nanoseconds) = Plan(strategy, problems[batch]);
            if (result.Infeasible is { } why)
            {
                Interlocked.Add(ref _planned, batches.Length - batch);
                return (null, batches.Length == 1 ? why : Invariant($"batch {batch}: {why}"));
            }

            batches[batch] = new PlannedBatch(problems[batch], result.Plan!, result.Simulated!, result.Loads, nanoseconds);
            Interlocked.Increment(ref _planned);
        }

        return (new StrategyRun(strategy, new(batches)), null);
    }

    // The median of a few plans after a first one, where that did not take long: for every strategy alike.
    private static (StrategyResult Result, long Nanoseconds) Plan(string strategy, BatchProblem problem)
    {
        long start = Stopwatch.GetTimestamp();
        StrategyResult result = StrategyPlanner.Plan(strategy, problem);
        long first = Nanoseconds(start);
        if (result.Infeasible is not null || first > LongPlan)
            return (result, first);
        long[] times = new long[MeasuredPlans];
        for (int plan = 0; plan < times.Length; plan++)
        {
            start = Stopwatch.GetTimestamp();
            StrategyPlanner.Plan(strategy, problem);
            times[plan] = Nanoseconds(start);
        }

        Array.Sort(times);
        return (result, times[MeasuredPlans / 2]);
    }

    private static long Nanoseconds(long start) => Stopwatch.GetElapsedTime(start).Ticks * (1_000_000_000 / TimeSpan.TicksPerSecond);
}
