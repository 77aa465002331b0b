using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Benchmarks;

/// <summary>Single-thread matrix products on the shapes of a 768-wide model, against OpenBLAS.</summary>
internal static class MatrixBenchmark
{
    /// <summary>Two implementations add in different orders; both stay this close, relative to the largest element.</summary>
    private const double Tolerance = 1e-4;

    public static int Run(BenchmarkOptions options)
    {
        if (OpenBlas.TryLoad() is not { } openBlas)
        {
            Console.Error.WriteLine("libopenblas.so.0 is not installed, and this benchmark compares with it: apt-get install libopenblas0-pthread");
            return 1;
        }
        Console.WriteLine($"{openBlas.Configuration}; one thread each; ratio > 1: ours is faster; {options.Rounds} interleaved rounds");
        Console.WriteLine($"{"product",-26}{"m",6}{"n",7}{"k",7}{"ours",9}{"OpenBLAS",10}{"ratio",8}{"median",8}  GFLOP/s, largest difference");
        using var team = new ThreadTeam(1);
        var figures = new List<MatrixFigure>();
        foreach (ProductCase product in Cases())
        {
            MatrixFigure figure = Measure(product, team, openBlas, options.Rounds);
            figures.Add(figure);
            Console.WriteLine(FormattableString.Invariant(
                $"{product.Name,-26}{product.M,6}{product.N,7}{product.K,7}{figure.OursGflops,9:F1}{figure.OpenBlasGflops,10:F1}{figure.Ratio,8:F3}{figure.MedianRatio,8:F3}  {figure.Difference:E1}"));
        }
        double worst = figures.Min(figure => figure.Ratio);
        double mean = Math.Exp(figures.Average(figure => Math.Log(figure.Ratio)));
        Console.WriteLine(FormattableString.Invariant($"smallest ratio {worst:F3}, geometric mean {mean:F3}"));
        options.WriteJson(new { openBlas.Configuration, smallestRatio = worst, geometricMeanRatio = mean, products = figures });
        if (figures.Exists(figure => !(figure.Difference <= Tolerance)))
        {
            Console.Error.WriteLine($"A result differs from OpenBLAS by more than {Tolerance}.");
            return 1;
        }
        return 0;
    }

    // Forward is Y = X W^T, the input gradient dX = dY W, the weight gradient dW = dY^T X.
    private static IEnumerable<ProductCase> Cases()
    {
        (string Name, int Out, int In)[] layers =
            [("attention out", 768, 768), ("fused qkv", 1280, 768), ("feed-forward up", 2048, 768), ("fused gate and up", 4096, 768), ("feed-forward down", 768, 2048)];
        foreach (int tokens in new[] { 2048, 512 })
        {
            foreach ((string name, int output, int input) in layers)
                foreach (ProductCase product in OfLayer(name, tokens, output, input))
                    yield return product;
        }
        foreach (ProductCase product in OfLayer("head", 256, 50_257, 768))
            yield return product;
    }

    private static ProductCase[] OfLayer(string name, int tokens, int output, int input) =>
    [
        new($"{name} forward NT", Orientation.NT, tokens, output, input),
        new($"{name} dX NN", Orientation.NN, tokens, input, output),
        new($"{name} dW TN", Orientation.TN, output, input, tokens),
    ];

    private static unsafe MatrixFigure Measure(ProductCase product, ThreadTeam team, OpenBlas openBlas, int rounds)
    {
        (Orientation orientation, int m, int n, int k) = (product.Orientation, product.M, product.N, product.K);
        bool transposeA = orientation == Orientation.TN;
        bool transposeB = orientation == Orientation.NT;
        using var aBuffer = new NativeBuffer((long)m * k);
        using var bBuffer = new NativeBuffer((long)k * n);
        using var ourBuffer = new NativeBuffer((long)m * n);
        using var theirBuffer = new NativeBuffer((long)m * n);
        var random = new Random(1);
        foreach (ref float value in aBuffer.Span)
            value = random.NextSingle() - 0.5f;
        foreach (ref float value in bBuffer.Span)
            value = random.NextSingle() - 0.5f;
        Matrix a = transposeA ? new Matrix(aBuffer, k, m) : new Matrix(aBuffer, m, k);
        Matrix b = transposeB ? new Matrix(bBuffer, n, k) : new Matrix(bBuffer, k, n);
        var ours = new Matrix(ourBuffer, m, n);
        var theirs = new Matrix(theirBuffer, m, n);

        PairedTiming timing = PairedTiming.Measure(
            rounds,
            () =>
            {
                if (transposeA)
                    MatrixProduct.MultiplyTransposedA(team, a, b, ours);
                else if (transposeB)
                    MatrixProduct.MultiplyTransposedB(team, a, b, ours);
                else
                    MatrixProduct.Multiply(team, a, b, ours);
            },
            () => openBlas.Multiply(a, transposeA, b, transposeB, theirs));

        double flops = 2.0 * m * n * k;
        return new MatrixFigure(
            product.Name, m, n, k, flops / timing.First.Minimum / 1e9, flops / timing.Second.Minimum / 1e9, timing.Ratio, timing.MedianRatio,
            LargestDifference(ours.Span, theirs.Span));
    }

    private static double LargestDifference(ReadOnlySpan<float> ours, ReadOnlySpan<float> theirs)
    {
        double difference = 0;
        double scale = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs((double)ours[i] - theirs[i]));
            scale = Math.Max(scale, Math.Abs(theirs[i]));
        }
        return difference / scale;
    }

    private enum Orientation
    {
        NN,
        NT,
        TN,
    }

    private sealed record ProductCase(string Name, Orientation Orientation, int M, int N, int K);

    private sealed record MatrixFigure(
        string Name, int M, int N, int K, double OursGflops, double OpenBlasGflops, double Ratio, double MedianRatio, double Difference);
}
