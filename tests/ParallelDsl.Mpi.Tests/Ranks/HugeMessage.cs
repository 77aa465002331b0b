using System.Globalization;
using ParallelDsl.Memory;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>A message of more bytes than a signed 32-bit number counts, from rank 0 to rank 1: sent, which copies it, and lent.</summary>
internal static unsafe class HugeMessage
{
    /// <summary>Every float of one period is another, and all are exact.</summary>
    private const int Period = 1 << 20;

    public static int Exchange(MpiTransport transport, int floats)
    {
        using NativeBuffer buffer = new(floats);
        Span<float> data = buffer.Span;
        if (transport.Rank == 0)
        {
            for (int index = 0; index < data.Length; index++)
                data[index] = index % Period;
            transport.Send(1, tag: 0, data);
            transport.Lend(1, tag: 1, buffer.Pointer, floats);
            transport.TakeBack(1, tag: 1);
        }
        else
        {
            transport.Receive(0, tag: 0, data);
            Check("sent", data);
            data.Clear();
            transport.Receive(0, tag: 1, data);
            Check("lent", data);
        }

        return 0;
    }

    private static void Check(string how, ReadOnlySpan<float> data)
    {
        for (int index = 0; index < data.Length; index++)
        {
            if (data[index] != index % Period)
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{how}: float {index} is {data[index]}"));
        }

        Console.WriteLine(FormattableString.Invariant($"{how}: {4L * data.Length} bytes arrived"));
    }
}
