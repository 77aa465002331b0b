using ParallelDsl.Memory;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>A message of more bytes than a signed 32-bit number counts, from rank 0 to rank 1. By hand only: it needs three times its memory.</summary>
internal static class HugeMessage
{
    public static int Exchange(MpiJob job, MpiTransport transport, int floats)
    {
        using NativeBuffer buffer = new(floats);
        Span<float> data = buffer.Span;
        if (job.Rank == 0)
        {
            for (int index = 0; index < data.Length; index++)
                data[index] = index & 0xFFFFF;
            transport.Send(1, 0, data);
        }
        else if (job.Rank == 1)
        {
            transport.Receive(0, 0, data);
            for (int index = 0; index < data.Length; index++)
            {
                if (data[index] != (index & 0xFFFFF))
                    throw new InvalidOperationException($"float {index} is {data[index]}");
            }

            Console.WriteLine(FormattableString.Invariant($"{4L * floats} bytes arrived"));
        }

        return 0;
    }
}
