namespace ParallelDsl;

/// <summary>Names the machines that a model is planned for: a class with <see cref="ClusterAttribute"/>, or a file.</summary>
/// <remarks>Required on every model. The product of the model's axes is the number of devices of the cluster.</remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class RunsOnAttribute : Attribute
{
    /// <summary>Plans for a cluster that a class declares.</summary>
    /// <param name="cluster">A class with <see cref="ClusterAttribute"/> and <see cref="NodesAttribute"/>.</param>
    public RunsOnAttribute(Type cluster) => Cluster = cluster;

    /// <summary>Plans for a cluster that a JSON file describes.</summary>
    /// <param name="clusterFile">The name of the file, without folders. It is an <c>AdditionalFiles</c> item of the project; no other such
    /// item has this name.</param>
    public RunsOnAttribute(string clusterFile) => ClusterFile = clusterFile;

    /// <summary>The class that declares the cluster, or null where a file does.</summary>
    public Type? Cluster { get; }

    /// <summary>The name of the file that describes the cluster, or null where a class does.</summary>
    public string? ClusterFile { get; }
}

/// <summary>Declares a cluster: a class, usually empty, with at least one <see cref="NodesAttribute"/>.</summary>
/// <example><code>
/// [Cluster]
/// [Nodes(2, DevicesPerNode = 8, Device = DeviceKind.H100Sxm, NicsPerNode = 8, NicGbps = 400)]
/// public sealed class Lab;
/// </code></example>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ClusterAttribute : Attribute;

/// <summary>Adds equal nodes to a cluster. Repeat it where nodes differ; devices are numbered through the groups in the order written.</summary>
/// <param name="count">How many nodes, at least 1.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class NodesAttribute(int count) : Attribute
{
    /// <summary>How many nodes.</summary>
    public int Count { get; } = count;

    /// <summary>Devices in each node.</summary>
    /// <value>At least 1; default 1.</value>
    public int DevicesPerNode { get; set; } = 1;

    /// <summary>The kind of device.</summary>
    /// <value>Default <see cref="DeviceKind.Host"/>. <see cref="DeviceKind.Custom"/> needs <see cref="MemoryGiB"/>,
    /// <see cref="TeraFlops"/> and <see cref="MemoryGBps"/>, and <see cref="LinkGBps"/> where a node has more than one device.</value>
    public DeviceKind Device { get; set; }

    /// <summary>How the devices of a node are joined.</summary>
    /// <value>Default <see cref="Fabric.Switch"/>.</value>
    public Fabric Fabric { get; set; }

    /// <summary>Network interfaces of a node.</summary>
    /// <value>At least 1 where the cluster has more than one node; default 0.</value>
    public int NicsPerNode { get; set; }

    /// <summary>The rate of one network interface, gigabits a second, one direction.</summary>
    /// <value>At least 1 where <see cref="NicsPerNode"/> is; default 0.</value>
    public int NicGbps { get; set; }

    /// <summary>A custom device's memory, GiB (2^30 bytes).</summary>
    /// <value>Above 0. Only with <see cref="DeviceKind.Custom"/>.</value>
    public double MemoryGiB { get; set; }

    /// <summary>A custom device's peak dense rate in the type it trains in, TFLOP/s. Planned with as a whole number of GFLOP/s.</summary>
    /// <value>At least 0.001. Only with <see cref="DeviceKind.Custom"/>.</value>
    public double TeraFlops { get; set; }

    /// <summary>A custom device's peak memory bandwidth, GB/s (10^9 bytes a second).</summary>
    /// <value>At least 1. Only with <see cref="DeviceKind.Custom"/>.</value>
    public int MemoryGBps { get; set; }

    /// <summary>A custom device's peak rate to the other devices of its node, one direction, all its links together, GB/s.</summary>
    /// <value>At least 1 where a node has more than one device. Only with <see cref="DeviceKind.Custom"/>.</value>
    public int LinkGBps { get; set; }
}
