using System.Net;
using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Tests.Transports;

/// <summary>Ranks joined by sockets of this machine. Every run has addresses of its own in the loopback network, so that no two meet.</summary>
internal static class SocketWorld
{
    private const int Port = 7_411;

    private static int _worlds;

    public static SocketAddresses Addresses(int size)
    {
        int world = Interlocked.Increment(ref _worlds);
        int process = Environment.ProcessId;
        return SocketAddresses.OfRanks([.. Enumerable.Range(0, size).Select(rank => new IPEndPoint(
            new IPAddress([127, (byte)(1 + (process % 250)), (byte)(world % 250), (byte)(1 + rank)]), Port + (process / 250 % 1_000)))]);
    }

    public static RankWorld Create(int size, SocketOptions options)
    {
        SocketTransport[] transports = Join(Addresses(size), options);
        return new RankWorld(transports, () => transports.Sum(transport => transport.CountWaiting()));
    }

    public static SocketTransport[] Join(SocketAddresses addresses, SocketOptions options)
    {
        var transports = new SocketTransport[addresses.Size];
        Thread[] threads = [.. Enumerable.Range(0, addresses.Size).Select(rank => new Thread(() => transports[rank] = SocketTransport.Join(rank, addresses, options)))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return transports;
    }
}
