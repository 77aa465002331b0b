using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>The links of one node. All of them carry both directions at once, each at its full rate.</summary>
/// <param name="Devices">G, the devices of the node.</param>
/// <param name="Nics">N, its network interfaces; device d uses interface d N / G, rounded down. 0 where no transfer leaves the
/// node.</param>
/// <param name="NicGbps">Rate of one interface, gigabits a second, each direction.</param>
/// <param name="FabricBytesPerNanosecond">Rate of one device to all others of the node together, each direction: GB/s.</param>
/// <param name="Fabric">How the devices are joined. Over a mesh, two devices have one link of their own, a (G - 1)th of the device's rate;
/// else a device has one port.</param>
/// <param name="UplinkGbps">Rate of what joins all interfaces of the node to the network, gigabits a second, each direction; 0 where it
/// never holds anything up.</param>
public sealed record NodeLinks(
    int Devices, int Nics, int NicGbps, long FabricBytesPerNanosecond, Fabric Fabric = Fabric.Switch, long UplinkGbps = 0);

/// <summary>The links of a cluster, as the simulator sees them. Nodes may differ.</summary>
/// <param name="Nodes">The nodes, in order; device indices count through them.</param>
/// <param name="InterNodeLatency">Nanoseconds before the first byte of a transfer between nodes moves.</param>
/// <param name="IntraNodeLatency">The same inside a node.</param>
public sealed record ClusterLinks(
    EquatableArray<NodeLinks> Nodes,
    long InterNodeLatency = ClusterLinks.DefaultInterNodeLatency,
    long IntraNodeLatency = ClusterLinks.DefaultIntraNodeLatency)
{
    /// <summary>A usual latency of a message over a network with remote direct memory access, launch of its kernel included;
    /// nominal.</summary>
    public const long DefaultInterNodeLatency = 5_000;

    /// <summary>The same between two devices of a node; nominal.</summary>
    public const long DefaultIntraNodeLatency = 2_000;

    /// <summary>The number of devices in all nodes.</summary>
    public int DeviceCount => checked(Nodes.Sum(node => node.Devices));

    /// <summary>The links of <paramref name="cluster"/> at the rates that it publishes.</summary>
    /// <param name="cluster">A cluster whose counts are positive.</param>
    /// <param name="interNodeLatency">Nanoseconds before a transfer between nodes moves.</param>
    /// <param name="intraNodeLatency">The same inside a node.</param>
    public static ClusterLinks Of(
        ClusterSpec cluster,
        long interNodeLatency = DefaultInterNodeLatency,
        long intraNodeLatency = DefaultIntraNodeLatency)
    {
        var nodes = new List<NodeLinks>();
        foreach (NodeGroup group in cluster.Nodes)
        {
            var node = new NodeLinks(
                group.DevicesPerNode, group.NicsPerNode, group.NicGbps, group.Device.LinkBytesPerNanosecond, group.Fabric);
            for (int index = 0; index < group.Count; index++)
                nodes.Add(node);
        }

        return new ClusterLinks(nodes.ToEquatableArray(), interNodeLatency, intraNodeLatency);
    }
}
