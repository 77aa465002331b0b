using System.Diagnostics;
using ParallelDsl.Benchmarks.Measured;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.MeasuredBatches;

/// <summary>What a message between two ranks costs, measured by messages to and fro.</summary>
/// <param name="LatencyNanoseconds">Of a message of one number.</param>
/// <param name="BytesPerNanosecond">Rate of a large message beyond that.</param>
internal readonly record struct TransferCost(long LatencyNanoseconds, double BytesPerNanosecond)
{
    private const int Repetitions = 200;
    private const int LargeFloats = 1 << 17;

    public static TransferCost Measure()
    {
        long small = 0, large = 0;
        RankThreads.Run(2, transport =>
        {
            float[] one = new float[1], many = new float[LargeFloats];
            long[] smallTimes = Times(transport, one), largeTimes = Times(transport, many);
            if (transport.Rank == 0)
                (small, large) = (Median.Of(smallTimes), Median.Of(largeTimes));
        });
        return new(small, Math.Max(1, LargeFloats * sizeof(float) / (double)Math.Max(1, large - small)));
    }

    // Half of the time to and fro.
    private static long[] Times(ITransport transport, float[] data)
    {
        long[] times = new long[Repetitions];
        for (int i = 0; i < Repetitions; i++)
        {
            long started = Stopwatch.GetTimestamp();
            if (transport.Rank == 0)
                transport.Send(1, 1, data);
            transport.Receive(1 - transport.Rank, 1, data);
            if (transport.Rank == 1)
                transport.Send(0, 1, data);
            times[i] = (long)(Stopwatch.GetElapsedTime(started).TotalNanoseconds / 2);
        }

        return times;
    }
}
