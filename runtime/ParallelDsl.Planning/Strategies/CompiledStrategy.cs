namespace ParallelDsl.Planning.Strategies;

/// <summary>What a declaration gives: constants that were chosen once, from sample batches, with which <see cref="Packing.StepPlanner"/> plans every
/// batch alone. Nothing is searched, and nothing simulated, once they stand.</summary>
internal sealed class CompiledStrategy
{
    /// <summary>The name under which its figures are shown.</summary>
    public const string Name = "as compiled";

    // The best settings of each sample that are tried on the others.
    private const int Finalists = 12;

    private const long Whole = 1_000_000;

    private CompiledStrategy(StepChoice choice) => Choice = choice;

    /// <summary>The setting.</summary>
    public StepChoice Choice { get; }

    /// <summary>The setting that fits all samples and whose times, by the best ones of each sample, have the least sum; null where none fits
    /// all.</summary>
    /// <param name="samples">Batches of the same model, cluster, context and number of stages.</param>
    public static CompiledStrategy? Choose(IReadOnlyList<BatchProblem> samples)
    {
        var candidates = new List<StepChoice>();
        long[] best = new long[samples.Count];
        for (int sample = 0; sample < samples.Count; sample++)
        {
            (StepChoice Choice, long Time)[] tried = [.. PlannedStrategy.Times(new PlanSearch(samples[sample])).OrderBy(item => item.Time)];
            best[sample] = tried.Length > 0 ? tried[0].Time : 0;
            candidates.AddRange(tried.Take(Finalists).Select(item => item.Choice));

            // What is best with units that only memory limits fits other batches too.
            candidates.AddRange(tried.Where(item => item.Choice.UnitTokens == 0).Take(Finalists).Select(item => item.Choice));
        }

        CompiledStrategy? chosen = null;
        long least = long.MaxValue;
        foreach (StepChoice candidate in candidates.Distinct())
        {
            var strategy = new CompiledStrategy(candidate);
            long sum = 0;
            for (int sample = 0; sample < samples.Count && sum < least; sample++)
            {
                long time = strategy.Plan(samples[sample]).Simulated?.Nanoseconds ?? 0;
                sum = time == 0 ? long.MaxValue : sum + (long)((decimal)time * Whole / best[sample]);
            }

            if (sum < least)
                (chosen, least) = (strategy, sum);
        }

        return chosen;
    }

    /// <summary>A batch by the setting, or how many tokens find no room.</summary>
    public StrategyResult Plan(BatchProblem problem)
    {
        var search = new PlanSearch(problem);
        BatchPlan? plan = new ChoicePlanner(problem).TryPlan(Name, Choice, out long missing);
        if (plan is null)
            search.Lacks(missing);
        else
            search.Consider(plan);
        return search.Result(Name);
    }
}
