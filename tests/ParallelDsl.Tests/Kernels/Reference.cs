using ParallelDsl.Kernels;

namespace ParallelDsl.Tests.Kernels;

/// <summary>The kernels again, in double precision and in the plainest form.</summary>
internal static class Reference
{
    public static double[,] Transpose(double[,] a)
    {
        double[,] result = new double[a.GetLength(1), a.GetLength(0)];
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                result[j, i] = a[i, j];
        }
        return result;
    }

    /// <summary>start + a b.</summary>
    public static double[,] Multiply(double[,] a, double[,] b, double[,] start)
    {
        double[,] result = (double[,])start.Clone();
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < b.GetLength(1); j++)
            {
                for (int d = 0; d < a.GetLength(1); d++)
                    result[i, j] += a[i, d] * b[d, j];
            }
        }
        return result;
    }

    /// <summary>Attention with all scores at hand; seen(query row, key row) says who sees whom.</summary>
    public static (double[,] O, double[,] LogSumExp) Attention(
        double[,] q, double[,] k, double[,] v, int heads, int keyValueHeads, int width, bool[,] seen)
    {
        int queries = q.GetLength(0);
        int keys = k.GetLength(0);
        double[,] o = new double[queries, heads * width];
        double[,] logSumExp = new double[heads, queries];
        for (int head = 0; head < heads; head++)
        {
            int group = head / (heads / keyValueHeads);
            for (int i = 0; i < queries; i++)
            {
                double[] scores = Scores(q, k, head, group, width, seen, i);
                double maximum = scores.DefaultIfEmpty(double.NegativeInfinity).Max();
                if (double.IsNegativeInfinity(maximum))
                {
                    logSumExp[head, i] = double.NegativeInfinity;
                    continue;
                }
                double sum = scores.Sum(score => Math.Exp(score - maximum));
                logSumExp[head, i] = maximum + Math.Log(sum);
                for (int j = 0; j < keys; j++)
                {
                    double probability = Math.Exp(scores[j] - logSumExp[head, i]);
                    for (int d = 0; d < width; d++)
                        o[i, (head * width) + d] += probability * v[j, (group * width) + d];
                }
            }
        }
        return (o, logSumExp);
    }

    /// <summary>The gradients of attention, by the chain rule on the full matrix of scores.</summary>
    public static (double[,] DQ, double[,] DK, double[,] DV) AttentionBackward(
        double[,] q, double[,] k, double[,] v, double[,] dO, int heads, int keyValueHeads, int width, bool[,] seen)
    {
        (double[,] o, double[,] logSumExp) = Attention(q, k, v, heads, keyValueHeads, width, seen);
        int queries = q.GetLength(0);
        int keys = k.GetLength(0);
        double[,] dQ = new double[queries, heads * width];
        double[,] dK = new double[keys, keyValueHeads * width];
        double[,] dV = new double[keys, keyValueHeads * width];
        double scale = 1 / Math.Sqrt(width);
        for (int head = 0; head < heads; head++)
        {
            int group = head / (heads / keyValueHeads);
            for (int i = 0; i < queries; i++)
            {
                double[] scores = Scores(q, k, head, group, width, seen, i);
                double delta = 0;
                for (int d = 0; d < width; d++)
                    delta += dO[i, (head * width) + d] * o[i, (head * width) + d];
                for (int j = 0; j < keys; j++)
                {
                    if (!seen[i, j])
                        continue;
                    double probability = Math.Exp(scores[j] - logSumExp[head, i]);
                    double dProbability = 0;
                    for (int d = 0; d < width; d++)
                    {
                        dProbability += dO[i, (head * width) + d] * v[j, (group * width) + d];
                        dV[j, (group * width) + d] += probability * dO[i, (head * width) + d];
                    }
                    double dScore = probability * (dProbability - delta) * scale;
                    for (int d = 0; d < width; d++)
                    {
                        dQ[i, (head * width) + d] += dScore * k[j, (group * width) + d];
                        dK[j, (group * width) + d] += dScore * q[i, (head * width) + d];
                    }
                }
            }
        }
        return (dQ, dK, dV);
    }

    /// <summary>Which key rows each query row sees under some blocks. No pair may be named twice.</summary>
    public static bool[,] Seen(int queries, int keys, IEnumerable<AttentionBlock> blocks)
    {
        bool[,] seen = new bool[queries, keys];
        foreach (AttentionBlock block in blocks)
        {
            for (int i = 0; i < block.QueryLength; i++)
            {
                for (int j = 0; j < block.KeyLength; j++)
                {
                    if (block.KeyPosition + j > block.QueryPosition + i)
                        continue;
                    Assert.False(seen[block.QueryStart + i, block.KeyStart + j]);
                    seen[block.QueryStart + i, block.KeyStart + j] = true;
                }
            }
        }
        return seen;
    }

    /// <summary>The gradient of a scalar function by central differences.</summary>
    public static double[] Differences(double[] at, Func<double[], double> function, double step = 1e-5)
    {
        double[] gradient = new double[at.Length];
        for (int i = 0; i < at.Length; i++)
        {
            double[] moved = (double[])at.Clone();
            moved[i] = at[i] + step;
            double above = function(moved);
            moved[i] = at[i] - step;
            gradient[i] = (above - function(moved)) / (2 * step);
        }
        return gradient;
    }

    private static double[] Scores(double[,] q, double[,] k, int head, int group, int width, bool[,] seen, int query)
    {
        double[] scores = new double[k.GetLength(0)];
        for (int j = 0; j < scores.Length; j++)
        {
            double dot = 0;
            for (int d = 0; d < width; d++)
                dot += q[query, (head * width) + d] * k[j, (group * width) + d];
            scores[j] = seen[query, j] ? dot / Math.Sqrt(width) : double.NegativeInfinity;
        }
        return scores;
    }
}
