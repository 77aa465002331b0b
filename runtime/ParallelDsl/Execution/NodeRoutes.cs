using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Routes;

namespace ParallelDsl.Execution;

/// <summary>Contiguous rows of a hop between nodes, and the attention ranks that carry them.</summary>
/// <param name="Start">The first row.</param>
/// <param name="Length">How many rows.</param>
/// <param name="SourceProxy">The rank of the source's node that sends them; maybe the source.</param>
/// <param name="DestinationProxy">The rank of the destination's node that receives them; maybe the destination.</param>
internal readonly record struct HopPart(int Start, int Length, int SourceProxy, int DestinationProxy);

/// <summary>Which hops between attention ranks go in several parts, and over which other ranks (after Zeppelin's routing layer,
/// arXiv 2509.21841; reconstructed). All ranks at one position of the pipeline axis compute the same, so that nothing is agreed on by messages.</summary>
/// <remarks>Proxies are ranks at the same position of the pipeline axis: they run the same program. A node that holds other positions too takes
/// part as far as its ranks of this one lie beside interfaces as evenly as routes count on; where they do not, its hops go directly.</remarks>
internal sealed class NodeRoutes
{
    private readonly Node[] _nodes;
    private readonly int[] _places;

    /// <summary>Finds the nodes of the attention ranks at the position <paramref name="pipeline"/>.</summary>
    public NodeRoutes(ParallelPlan plan, int pipeline)
    {
        ClusterTopology topology = new(plan.Cluster);
        Mesh mesh = plan.Mesh;
        int[] devices = [.. Enumerable.Range(0, mesh.Data * mesh.Sequence).Select(
            rank => mesh.RankOf(new Coordinate(rank / mesh.Sequence, rank % mesh.Sequence, pipeline)))];
        _nodes = new Node[devices.Length];
        _places = new int[devices.Length];
        foreach (IGrouping<int, int> members in Enumerable.Range(0, devices.Length).GroupBy(rank => topology.Locate(devices[rank]).Node))
        {
            int[] ranks = [.. members.OrderBy(rank => devices[rank])];
            int first = Enumerable.Range(0, plan.Cluster.DeviceCount).First(device => topology.Locate(device).Node == members.Key);
            Node node = new(ranks, GroupOf(topology.Locate(first).Group, [.. ranks.Select(rank => devices[rank] - first)]));
            for (int place = 0; place < ranks.Length; place++)
                (_nodes[ranks[place]], _places[ranks[place]]) = (node, place);
        }
    }

    /// <summary>Whether any hop can go in several parts.</summary>
    public bool IsAny => _nodes.Where(node => node.Group is { NicsPerNode: > 1 }).Distinct().Skip(1).Any();

    /// <summary>Whether two ranks are of one node.</summary>
    public bool IsSameNode(int rank, int other) => _nodes[rank] == _nodes[other];

    /// <summary>The route of rows from a rank to another; without parts where they go directly.</summary>
    public Route Of(int source, int destination, int rows, int columns)
    {
        (Node from, Node to) = (_nodes[source], _nodes[destination]);
        if (from == to || from.Group is not { } sending || to.Group is not { } receiving)
            return default;
        int parts = RoutePlanner.Choose((long)rows * columns * sizeof(float), sending, receiving);
        return Math.Min(parts, rows) <= 1 ? default : new Route(EndOf(source, from), EndOf(destination, to), rows, 1, parts);
    }

    /// <summary>A part of a route that <see cref="Of"/> found for the same two ranks.</summary>
    public HopPart PartOf(in Route route, int source, int destination, int index)
    {
        RoutePart part = route[index];
        return new HopPart(part.Start, part.Length, _nodes[source].Ranks[part.SourceProxy], _nodes[destination].Ranks[part.DestinationProxy]);
    }

    private RouteEnd EndOf(int rank, Node node) => new(_places[rank], node.Ranks.Length, node.Group!.NicsPerNode);

    /// <summary>The node with the interfaces beside <paramref name="devices"/> alone; null where a route over these devices would not count them
    /// to the interfaces that they lie beside.</summary>
    private static NodeGroup? GroupOf(NodeGroup group, int[] devices)
    {
        if (group.NicsPerNode < 1)
            return null;
        int[] nics = [.. devices.Select(device => new RouteEnd(device, group.DevicesPerNode, group.NicsPerNode).NicOf(device))];
        int[] distinct = [.. nics.Distinct()];
        for (int place = 0; place < devices.Length; place++)
        {
            if (new RouteEnd(place, devices.Length, distinct.Length).NicOf(place) != Array.IndexOf(distinct, nics[place]))
                return null;
        }

        return group with { NicsPerNode = distinct.Length };
    }

    private sealed record Node(int[] Ranks, NodeGroup? Group);
}
