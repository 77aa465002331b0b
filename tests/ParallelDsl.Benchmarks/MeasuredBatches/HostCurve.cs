using System.Diagnostics;
using ParallelDsl.Benchmarks.Measured;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Benchmarks.MeasuredBatches;

/// <summary>How fast this machine's attention is on short sequences, beside its rate on the longest: measured with one thread, forward.</summary>
internal static unsafe class HostCurve
{
    private const int Rounds = 15;
    private const long PairsOfRound = 1 << 20;

    private static readonly int[] Lengths = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048];

    public static EfficiencyCurve Measure()
    {
        double[] rates = [.. Lengths.Select(Rate)];
        int least = 1;
        List<(int, int)> points = [];
        for (int index = 0; index < Lengths.Length; index++)
        {
            // A longer sequence is not slower: what the clock says otherwise is noise.
            least = Math.Max(least, Math.Min(1_000, (int)(1_000 * rates[index] / rates.Max())));
            points.Add((Lengths[index], least));
        }

        return new EfficiencyCurve(points.ToEquatableArray());
    }

    // Pairs a nanosecond.
    private static double Rate(int length)
    {
        using ThreadTeam team = new(1);
        int width = Long64.BlocksShape.Heads * Long64.BlocksShape.HeadWidth;
        using NativeBuffer buffer = new(((4L * width) + Long64.BlocksShape.Heads) * length);
        buffer.Span.Fill(0.1f);
        Matrix At(int part) => new(buffer.Pointer + ((long)part * width * length), length, width, width);
        Matrix logSumExp = new(buffer.Pointer + (4L * width * length), Long64.BlocksShape.Heads, length, length);
        AttentionBlock[] blocks = [new(0, length, 0, 0, length, 0)];
        long pairs = length * (length + 1L) / 2;
        int repetitions = (int)Math.Max(1, PairsOfRound / pairs);
        long[] times = new long[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            long started = Stopwatch.GetTimestamp();
            for (int i = 0; i < repetitions; i++)
            {
                Attention<Long64.BlocksShape>.Reset(At(3), logSumExp);
                Attention<Long64.BlocksShape>.Forward(team, At(0), At(1), At(2), blocks, At(3), logSumExp);
            }

            times[round] = (long)Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        }

        return pairs * repetitions / (double)Median.Of(times);
    }
}
