using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Tests.Transports;

public sealed class SocketContractTests : TransportContractTests
{
    protected override RankWorld Create(int size, int capacity) => SocketWorld.Create(size, new SocketOptions { Capacity = capacity });
}
