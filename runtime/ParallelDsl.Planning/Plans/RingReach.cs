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
    public static RingReach OfZones(AxesSpec axes, ClusterSpec cluster, Mesh mesh) =>
        OfZones(BatchingPlanner.NodesOf(cluster, mesh), Together(axes, mesh));

    /// <summary>The same of ranks of which so many that follow one another may be together.</summary>
    internal static RingReach OfZones(EquatableArray<int> nodes, int together)
    {
        (int within, int over) = (1, 1);
        var members = new Dictionary<int, int>();
        for (int first = 0; first < nodes.Count; first += together)
        {
            members.Clear();
            for (int rank = first; rank < first + together; rank++)
                members[nodes[rank]] = members.TryGetValue(nodes[rank], out int count) ? count + 1 : 1;
            within = Math.Max(within, members.Values.Max());
            over = members.Count > 1 ? together : over;
        }

        return new(within, over);
    }

    private static int Together(AxesSpec axes, Mesh mesh) =>
        axes.Packing == ParallelDsl.Packing.Asymmetric ? checked(mesh.Data * mesh.Sequence) : mesh.Sequence;
}
