using System.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Benchmarks;

/// <summary>The pipeline simulator on one thread, from programs to the whole timeline: F, B and W (or X) a second, without transfers in the
/// programs and with them, on shared links and on exclusive ones. Sends and receives are timed too, but not counted.</summary>
internal static class SimulatorBenchmark
{
    /// <summary>A round runs pipelines until it has timed so many computations, so that a clock tick is nothing.</summary>
    private const int ActionsPerRound = 1_000_000;

    // The JIT compiler takes its last pass in the background, some time after it has seen the loops.
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(0.5);

    public static int Run(BenchmarkOptions options)
    {
        Console.WriteLine($"one thread; millions of computations a second; medians of {options.Rounds} rounds of about {ActionsPerRound:N0}");
        Console.WriteLine($"{"",-43}{"orders alone",22}{"with transfers",22}");
        Console.WriteLine($"{"schedule",-12}{"devices",8}{"stages",7}{"units",6}{"actions",10}{"shared",11}{"exclusive",11}{"shared",11}{"exclusive",11}");
        List<Figure> figures = [];
        foreach (Pipeline pipeline in Pipelines())
        {
            Figure figure = Measure(pipeline, options.Rounds);
            figures.Add(figure);
            Console.WriteLine(FormattableString.Invariant(
                $"{figure.Schedule,-12}{figure.Devices,8}{figure.Stages,7}{figure.MicroBatches,6}{figure.Actions,10:N0}")
                + string.Concat(new[] { figure.OrdersShared, figure.OrdersExclusive, figure.TransfersShared, figure.TransfersExclusive }
                    .Select(rate => FormattableString.Invariant($"{rate / 1e6,11:F1}"))));
        }

        options.WriteJson(new { simulator = figures });
        return 0;
    }

    private static IEnumerable<Pipeline> Pipelines()
    {
        foreach (int devices in (int[])[4, 16, 64])
        {
            int microBatches = 4 * devices;
            yield return new("GPipe", PipelineSchedule.GPipe, devices, 1, microBatches);
            yield return new("1F1B", PipelineSchedule.OneForwardOneBackward, devices, 1, microBatches);
            yield return new("interleaved", PipelineSchedule.Interleaved, devices, 4, microBatches);
            yield return new("ZB-V", PipelineSchedule.ZeroBubbleV, devices, 2, microBatches);
        }
    }

    private static Figure Measure(Pipeline pipeline, int rounds)
    {
        (string name, PipelineSchedule schedule, int devices, int chunks, int microBatches) = pipeline;
        int stages = devices * chunks;
        EquatableArray<int> placement = PipelineOrders.PlacementOf(schedule, devices, chunks);
        StageCosts costs = new(Ticks(stages, 1_000), Ticks(stages, 1_100), Ticks(stages, 900), Ticks(stages, 150));
        EquatableArray<EquatableArray<PipelineAction>> orders =
            PipelineOrders.Of(schedule, devices, microBatches, chunks, splitBackward: true, costs);
        EquatableArray<PipelineProgram> alone = orders.Select(order => new PipelineProgram(order)).ToEquatableArray();
        EquatableArray<PipelineProgram> transfers = PipelinePrograms.WithTransfers(orders, placement, microBatches);
        int actions = orders.Sum(order => order.Count);

        double Rate(EquatableArray<PipelineProgram> programs, bool exclusiveLinks)
        {
            int runs = Math.Max(1, ActionsPerRound / actions);
            void Simulate()
            {
                for (int run = 0; run < runs; run++)
                    PipelineSimulator.Run(programs, placement, costs, exclusiveLinks);
            }

            long started = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(started) < WarmUpTime)
                Simulate();
            double[] seconds = [.. Enumerable.Range(0, rounds).Select(_ => Sample.Time(Simulate))];
            return (double)runs * actions / Sample.Of(seconds).Median;
        }

        return new(
            name, devices, stages, microBatches, actions,
            Rate(alone, false), Rate(alone, true), Rate(transfers, false), Rate(transfers, true));
    }

    // A little uneven, so that devices wait for one another.
    private static EquatableArray<long> Ticks(int stages, long ticks) =>
        Enumerable.Range(0, stages).Select(stage => ticks + (stage * 37 % 101)).ToEquatableArray();

    private sealed record Pipeline(string Name, PipelineSchedule Schedule, int Devices, int Chunks, int MicroBatches);

    /// <summary>Computations a second of one pipeline.</summary>
    private sealed record Figure(
        string Schedule, int Devices, int Stages, int MicroBatches, int Actions,
        double OrdersShared, double OrdersExclusive, double TransfersShared, double TransfersExclusive);
}
