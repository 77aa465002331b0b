namespace ParallelDsl.Kernels;

/// <summary>The operands that forward and backward attention share.</summary>
internal readonly unsafe struct AttentionProblem(
    Matrix q, Matrix k, Matrix v, Matrix logSumExp, AttentionBlock* blocks, int blockCount)
{
    public readonly Matrix Q = q;
    public readonly Matrix K = k;
    public readonly Matrix V = v;
    public readonly Matrix LogSumExp = logSumExp;
    public readonly AttentionBlock* Blocks = blocks;
    public readonly int BlockCount = blockCount;
}

/// <summary>The gradients of attention: of the result, its dots with the result, and those that are accumulated.</summary>
internal readonly record struct AttentionGradients(Matrix Output, Matrix Delta, Matrix Q, Matrix K, Matrix V);

/// <summary>
/// A tile of up to 64 query rows. Queries are the lanes of the vectors: scores are stored as [key][query], so the softmax needs no sums
/// across lanes, and the tile of probabilities is already a packed right factor.
/// </summary>
internal static class QueryTile
{
    /// <summary>Query rows of a tile, and the distance of two keys in a tile of scores.</summary>
    public const int Rows = 64;

    /// <summary>The lanes in use: the rows rounded up to whole vectors.</summary>
    public static int Lanes(int rows) => (rows + VectorMath.Lanes - 1) / VectorMath.Lanes * VectorMath.Lanes;
}
