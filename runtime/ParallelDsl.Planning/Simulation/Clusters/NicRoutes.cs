namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Over how many network interfaces a hop between nodes goes, and who stands at each. After the routing layer of Zeppelin
/// (arXiv 2509.21841; reconstructed).</summary>
internal static class NicRoutes
{
    private const int BitsPerByte = 8;

    /// <summary>The number of parts x for which T(x) = n / (x B_nic) + 2 n (x - 1) / (x B_intra), and the two latencies inside nodes that
    /// more than one part costs, is the least; the fewest of equal ones. 1 inside a node, and where no part could be faster.</summary>
    public static int PartsOf(LinkTable table, int source, int destination, long bytes)
    {
        int from = table.NodeOf(source), to = table.NodeOf(destination);
        if (from == to)
            return 1;
        NodeLinks sender = table.Links.Nodes[from], receiver = table.Links.Nodes[to];

        // Interfaces that are nearest to no device stay unused.
        int most = Math.Min(Math.Min(sender.Nics, sender.Devices), Math.Min(receiver.Nics, receiver.Devices));
        int best = 1;
        long least = long.MaxValue;
        for (int parts = 1; parts <= most; parts++)
        {
            long time = Time(table, sender, receiver, bytes, parts);
            if (time < least)
                (best, least) = (parts, time);
        }

        return best;
    }

    /// <summary>The device that carries <paramref name="part"/> of what <paramref name="device"/> sends or receives: the device itself part
    /// 0, and of part k one at the k-th interface after its own. Of several at an interface, senders with different places in their own
    /// group take different ones.</summary>
    public static int ProxyOf(LinkTable table, int device, int part)
    {
        if (part == 0)
            return device;
        int node = table.NodeOf(device), first = table.FirstDeviceOf(node);
        NodeLinks links = table.Links.Nodes[node];
        int groups = Math.Min(links.Nics, links.Devices), local = device - first;
        int group = (GroupOf(local, groups, links.Devices) + part) % groups;
        int start = StartOf(group, groups, links.Devices), count = StartOf(group + 1, groups, links.Devices) - start;
        int place = local - StartOf(GroupOf(local, groups, links.Devices), groups, links.Devices);
        return first + start + (place % count);
    }

    // Rounded up a term: nanoseconds are bits by gigabits a second.
    private static long Time(LinkTable table, NodeLinks sender, NodeLinks receiver, long bytes, int parts)
    {
        long share = (bytes + parts - 1) / parts, others = share * (parts - 1);
        long network = Divide(share * BitsPerByte, Math.Min(sender.NicGbps, receiver.NicGbps));
        if (parts == 1)
            return network;
        return network + Divide(others, sender.FabricBytesPerNanosecond) + Divide(others, receiver.FabricBytesPerNanosecond)
            + (2 * table.Links.IntraNodeLatency);
    }

    // Devices of a group share an interface: device d of G has number d N / G, so with N <= G group k begins at the ceiling of k G / N.
    private static int GroupOf(int local, int groups, int devices) => (int)((long)local * groups / devices);

    private static int StartOf(int group, int groups, int devices) => (int)((((long)group * devices) + groups - 1) / groups);

    private static long Divide(long value, long divisor) => (value + divisor - 1) / divisor;
}
