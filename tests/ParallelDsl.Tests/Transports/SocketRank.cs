using System.Globalization;
using System.Net;
using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Tests.Transports;

/// <summary>A rank that is a process: what tests start, and what it does.</summary>
internal static class SocketRank
{
    private const int LongMessage = 60_000;

    /// <summary>The arguments: what to do, the rank, and the address of each rank.</summary>
    public static int Run(string[] args)
    {
        int rank = int.Parse(args[1], CultureInfo.InvariantCulture);
        SocketAddresses addresses = SocketAddresses.OfRanks([.. args[2..].Select(IPEndPoint.Parse)]);
        try
        {
            using SocketTransport transport = SocketTransport.Join(rank, addresses, new SocketOptions { Capacity = 4 });
            switch (args[0])
            {
                case "exchange":
                    Exchange(transport, 30);
                    Console.WriteLine("done");
                    return 0;
                case "allocate":
                    Console.WriteLine(Allocated(transport));
                    return 0;
                case "forever":
                    Console.WriteLine("ready");
                    Exchange(transport, int.MaxValue);
                    return 0;
                case "fail":
                    Exchange(transport, 5);
                    if (rank != 1)
                        Exchange(transport, int.MaxValue);
                    transport.Abort(new InvalidOperationException("the disk is full"));
                    return 3;
                default:
                    return 2;
            }
        }
        catch (Exception exception)
        {
            Console.WriteLine($"{exception.GetType().Name}: {exception.Message}");
            return 1;
        }
    }

    private static long Allocated(SocketTransport transport)
    {
        float[] data = new float[LongMessage];
        Exchange(transport, 100, data);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Exchange(transport, 400, data);
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    /// <summary>Long and short messages between all.</summary>
    private static void Exchange(SocketTransport transport, int rounds, float[]? buffer = null)
    {
        float[] data = buffer ?? new float[LongMessage];
        for (int round = 0; round < rounds; round++)
        {
            int length = round % 3 == 0 ? data.Length : 100;
            for (int step = 1; step < transport.Size; step++)
            {
                data.AsSpan(0, length).Fill(round + transport.Rank);
                transport.Send((transport.Rank + step) % transport.Size, round % 5, data.AsSpan(0, length));
            }

            for (int step = 1; step < transport.Size; step++)
            {
                int source = (transport.Rank + step) % transport.Size;
                transport.Receive(source, round % 5, data.AsSpan(0, length));
                if (data.AsSpan(0, length).IndexOfAnyExcept(round + source) >= 0)
                    throw new InvalidDataException($"rank {source} sent something else");
            }
        }
    }
}
