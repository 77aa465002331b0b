using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Plans;

/// <summary>Settles the constants by which the batches of a run are planned, all but the window, which memory decides.</summary>
internal static class BatchingPlanner
{
    // Enough that the time of a byte is exact.
    private const long HopBytes = 1L << 30;

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

        // Of the largest rings: smaller ones have fewer links.
        var reach = RingReach.OfZones(axes, request.Cluster, mesh);
        int inside = Math.Max(2, reach.IntraNode);
        return plan with
        {
            Remaps = hierarchical && mesh.Sequence > 1,
            Routes = routes,
            IntraNodeTokens = Overlap(request, layers, chosen.Datapath, DatapathPlanner.LinksOf(request, inside, inside)),
            InterNodeTokens = reach.InterNode > 1
                ? Overlap(request, layers, chosen.InterNodeDatapath, DatapathPlanner.LinksOf(request, reach.InterNode, reach.IntraNode))
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
    /// the hop before, or, of an all-gather, to its own: each does (s / g)^2 / 2 pairs, so s / g >= 2 x bytes a token x time of a byte x rate /
    /// FLOPs a pair. After Zeppelin; its formula 2 F h_k / (h B), with the time of a byte under the datapath for 1 / B. Where tokens are swapped for
    /// heads nothing hides, and this says how dear keys and values are. A declaration asks for a part or a multiple of it.</summary>
    private static int Overlap(PlanRequest request, EquatableArray<PlannedLayer> layers, Datapath datapath, in RingLinks links)
    {
        long pair = layers.Sum(layer => layer.AttentionFlops), bytes = layers.Sum(layer => layer.KeyValueBytes);
        if (pair == 0)
            return 0;
        long flops = request.Cluster.Nodes.Max(group => group.Device.FlopsPerNanosecond);
        long hop = DatapathTimes.LongestHop(datapath, links, HopBytes);

        // The sums of all layers, whose quotient is that of one; products of them may leave 64 bits. A hop is rounded up, by less than the hundredth
        // of a token.
        decimal tokens = 2m * bytes * UnitWork.UtilisationPercent * flops / (100m * pair) * hop / HopBytes;
        return (int)Math.Min(int.MaxValue, Math.Ceiling(Math.Round(tokens, 2) * request.Axes.OverlapPercent / 100));
    }
}
