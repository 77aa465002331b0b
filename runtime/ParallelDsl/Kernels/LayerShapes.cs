namespace ParallelDsl.Kernels;

// A shape is an empty struct whose static members are constants. The generator emits one for each declared layer; the JIT folds
// them into the code that is generic over it.

/// <summary>The shape of an embedding.</summary>
public interface IEmbeddingShape
{
    /// <summary>The number of token ids.</summary>
    static abstract int Vocabulary { get; }

    /// <summary>The width of a hidden vector.</summary>
    static abstract int Width { get; }
}

/// <summary>The shape of a transformer block.</summary>
public interface ITransformerShape : IAttentionShape
{
    /// <summary>The width of a hidden vector.</summary>
    static abstract int Width { get; }

    /// <summary>The inner width of the SwiGLU.</summary>
    static abstract int FeedForward { get; }
}

/// <summary>The shape of a language model head.</summary>
public interface IHeadShape
{
    /// <summary>The width of a hidden vector.</summary>
    static abstract int Width { get; }

    /// <summary>The number of token ids.</summary>
    static abstract int Vocabulary { get; }

    /// <summary>Whether the projection is the embedding's table.</summary>
    static abstract bool TiedWeights { get; }
}
