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
        AxesSpec chosen = axes.With(plan.Datapaths);
        bool routes = hierarchical && interfaces > 1 && chosen.InterNodeDatapath == Datapath.Ring;

        var reach = RingReach.OfZones(axes, request.Cluster, mesh);
        var rule = new OverlapRule(
            request.Cluster,
            10 * UnitWork.UtilisationPercent,
            layers.Sum(layer => layer.KeyValueBytes),
            layers.Sum(layer => layer.AttentionFlops),
            hierarchical);
        return plan with
        {
            Remaps = hierarchical && mesh.Sequence > 1,
            Routes = routes,
            IntraNodeTokens = Asked(rule.IntraNode(chosen.Datapath, reach)),
            InterNodeTokens = Asked(rule.InterNode(chosen.InterNodeDatapath, reach)),
        };

        // A declaration asks for a part or a multiple of the rule.
        int Asked(decimal tokens) => (int)Math.Min(int.MaxValue, Math.Ceiling(tokens * axes.OverlapPercent / 100));
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
}
