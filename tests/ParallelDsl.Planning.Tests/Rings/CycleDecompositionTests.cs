using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

/// <summary>The search for where to splice the last device in, of n = 2 modulo 4: what it takes at most is counted and no clock is read.</summary>
public class CycleDecompositionTests
{
    [Fact]
    public void Up_to_the_most_devices_half_of_the_steps_suffice()
    {
        for (int devices = 10; devices <= RingSets.MostDevices; devices += 4)
        {
            Assert.NotNull(RainbowPathSearch.Find(new ZigzagCycles(devices - 2), CycleDecomposition.MostSteps, default, out long taken));
            Assert.InRange(taken, 1, devices <= 64 ? 12_000 : CycleDecomposition.MostSteps / 2);
        }
    }

    [Fact]
    public void No_path_in_too_few_steps()
    {
        Assert.NotNull(RainbowPathSearch.Find(new ZigzagCycles(32), CycleDecomposition.MostSteps, default, out long needed));
        Assert.Null(RainbowPathSearch.Find(new ZigzagCycles(32), needed / 2, default, out long taken));
        Assert.InRange(taken, needed / 2, (needed / 2) + 1);
    }

    [Fact]
    public void Is_cancelled()
    {
        var cancelled = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() => RingSets.Complete(918, cancelled));
        Assert.Throws<OperationCanceledException>(() => RingSets.OverNodes(2, 509, NodeRail.Cross, cancelled));
        Assert.Throws<OperationCanceledException>(() => Itineraries.SetOf(918, 1, cancellation: cancelled));
    }
}
