using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;

namespace ParallelDsl.Tool.Batches;

/// <summary>Strategies beside each other as a page.</summary>
internal static class BatchPage
{
    /// <summary>Writes figures, speed-ups and the loads of all strategies asked for.</summary>
    public static string Write(BatchComparison comparison)
    {
        var strategies = new PageTable(
            "Strategies (simulated)",
            "A step on average. Imbalance is the slowest over the mean rank. Planning is measured, and its share is of the simulated step.",
            [
                "<strategy", "simulated, ms", "between nodes", "forward imbalance", "backward imbalance", "planning", "share",
                "<chosen for the first batch",
            ],
            [.. comparison.All.Select(run => new[]
            {
                run.Strategy,
                BatchText.Milliseconds(run.MeanSimulated),
                Readable.Bytes(run.MeanCrossNodeBytes),
                BatchText.Ratio(run.ForwardImbalance),
                BatchText.Ratio(run.BackwardImbalance),
                Readable.Duration(run.MeanPlanning),
                Readable.Percent(run.MeanPlanning, run.MeanSimulated),
                run.Batches[0].Plan.Choice,
            })]);
        var speedups = new PageTable(
            "Speed-up over each baseline (simulated)",
            comparison.Best is { } best ? $"By mean simulated times. The fastest baseline is {best.Strategy}." : "Without baselines.",
            ["<over", .. comparison.Reported.Select(run => run.Strategy)],
            [.. comparison.Baselines.Select(baseline =>
                new[] { baseline.Strategy }.Concat(comparison.Reported.Select(run => BatchText.Ratio(run.SpeedupOver(baseline)))).ToArray())]);
        return RankLoadHtml.Write(comparison.Heading, [strategies, speedups], BatchComparison.Panels(comparison.Reported));
    }
}
