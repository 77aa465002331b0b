namespace ParallelDsl.Planning.Clusters;

/// <summary>Finds devices and links of a cluster. Latency is left out: v1 plans by rates.</summary>
/// <param name="cluster">A cluster whose counts and rates are positive.</param>
public sealed class ClusterTopology(ClusterSpec cluster)
{
    // The first device of each group, and the first node.
    private readonly int[] _firstDevice = Starts(cluster, group => group.Count * group.DevicesPerNode);
    private readonly int[] _firstNode = Starts(cluster, group => group.Count);

    /// <summary>The device at <paramref name="index"/>, its group and its node.</summary>
    public (DeviceSpec Device, NodeGroup Group, int Node) Locate(int index)
    {
        int found = Array.BinarySearch(_firstDevice, index);
        int group = found >= 0 ? found : ~found - 1;
        NodeGroup nodes = cluster.Nodes[group];
        return (nodes.Device, nodes, _firstNode[group] + ((index - _firstDevice[group]) / nodes.DevicesPerNode));
    }

    /// <summary>Nanoseconds to move <paramref name="bytes"/> from one device to another while all devices of their nodes do the same:
    /// inside a node at the device's link rate (over a mesh fabric, its one link to the other device), between nodes at a device's even
    /// share of the network interfaces, and no faster than the device's own link. The slower end counts.</summary>
    public long TransferTime(int source, int destination, long bytes)
    {
        if (source == destination || bytes == 0)
            return 0;
        (DeviceSpec _, NodeGroup from, int fromNode) = Locate(source);
        (DeviceSpec _, NodeGroup to, int toNode) = Locate(destination);
        return fromNode == toNode
            ? Divide(bytes * (from.Fabric == Fabric.Mesh ? from.DevicesPerNode - 1 : 1), from.Device.LinkBytesPerNanosecond)
            : Math.Max(NetworkTime(from, bytes), NetworkTime(to, bytes));
    }

    // A node of one device may leave out the rate of its link.
    private static long NetworkTime(NodeGroup group, long bytes) => Math.Max(
        Divide(bytes * 8 * group.DevicesPerNode, (long)group.NicsPerNode * group.NicGbps),
        group.Device.LinkBytesPerNanosecond == 0 ? 0 : Divide(bytes, group.Device.LinkBytesPerNanosecond));

    private static long Divide(long value, long divisor) => (value / divisor) + (value % divisor == 0 ? 0 : 1);

    private static int[] Starts(ClusterSpec cluster, Func<NodeGroup, int> size)
    {
        var starts = new int[cluster.Nodes.Count];
        for (int group = 1; group < starts.Length; group++)
            starts[group] = starts[group - 1] + size(cluster.Nodes[group - 1]);
        return starts;
    }
}
