namespace ParallelDsl.Planning.Clusters;

/// <summary>One kind of device, as its maker publishes it.</summary>
/// <param name="Kind">Its entry in the catalogue.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="MemoryBytes">Memory, bytes.</param>
/// <param name="FlopsPerNanosecond">Peak dense rate of the training type (bfloat16 or float16 on accelerators, float32 on the host): GFLOP/s.</param>
/// <param name="MemoryBytesPerNanosecond">Peak memory bandwidth: GB/s.</param>
/// <param name="LinkBytesPerNanosecond">Peak rate to other devices of the node, one direction, all links of the device together: GB/s.</param>
/// <param name="Source">Where the figures are published.</param>
public sealed record DeviceSpec(
    DeviceKind Kind,
    string Name,
    long MemoryBytes,
    long FlopsPerNanosecond,
    long MemoryBytesPerNanosecond,
    long LinkBytesPerNanosecond,
    string Source);

/// <summary>A number of equal nodes.</summary>
/// <param name="Count">How many nodes.</param>
/// <param name="DevicesPerNode">Devices in each.</param>
/// <param name="Device">The kind of device.</param>
/// <param name="Fabric">How the devices of a node are joined.</param>
/// <param name="NicsPerNode">Network interfaces a node; 0 where the cluster is one node.</param>
/// <param name="NicGbps">Rate of one interface, gigabits a second.</param>
public sealed record NodeGroup(int Count, int DevicesPerNode, DeviceSpec Device, Fabric Fabric, int NicsPerNode, int NicGbps);

/// <summary>The machines that a model runs on. Nodes may differ.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Nodes">Groups of equal nodes, in order; device indices count through them.</param>
public sealed record ClusterSpec(string Name, EquatableArray<NodeGroup> Nodes)
{
    /// <summary>The number of devices in all nodes.</summary>
    public int DeviceCount => checked(Nodes.Sum(group => group.Count * group.DevicesPerNode));
}
