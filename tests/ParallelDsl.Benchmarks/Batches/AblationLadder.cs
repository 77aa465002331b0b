using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>What each part of Zeppelin brings on one cell, one after the other, by how many times faster than TE-style context parallelism.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Speedups">The speed-ups, in the order of <see cref="Steps"/>; null where a step does not fit.</param>
internal sealed record AblationLadder(string Cell, double?[] Speedups)
{
    private const int MostSlots = 64;

    /// <summary>The steps, and what the paper has for them on one data set.</summary>
    public static (string Name, string Paper)[] Steps { get; } =
    [
        ("routing alone", "1.6"),
        ("attention engine and hierarchical partition alone", "3.2"),
        ("both", "3.51"),
        ("both, and remapping", "3.64"),
        ("both, and tokens swapped for heads between nodes", ""),
        ("all of these", ""),
    ];

    public static AblationLadder Of(BatchCell cell)
    {
        double?[] plain = [.. cell.Problems.Select(problem => (double?)StrategyPlanner.Plan(StrategyNames.RingContext, problem).Simulated?.Nanoseconds)];
        return new(cell.Name, [.. Enumerable.Range(0, Steps.Length).Select(step => plain.Sum() / cell.Problems.Sum(problem => Time(problem, step)))]);
    }

    // Constants at their defaults, and the fewest micro-batches that fit.
    private static double? Time(BatchProblem problem, int step)
    {
        int ranks = problem.StageRanks;
        for (int slots = 1; slots <= MostSlots; slots *= 2)
        {
            StepChoice choice = new StepChoice(
                Packing.Tokens, step == 0 ? SequenceBalance.Zigzag : SequenceBalance.Hierarchical, problem.Stages, ranks, slots) with
            {
                IsRouted = step != 1,
                IsRemapped = step is 3 or 5,
                InterNode = step >= 4 ? Datapath.AllToAll : Datapath.Ring,
            };
            PlanSearch search = new(problem);
            if (new ChoicePlanner(problem).TryPlan("ladder", choice, out long _) is { } plan && search.Consider(plan))
                return search.LastTime;
        }

        return null;
    }
}
