using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Tests.Clusters;

public class DeviceCatalogueTests
{
    [Fact]
    public void Every_kind_has_positive_figures_and_a_source()
    {
        foreach (DeviceKind kind in Enum.GetValues<DeviceKind>().Where(kind => kind != DeviceKind.Custom))
        {
            DeviceSpec device = DeviceCatalogue.Of(kind);
            Assert.Equal(kind, device.Kind);
            Assert.Same(device, DeviceCatalogue.FromName(kind.ToString()));
            Assert.True(device is { MemoryBytes: > 0, FlopsPerNanosecond: > 0, MemoryBytesPerNanosecond: > 0, LinkBytesPerNanosecond: > 0 });
            Assert.NotEmpty(device.Name);
            Assert.True(device.Source.Length > 30);
        }
    }

    [Theory]
    [InlineData(DeviceKind.A100Sxm80, 312_000, 2_039, 300)]
    [InlineData(DeviceKind.A800Sxm, 312_000, 2_039, 200)]
    [InlineData(DeviceKind.H100Sxm, 989_000, 3_350, 450)]
    [InlineData(DeviceKind.H800Sxm, 989_000, 3_350, 200)]
    [InlineData(DeviceKind.H200Sxm, 989_000, 4_800, 450)]
    [InlineData(DeviceKind.Mi300X, 1_307_000, 5_300, 448)]
    [InlineData(DeviceKind.Host, 100, 10, 5)]
    public void Figures_are_as_published(DeviceKind kind, long flops, long memory, long link)
    {
        DeviceSpec device = DeviceCatalogue.Of(kind);
        Assert.Equal((flops, memory, link), (device.FlopsPerNanosecond, device.MemoryBytesPerNanosecond, device.LinkBytesPerNanosecond));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Custom")]
    [InlineData("h100sxm")]
    [InlineData("3")]
    public void Other_names_are_unknown(string name) => Assert.Null(DeviceCatalogue.FromName(name));

    [Fact]
    public void A_custom_device_has_no_entry()
    {
        Assert.Throws<ArgumentException>(() => DeviceCatalogue.Of(DeviceKind.Custom));
        Assert.Throws<ArgumentException>(() => DeviceCatalogue.Of((DeviceKind)(-1)));
        Assert.Equal(DeviceKind.Custom, DeviceCatalogue.Custom("Mine", 1, 2, 3, 4).Kind);
    }

    [Fact]
    public void Transfers_take_the_slowest_part_of_their_way()
    {
        DeviceSpec device = DeviceCatalogue.Custom("Mine", 1, 1, 1, 100);
        var topology = new ClusterTopology(new ClusterSpec("Two groups", [
            new(2, 4, device, Fabric.Switch, 2, 80),
            new(1, 4, device, Fabric.Mesh, 1, 40),
        ]));
        Assert.Equal([0, 0, 1, 1, 2, 2], new[] { 0, 3, 4, 7, 8, 11 }.Select(index => topology.Locate(index).Node));

        Assert.Equal(0, topology.TransferTime(3, 3, 1_000));
        Assert.Equal(10, topology.TransferTime(0, 3, 1_000)); // 100 B/ns
        Assert.Equal(11, topology.TransferTime(0, 3, 1_001));
        Assert.Equal(30, topology.TransferTime(8, 9, 1_000)); // one of three links
        Assert.Equal(200, topology.TransferTime(3, 4, 1_000)); // 160 Gb/s = 20 B/ns for four devices
        Assert.Equal(800, topology.TransferTime(0, 8, 1_000)); // 40 Gb/s = 5 B/ns for four devices at the other end
        Assert.Equal(800, topology.TransferTime(8, 0, 1_000));
    }
}
