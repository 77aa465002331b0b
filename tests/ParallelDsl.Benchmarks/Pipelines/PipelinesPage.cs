using System.Globalization;
using System.Text;

namespace ParallelDsl.Benchmarks.Pipelines;

/// <summary>The page of <see cref="PipelinesBenchmark"/> as Markdown.</summary>
internal static class PipelinesPage
{
    // Less than this is no gain.
    private const double Tie = 1.02;

    public static string Write(IReadOnlyList<PipelineRow> rows, string source, int budget)
    {
        var page = new StringBuilder();
        PipelineRow[] free = [.. rows.Where(row => row.HopPercent == 0)];
        page.Append("# Adaptive pipelines (simulated)\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- pipelines`; do not edit. Every time on this page is simulated, in ticks of\n")
            .Append(CultureInfo.InvariantCulture, $"0.01 ms, from {source}. `p` devices, `m` micro-batches. The search looks at {budget:N0} candidates a cell and\n")
            .Append("cap; its result is the same on every machine, its seconds are not.\n\n")
            .Append("**Baselines**, all with unsplit backwards, on the same costs: *interleaved v=2* with as many layers in each stage; *best even* is the fastest of 1F1B and\n")
            .Append("interleaved 1F1B over v = 1 to 8, as many layers in each stage; *best layout* is the same over v = 1 to 8 with every layout tuned by hill climbing under\n")
            .Append("simulation (what a Megatron-LM layout string can say). *Best known* is the fastest of GPipe, 1F1B, interleaved, ZB-H1, ZB-H2, ZB-V and DualPipeV, with even\n")
            .Append("layers or even load, that keeps the cap. **Memory is equal**: ours runs under an activation cap (layers x micro-batches on any device) of the peak of the\n")
            .Append("baseline it is compared with, and what was found under a smaller cap of the cell counts under a larger one. Embedding and head are pinned to the first and last stage and count 0 in activations, as in the published accounting;\n")
            .Append("*sliced* cuts both into p vocabulary slices that may lie anywhere, together too, which no baseline here does. The gap is makespan over a lower bound that ignores memory.\n\n");
        Summary(page, rows);
        foreach (int hop in rows.Select(row => row.HopPercent).Distinct())
            Cells(page, [.. rows.Where(row => row.HopPercent == hop)], hop);
        Ladder(page, free);
        Ties(page, rows);
        return page.ToString();
    }

    private static void Summary(StringBuilder page, IReadOnlyList<PipelineRow> rows)
    {
        page.Append("## Speed-up, geometric mean (least to most), simulated\n\n")
            .Append("| hop, % of a layer | interleaved v=2 | best even | best layout | best known, least over the three caps | best layout, ours sliced | the most that any schedule could reach over best layout, sliced |\n")
            .Append("|---|---|---|---|---|---|---|\n");
        foreach (IGrouping<int, PipelineRow> group in rows.GroupBy(row => row.HopPercent))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {group.Key} ")
                .Append(Spread(group, row => row.OverInterleavedTwo)).Append(Spread(group, row => row.OverBestEven))
                .Append(Spread(group, row => row.OverBestLayout)).Append(Spread(group, row => row.LeastOverKnown))
                .Append(Spread(group, row => row.SlicedOverBestLayout))
                .Append(Spread(group, row => row.BestLayout.Makespan / (double)row.SlicedLowerBound)).Append("|\n");
        }

