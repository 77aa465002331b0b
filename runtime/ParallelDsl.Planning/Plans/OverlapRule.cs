using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Planning.Plans;

/// <summary>The least tokens a rank s / g of a sequence of s on a ring of g, for which a hop hides behind the attention to what came with the hop
/// before, or, of an all-gather, to its own: each does (s / g)^2 / 2 pairs, so s / g >= 2 x bytes a token x time of a byte x rate / FLOPs a pair.
/// After Zeppelin; its formula 2 F h_k / (h B), with the time of a byte under the datapath for 1 / B. Where tokens are swapped for heads nothing
/// hides, and this says how dear that is: see <see cref="Packing.RingRules.SwapPairs"/>.</summary>
/// <param name="Cluster">The machines: their fastest device, their slowest links.</param>
/// <param name="RatePermille">The share of its peak rate that the device reaches, in thousandths.</param>
/// <param name="KeyValueBytes">Bytes of the keys and values of a token.</param>
/// <param name="PairFlops">FLOPs of attention to a pair of query and key, in as many layers.</param>
/// <param name="Routes">Whether hops of one ring between nodes may take several interfaces.</param>
internal readonly record struct OverlapRule(ClusterSpec Cluster, long RatePermille, long KeyValueBytes, long PairFlops, bool Routes)
{
    // Enough that the time of a byte is exact.
    private const long HopBytes = 1L << 30;

    /// <summary>The least tokens inside a node, exact to the hundredth, on the largest ring that there can be: smaller ones have fewer links.</summary>
    public decimal IntraNode(Datapath datapath, RingReach reach)
    {
        int ranks = Math.Max(2, reach.IntraNode);
        return Tokens(datapath, RingLinks.Of(Cluster, ranks, ranks, Routes));
    }

    /// <summary>The same over several nodes; 0 where no ring is.</summary>
    public decimal InterNode(Datapath datapath, RingReach reach) =>
        reach.InterNode == 1 ? 0 : Tokens(datapath, RingLinks.Of(Cluster, reach.InterNode, reach.IntraNode, Routes));

    private decimal Tokens(Datapath datapath, in RingLinks links)
    {
        if (PairFlops == 0)
            return 0;
        long flops = Cluster.Nodes.Max(group => group.Device.FlopsPerNanosecond);
        decimal hop = DatapathTimes.LongestHop(datapath, links, HopBytes);

        // A swap leaves a part of all bytes where they are, less of them on more ranks. Placement counts with the part of every ring, and so with the
        // time of bytes that all go out.
        if (datapath == Datapath.AllToAll)
            hop = hop * links.Ranks / (links.Crosses ? (long)links.PerNode * (links.Ranks - links.PerNode) : links.Ranks - 1);

        // Sums of all layers, whose quotient is that of one; products of them may leave 64 bits. A hop is rounded up, by less than the hundredth of a
        // token.
        decimal tokens = 2m * KeyValueBytes * RatePermille * flops / (1000m * PairFlops) * hop / HopBytes;
        return Math.Round(tokens, 2);
    }
}
