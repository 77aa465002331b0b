using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Plans;

/// <summary>Settles the constants by which the batches of a run are planned, all but the window, which memory decides.</summary>
internal static class BatchingPlanner
{
    public static BatchingPlan Plan(PlanRequest request, EquatableArray<PlannedLayer> layers, Mesh mesh)
    {
        AxesSpec axes = request.Axes;
        var plan = new BatchingPlan(
            axes.MicroBatches,
            axes.UnitTokens,
            axes.UnitTokens / axes.Sequence,
            axes.Sequence == 1 ? 1 : 2 * axes.Sequence,
            Datapaths: DatapathPlanner.Choose(request, layers, mesh));
        if (axes is { Packing: ParallelDsl.Packing.Tokens, Balance: SequenceBalance.Zigzag })
            return plan;
        bool hierarchical = axes.Balance == SequenceBalance.Hierarchical;
        NodeGroup[] groups = [.. request.Cluster.Nodes.Items];
        bool severalNodes = NodesOf(request.Cluster, mesh).Distinct().Count() > 1;
        int interfaces = severalNodes ? groups.Min(group => group.NicsPerNode) : 0;

        // Where heads are swapped every rank sends to every other: all interfaces are busy, and no hop is left to be routed.
        bool routes = hierarchical && interfaces > 1 && axes.With(plan.Datapaths).InterNodeDatapath == Datapath.Ring;
        return plan with
        {
            Remaps = hierarchical && mesh.Sequence > 1,
            Routes = routes,
            IntraNodeTokens = Overlap(layers, groups.Max(group => group.Device.FlopsPerNanosecond), 8 * groups.Min(Link), axes.OverlapPercent),
            InterNodeTokens = severalNodes
                ? Overlap(
                    layers,
                    groups.Max(group => group.Device.FlopsPerNanosecond),
                    (routes || (hierarchical && axes.InterNodeDatapath == Datapath.AllToAll) ? interfaces : 1L) * groups.Min(group => group.NicGbps),
                    axes.OverlapPercent)
                : 0,
        };
    }

    /// <summary>The node of every attention rank, at the first position of the pipeline axis: the others lie alike as far as the cluster
    /// does.</summary>
    public static EquatableArray<int> NodesOf(ClusterSpec cluster, Mesh mesh)
    {
        var topology = new ClusterTopology(cluster);
        var nodes = new int[mesh.Data * mesh.Sequence];
        for (int rank = 0; rank < nodes.Length; rank++)
            nodes[rank] = topology.Locate(mesh.RankOf(new Coordinate(rank / mesh.Sequence, rank % mesh.Sequence, 0))).Node;
        return new(nodes);
    }

    /// <summary>Whether the sequence ranks of some data rank lie on several nodes.</summary>
    public static bool CrossesNodes(ClusterSpec cluster, Mesh mesh)
    {
        EquatableArray<int> nodes = NodesOf(cluster, mesh);
        return Enumerable.Range(0, nodes.Count).Any(rank => nodes[rank] != nodes[rank / mesh.Sequence * mesh.Sequence]);
    }

    /// <summary>The least tokens a rank s / g of a sequence of s on a ring of g, for which a hop hides behind the attention to what came with
    /// the hop before: each does (s / g)^2 / 2 pairs and moves the keys and values of s / g tokens, so
    /// s / g >= 2 x bytes a token x rate / (FLOPs a pair x bandwidth). After Zeppelin; its formula 2 F h_k / (h B). A declaration asks for a
    /// part or a multiple of it.</summary>
    private static int Overlap(EquatableArray<PlannedLayer> layers, long flopsPerNanosecond, long gigabitsPerSecond, int percent)
    {
        long pair = layers.Sum(layer => layer.AttentionFlops), bytes = layers.Sum(layer => layer.KeyValueBytes);
        if (pair == 0 || gigabitsPerSecond == 0)
            return 0;

        // The sums of all layers, whose quotient is that of one; products of them may leave 64 bits.
        decimal tokens = 2m * bytes * UnitWork.UtilisationPercent * flopsPerNanosecond * 8 / (100m * pair * gigabitsPerSecond);
        return (int)Math.Min(int.MaxValue, Math.Ceiling(tokens * percent / 100));
    }

    // Gigabits of a device's even share of its links; a node of one device may leave the rate out.
    private static long Link(NodeGroup group) => Math.Max(
        1, group.Device.LinkBytesPerNanosecond / (group.Fabric == Fabric.Mesh ? Math.Max(1, group.DevicesPerNode - 1) : 1));
}
