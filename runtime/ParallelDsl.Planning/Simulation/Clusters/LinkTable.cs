using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Numbers the links of a cluster, one number a direction, and finds those that a transfer crosses.</summary>
internal sealed class LinkTable
{
    /// <summary>The most links that one transfer crosses: an interface and an uplink at either end.</summary>
    public const int LongestRoute = 4;

    // Capacities are bits a nanosecond (which is gigabits a second) in units of this part of a bit, the least common multiple of 1 to 16:
    // the shares of up to 16 transfers are exact, and those of more are rounded down, by less than one part in 10^4 for 72 transfers on 1
    // Gb/s and far less on what is faster.
    private const int PartsOfBit = 720_720;
    private const int BitsPerByte = 8;

    private readonly ClusterLinks _links;
    private readonly int[] _firstDevice;
    private readonly int[] _node;
    private readonly int[] _nic;

    // For each node the number of its first mesh link, or none, and of its uplink.
    private readonly int[] _mesh;
    private readonly int[] _uplink;
    private readonly int _nicLinks;

    public LinkTable(ClusterLinks links)
    {
        Check(links);
        _links = links;
        int nodes = links.Nodes.Count, devices = links.DeviceCount;
        (_firstDevice, _mesh, _uplink) = (new int[nodes], new int[nodes], new int[nodes]);
        (_node, _nic) = (new int[devices], new int[devices]);
        var capacities = new List<long>();
        int device = 0;
        for (int node = 0; node < nodes; node++)
        {
            NodeLinks each = links.Nodes[node];
            _firstDevice[node] = device;
            for (int local = 0; local < each.Devices; local++, device++)
            {
                _node[device] = node;
                _nic[device] = each.Nics == 0 ? -1 : NicCount + (int)((long)local * each.Nics / each.Devices);
                AddBothWays(capacities, each.FabricBytesPerNanosecond * BitsPerByte * PartsOfBit);
            }

            NicCount += each.Nics;
        }

        _nicLinks = capacities.Count;
        foreach (NodeLinks each in links.Nodes.Items)
        {
            for (int nic = 0; nic < each.Nics; nic++)
                AddBothWays(capacities, (long)each.NicGbps * PartsOfBit);
        }

        for (int node = 0; node < nodes; node++)
        {
            NodeLinks each = links.Nodes[node];
            (_uplink[node], _mesh[node]) = (-1, -1);
            if (each.UplinkGbps > 0)
            {
                _uplink[node] = capacities.Count;
                AddBothWays(capacities, each.UplinkGbps * PartsOfBit);
            }

            if (each.Fabric == Fabric.Mesh && each.Devices > 1)
            {
                _mesh[node] = capacities.Count;
                long share = each.FabricBytesPerNanosecond * BitsPerByte * PartsOfBit / (each.Devices - 1);
                for (int pair = 0; pair < each.Devices * each.Devices; pair++)
                    capacities.Add(share);
            }
        }

        Capacities = [.. capacities];
    }

    /// <summary>For each link its capacity: what <see cref="WorkOf"/> measures, a nanosecond.</summary>
    public long[] Capacities { get; }

    /// <summary>The number of devices.</summary>
    public int DeviceCount => _node.Length;

    /// <summary>The number of network interfaces in all nodes.</summary>
    public int NicCount { get; }

    /// <summary>The links as declared.</summary>
    public ClusterLinks Links => _links;

    /// <summary>What a transfer of <paramref name="bytes"/> has to move, in units of the capacities.</summary>
    /// <exception cref="OverflowException">More than 1.5 TB.</exception>
    public static long WorkOf(long bytes) => bytes * (BitsPerByte * PartsOfBit);

    /// <summary>The node of <paramref name="device"/>.</summary>
    public int NodeOf(int device) => _node[device];

    /// <summary>The first device of <paramref name="node"/>.</summary>
    public int FirstDeviceOf(int node) => _firstDevice[node];

    /// <summary>The network interface of <paramref name="device"/>, numbered through all nodes; -1 where its node has none.</summary>
    public int NicOf(int device) => _nic[device];

    /// <summary>Nanoseconds before a transfer moves its first byte; 0 from a device to itself.</summary>
    public long LatencyOf(int source, int destination) => source == destination
        ? 0
        : _node[source] == _node[destination] ? _links.IntraNodeLatency : _links.InterNodeLatency;

    /// <summary>The links from <paramref name="source"/> to <paramref name="destination"/>, two devices.</summary>
    /// <param name="source">The device that sends.</param>
    /// <param name="destination">The device that receives.</param>
    /// <param name="route">Takes the links.</param>
    /// <param name="first">Where in <paramref name="route"/> they begin.</param>
    /// <returns>How many there are.</returns>
    /// <exception cref="ArgumentException">The transfer leaves a node that has no network interface.</exception>
    public int Route(int source, int destination, int[] route, int first)
    {
        int from = _node[source], to = _node[destination], count = 0;
        if (from == to && _mesh[from] >= 0)
        {
            int start = _firstDevice[from];
            route[first] = _mesh[from] + ((source - start) * _links.Nodes[from].Devices) + (destination - start);
            return 1;
        }

        if (from == to)
        {
            route[first] = 2 * source;
            route[first + 1] = (2 * destination) + 1;
            return 2;
        }

        if (_nic[source] < 0 || _nic[destination] < 0)
        {
            throw new ArgumentException(
                Invariant($"device {source} cannot send to device {destination}: a node between them has no network interface"));
        }

        route[first + count++] = _nicLinks + (2 * _nic[source]);
        route[first + count++] = _nicLinks + (2 * _nic[destination]) + 1;
        if (_uplink[from] >= 0)
            route[first + count++] = _uplink[from];
        if (_uplink[to] >= 0)
            route[first + count++] = _uplink[to] + 1;
        return count;
    }

    private static void AddBothWays(List<long> capacities, long capacity)
    {
        capacities.Add(capacity);
        capacities.Add(capacity);
    }

    private static void Check(ClusterLinks links)
    {
        if (links.InterNodeLatency < 0 || links.IntraNodeLatency < 0)
            throw new ArgumentException("a latency is negative", nameof(links));
        if (links.Nodes.Count == 0)
            throw new ArgumentException("a cluster of no nodes", nameof(links));
        for (int node = 0; node < links.Nodes.Count; node++)
        {
            NodeLinks each = links.Nodes[node];
            if (each.Devices < 1 || each.Nics < 0 || (each.Nics > 0 && each.NicGbps < 1) || each.UplinkGbps < 0
                || each.FabricBytesPerNanosecond < (each.Devices > 1 ? 1 : 0))
            {
                throw new ArgumentException(Invariant($"node {node} has a count or a rate that is not positive: {each}"), nameof(links));
            }
        }
    }
}
