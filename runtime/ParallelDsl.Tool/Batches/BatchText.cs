using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Tool.Batches;

/// <summary>Strategies beside each other as text of at most 100 columns, with the load of every rank drawn.</summary>
internal static class BatchText
{
    public const int Width = 100;
    private const int Indent = 2;
    private const int MostColumns = 3;

    /// <summary>Writes figures, speed-ups and loads.</summary>
    public static string Write(BatchComparison comparison)
    {
        var text = new StringBuilder();
        text.Append(comparison.Heading).Append("\n\n");
        WriteStrategies(text, comparison);
        if (comparison.Baselines.Count > 0)
            WriteSpeedups(text, comparison);
        WriteChoices(text, comparison);
        foreach (StrategyRun run in comparison.Drawn)
        {
            string batch = run.Batches.Count == 1 ? "" : $" in the first of {Readable.Exact(run.Batches.Count)} batches";
            string title = $"Load of each rank{OfStage(run)}{batch}, {run.Strategy} (simulated)";
            RankBars.Write(text.Append('\n'), title, RankWorks.Of(run.Batches[0]), run.Batches[0].Loads);
        }

        return text.ToString();
    }

    /// <summary>A mean time in milliseconds.</summary>
    public static string Milliseconds(long nanoseconds) => (nanoseconds / 1_000_000m).ToString("N3", CultureInfo.InvariantCulture);

    /// <summary>A ratio with three decimals.</summary>
    public static string Ratio(decimal ratio) => ratio.ToString("0.000", CultureInfo.InvariantCulture);

    private static string OfStage(StrategyRun run) => run.Batches[0].Plan.Stages == 1 ? "" : " of a stage";

    private static void WriteStrategies(StringBuilder text, BatchComparison comparison)
    {
        StrategyRun fastest = comparison.All.MinBy(run => run.MeanSimulated)!;
        PlanTextTable table = new PlanTextTable(Width, Indent).Text("strategy").Number("simulated").Number("to the best").Number("cross-node")
            .Number("forward").Number("backward").Number("planning").Number("share");
        foreach (StrategyRun run in comparison.All)
        {
            table.Row(
                run.Strategy + (run == comparison.Best ? " +" : ""),
                Milliseconds(run.MeanSimulated),
                Ratio(StrategyRun.Rounded((decimal)run.MeanSimulated / fastest.MeanSimulated)),
                Readable.Bytes(run.MeanCrossNodeBytes),
                Ratio(run.ForwardImbalance),
                Ratio(run.BackwardImbalance),
                Readable.Duration(run.MeanPlanning),
                Readable.Percent(run.MeanPlanning, run.MeanSimulated));
        }

        table.WriteTo(text);
        text.Append("\n  simulated in ms and bytes between nodes, of a step; forward and backward: slowest over mean rank;\n")
            .Append("  share: planning of the step")
            .Append(comparison.Best is null ? "\n" : "; + the fastest baseline\n");
    }

    private static void WriteChoices(StringBuilder text, BatchComparison comparison)
    {
        text.Append(comparison.Reported[0].Batches.Count == 1 ? "\nChosen\n" : "\nChosen for the first batch\n");
        int widest = comparison.All.Max(run => run.Strategy.Length);
        foreach (StrategyRun run in comparison.All)
            WriteChoice(text, "  " + run.Strategy.PadRight(widest) + "  ", run.Batches[0].Plan.Choice);
    }

    // Broken after commas where it is too long.
    private static void WriteChoice(StringBuilder text, string prefix, string choice)
    {
        int room = Width - prefix.Length;
        while (choice.Length > room)
        {
            int end = choice.LastIndexOf(", ", room - 1, StringComparison.Ordinal) + 1;
            end = end == 0 ? room : end;
            text.Append(prefix).Append(choice.AsSpan(0, end)).Append('\n');
            choice = choice[end..].TrimStart();
            prefix = new string(' ', prefix.Length);
        }

        text.Append(prefix).Append(choice).Append('\n');
    }

    private static void WriteSpeedups(StringBuilder text, BatchComparison comparison)
    {
        StrategyRun[] ours = [.. comparison.Reported.Where(run => !StrategyNames.Baselines.Contains(run.Strategy))];
        StrategyRun[] columns = ours.Length > 0 ? ours : [.. comparison.Reported.Take(MostColumns)];
        text.Append("\nSpeed-up (simulated)\n");
        PlanTextTable table = new PlanTextTable(Width, Indent).Text("over");
        foreach (StrategyRun run in columns)
            table.Number(run.Strategy);
        foreach (StrategyRun baseline in comparison.Baselines)
        {
            string name = baseline.Strategy + (baseline == comparison.Best ? " +" : "");
            table.Row([name, .. columns.Select(run => Ratio(run.SpeedupOver(baseline)))]);
        }

        table.WriteTo(text);
    }
}
