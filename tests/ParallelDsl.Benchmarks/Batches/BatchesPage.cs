using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>The page of <see cref="BatchesBenchmark"/> as Markdown.</summary>
internal static class BatchesPage
{
    // Less than this is no gain.
    private const double Tie = 1.02;

    public static string Write(IReadOnlyList<BatchRow> rows, IReadOnlyList<LengthSet> sets)
    {
        StringBuilder page = new();
        page.Append("# Variable-length batches (simulated)\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- batches`; do not edit. Every time of a step on this page is **simulated** by the\n")
            .Append("cluster simulator of this project; no figure is of a GPU. Planning times are measured on the machine that made the page, while other cells\n")
            .Append("ran beside.\n\n")
            .Append("**Assumptions**, the same for all strategies: 55 % of a device's peak rate; attention slower by the curve of DistCA's measurements where a call of the kernel has little work (short sequences, shards of\n")
            .Append("rings, parts of the heads; how work maps to the curve is ours); computation\n")
            .Append("5 % slower while a transfer touches the device, 5 us of latency between nodes and 2 us inside, links shared fairly, model state sharded evenly over all devices,\n")
            .Append("90 % of the memory. Left out, because they are the same for all: the optimizer, the reduction of gradients, gathering of sharded weights, exchanges of experts.\n")
            .Append("Every tuned strategy simulates its whole grid for every batch and takes the best that fits; so do ours. *groups* swaps tokens for heads inside its groups\n")
            .Append("(all-to-all, as FlexSP does); ours pass keys and values, as our runtime does, and do not. Choices named *all-gather* are simulated only: the runtime has rings. Nor does a\n")
            .Append("declaration have constants for *attention x*, *overlap x* and *room x*. *joint* is the best of three searches, *asymmetric* and *hierarchical* two of them.\n\n")
            .Append("**Known to be uneven**, and to be made even: over a pipeline ours (and *whole-sample-tuned*) may take two or four times the stages, the other baselines may not; plans\n")
            .Append("of ours count no gathered backward units and no sums of gradients of keys and values, which the runtime holds; documents over the context are left out, so cells\n")
            .Append("of a set whose contexts leave out nothing hold the same batch.\n\n")
            .Append("Lengths:\n\n");
        foreach (LengthSet set in sets)
            page.Append(CultureInfo.InvariantCulture, $"* *{set.Name}*: {set.Source}; {set.Lengths.Length:N0} lengths\n");
        page.Append(CultureInfo.InvariantCulture, $"\nDigest of all inputs: `{Digest(sets)}`.\n\n");
        FewInterfaces(page, [.. rows.Where(row => row.Group == CellGroup.FewInterfaces)]);
        LongContexts(page, [.. rows.Where(row => row.Group == CellGroup.LongContext)]);
        LittleToWin(page, [.. rows.Where(row => row.Group == CellGroup.LittleToWin)]);
        return page.ToString();
    }

    private static void FewInterfaces(StringBuilder page, BatchRow[] rows)
    {
        page.Append("## Few network interfaces: A800, 16 to 128 devices (simulated)\n\n")
            .Append("Two batches a cell, 4,096 tokens a device, context 64K, one stage. Speed-up of *joint* over each of the others:\n\n");
        Summary(page, rows, StrategyNames.Joint);
        Aims(
            page,
            ("2.8 over te-cp, arithmetic mean", 2.8, Arithmetic(rows, StrategyNames.Joint, StrategyNames.RingContext)),
            ("1.15 over the best of the others in each cell, geometric mean", 1.15, Geometric(OverBest(rows))),
            ("0.98 over the best of the others in the worst cell", 0.98, OverBest(rows).Min()));
        Cells(page, rows, StrategyNames.Joint);
    }

    private static void LongContexts(StringBuilder page, BatchRow[] rows)
    {
        page.Append("## Long contexts over a pipeline: 64 A800, 4 stages, 16 units (simulated)\n\n")
            .Append("One batch a cell. Speed-up of *joint* over each of the others:\n\n");
        Summary(page, rows, StrategyNames.Joint);
        BatchRow[] longest = [.. rows.Where(row => row.Cell.Contains("256K", StringComparison.Ordinal))];
        Aims(
            page,
            ("2.8 over whole-sample in some cell at 256K", 2.8, Ratios(longest, StrategyNames.Joint, StrategyNames.WholeSample).DefaultIfEmpty().Max()),
            ("1.3 over whole-sample-tuned at 256K, median", 1.3, Median(Ratios(longest, StrategyNames.Joint, StrategyNames.WholeSampleTuned))));
        Cells(page, rows, StrategyNames.Joint);
    }

