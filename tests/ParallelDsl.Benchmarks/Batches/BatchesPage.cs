using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>The page of <see cref="BatchesBenchmark"/> as Markdown.</summary>
internal static class BatchesPage
{
    // Less than this is no gain.
    private const double Tie = 1.02;

    public static string Write(IReadOnlyList<BatchRow> rows, IReadOnlyList<LengthSet> sets, IReadOnlyList<AblationLadder> ladders)
    {
        StringBuilder page = new();
        page.Append("# Variable-length batches (simulated)\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- batches`; do not edit. Every time of a step on this page is **simulated** by the\n")
            .Append("cluster simulator of this project; no figure is of a GPU. Planning times are measured on the machine that made the page, while other cells\n")
            .Append("ran beside.\n\n")
            .Append("**Assumptions**, the same for all strategies: 55 % of a device's peak rate; attention slower by the curve of DistCA's measurements where a call of the kernel has little work (short sequences, shards of\n")
            .Append("rings, parts of the heads; how work maps to the curve is ours); computation\n")
            .Append("5 % slower while a transfer touches the device, 5 us of latency between nodes and 2 us inside, links shared fairly, model state sharded evenly over all devices,\n")
            .Append("90 % of the memory. Left out, because they are the same for all: the optimizer, the reduction of gradients, gathering of sharded weights, exchanges of experts.\n\n")
            .Append("**Equal rights**: every tuned strategy simulates its whole grid for every batch and takes the best that fits. All search the stages asked for, twice and four times as many; the same numbers of\n")
            .Append("micro-batches; the same weights of attention; recomputation where a layout does not fit without it. *groups* tries every way to divide up to 128 ranks into powers of two by its cost model and\n")
            .Append("simulates the best, each with rings, all-gathers and heads in nodes and between them. *hybrid-dp* keeps Megatron-LM's rule, which fixes costs and micro-batches; its tokens a rank and stages are\n")
            .Append("searched. *te-cp* and *whole-sample* are not tuned. How many plans each simulates stands below. *joint* is the best of three searches, *asymmetric* and *hierarchical* two of them.\n\n")
            .Append("**Ours choose only what the runtime does and a declaration can say**: keys and values go round rings or tokens are swapped for heads, in nodes and between them; hops are routed, and rows remapped on a\n")
            .Append("sequence axis, with hierarchical balance and never else. With heads our runtime swaps queries, keys and values again in the backward, and keys and values of earlier slices with every slice; *groups*\n")
            .Append("keeps what it swapped, as FlexSP does. Memory is that of rows that are there: ours count whole windows, gathered backward units, sums of gradients of keys and values, and rows in attention's layout;\n")
            .Append("all count buffers of one layer's exchanges, with gradients. Units are no larger than a plan has memory for when they are full.\n\n")
            .Append("*as compiled* is what a declaration gives: constants chosen once for all cells of a model, a cluster and a context (and a number of sequences where there is a pipeline), by the sum of the slow-downs on\n")
            .Append("sample batches of each length set that no cell has (the best settings of one of each, tried on all); then `PlanStep` plans every batch alone. Its time is of constants as values, the median of 15 calls after 15 others.\n")
            .Append("*least* is what no strategy is faster than: all work divided evenly, attention at the rate of whole sequences, nothing sent, no pipeline to fill. The best of the others over it is all that is left to win.\n\n")
            .Append("Documents over the context are cut to it; the last one of a batch is cut to its tokens.\n\n")
            .Append("Lengths:\n\n");
        foreach (LengthSet set in sets)
            page.Append(CultureInfo.InvariantCulture, $"* *{set.Name}*: {set.Source}; {set.Lengths.Length:N0} lengths\n");
        page.Append(CultureInfo.InvariantCulture, $"\nDigest of all inputs: `{Digest(sets)}`.\n\n");
        Efforts(page, rows);
        FewInterfaces(page, [.. rows.Where(row => row.Group == CellGroup.FewInterfaces)]);
        Ladder(page, ladders);
        LongContexts(page, [.. rows.Where(row => row.Group == CellGroup.LongContext)]);
        LittleToWin(page, [.. rows.Where(row => row.Group == CellGroup.LittleToWin)]);
        return page.ToString();
    }

    private static void Efforts(StringBuilder page, IReadOnlyList<BatchRow> rows)
    {
        page.Append("Plans simulated for a batch, mean of the cells, and seconds of the whole search:\n\n| strategy | plans | seconds |\n|---|---|---|\n");
        foreach (string strategy in StrategyNames.All)
            page.Append(CultureInfo.InvariantCulture, $"| {strategy} | {rows.Average(row => row[strategy].Candidates):N0} | {rows.Average(row => row[strategy].PlanSeconds):F2} |\n");
        page.Append('\n');
    }

