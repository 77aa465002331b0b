using System.Diagnostics;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Benchmarks;

/// <summary>Planning of an adaptive pipeline as the generator does it: 16 positions, 128 layers, 64 micro-batches, in memory that not every
/// known schedule fits. The first call of a process, with JIT compilation, is what a build waits for; the others are what an edit waits for.
/// Processor time too, of all threads, because other work on the machine makes a short wall time long.</summary>
internal static class TunerBenchmark
{
    public static int Run(BenchmarkOptions options)
    {
        PlanRequest request = new(
            new ModelSpec("Large", 4_096, new(
            [
                new LayerSpec("Tokens", LayerKind.Embedding, Vocabulary: 128_256, Width: 4_096),
                new LayerSpec("Blocks", LayerKind.TransformerBlock, 126, Heads: 32, KeyValueHeads: 8, FeedForward: 14_336),
                new LayerSpec("Head", LayerKind.LanguageModelHead),
            ])),
            new ClusterSpec("Pod", new([new NodeGroup(4, 8, DeviceCatalogue.Of(DeviceKind.H200Sxm), Fabric.Switch, 8, 400)])),
            new AxesSpec(2, 1, 16, PipelineSchedule.Adaptive, 64));
        (Milliseconds cold, ParallelPlan plan) = Plan(request);
        Milliseconds[] rounds = [.. Enumerable.Range(0, options.Rounds).Select(_ => Plan(request).Time).OrderBy(time => time.Wall)];
        Milliseconds warm = rounds[rounds.Length / 2];
        Console.WriteLine(FormattableString.Invariant($"first in the process {cold.Wall:F0} ms, {cold.Processor:F0} ms of processors"));
        Console.WriteLine(FormattableString.Invariant($"then, median of {options.Rounds}: {warm.Wall:F0} ms, {warm.Processor:F0} ms of processors"));
        foreach (PipelineSchedule schedule in Enum.GetValues<PipelineSchedule>())
        {
            PlanResult result = Planner.Plan(request with { Axes = request.Axes with { Schedule = schedule } });
            string step = result is Planned planned
                ? FormattableString.Invariant($"{planned.Plan.Estimates.Makespan / 1e6:F1} ms simulated, {planned.Plan.Stages.Count} stages")
                : "does not fit in memory";
            Console.WriteLine($"{schedule,22}: {step}");
        }

        options.WriteJson(new { cold, warm, makespan = plan.Estimates.Makespan });
        return 0;
    }

    private static (Milliseconds Time, ParallelPlan Plan) Plan(PlanRequest request)
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long started = Stopwatch.GetTimestamp();
        PlanResult result = Planner.Plan(request);
        Milliseconds time = new(
            Stopwatch.GetElapsedTime(started).TotalMilliseconds, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds);
        return result is Planned planned ? (time, planned.Plan) : throw new InvalidOperationException(result.ToString());
    }

    private sealed record Milliseconds(double Wall, double Processor);
}
