namespace ParallelDsl.Planning.Models;

/// <summary>What a token of one layer brings to attention: all zero for a layer without attention.</summary>
/// <param name="KeyValues">Elements of its keys and values.</param>
/// <param name="Queries">Elements of its query and of the gradient of its result, and for each query head the log-sum-exp and the product of
/// both: what attention needs of it in a backward.</param>
/// <param name="QueryGradients">Elements of the gradient of its query.</param>
/// <param name="KeyValueHeads">Heads of its keys.</param>
public readonly record struct AttentionWidths(long KeyValues, long Queries, long QueryGradients, int KeyValueHeads)
{
    /// <summary>Those of a planned layer of <paramref name="model"/>.</summary>
    public static AttentionWidths Of(ModelSpec model, PlannedLayer layer)
    {
        LayerSpec spec = model.Layers[layer.Declared];
        if (spec.Kind != LayerKind.TransformerBlock)
            return default;
        long width = model.Layers[0].Width;
        int heads = spec.KeyValueHeads == 0 ? spec.Heads : spec.KeyValueHeads;
        return new(2 * (width / spec.Heads) * heads, (2 * width) + (2L * spec.Heads), width, heads);
    }
}