    private static void Ladder(StringBuilder page, IReadOnlyList<AblationLadder> ladders)
    {
        page.Append("## What each part brings: 7B on 16 and 32 A800 (simulated)\n\n")
            .Append("Times faster than *te-cp* (one ring over all ranks), constants at their defaults, nothing searched, whole sequences in the fewest units that fit. The paper's are measured, of ArXiv, which is not here.\n\n| cell |");
        foreach ((string name, string _) in AblationLadder.Steps)
            page.Append(CultureInfo.InvariantCulture, $" {name} |");
        page.Append("\n|---|").Append(string.Concat(Enumerable.Repeat("---|", AblationLadder.Steps.Length))).Append('\n');
        foreach (AblationLadder ladder in ladders)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {ladder.Cell} |");
            foreach (double? speedup in ladder.Speedups)
                page.Append(speedup is { } times ? FormattableString.Invariant($" {times:F2} |") : " - |");
            page.Append('\n');
        }

        page.Append("| geometric mean |");
        for (int step = 0; step < AblationLadder.Steps.Length; step++)
            page.Append(CultureInfo.InvariantCulture, $" {Geometric([.. ladders.Select(ladder => ladder.Speedups[step]).OfType<double>()]):F2} |");
        page.Append("\n| *the paper, up to* |").Append(string.Concat(AblationLadder.Steps.Select(step => $" {step.Paper} |"))).Append("\n\n");
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
        Left(page, rows);
        Cells(page, rows, StrategyNames.Joint);
    }

    // Why an aim may be out of reach.
    private static void Left(StringBuilder page, BatchRow[] rows)
    {
        double left = Geometric([.. rows.Select(row => row.LeftToWin)]);
        int reachable = rows.Count(row => row.LeftToWin >= 1.15);
        page.Append(CultureInfo.InvariantCulture, $"What is left to win: a strategy that divides all work evenly and sends nothing would be {left:F3} times as fast as the best of the others (geometric mean),\n")
            .Append(CultureInfo.InvariantCulture, $"and 1.15 times in {reachable} of these {rows.Length} cells. *joint* takes {Geometric([.. rows.Where(row => row[StrategyNames.Joint].Fits).Select(row => row[StrategyNames.Joint].Nanoseconds / (double)row.LeastNanoseconds)]):F3} times the least there could be, ")
            .Append(CultureInfo.InvariantCulture, $"the best of the others {left:F3} times.\n\n");
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
        Left(page, rows);
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
        page.Append("| over | arithmetic mean | geometric mean | median | least | most | cells | *as compiled*: arithmetic | geometric | median | least | most | cells |\n")
            .Append("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (string other in StrategyNames.All)
        {
            Line(
                other,
                other == ours ? [] : Ratios(rows, ours, other),
                [.. rows.Select(row => row.CompiledOver(other)).OfType<double>()]);
        }

        Line("**the best of the others in each cell**", OverBest(rows), [.. rows.Select(row => row.CompiledOverBest).OfType<double>()]);
        page.Append('\n');

        void Line(string name, double[] ratios, double[] compiled)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {name} |");
            Figures(ratios);
            Figures(compiled);
            page.Append('\n');
        }

        void Figures(double[] ratios)
        {
            if (ratios.Length == 0)
            {
                page.Append(" | | | | | |");
                return;
            }

            page.Append(CultureInfo.InvariantCulture, $" {ratios.Average():F3} | {Geometric(ratios):F3} | {Median(ratios):F3} | {ratios.Min():F3} | {ratios.Max():F3} |")
                .Append(CultureInfo.InvariantCulture, $" {ratios.Length} of {rows.Length} |");
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
        page.Append("Every cell: simulated milliseconds of a step (`-` does not fit), the speed-up over the best of the others, the times of our whole search and of `PlanStep` for a batch as\n")
            .Append("shares of the simulated step, and what was chosen.\n\n| cell | sequences | least | as compiled |");
        foreach (string strategy in StrategyNames.All)
            page.Append(CultureInfo.InvariantCulture, $" {strategy} |");
        page.Append(" joint over best | compiled over best | best other | search / step | PlanStep / step | joint chose | compiled |\n|---|---|---|---|")
            .Append(string.Concat(Enumerable.Repeat("---|", StrategyNames.All.Count + 7))).Append('\n');
        foreach (BatchRow row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {row.Cell} | {row.Sequences:N0} | {row.LeastNanoseconds / 1e6:F1} |")
                .Append(row.Compiled.Fits ? FormattableString.Invariant($" {row.Compiled.Simulated / 1e6:F1} |") : " - |");
            foreach (string strategy in StrategyNames.All)
                page.Append(row[strategy].Fits ? FormattableString.Invariant($" {row[strategy].Nanoseconds / 1e6:F1} |") : " - |");
            StrategyFigure joint = row[ours];
            page.Append(CultureInfo.InvariantCulture, $" {row.OverBest(ours):F3} | {row.CompiledOverBest:F3} | {row.Best.Strategy} | {joint.PlanSeconds * 1e9 / Math.Max(1, joint.Nanoseconds):P0} |")
                .Append(CultureInfo.InvariantCulture, $" {row.Compiled.PlanSeconds * 1e9 / Math.Max(1, row.Compiled.Simulated):P3} | {joint.Choice} | {row.Compiled.Choice} |\n");
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
