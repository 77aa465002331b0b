using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Plans;

/// <summary>By which algorithm the replicas at each position of the pipeline axis sum their gradients.</summary>
internal static class GradientReductions
{
    // Of larger groups the parts of a bucket are so small that latencies of all rounds are what they take, and prediction takes long.
    private const int MostMessages = 1 << 17;

    /// <summary>The algorithms by position; none where all are the default.</summary>
    /// <param name="mesh">The mesh; a rank is the device of the same number.</param>
    /// <param name="cluster">The machines.</param>
    /// <param name="memory">The bytes of gradients at every position.</param>
    /// <param name="rail">Where paths go on from node to node.</param>
    /// <param name="cancellation">Ends the search for rings.</param>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public static EquatableArray<CollectivePlan> Of(
        Mesh mesh, ClusterSpec cluster, EquatableArray<DeviceMemory> memory, NodeRail rail, CancellationToken cancellation)
    {
        if ((long)mesh.Data * mesh.Sequence < 3)
            return default;
        var replicas = new List<int>[mesh.Pipeline];
        for (int position = 0; position < replicas.Length; position++)
        {
            replicas[position] = [];
            for (int data = 0; data < mesh.Data; data++)
            {
                for (int sequence = 0; sequence < mesh.Sequence; sequence++)
                    replicas[position].Add(mesh.RankOf(new Coordinate(data, sequence, position)));
            }
        }

        // Most positions are alike: a group is predicted once.
        var known = new Dictionary<(CollectiveNetwork, long), CollectivePlan>();
        var plans = new CollectivePlan[mesh.Pipeline];
        for (int position = 0; position < plans.Length; position++)
        {
            var network = CollectiveNetwork.Of(cluster, replicas[position]);
            long bytes = Math.Min(memory[position].Gradients, CollectivePlan.BucketBytes);
            if (!known.TryGetValue((network, bytes), out CollectivePlan? plan))
                known.Add((network, bytes), plan = CollectivePlanner.Choose(network, bytes, RingsOf(network, rail, cancellation)));
            plans[position] = plan;
        }

        return plans.All(plan => plan == CollectivePlan.Default) ? default : new(plans);
    }

    /// <summary>Rings of all members that use every link inside the nodes, where these are meshes, and all that leave them: paths through each node, joined from
    /// node to node. None where there are no such paths, on one node, or where members are not spread evenly: there rings send over every link what a direct
    /// exchange does in two rounds, in 2 (n - 1).</summary>
    internal static EquatableArray<EquatableArray<int>> RingsOf(
        CollectiveNetwork network, NodeRail rail = NodeRail.Cross, CancellationToken cancellation = default)
    {
        int size = network.Nodes.Count;
        if (!network.IsMesh)
            return default;
        int[] nodeOf = [.. network.Nodes], members = [.. Enumerable.Range(0, size).OrderBy(member => nodeOf[member])];
        int nodes = Itineraries.NodesOf(members, size, nodeOf);
        if (!Itineraries.HasPaths(size, nodes) || 2L * size * size * (size / nodes) > MostMessages)
            return default;
        return Itineraries.SetOf(size, nodes, rail, cancellation).Rings.Select(ring => ring.Select(place => members[place]).ToEquatableArray()).ToEquatableArray();
    }

    /// <summary>What is wrong with the algorithms of a plan, or null.</summary>
    public static string? Fault(EquatableArray<CollectivePlan> reductions, Mesh mesh)
    {
        if (reductions.Count == 0)
            return null;
        if (reductions.Count != mesh.Pipeline)
            return "there is not one reduction of gradients for each position of the pipeline axis";
        try
        {
            foreach (CollectivePlan reduction in reductions)
                CollectivePlanner.CheckFit(reduction, mesh.Data * mesh.Sequence);
        }
        catch (ArgumentException exception)
        {
            return "a reduction of gradients does not fit its ranks: " + exception.Message;
        }

        return null;
    }
}
