using System.Globalization;
using System.Text;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Several pipelines of one model beside each other, as text of at most 100 columns.</summary>
internal static class ComparisonText
{
    /// <summary>Writes a row for each of <paramref name="runs"/>, at least one.</summary>
    public static string Write(IReadOnlyList<PipelineRun> runs)
    {
        long best = runs.Min(run => run.Pipeline.Makespan);
        var text = new StringBuilder();
        text.Append(RunText.TitleOf(runs[0])).Append(", simulated\n\n");
        PlanTextTable table = new PlanTextTable(RunText.Width, 2).Text("schedule").Number("stages").Text("backward").Number("makespan")
            .Number("span").Number("to the best").Number("bubbles").Number("peak");
        foreach (PipelineRun run in runs)
        {
            long makespan = run.Pipeline.Makespan;
            table.Row(
                run.Schedule,
                Readable.Exact(run.Pipeline.StageDevices.Count),
                run.Mixes ? "X, B W" : run.Splits ? "B W" : "X",
                Readable.Exact(makespan),
                Readable.Exact(run.Pipeline.Timeline.Span),
                best == 0 ? "-" : ((decimal)makespan / best).ToString("0.000", CultureInfo.InvariantCulture),
                Readable.Percent(run.Bubble, makespan * run.Problem.Devices),
                Readable.Exact(run.Pipeline.Peak));
        }

        table.WriteTo(text);
        text.Append("\n  makespan and span in ticks of 0.01 ms, peak in layers x micro-batches on the fullest device\n");
        return text.ToString();
    }
}
