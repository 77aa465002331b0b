using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Strategies;
using ParallelDsl.Reporting;
using static System.FormattableString;

namespace ParallelDsl.Tool.Batches;

/// <summary>Strategies beside each other, on the same batches.</summary>
/// <param name="Reported">What was asked for, at least one.</param>
/// <param name="Baselines">What they are compared with.</param>
internal sealed record BatchComparison(IReadOnlyList<StrategyRun> Reported, IReadOnlyList<StrategyRun> Baselines)
{
    private const int MostPanels = 2;

    /// <summary>All strategies, in the order of their names.</summary>
    public IEnumerable<StrategyRun> All => StrategyNames.All
        .Select(name => Reported.Concat(Baselines).FirstOrDefault(run => run.Strategy == name))
        .OfType<StrategyRun>();

    /// <summary>The fastest baseline, or null without any.</summary>
    public StrategyRun? Best => Baselines.MinBy(run => run.MeanSimulated);

    /// <summary>The model, the cluster and the batches.</summary>
    public string Heading
    {
        get
        {
            BatchProblem problem = Reported[0].Batches[0].Problem;
            int count = Reported[0].Batches.Count;
            long tokens = Reported[0].Batches.Sum(batch => batch.Problem.Tokens) / count;
            string batches = count == 1
                ? Invariant($"a batch of {Readable.Exact(tokens, "token")} in {Readable.Exact(problem.Lengths.Count, "sequence")}")
                : Invariant($"{count} batches of {Readable.Exact(tokens)} tokens on average");
            return $"{problem.Model.Name} on {problem.Cluster.Name}, {batches}, simulated";
        }
    }

    /// <summary>Whose ranks are drawn: those asked for where they are few, else the first of them and the best baseline.</summary>
    public IEnumerable<StrategyRun> Drawn => Reported.Count <= MostPanels || Best is null
        ? Reported.Take(MostPanels)
        : new[] { Reported[0], Best }.Distinct();

    /// <summary>What is drawn of the first batch of each of <paramref name="runs"/>.</summary>
    public static RankLoadPanel[] Panels(IEnumerable<StrategyRun> runs) => [.. runs.Select(run =>
    {
        PlannedBatch batch = run.Batches[0];
        string which = run.Batches.Count == 1 ? "" : "first batch: ";
        string note = $"{which}{Readable.Duration(batch.Simulated.Nanoseconds)} simulated, "
            + $"{Readable.Bytes(batch.Simulated.CrossNodeBytes)} between nodes; {batch.Plan.Choice}";
        return new RankLoadPanel(run.Strategy, note, RankWorks.Of(batch));
    })];
}
