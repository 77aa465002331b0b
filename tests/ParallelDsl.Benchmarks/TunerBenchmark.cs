using System.Diagnostics;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Benchmarks;

/// <summary>The search for an adaptive pipeline as the generator does it: 16 positions, 128 layers, 64 micro-batches. The first call of a
/// process, with JIT compilation, is what a build waits for; the others are what an edit waits for.</summary>
internal static class TunerBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        // A tighter context makes the search try again, and again.
        int context = int.Parse(Environment.GetEnvironmentVariable("PARALLELDSL_CONTEXT") ?? "4096", System.Globalization.CultureInfo.InvariantCulture);
        PlanRequest request = new(
            new ModelSpec("Large", context, new(
            [
                new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: 128_256, Width: 4_096),
                new LayerSpec("Blocks", LayerKind.TransformerBlock, 126, Heads: 32, KeyValueHeads: 8, FeedForward: 14_336),
                new LayerSpec("Head", LayerKind.LanguageModelHead),
            ])),
            new ClusterSpec("Pod", new([new NodeGroup(4, 8, DeviceCatalogue.Of(DeviceKind.H200Sxm), Fabric.Switch, 8, 400)])),
            new AxesSpec(2, 1, 16, PipelineSchedule.Adaptive, 64));
        (double cold, ParallelPlan plan) = Plan(request);
        double[] warm = [.. Enumerable.Range(0, options.Rounds).Select(_ => Plan(request).Milliseconds)];
        Array.Sort(warm);
        string text = FormattableString.Invariant(
            $"first in the process {cold:F0} ms; then median {warm[warm.Length / 2]:F0} ms (least {warm[0]:F0}) of {options.Rounds} rounds");
        Console.WriteLine(text);
        Console.WriteLine(FormattableString.Invariant($"{plan.Stages.Count} stages, simulated step {plan.Estimates.Makespan / 1e6:F1} ms"));
        foreach (PipelineSchedule schedule in Enum.GetValues<PipelineSchedule>())
        {
            PlanResult other = Planner.Plan(request with { Axes = request.Axes with { Schedule = schedule } });
            string step = other is Planned planned
                ? FormattableString.Invariant($"{planned.Plan.Estimates.Makespan / 1e6:F1} ms, busy {PlanText.BusyPercent(planned.Plan.Estimates)}")
                : other is Infeasible infeasible ? infeasible.Problems[0].Message : other.ToString();
            Console.WriteLine($"{schedule,22}: {step}");
        }

        options.WriteJson(new { cold, warmMedian = warm[warm.Length / 2], warmLeast = warm[0] });
        return 0;
    }

    private static (double Milliseconds, ParallelPlan Plan) Plan(PlanRequest request)
    {
        long started = Stopwatch.GetTimestamp();
        PlanResult result = Planner.Plan(request);
        double milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return result is Planned planned ? (milliseconds, planned.Plan) : throw new InvalidOperationException(result.ToString());
    }
}
