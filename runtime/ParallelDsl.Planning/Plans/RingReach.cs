using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;

namespace ParallelDsl.Planning.Plans;

/// <summary>The most attention ranks that one ring may join.</summary>
/// <param name="IntraNode">Of a ring inside a node.</param>
/// <param name="InterNode">Of a ring over several nodes; 1 where there can be none.</param>
public readonly record struct RingReach(int IntraNode, int InterNode)
{
    /// <summary>The reach under a declaration: rings join the sequence ranks of one data rank, or of all where extreme sequences merge
    /// them.</summary>
    public static RingReach Of(AxesSpec axes, ClusterSpec cluster, Mesh mesh)
    {
        // How far a ring reaches makes no difference then, and this is asked for often.
        int together = Together(axes, mesh);
        return axes.Datapath == axes.InterNodeDatapath ? new(together, together) : OfZones(axes, cluster, mesh);
    }

    /// <summary>The same, whatever the datapaths.</summary>
    public static RingReach OfZones(AxesSpec axes, ClusterSpec cluster, Mesh mesh)
    {
        int together = Together(axes, mesh);
        EquatableArray<int> nodes = BatchingPlanner.NodesOf(cluster, mesh);
        (int within, int over) = (1, 1);
        for (int first = 0; first < nodes.Count; first += together)
        {
            int[] sizes = [.. Enumerable.Range(first, together).GroupBy(rank => nodes[rank]).Select(node => node.Count())];
            within = Math.Max(within, sizes.Max());
            over = sizes.Length > 1 ? together : over;
        }

        return new(within, over);
    }

    private static int Together(AxesSpec axes, Mesh mesh) =>
        axes.Packing == ParallelDsl.Packing.Asymmetric ? checked(mesh.Data * mesh.Sequence) : mesh.Sequence;
}
