using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>The page of <see cref="MeasuredBenchmark"/> as Markdown.</summary>
internal static class MeasuredPage
{
    public static string Write(MeasuredFigures figures, ParallelPlan plan)
    {
        var page = new StringBuilder();
        page.Append("# Simulated against measured pipelines\n\n")
            .Append("Made by `dotnet run -c Release --project tests/ParallelDsl.Benchmarks -- measured`; do not edit.\n\n")
            .Append(CultureInfo.InvariantCulture, $"Two ranks, each one thread of one process, train a model of {plan.Layers.Count} layers (embedding, {plan.Layers.Count - 2} blocks of width {plan.Model.Layers[0].Width}, head over {plan.Model.Layers[0].Vocabulary:N0} tokens)\n")
            .Append(CultureInfo.InvariantCulture, $"in {plan.Batching.UnitsPerDataRank} micro-batches of {plan.Batching.UnitTokens} tokens, with the host kernels. Every round first runs a *calibration*, a 1F1B in which every layer is a stage\n")
            .Append("of its own and B and W are apart: the medians of its F, B and W are the costs of the layers, and a hop is the median time\n")
            .Append("from the end of the action that makes a value to its arrival at a rank that waits for it. From these alone the simulator says what each pipeline of the\n")
            .Append("table will take; only then they run. The stages, orders and durations of the pipelines that are predicted are not used.\n\n")
            .Append("Measured is from the start of the first computation to the end of the last over both ranks, without gradient reduction and optimizer. Calibration and\n")
            .Append("measurement keep the *quiet* steps only: those in which neither rank's thread was ready without a processor for more than 1 % of the makespan, as Linux\n")
            .Append("counts it. Other processes stretch a pipeline that waits more than one that computes, and no simulation of the pipeline knows them. Durations have no\n")
            .Append(CultureInfo.InvariantCulture, $"say in what is kept. Both figures are medians, over {figures.Rounds} rounds and over the quiet steps.\n\n");
        Pipelines(page, figures);
        Layers(page, figures);
        page.Append(CultureInfo.InvariantCulture, $"Machine: {figures.Machine}; mean load in the rounds {figures.LeastLoad:F1} to {figures.MostLoad:F1}, the benchmark's own two threads included.\n");
        return page.ToString();
    }

    private static void Pipelines(StringBuilder page, MeasuredFigures figures)
    {
        page.Append("| schedule | layers of each stage, and its rank | simulated, ms | measured, ms | error | largest error of a round | quiet steps, of |\n")
            .Append("|---|---|---|---|---|---|---|\n");
        foreach (MeasuredRow row in figures.Rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {row.Schedule} | {row.Layout} | {row.PredictedNanoseconds / 1e6:F1} | {row.MeasuredNanoseconds / 1e6:F1} ")
                .Append(CultureInfo.InvariantCulture, $"| {row.Error * 100:+0.0;-0.0} % | {row.LargestErrorOfARound * 100:F1} % | {row.StepsQuiet}, {row.StepsRun} |\n");
        }

        page.Append(CultureInfo.InvariantCulture, $"\nMean error: **{figures.MeanError * 100:F1} %**.\n\n");
    }

    private static void Layers(StringBuilder page, MeasuredFigures figures)
    {
        page.Append("| layer, measured | F, ms | B, ms | W, ms |\n|---|---|---|---|\n");
        foreach (MeasuredFigures.Layer layer in figures.Layers)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {layer.Name} | {layer.Forward / 1e6:F2} | {layer.BackwardInput / 1e6:F2} | {layer.BackwardWeight / 1e6:F2} |\n");
        }

        page.Append(CultureInfo.InvariantCulture, $"\nHop, measured: {figures.HopNanoseconds / 1e6:F3} ms.\n\n");
    }
}
