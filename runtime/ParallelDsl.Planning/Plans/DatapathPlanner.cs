using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Plans;

/// <summary>What <see cref="Datapath.Automatic"/> stands for in a plan.</summary>
/// <param name="IntraNode">The datapath between ranks of a node.</param>
/// <param name="InterNode">The same between ranks of several nodes.</param>
/// <param name="IntraNodePercent">Predicted time of attention to what comes in one hop of one ring, in percent of the hop's own; 0 where there is no such ring.</param>
/// <param name="InterNodePercent">The same over several nodes.</param>
public sealed record DatapathChoice(Datapath IntraNode, Datapath InterNode, long IntraNodePercent, long InterNodePercent);

/// <summary>Chooses the datapath that is predicted to be the fastest for a full unit on a ring of all ranks that may be together in a zone.</summary>
internal static class DatapathPlanner
{
    /// <summary>The choice, or null where nothing is left to choose.</summary>
    public static DatapathChoice? Choose(PlanRequest request, EquatableArray<PlannedLayer> layers, Mesh mesh)
    {
        AxesSpec axes = request.Axes;
        if (axes.Datapath != Datapath.Automatic && axes.InterNodeDatapath != Datapath.Automatic)
            return null;
        var reach = RingReach.OfZones(axes, request.Cluster, mesh);
        (Datapath inside, long insidePercent) = ChooseFor(request, layers, axes.Datapath, reach.IntraNode, reach.IntraNode);
        (Datapath between, long betweenPercent) = reach.InterNode == 1
            ? (axes.InterNodeDatapath == Datapath.Automatic ? inside : axes.InterNodeDatapath, 0)
            : ChooseFor(request, layers, axes.InterNodeDatapath, reach.InterNode, reach.IntraNode);
        return new DatapathChoice(inside, between, insidePercent, betweenPercent);
    }

    private static (Datapath Datapath, long Percent) ChooseFor(
        PlanRequest request, EquatableArray<PlannedLayer> layers, Datapath declared, int ranks, int perNode)
    {
        if (ranks == 1)
            return (declared == Datapath.Automatic ? Datapath.Ring : declared, 0);
        RingLinks links = LinksOf(request, ranks, perNode);
        RingLoad load = LoadOf(request, layers, links);
        Datapath datapath = declared == Datapath.Automatic ? DatapathTimes.Least(links, load) : declared;
        long hop = DatapathTimes.Transfer(Datapath.Ring, links, load);
        return (datapath, hop == 0 ? 0 : (long)Math.Min(long.MaxValue, (decimal)load.Forward * 100 / hop));
    }

    /// <summary>The slowest links of all groups of nodes, as a ring has them of which so many ranks share a node.</summary>
    public static RingLinks LinksOf(PlanRequest request, int ranks, int perNode) =>
        RingLinks.Of(request.Cluster, ranks, perNode, request.Axes.Balance == SequenceBalance.Hierarchical);

    /// <summary>What a full unit asks of them.</summary>
    public static RingLoad LoadOf(PlanRequest request, EquatableArray<PlannedLayer> layers, in RingLinks links)
    {
        AxesSpec axes = request.Axes;
        int ranks = links.Ranks;
        long tokens = axes.UnitTokens / axes.Sequence;
        var work = UnitWork.Of(checked((int)Math.Min(int.MaxValue, tokens * ranks)), request.Model.ContextLength, ranks);
        long rate = request.Cluster.Nodes.Min(group => group.Device.FlopsPerNanosecond);
        long element = LayerCosts.ElementBytes(LayerCosts.TypeOf(request.Cluster)), pairs = Ceiling(work.Pairs, ranks);
        HeadSwap swapped = default;
        long heads = 100, forward = 0, backward = 0;
        foreach (PlannedLayer layer in layers)
        {
            if (layer.AttentionFlops == 0)
                continue;
            var widths = AttentionWidths.Of(request.Model, layer);
            long flops = layer.AttentionFlops * pairs;
            (forward, backward) = (forward + flops, backward + (flops / 2 * 5));

            // Out: queries, keys and values, in the backward what attention needs of both; back: the result and its statistics, in the
            // backward gradients of all three.
            int statistics = request.Model.Layers[layer.Declared].Heads;
            long bytes = ((3 * widths.KeyValues) + (3 * widths.QueryGradients) + statistics + widths.Queries) * element;
            swapped = swapped.Plus(HeadSwap.Of(Ceiling(bytes * tokens, 4), widths.KeyValueHeads, ranks, links.PerNode));
            heads = Math.Max(heads, Ceiling(100L * ranks * HeadShares.Most(widths.KeyValueHeads, ranks), widths.KeyValueHeads));
        }

        return new RingLoad(
            layers.Sum(layer => layer.KeyValueBytes) * tokens,
            swapped,
            heads,
            UnitWork.Ticks(forward, rate),
            UnitWork.Ticks(backward, rate));
    }

    private static long Ceiling(long value, long divisor) => (value + divisor - 1) / divisor;
}
