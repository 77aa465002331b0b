using ParallelDsl.Planning.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Collectives;

/// <summary>What messages cost between the members of a group: the alpha-beta-gamma model of Thakur, Rabenseifner and Gropp (2005), with an
/// overhead of each message beside the latency of a round, since a member may send several messages at once.</summary>
/// <param name="Nodes">The node of every member.</param>
/// <param name="IsMesh">Whether a member has a link of its own to each other member of its node; else one port.</param>
/// <param name="InsideRate">Bytes a microsecond, one direction, of that link or port.</param>
/// <param name="BetweenRate">Bytes a microsecond, one direction, of a member's share of the network between nodes.</param>
/// <param name="InsideLatency">Nanoseconds from the start of a round to the arrival of a message without content, inside a node.</param>
/// <param name="BetweenLatency">The same between nodes.</param>
/// <param name="Overhead">Nanoseconds that a member spends on each message of a round.</param>
/// <param name="AddRate">Bytes a microsecond that a member adds.</param>
public sealed record CollectiveNetwork(
    EquatableArray<int> Nodes,
    bool IsMesh,
    long InsideRate,
    long BetweenRate,
    long InsideLatency,
    long BetweenLatency,
    long Overhead,
    long AddRate)
{
    // Nominal figures of this project: catalogues have no latencies.
    private const long NominalInsideLatency = 3_000;
    private const long NominalBetweenLatency = 8_000;
    private const long NominalOverhead = 500;

    /// <summary>The network between some devices of a cluster. The slowest of them counts; nodes are numbered as they appear, so that groups that
    /// are alike have equal networks.</summary>
    /// <param name="cluster">A sound cluster.</param>
    /// <param name="devices">The members' devices, at least one.</param>
    public static CollectiveNetwork Of(ClusterSpec cluster, IReadOnlyList<int> devices)
    {
        if (devices.Count == 0)
            throw new ArgumentException("a group has at least one device", nameof(devices));
        var topology = new ClusterTopology(cluster);
        var nodes = new int[devices.Count];
        var numbers = new Dictionary<int, int>();
        (bool mesh, long inside, long between, long add) = (false, long.MaxValue, long.MaxValue, long.MaxValue);
        for (int member = 0; member < nodes.Length; member++)
        {
            (DeviceSpec device, NodeGroup group, int node) = topology.Locate(devices[member]);
            if (!numbers.ContainsKey(node))
                numbers.Add(node, numbers.Count);
            nodes[member] = numbers[node];
            mesh |= group.Fabric == Fabric.Mesh;
            long links = group.Fabric == Fabric.Mesh ? Math.Max(1, group.DevicesPerNode - 1) : 1;
            inside = Math.Min(inside, device.LinkBytesPerNanosecond * 1_000 / links);
            between = Math.Min(between, (long)group.NicsPerNode * group.NicGbps * 125 / group.DevicesPerNode);

            // Two are read and one is written.
            add = Math.Min(add, device.MemoryBytesPerNanosecond * 1_000 / 3);
        }

        // A node of one device may leave out its link, a cluster of one node its network: nothing goes there.
        return new(
            new(nodes),
            mesh,
            Math.Max(1, inside),
            Math.Max(1, between),
            NominalInsideLatency,
            NominalBetweenLatency,
            NominalOverhead,
            Math.Max(1, add));
    }

    /// <summary>Nanoseconds of one round of messages, rounded up.</summary>
    internal long TimeOf(IReadOnlyList<CollectiveMessage> round)
    {
        int size = Nodes.Count;
        var sent = new long[size];
        var received = new long[size];
        var added = new long[size];
        var ports = new long[4 * size];
        (long latency, long widest) = (0, 0);
        foreach (CollectiveMessage message in round)
        {
            bool between = Nodes[message.Source] != Nodes[message.Destination];
            latency = Math.Max(latency, between ? BetweenLatency : InsideLatency);
            sent[message.Source]++;
            received[message.Destination]++;
            added[message.Destination] += message.Adds ? message.Bytes : 0;
            if (!between && IsMesh)
            {
                widest = Math.Max(widest, message.Bytes);
                continue;
            }

            ports[(between ? 2 * size : 0) + message.Source] += message.Bytes;
            ports[(between ? 3 * size : size) + message.Destination] += message.Bytes;
        }

        long time = Ceiling(widest, InsideRate);
        for (int port = 0; port < ports.Length; port++)
            time = Math.Max(time, Ceiling(ports[port], port < 2 * size ? InsideRate : BetweenRate));
        return latency + (Overhead * Math.Max(Max(sent), Max(received))) + time + Ceiling(Max(added), AddRate);
    }

    internal void Check(string name)
    {
        if (Nodes.Count == 0 || InsideRate < 1 || BetweenRate < 1 || AddRate < 1 || InsideLatency < 0 || BetweenLatency < 0 || Overhead < 0)
            throw new ArgumentException(Invariant($"a network of {Nodes.Count} members needs positive rates and no negative times: {this}"), name);
    }

    private static long Ceiling(long bytes, long rate) => ((bytes * 1_000) + rate - 1) / rate;

    private static long Max(long[] values)
    {
        long max = 0;
        foreach (long value in values)
            max = Math.Max(max, value);
        return max;
    }
}

/// <summary>One message of a round.</summary>
internal readonly record struct CollectiveMessage(int Source, int Destination, long Bytes, bool Adds);
