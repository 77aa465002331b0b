using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Planning.Plans;

/// <summary>What goes over the busiest links where ranks swap tokens for heads, in one exchange. Heads are whole and shared out by
/// <see cref="HeadShares"/>: where ranks do not divide them some ranks have more than others, with more ranks than heads some have none, and the rank
/// with the most takes in the most, or, on the way back, gives the most away.</summary>
/// <param name="Rank">Bytes of one rank's tokens with the heads of the rank that has the most.</param>
/// <param name="Node">The same with the heads of the node that has the most.</param>
internal readonly record struct HeadSwap(long Rank, long Node)
{
    /// <summary>The swap of a layer.</summary>
    /// <param name="bytes">Bytes of one rank's tokens with all heads.</param>
    /// <param name="heads">Key-value heads.</param>
    /// <param name="ranks">How many ranks share them.</param>
    /// <param name="perNode">How many of them share a node.</param>
    public static HeadSwap Of(long bytes, int heads, int ranks, int perNode) =>
        new(Part(bytes, HeadShares.Most(heads, ranks), heads), Part(bytes, Ceiling((long)heads * perNode, ranks), heads));

    /// <summary>The swap of heads that divide evenly.</summary>
    public static HeadSwap Even(long bytes, int ranks, int perNode) => new(Part(bytes, 1, ranks), Part(bytes, perNode, ranks));

    /// <summary>Two layers together.</summary>
    public HeadSwap Plus(HeadSwap other) => new(Rank + other.Rank, Node + other.Node);

    /// <summary>Bytes that the rank which sends the most sends of a layer for each of its tokens, forward and backward: its tokens with the
    /// heads of all others (queries, keys and values; in the backward these again, the gradient of the output, its log-sum-exp and its row
    /// products), and to all others the results of its own heads (outputs and log-sum-exp; in the backward the gradients of queries, keys and
    /// values).</summary>
    /// <param name="model">The model.</param>
    /// <param name="layer">One of its layers; without attention it sends nothing.</param>
    /// <param name="ranks">How many ranks share its heads.</param>
    /// <param name="statisticBytes">Bytes of a log-sum-exp, or of a row product.</param>
    public static long MostSent(ModelSpec model, PlannedLayer layer, int ranks, int statisticBytes)
    {
        if (layer.Kind != LayerKind.TransformerBlock)
            return 0;

        // Queries, outputs and their gradients are as wide as the output of a block.
        int heads = AttentionWidths.Of(model, layer).KeyValueHeads;
        long statistics = (long)statisticBytes * model.Layers[layer.Declared].Heads;
        long tokens = ((3 * layer.OutputBytes) + (2 * layer.KeyValueBytes) + (2 * statistics)) / heads;
        long results = ((2 * layer.OutputBytes) + layer.KeyValueBytes + statistics) / heads;
        return Math.Max(Sent(HeadShares.Most(heads, ranks)), Sent(heads / ranks));

        long Sent(long share) => (tokens * (heads - share)) + (results * share * (ranks - 1));
    }

    private static long Part(long bytes, long part, long whole) => Ceiling(checked(bytes * part), whole);

    private static long Ceiling(long value, long divisor) => (value + divisor - 1) / divisor;
}
