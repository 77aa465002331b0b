using System.Diagnostics;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>How long messages take there and back between ranks 0 and 1. By hand only.</summary>
internal static class Speed
{
    public static int Measure(MpiJob job, MpiTransport transport)
    {
        foreach (int floats in new[] { 0, 256, 4_096, 16_384, 131_072, 1_048_576 })
        {
            float[] data = new float[floats];
            int rounds = Math.Max(10, 20_000_000 / (floats + 20_000));
            for (int pass = 0; pass < 2; pass++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int round = 0; round < rounds && job.Rank < 2; round++)
                {
                    if (job.Rank == 0)
                        transport.Send(1, 0, data);
                    transport.Receive(1 - job.Rank, 0, data);
                    if (job.Rank == 1)
                        transport.Send(0, 0, data);
                }

                double microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / (2 * rounds);
                if (job.Rank == 0 && pass == 1)
                    Console.WriteLine(FormattableString.Invariant($"{4 * floats,10} bytes one way: {microseconds,8:F1} us, {4 * floats / microseconds / 1_000:F2} GB/s"));
            }
        }

        return 0;
    }
}
