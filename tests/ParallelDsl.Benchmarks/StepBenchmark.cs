using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;

namespace ParallelDsl.Benchmarks;

/// <summary>A whole training step on one rank of two threads, as a part of the rate of our own matrix product on two threads, measured
/// in turn in the same run.</summary>
internal static class StepBenchmark
{
    private const int Threads = 2;

    public static int Run(BenchmarkOptions options)
    {
        Console.WriteLine($"{Threads} threads; model FLOPs: 6 a parameter that multiplies and token, and attention; medians of {options.Rounds} interleaved rounds");
        Console.WriteLine($"{"model",-10}{"parameters",12}{"tokens",8}{"ms/step",9}{"tokens/s",10}{"GFLOP/s",9}{"product",9}{"ratio",8}{"allocated bytes/step",22}");
        StepFigure[] figures = [Measure<Gpt256>(options.Rounds), Measure<Gpt768>(options.Rounds)];
        options.WriteJson(figures);
        return 0;
    }

    private static unsafe StepFigure Measure<TModel>(int rounds)
        where TModel : IParallelModel<TModel>
    {
        ParallelPlan plan = TModel.Plan;
        int width = plan.Model.Layers[0].Width;
        using ThreadTeam team = new(Threads);
        using NativeBuffer left = new(2048L * width), right = new(4L * width * width), product = new(2048L * 4 * width);
        Matrix x = new(left.Pointer, 2048, width, width), w = new(right.Pointer, 4 * width, width, width), y = new(product.Pointer, 2048, 4 * width, 4 * width);
        void Multiply() => MatrixProduct.MultiplyTransposedB(team, x, w, y);

        int length = plan.Model.ContextLength, sequences = plan.Batching.UnitTokens / length;
        Random random = new(1);
        List<int[]> documents = [.. Enumerable.Range(0, sequences).Select(_ => Enumerable.Range(0, length + 1).Select(_ => random.Next(plan.Model.Layers[0].Vocabulary)).ToArray())];
        using Trainer<TModel> trainer = new(documents, new TrainerOptions { ThreadsPerRank = Threads, Steps = rounds + 3 });
        List<double> steps = [], products = [];
        long allocated = 0, before = 0;

        // The product is timed between steps, on the rank's own thread, so that both see the same machine.
        trainer.Train(progress: report =>
        {
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Multiply();
            double seconds = Enumerable.Range(0, 5).Min(_ => Sample.Time(Multiply));
            if (report.Step > 3)
            {
                steps.Add(report.Seconds);
                products.Add(seconds);
            }

            before = GC.GetAllocatedBytesForCurrentThread();
        });

        long multiplying = plan.Layers.Where(layer => layer.Kind != LayerKind.Embedding).Sum(layer => layer.LinearFlops / 2);
        long pairs = (long)sequences * length * (length + 1) / 2;
        double attention = 3.5 * plan.Layers.Sum(layer => layer.AttentionFlops) * pairs;
        long tokens = (long)sequences * length;
        double flops = (6.0 * multiplying * tokens) + attention;
        double step = Sample.Of([.. steps]).Median, best = Sample.Of([.. products]).Median;
        double rate = flops / step / 1e9, productRate = 2.0 * 2048 * width * 4 * width / best / 1e9;
        StepFigure figure = new(typeof(TModel).Name, trainer.ParameterCount, tokens, step, rate, productRate, rate / productRate, allocated);
        Console.WriteLine(FormattableString.Invariant(
            $"{figure.Model,-10}{figure.Parameters,12:N0}{tokens,8}{step * 1000,9:F1}{tokens / step,10:F0}{rate,9:F1}{productRate,9:F1}{figure.Ratio,8:F3}{allocated,22}"));
        return figure;
    }

    private sealed record StepFigure(
        string Model, long Parameters, long Tokens, double SecondsPerStep, double Gflops, double ProductGflops, double Ratio, long AllocatedBytes);
}
