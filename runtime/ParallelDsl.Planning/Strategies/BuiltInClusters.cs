using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>The clusters that have names: those that Zeppelin (arXiv 2509.21841) was measured on, by number of nodes and devices.</summary>
public static class BuiltInClusters
{
    // The rate of the H800 cluster's interfaces is not published: that of the A800 cluster is an assumption of ours.
    private const int AssumedH800Gbps = 200;

    /// <summary>The clusters.</summary>
    public static EquatableArray<ClusterSpec> All { get; } = new(
    [
        Of("a800-2x8", 2, DeviceKind.A800Sxm, 4, 200),
        Of("a800-4x8", 4, DeviceKind.A800Sxm, 4, 200),
        Of("a800-16x8", 16, DeviceKind.A800Sxm, 4, 200),
        Of("h800-4x8", 4, DeviceKind.H800Sxm, 8, AssumedH800Gbps),
        Of("h200-4x8", 4, DeviceKind.H200Sxm, 8, 400),
    ]);

    /// <summary>The cluster of this name, or null.</summary>
    public static ClusterSpec? FromName(string name) => All.FirstOrDefault(cluster => cluster.Name == name);

    /// <summary>Equal nodes of eight devices.</summary>
    /// <param name="name">The name.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="device">The kind of device.</param>
    /// <param name="nics">Network interfaces of a node.</param>
    /// <param name="gbps">Rate of one, gigabits a second.</param>
    public static ClusterSpec Of(string name, int nodes, DeviceKind device, int nics, int gbps) =>
        new(name, new([new NodeGroup(nodes, 8, DeviceCatalogue.Of(device), Fabric.Switch, nics, gbps)]));
}