        page.Append('\n');
        PipelineRow[] free = [.. rows.Where(row => row.HopPercent == 0)];
        double two = Mean([.. free.Select(row => row.OverInterleavedTwo)]), even = Mean([.. free.Select(row => row.OverBestEven)]);
        double layout = Mean([.. free.Select(row => row.OverBestLayout)]), sliced = Mean([.. free.Select(row => row.SlicedOverBestLayout)]);
        double most = Mean([.. free.Select(row => row.BestLayout.Makespan / (double)row.SlicedLowerBound)]);
        page.Append("We set out for 1.35 over interleaved v=2 and 1.28 over its best v and best layout, without hops:\n\n")
            .Append("| aim | reached | |\n|---|---|---|\n")
            .Append(Aim("1.35 over interleaved v=2", 1.35, two)).Append(Aim("1.28 over the best v, even layers", 1.28, even))
            .Append(Aim("1.28 over the best v, tuned layouts", 1.28, layout)).Append(Aim("the same, ours sliced", 1.28, sliced))
            .Append(CultureInfo.InvariantCulture, $"\nOver tuned layouts no schedule at all can reach more than {most:F3}, sliced or not: that is the lower bound, which ignores memory.\n\n");
    }

    private static string Aim(string name, double aim, double reached) =>
        FormattableString.Invariant($"| {name} | {reached:F3} | {(reached >= aim ? "reached" : "**missed**")} |\n");

    private static string Spread(IEnumerable<PipelineRow> rows, Func<PipelineRow, double?> ratio)
    {
        double[] ratios = [.. rows.Select(ratio).OfType<double>()];
        return ratios.Length == 0 ? "| - " : FormattableString.Invariant($"| **{Mean(ratios):F3}** ({ratios.Min():F3}-{ratios.Max():F3}) ");
    }

    private static double Mean(double[] ratios) => Math.Exp(ratios.Sum(Math.Log) / ratios.Length);

    private static void Cells(StringBuilder page, PipelineRow[] rows, int hop)
    {
        page.Append(CultureInfo.InvariantCulture, $"## Every cell, hop {hop} % of a layer (simulated)\n\n")
            .Append("Makespan @ peak of activations; then ours under that peak, and how many times faster.\n\n")
            .Append("| model | p, m | interleaved v=2 | ours | best even | ours | best layout | ours | gap | best known under the same cap | ours sliced | gap | search s |\n")
            .Append("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (PipelineRow row in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {row.Model} | {row.Devices}, {row.MicroBatches} ")
                .Append(CultureInfo.InvariantCulture, $"| {row.InterleavedTwo.Makespan:N0} @ {row.InterleavedTwo.Peak} | {Ours(row.UnderInterleavedTwo, row.OverInterleavedTwo)} ")
                .Append(CultureInfo.InvariantCulture, $"| {row.BestEven.Name}: {row.BestEven.Makespan:N0} @ {row.BestEven.Peak} | {Ours(row.UnderBestEven, row.OverBestEven)} ")
                .Append(CultureInfo.InvariantCulture, $"| {row.BestLayout.Name}: {row.BestLayout.Makespan:N0} @ {row.BestLayout.Peak} | {Ours(row.UnderBestLayout, row.OverBestLayout)} ")
                .Append(CultureInfo.InvariantCulture, $"| {row.UnderBestLayout.Makespan / (double)row.LowerBound:F3} ")
                .Append(CultureInfo.InvariantCulture, $"| {(row.BestKnown is { } known ? FormattableString.Invariant($"{known.Name}: {known.Makespan:N0}, {row.OverBestKnown:F3}x") : "none keeps it")} ")
                .Append(CultureInfo.InvariantCulture, $"| {Ours(row.Sliced, row.SlicedOverBestLayout)} | {row.Sliced.Makespan / (double)row.SlicedLowerBound:F3} | {row.SearchSeconds:F1} |\n");
        }

        page.Append('\n');
    }

    private static string Ours(PipelineRow.Run run, double ratio) => FormattableString.Invariant($"{run.Makespan:N0}, **{ratio:F3}x**");

    private static void Ladder(StringBuilder page, PipelineRow[] rows)
    {
        page.Append("## What each decision brings (simulated, hop 0, cap of interleaved v=2)\n\n")
            .Append("| step | geometric mean over 1F1B with as many layers in each stage |\n|---|---|\n");
        string[] steps = ["1F1B", "+ partition (1F1B)", "+ placement and number of stages (B and F take turns)", "+ order, B and W apart", "+ vocabulary slices"];
        for (int step = 0; step < steps.Length; step++)
        {
            double[] ratios = [.. rows.Select(row => row.Ladder![0] / (double)row.Ladder[step])];
            page.Append(CultureInfo.InvariantCulture, $"| {steps[step]} | {Mean(ratios):F3} ({ratios.Min():F3}-{ratios.Max():F3}) |\n");
        }

        page.Append('\n');
    }

    private static void Ties(StringBuilder page, IReadOnlyList<PipelineRow> rows)
    {
        page.Append("## Where we gain nothing (simulated)\n\n")
            .Append(CultureInfo.InvariantCulture, $"Cells where ours, with whole embedding and head, is less than {(Tie - 1) * 100:F0} % faster than the best layout or the best known schedule:\n\n");
        PipelineRow[] bound = [.. rows.Where(row => row.UnderBestLayout.Makespan < 1.01 * row.LowerBound)];
        PipelineRow[] ties = [.. rows.Where(row => row.OverBestLayout < Tie || row.OverBestKnown < Tie)];
        foreach (PipelineRow row in ties)
        {
            page.Append(CultureInfo.InvariantCulture, $"* {row.Model}, p = {row.Devices}, m = {row.MicroBatches}, hop {row.HopPercent} %: {row.OverBestLayout:F3}x over {row.BestLayout.Name}")
                .Append(row.BestKnown is null ? "" : FormattableString.Invariant($", {row.OverBestKnown:F3}x over {row.BestKnown.Name}"))
                .Append(CultureInfo.InvariantCulture, $"; {row.UnderBestLayout.Makespan / (double)row.LowerBound:F3} of the bound\n");
        }

        page.Append(ties.Length == 0 ? "None.\n" : "\n")
            .Append("Many micro-batches leave little bubble for anyone. ")
            .Append(CultureInfo.InvariantCulture, $"In {bound.Length} of {rows.Count} cells ours is within 1 % of a lower bound that whole layers allow")
            .Append(CultureInfo.InvariantCulture, $" ({bound.Count(row => row.Devices == 16)} of them with p = 16, where the head is the bound): there only slices help.\n");
    }
}