    private static void LittleToWin(StringBuilder page, BatchRow[] rows)
    {
        page.Append("## Where there is little to win (simulated)\n\n")
            .Append("Equal lengths, one giant sequence, a tiny batch, short contexts, fast interfaces:\n\n");
        Cells(page, rows, StrategyNames.Joint);
        BatchRow[] all = [.. rows.Where(row => row.OverBest(StrategyNames.Joint) < Tie)];
        page.Append(CultureInfo.InvariantCulture, $"In {all.Length} of these {rows.Length} cells *joint* gains less than 2 % on the best of the others, or loses.\n");
    }

    private static void Summary(StringBuilder page, BatchRow[] rows, string ours)
    {
        page.Append("| over | arithmetic mean | geometric mean | median | least | most | cells |\n|---|---|---|---|---|---|---|\n");
        foreach (string other in StrategyNames.All.Where(name => name != ours))
            Line(other, Ratios(rows, ours, other));
        Line("**the best of the others in each cell**", OverBest(rows));
        page.Append('\n');

        void Line(string name, double[] ratios)
        {
            if (ratios.Length == 0)
                page.Append(CultureInfo.InvariantCulture, $"| {name} | | | | | | 0 fit |\n");
            else
            {
                page.Append(CultureInfo.InvariantCulture, $"| {name} | {ratios.Average():F3} | {Geometric(ratios):F3} | {Median(ratios):F3} | {ratios.Min():F3} | {ratios.Max():F3} |")
                    .Append(CultureInfo.InvariantCulture, $" {ratios.Length} of {rows.Length} |\n");
            }
        }
    }

    private static void Aims(StringBuilder page, params (string Name, double Aim, double Reached)[] aims)
    {
        page.Append("| aim | reached | |\n|---|---|---|\n");
        foreach ((string name, double aim, double reached) in aims)
            page.Append(CultureInfo.InvariantCulture, $"| {name} | {reached:F3} | {(reached >= aim ? "reached" : "**missed**")} |\n");
        page.Append('\n');
    }

    private static void Cells(StringBuilder page, BatchRow[] rows, string ours)
    {
        page.Append("Every cell: simulated milliseconds of a step (`-` does not fit), the speed-up over the best of the others, the time of our whole search for a batch as a\n")
            .Append("share of the simulated step, and what was chosen.\n\n| cell | sequences |");
        foreach (string strategy in StrategyNames.All)
            page.Append(CultureInfo.InvariantCulture, $" {strategy} |");
        page.Append(" over best | best other | search / step | joint chose |\n|---|---|").Append(string.Concat(Enumerable.Repeat("---|", StrategyNames.All.Count + 4))).Append('\n');
        foreach (BatchRow row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {row.Cell} | {row.Sequences:N0} |");
            foreach (string strategy in StrategyNames.All)
                page.Append(row[strategy].Fits ? FormattableString.Invariant($" {row[strategy].Nanoseconds / 1e6:F1} |") : " - |");
            StrategyFigure joint = row[ours];
            page.Append(CultureInfo.InvariantCulture, $" {row.OverBest(ours):F3} | {row.Best.Strategy} | {joint.PlanSeconds * 1e9 / Math.Max(1, joint.Nanoseconds):P0} | {joint.Choice} |\n");
        }

        page.Append('\n');
    }

    private static double[] Ratios(BatchRow[] rows, string ours, string other) => [.. rows.Select(row => row.Over(ours, other)).OfType<double>()];

    private static double[] OverBest(BatchRow[] rows) => [.. rows.Select(row => row.OverBest(StrategyNames.Joint)).OfType<double>()];

    private static double Arithmetic(BatchRow[] rows, string ours, string other) => Ratios(rows, ours, other).DefaultIfEmpty().Average();

    private static double Geometric(double[] ratios) => ratios.Length == 0 ? 0 : Math.Exp(ratios.Average(Math.Log));

    private static double Median(double[] ratios)
    {
        if (ratios.Length == 0)
            return 0;
        double[] sorted = [.. ratios.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Digest(IEnumerable<LengthSet> sets)
    {
        StringBuilder text = new();
        foreach (LengthSet set in sets)
            text.Append(set.Name).Append(':').AppendJoin(',', set.Lengths).Append('\n');
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
