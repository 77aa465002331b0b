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
    /// <param name="searched">Of how many, the first, the best settings are tried on all.</param>
    public static CompiledStrategy? Choose(IReadOnlyList<BatchProblem> samples, int searched)
    {
        var candidates = new List<StepChoice>();
        for (int sample = 0; sample < searched; sample++)
        {
            (StepChoice Choice, long Time)[] tried = [.. PlannedStrategy.Times(new PlanSearch(samples[sample])).OrderBy(item => item.Time)];
            candidates.AddRange(tried.Take(Finalists).Select(item => item.Choice));

            // What is best with units that only memory limits fits other batches too.
            candidates.AddRange(tried.Where(item => item.Choice.UnitTokens == 0).Take(Finalists).Select(item => item.Choice));
        }

        CompiledStrategy[] strategies = [.. candidates.Distinct().Select(candidate => new CompiledStrategy(candidate))];
        long[] sums = new long[strategies.Length], times = new long[strategies.Length];
        foreach (BatchProblem sample in samples)
        {
            for (int index = 0; index < strategies.Length; index++)
                times[index] = sums[index] < long.MaxValue ? strategies[index].Plan(sample).Simulated?.Nanoseconds ?? long.MaxValue : long.MaxValue;
            long best = times.Length > 0 ? times.Min() : 0;
            for (int index = 0; index < strategies.Length; index++)
                sums[index] = times[index] == long.MaxValue ? long.MaxValue : sums[index] + (long)((decimal)times[index] * Whole / best);
        }

        int chosen = Array.IndexOf(sums, sums.Length > 0 ? sums.Min() : 0);
        return chosen < 0 || sums[chosen] == long.MaxValue ? null : strategies[chosen];
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
