using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

public sealed class InProcessContractTests : TransportContractTests
{
    protected override RankWorld Create(int size, int capacity)
    {
        var world = InProcessWorld.Create(size, capacity);
        return new RankWorld(world.Transports, world.CountWaiting);
    }
}
