using System.Numerics;
using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Planning.Tests.Routes;

public class RoutePlannerTests
{
    // Four interfaces of 25 GB/s and links of 200 GB/s. A million bytes: 40,000 ns by one interface; by x, 40,000 / x and 10,000 (x - 1) / x.
    [Theory]
    [InlineData(1, 40_000)]
    [InlineData(2, 25_000)]
    [InlineData(3, 20_000)]
    [InlineData(4, 17_500)]
    public void Golden_times(int proxies, long expected)
    {
        Assert.Equal(expected, RoutePlanner.PredictNanoseconds(1_000_000, proxies, 200, 200));
        Assert.Equal(proxies, RoutePlanner.Choose(1_000_000, proxies, 200, 200));
    }

    // A ring round of s / G tokens computes 2 s^2 h / (G^2 F) and sends 4 s / G h_k bytes: with h = h_k and F = 170 TFLOP/s the transfer
    // hides from 13,600 tokens a rank on over one interface, from 3,400 over four without the hops inside nodes.
    [Theory]
    [InlineData(1, 1_000_000_000L, 13_600)]
    [InlineData(4, 1_000_000_000L, 3_400)]
    public void Transfers_hide_from_so_many_tokens_on(int proxies, long intraBytesPerNanosecond, long tokens)
    {
        const int width = 4_096;
        long Compute(long t) => 2 * t * t * width / 170_000;
        long Send(long t) => RoutePlanner.PredictNanoseconds(4 * t * width, proxies, 200, intraBytesPerNanosecond);
        Assert.True(Send(tokens + 1) <= Compute(tokens + 1));
        Assert.True(Send(tokens - 1) > Compute(tokens - 1));
    }

    private static readonly Gen<(long Bytes, int Nics, int Gbps, long Link)> Transfers =
        from bytes in Gen.OneOf(Gen.Long[0, 100], Gen.Long[0, 1_000_000_000], Gen.Long[0, 1L << 50])
        from nics in Gen.Int[1, 16]
        from gbps in Gen.OneOf(Gen.Int[1, 800], Gen.Int[1, 10])
        from link in Gen.OneOf(Gen.Long[1, 900], Gen.Long[1, 10])
        select (bytes, nics, gbps, link);

    // The formula as it stands, in fractions.
    private static BigInteger Exact(long bytes, int proxies, int gbps, long link)
    {
        BigInteger n = bytes, x = proxies;

        // n / (x gbps / 8) + 2 n (x - 1) / (x link) = (8 n x link + 2 n (x - 1) x gbps) / (x gbps x link)
        BigInteger top = (8 * n * x * link) + (2 * n * (x - 1) * x * gbps), bottom = x * gbps * x * link;
        return (top + bottom - 1) / bottom;
    }

    [Fact]
    public void The_choice_is_the_fewest_of_the_fastest() => Cases.Check(Transfers, 3_000, transfer =>
    {
        (long bytes, int nics, int gbps, long link) = transfer;
        BigInteger[] times = [.. Enumerable.Range(1, nics).Select(proxies => Exact(bytes, proxies, gbps, link))];
        Assert.All(times, (time, index) => Assert.Equal(time, RoutePlanner.PredictNanoseconds(bytes, index + 1, gbps, link)));
        Assert.Equal(Array.IndexOf(times, times.Min()) + 1, RoutePlanner.Choose(bytes, nics, gbps, link));
    });

    [Fact]
    public void Never_slower_than_the_direct_way_and_one_interface_is_direct() => Cases.Check(Transfers, 2_000, transfer =>
    {
        (long bytes, int nics, int gbps, long link) = transfer;
        long direct = RoutePlanner.PredictNanoseconds(bytes, 1, gbps, 0);
        int chosen = RoutePlanner.Choose(bytes, nics, gbps, link);
        long time = RoutePlanner.PredictNanoseconds(bytes, chosen, gbps, link);
        Assert.True(chosen == 1 ? time == direct : time < direct);
        Assert.Equal(1, RoutePlanner.Choose(bytes, 1, gbps, 0));

        // Two more hops inside nodes do not pay where the links are no faster than twice an interface.
        if (4 * link <= gbps)
            Assert.Equal(1, chosen);
    });

    [Fact]
    public void More_bandwidth_and_more_interfaces_never_take_longer() => Cases.Check(
        Gen.Select(Transfers, Gen.Int[0, 400], Gen.Long[0, 400]), 2_000, input =>
        {
            ((long bytes, int nics, int gbps, long link), int faster, long fasterLink) = input;
            long Best(int most, int rate, long linkRate) =>
                RoutePlanner.PredictNanoseconds(bytes, RoutePlanner.Choose(bytes, most, rate, linkRate), rate, linkRate);
            long before = Best(nics, gbps, link);
            Assert.True(Best(nics, gbps + faster, link) <= before);
            Assert.True(Best(nics, gbps, link + fasterLink) <= before);
            Assert.True(Best(nics + 1, gbps, link) <= before);
        });

    private static NodeGroup Group(int devices, DeviceKind device, Fabric fabric, int nics, int gbps) =>
        new(2, devices, DeviceCatalogue.Of(device), fabric, nics, gbps);

    [Fact]
    public void The_poorer_node_counts()
    {
        NodeGroup rich = Group(8, DeviceKind.H200Sxm, Fabric.Switch, 8, 400), poor = Group(8, DeviceKind.A800Sxm, Fabric.Switch, 4, 200);
        Assert.Equal(8, RoutePlanner.Choose(1 << 20, rich, rich));
        Assert.Equal(4, RoutePlanner.Choose(1 << 20, rich, poor));
        Assert.Equal(4, RoutePlanner.Choose(1 << 20, poor, rich));

        // Interfaces without a device beside them do not count, nor do devices without a link to others.
        Assert.Equal(1, RoutePlanner.Choose(1 << 20, poor, Group(1, DeviceKind.A800Sxm, Fabric.Switch, 4, 200)));
        NodeGroup unlinked = poor with { Device = DeviceCatalogue.Custom("unlinked", 1 << 30, 100, 100, 0) };
        Assert.Equal(1, RoutePlanner.Choose(1 << 20, unlinked, unlinked));

        // 450 GB/s over seven links: 64 to one device, which is more than twice 25 and less than twice 50.
        NodeGroup Mesh(int gbps) => Group(8, DeviceKind.H100Sxm, Fabric.Mesh, 8, gbps);
        Assert.Equal(8, RoutePlanner.Choose(1 << 20, Mesh(200), Mesh(200)));
        Assert.Equal(1, RoutePlanner.Choose(1 << 20, Mesh(400), Mesh(400)));

        // PCI Express is too slow to route over.
        NodeGroup pcie = Group(8, DeviceKind.L4, Fabric.Pcie, 4, 200);
        Assert.Equal(1, RoutePlanner.Choose(1 << 20, pcie, pcie));
    }

    [Fact]
    public void Impossible_arguments_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.Choose(-1, 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.Choose(1, 0, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.Choose(1, 1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.Choose(1, 2, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.PredictNanoseconds(1, 0, 1, 1));
        NodeGroup alone = Group(8, DeviceKind.A800Sxm, Fabric.Switch, 0, 200);
        Assert.Throws<ArgumentOutOfRangeException>(() => RoutePlanner.Choose(1, alone, alone));
        Assert.Equal(1, RoutePlanner.Choose(0, 4, 200, 200));
        Assert.Throws<OverflowException>(() => RoutePlanner.Choose(long.MaxValue, 1, 1, 1));
        Assert.Equal(4, RoutePlanner.Choose(long.MaxValue / 8, 4, 200, 200));
    }
}
