using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Benchmarks;

/// <summary>
/// Attention of a 768-wide model (12 heads of 64, 4 key-value heads) against our own matrix product, in causal FLOPs: 4 * pairs * width
/// forward and 10 * pairs * width backward.
/// </summary>
internal static class AttentionBenchmark
{
    private const int Tokens = 2048;
    private const int Width = 768;
    private const int KeyWidth = 256;

    public static int Run(BenchmarkOptions options)
    {
        Console.WriteLine($"2,048 tokens, 12 heads of 64, 4 key-value heads; ratios to our own product [2048 x 768] [768 x 768]^T on as many threads; {options.Rounds} interleaved rounds");
        Console.WriteLine($"{"sequences",-24}{"threads",8}{"product",9}{"forward",9}{"ratio",7}{"both",9}{"ratio",7}  GFLOP/s");
        var figures = new List<AttentionFigure>();
        foreach (int threads in new[] { 1, 2 })
        {
            using var team = new ThreadTeam(threads);
            foreach ((string name, AttentionBlock[] blocks) in Cases())
            {
                AttentionFigure figure = Measure(name, blocks, team, options.Rounds);
                figures.Add(figure);
                Console.WriteLine(FormattableString.Invariant(
                    $"{name,-24}{threads,8}{figure.ProductGflops,9:F1}{figure.ForwardGflops,9:F1}{figure.ForwardRatio,7:F2}{figure.BothGflops,9:F1}{figure.BothRatio,7:F2}"));
            }
        }
        options.WriteJson(new { attention = figures });
        return 0;
    }

    private static IEnumerable<(string Name, AttentionBlock[] Blocks)> Cases()
    {
        yield return ("one of 2048", Pack(_ => Tokens));
        yield return ("four of 512", Pack(_ => 512));
        var random = new Random(1);
        yield return ("documents of 20 to 200", Pack(_ => random.Next(20, 201)));
    }

    private static AttentionBlock[] Pack(Func<int, int> length)
    {
        var blocks = new List<AttentionBlock>();
        for (int start = 0; start < Tokens; start += blocks[^1].QueryLength)
        {
            int next = Math.Min(length(blocks.Count), Tokens - start);
            blocks.Add(new AttentionBlock(start, next, 0, start, next, 0));
        }
        return [.. blocks];
    }

    private static AttentionFigure Measure(string name, AttentionBlock[] blocks, ThreadTeam team, int rounds)
    {
        var random = new Random(2);
        using NativeBuffer memory = new(((8L * Width) + (4 * KeyWidth) + 24) * Tokens + ((long)Width * Width));
        long used = 0;
        Matrix x = Next(Tokens, Width), weights = Next(Width, Width), y = Next(Tokens, Width);
        Matrix q = Next(Tokens, Width), k = Next(Tokens, KeyWidth), v = Next(Tokens, KeyWidth), o = Next(Tokens, Width), dO = Next(Tokens, Width);
        Matrix logSumExp = Next(12, Tokens), delta = Next(12, Tokens);
        Matrix dQ = Next(Tokens, Width), dK = Next(Tokens, KeyWidth), dV = Next(Tokens, KeyWidth);

        void Forward()
        {
            Attention<Shape>.Reset(o, logSumExp);
            Attention<Shape>.Forward(team, q, k, v, blocks, o, logSumExp);
        }

        void ForwardAndBackward()
        {
            Forward();
            Attention<Shape>.OutputDots(team, dO, o, delta);
            dQ.Clear();
            dK.Clear();
            dV.Clear();
            Attention<Shape>.Backward(team, q, k, v, dO, logSumExp, delta, blocks, dQ, dK, dV);
        }

        void Product() => MatrixProduct.MultiplyTransposedB(team, x, weights, y);

        double flops = 4.0 * Width * blocks.Sum(block => block.Area);
        PairedTiming forward = PairedTiming.Measure(rounds, Forward, Product);
        PairedTiming both = PairedTiming.Measure(rounds, ForwardAndBackward, Product);
        double product = 2.0 * Tokens * Width * Width / Math.Min(forward.Second.Minimum, both.Second.Minimum) / 1e9;
        double forwardRate = flops / forward.First.Minimum / 1e9;
        double bothRate = 3.5 * flops / both.First.Minimum / 1e9;
        return new AttentionFigure(name, team.Threads, product, forwardRate, forwardRate / product, bothRate, bothRate / product);

        unsafe Matrix Next(int rows, int columns)
        {
            var matrix = new Matrix(memory.Pointer + used, rows, columns);
            used += matrix.Count;
            foreach (ref float value in matrix.Span)
                value = random.NextSingle() - 0.5f;
            return matrix;
        }
    }

    private readonly struct Shape : IAttentionShape
    {
        public static int Heads => 12;

        public static int KeyValueHeads => 4;

        public static int HeadWidth => 64;
    }

    private sealed record AttentionFigure(
        string Sequences, int Threads, double ProductGflops, double ForwardGflops, double ForwardRatio, double BothGflops, double BothRatio);
}
