using System.Diagnostics;
using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Benchmarks;

/// <summary>Step-time planning: how long it takes to plan a batch, what it allocates once its result has grown, and what the constants of the
/// emitted code bring: the same strategy with its constants as values is timed beside it, in turn.</summary>
internal static class PlanStepBenchmark
{
    // A round plans so many sequences in all, so that a clock tick is nothing.
    private const int SequencesPerRound = 200_000;

    private delegate void Planning(ReadOnlySpan<int> lengths, StepPlan step);

    public static int Run(BenchmarkOptions options)
    {
        Console.WriteLine($"long-tailed lengths; medians of {options.Rounds} rounds; 'values': the same strategy, its constants not compiled in");
        Console.WriteLine($"{"strategy",-34}{"sequences",10}{"us/call",10}{"values us",11}{"ratio",7}{"ns/(n log2 n)",15}{"bytes/call",12}");
        List<Figure> figures = [];
        int[] counts = [16, 128, 1_024, 4_096, 8_192, 65_536];
        Measure(figures, options, "tokens, 8 x 16 units, 2 ranks each", counts, count => (
            (lengths, step) => TokenPacker.Pack(lengths, 8, 2, 16, TokensOf(lengths), 4, 65_536, step), null));
        StepConstants spread = StepConstants.Of(Spread128.Plan), joint = StepConstants.Of(Joint128.Plan);
        Measure(figures, options, "hierarchical, 128 ranks", counts, _ => (
            (lengths, step) => Require(Spread128.TryPlanStep(lengths, step)), (lengths, step) => Require(StepPlanner.TryPlan(spread, lengths, step))));
        Measure(figures, options, "joint, 128 ranks, 8 units", counts, _ => (
            (lengths, step) => Require(Joint128.TryPlanStep(lengths, step)), (lengths, step) => Require(StepPlanner.TryPlan(joint, lengths, step))));
        options.WriteJson(figures);
        return 0;
    }

    private static void Measure(
        List<Figure> figures, BenchmarkOptions options, string strategy, int[] counts, Func<int, (Planning Specialised, Planning? Values)> plannings)
    {
        foreach (int count in counts)
        {
            int[] lengths = LongTailed(count);
            (Planning specialised, Planning? values) = plannings(count);
            StepPlan step = new(), other = new();
            int repetitions = Math.Max(3, SequencesPerRound / count);

            // Tiered compilation takes its last pass some time after it has seen the loops.
            long warm = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(warm).TotalSeconds < 1)
            {
                specialised(lengths, step);
                values?.Invoke(lengths, other);
            }

            double[] seconds = new double[options.Rounds], valueSeconds = new double[options.Rounds];
            long allocated = 0;
            for (int round = 0; round < options.Rounds; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                seconds[round] = Time(specialised, lengths, step, repetitions);
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                valueSeconds[round] = values is null ? 0 : Time(values, lengths, other, repetitions);
            }

            double time = Sample.Of(seconds).Median / repetitions, valueTime = Sample.Of(valueSeconds).Median / repetitions;
            Figure figure = new(strategy, count, time * 1e6, valueTime * 1e6, allocated / (options.Rounds * (long)repetitions));
            figures.Add(figure);
            Console.WriteLine(FormattableString.Invariant(
                $"{figure.Strategy,-34}{figure.Sequences,10}{figure.Microseconds,10:F1}{(values is null ? "" : FormattableString.Invariant($"{figure.ValuesMicroseconds:F1}")),11}")
                + FormattableString.Invariant(
                    $"{(values is null ? "" : FormattableString.Invariant($"{valueTime / time:F2}")),7}{time * 1e9 / (count * Math.Log2(count)),15:F1}{figure.AllocatedBytes,12}"));
        }
    }

    private static double Time(Planning planning, int[] lengths, StepPlan step, int repetitions)
    {
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < repetitions; i++)
            planning(lengths, step);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static void Require(bool fits)
    {
        if (!fits)
            throw new InvalidOperationException("the batch of the benchmark does not fit");
    }

    private static int TokensOf(ReadOnlySpan<int> lengths)
    {
        long tokens = 0;
        foreach (int length in lengths)
            tokens += length;
        return (int)(tokens / 64) + 65_536;
    }

    /// <summary>Mostly hundreds of tokens, now and then tens of thousands.</summary>
    private static int[] LongTailed(int count)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, count).Select(_ => (int)Math.Clamp(200 * Math.Pow(random.NextDouble() + 1e-3, -0.8), 16, 65_536))];
    }

    private sealed record Figure(string Strategy, int Sequences, double Microseconds, double ValuesMicroseconds, long AllocatedBytes);
}
