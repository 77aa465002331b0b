using System.Diagnostics;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Benchmarks;

/// <summary>Step-time planning: how long it takes to group a batch, and what it allocates once its result has grown.</summary>
internal static class PlanStepBenchmark
{
    private const int Repetitions = 200;

    public static int Run(BenchmarkOptions options)
    {
        Console.WriteLine($"TokenPacker into 8 data ranks x 16 units, long-tailed lengths; medians of {options.Rounds} rounds of {Repetitions} calls");
        Console.WriteLine($"{"sequences",10}{"us/call",10}{"allocated bytes/call",22}");
        List<Figure> figures = [];
        foreach (int count in (int[])[16, 128, 1024, 8192])
        {
            int[] lengths = LongTailed(count);
            int unitTokens = (int)(lengths.Sum(length => (long)length) / 64) + 65_536;
            StepPlan step = new();
            void Plan()
            {
                for (int i = 0; i < Repetitions; i++)
                    TokenPacker.Pack(lengths, 8, 2, 16, unitTokens, 4, 65_536, step);
            }

            Plan();
            double[] seconds = new double[options.Rounds];
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int round = 0; round < options.Rounds; round++)
            {
                long started = Stopwatch.GetTimestamp();
                Plan();
                seconds[round] = Stopwatch.GetElapsedTime(started).TotalSeconds;
            }

            long allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / (options.Rounds * Repetitions);
            Figure figure = new(count, Sample.Of(seconds).Median / Repetitions * 1e6, allocated);
            figures.Add(figure);
            Console.WriteLine(FormattableString.Invariant($"{figure.Sequences,10}{figure.Microseconds,10:F1}{figure.AllocatedBytes,22}"));
        }

        options.WriteJson(figures);
        return 0;
    }

    /// <summary>Mostly hundreds of tokens, now and then tens of thousands.</summary>
    private static int[] LongTailed(int count)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, count).Select(_ => (int)Math.Clamp(200 * Math.Pow(random.NextDouble() + 1e-3, -0.8), 16, 65_536))];
    }

    private sealed record Figure(int Sequences, double Microseconds, long AllocatedBytes);
}
