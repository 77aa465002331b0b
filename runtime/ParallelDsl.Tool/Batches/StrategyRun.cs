using ParallelDsl.Planning;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Tool.Batches;

/// <summary>One batch as a strategy runs it.</summary>
/// <param name="Problem">The batch.</param>
/// <param name="Plan">How it is run.</param>
/// <param name="Simulated">Its time in the simulator.</param>
/// <param name="Loads">What each rank of a stage does.</param>
/// <param name="PlanNanoseconds">How long planning took.</param>
internal sealed record PlannedBatch(
    BatchProblem Problem, BatchPlan Plan, SimulatedBatch Simulated, EquatableArray<RankLoad> Loads, long PlanNanoseconds);

/// <summary>All batches as one strategy runs them.</summary>
/// <param name="Strategy">Its name.</param>
/// <param name="Batches">The batches, at least one.</param>
internal sealed record StrategyRun(string Strategy, EquatableArray<PlannedBatch> Batches)
{
    /// <summary>The mean simulated time of a step, nanoseconds, rounded.</summary>
    public long MeanSimulated => Mean(Batches.Sum(batch => batch.Simulated.Nanoseconds));

    /// <summary>The mean time of planning, nanoseconds, rounded.</summary>
    public long MeanPlanning => Mean(Batches.Sum(batch => batch.PlanNanoseconds));

    /// <summary>Bytes between nodes in a step, the mean, rounded.</summary>
    public long MeanCrossNodeBytes => Mean(Batches.Sum(batch => batch.Simulated.CrossNodeBytes));

    /// <summary>The forward of the slowest rank over that of the mean rank, the mean of all batches.</summary>
    public decimal ForwardImbalance => Imbalance(load => load.ForwardCost);

    /// <summary>The same of the backward.</summary>
    public decimal BackwardImbalance => Imbalance(load => load.BackwardCost);

    /// <summary>How many times faster this is than <paramref name="other"/>, by the mean simulated times.</summary>
    public decimal SpeedupOver(StrategyRun other) => Rounded((decimal)other.MeanSimulated / MeanSimulated);

    /// <summary>Three decimals.</summary>
    public static decimal Rounded(decimal ratio) => Math.Round(ratio, 3, MidpointRounding.AwayFromZero) + 0.000m;

    private long Mean(long sum) => (sum + (Batches.Count / 2)) / Batches.Count;

    private decimal Imbalance(Func<RankLoad, long> cost) => Rounded(Batches.Average(batch =>
        batch.Loads.Max(cost) * (decimal)batch.Loads.Count / batch.Loads.Sum(cost)));
}
