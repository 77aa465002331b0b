using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Planning.Simulation.Clusters;

/// <summary>Hops between nodes over several network interfaces, as <see cref="RoutePlanner"/> and <see cref="Route"/> have them for the runtime:
/// here between devices of a cluster.</summary>
internal static class NicRoutes
{
    /// <summary>Over how many interfaces a hop goes: 1 inside a node, and where no more are predicted faster.</summary>
    public static int PartsOf(LinkTable table, int source, int destination, long bytes)
    {
        int from = table.NodeOf(source), to = table.NodeOf(destination);
        NodeLinks sender = table.Links.Nodes[from], receiver = table.Links.Nodes[to];
        int most = Math.Min(Math.Min(sender.Nics, sender.Devices), Math.Min(receiver.Nics, receiver.Devices));
        if (from == to || most < 1)
            return 1;

        // A link that is slower than a byte a nanosecond carries nothing for others.
        long link = Math.Min(LinkRate(sender), LinkRate(receiver));
        return RoutePlanner.Choose(bytes, link == 0 ? 1 : most, Math.Min(sender.NicGbps, receiver.NicGbps), link);
    }

    /// <summary>The devices that carry part <paramref name="part"/> of <paramref name="parts"/> out of the one node and into the other; the
    /// ends themselves where they lie beside the interface.</summary>
    public static (int Sender, int Receiver) ProxiesOf(LinkTable table, int source, int destination, int parts, int part)
    {
        int from = table.FirstDeviceOf(table.NodeOf(source)), to = table.FirstDeviceOf(table.NodeOf(destination));
        var route = new Route(EndOf(table, source), EndOf(table, destination), parts, 1, parts);
        return (from + route[part].SourceProxy, to + route[part].DestinationProxy);
    }

    private static RouteEnd EndOf(LinkTable table, int device)
    {
        int node = table.NodeOf(device);
        NodeLinks links = table.Links.Nodes[node];
        return new RouteEnd(device - table.FirstDeviceOf(node), links.Devices, links.Nics);
    }

    private static long LinkRate(NodeLinks links) => links.Fabric == Fabric.Mesh && links.Devices > 1
        ? links.FabricBytesPerNanosecond / (links.Devices - 1)
        : links.FabricBytesPerNanosecond;
}
