namespace ParallelDsl.Planning.Models;

/// <summary>What a layer computes.</summary>
public enum LayerKind
{
    /// <summary>Token ids to vectors.</summary>
    Embedding,

    /// <summary>Pre-norm RMSNorm, rotary grouped-query causal attention, RMSNorm, SwiGLU, with residuals.</summary>
    TransformerBlock,

    /// <summary>Final RMSNorm, projection to the vocabulary, cross-entropy.</summary>
    LanguageModelHead,
}

/// <summary>One declared layer: what the attribute says, nothing derived. Fields that its kind does not have are 0.</summary>
/// <param name="Name">The name of the property that declares it.</param>
/// <param name="Kind">What it computes.</param>
/// <param name="Repeat">How many such layers follow one another, at least 1.</param>
/// <param name="Vocabulary">Embedding: the number of token ids.</param>
/// <param name="Width">Embedding: the width of the model's hidden vectors.</param>
/// <param name="Heads">Block: query heads.</param>
/// <param name="KeyValueHeads">Block: key and value heads; 0 means as many as <paramref name="Heads"/>.</param>
/// <param name="FeedForward">Block: inner width of the SwiGLU.</param>
/// <param name="TiedWeights">Head: uses the embedding's table as its projection.</param>
public sealed record LayerSpec(
    string Name,
    LayerKind Kind,
    int Repeat = 1,
    int Vocabulary = 0,
    int Width = 0,
    int Heads = 0,
    int KeyValueHeads = 0,
    int FeedForward = 0,
    bool TiedWeights = false);

/// <summary>A declared model.</summary>
/// <param name="Name">The full name of the class, with its namespace and containing types, joined by dots.</param>
/// <param name="ContextLength">The longest sequence, tokens.</param>
/// <param name="Layers">The declared layers in execution order.</param>
public sealed record ModelSpec(string Name, int ContextLength, EquatableArray<LayerSpec> Layers);
