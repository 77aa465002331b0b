namespace ParallelDsl;

/// <summary>Declares the embedding on a partial property of type <see cref="Layer"/>: token ids to hidden vectors.</summary>
/// <remarks>Exactly one, and the first layer of the model.</remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class EmbeddingAttribute : Attribute
{
    /// <summary>The number of token ids.</summary>
    /// <value>Required, at least 1.</value>
    public int Vocabulary { get; set; }

    /// <summary>The width of the model's hidden vectors.</summary>
    /// <value>Required, at least 1, and a multiple of the heads of every block.</value>
    public int Width { get; set; }
}

/// <summary>Declares transformer blocks on a partial property of type <see cref="Layer"/>: RMSNorm, rotary grouped-query causal attention,
/// RMSNorm, SwiGLU, each with a residual.</summary>
/// <remarks>Any number of properties may have it, between the embedding and the head. The width comes from the embedding; the width of a head
/// (width / heads) is even, because rotary embedding turns pairs.</remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class TransformerBlockAttribute : Attribute
{
    /// <summary>Query heads.</summary>
    /// <value>Required, at least 1; divides the width.</value>
    public int Heads { get; set; }

    /// <summary>Key and value heads: groups of query heads share one.</summary>
    /// <value>0, the default, means as many as <see cref="Heads"/>; otherwise divides <see cref="Heads"/>.</value>
    public int KeyValueHeads { get; set; }

    /// <summary>The inner width of the SwiGLU.</summary>
    /// <value>Required, at least 1.</value>
    public int FeedForward { get; set; }

    /// <summary>How many such blocks follow one another, each with its own weights.</summary>
    /// <value>At least 1; default 1.</value>
    public int Repeat { get; set; } = 1;
}

/// <summary>Declares the head on a partial property of type <see cref="Layer"/>: final RMSNorm, projection to the vocabulary, cross-entropy.</summary>
/// <remarks>Exactly one, and the last layer of the model. Width and vocabulary come from the embedding.</remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class LanguageModelHeadAttribute : Attribute
{
    /// <summary>Whether the projection is the embedding's table. Tied weights that lie on two stages have their gradients summed over both.</summary>
    /// <value>Default false.</value>
    public bool TiedWeights { get; set; }
}
