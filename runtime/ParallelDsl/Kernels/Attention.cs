using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Causal grouped-query attention over packed sequences, never holding more than a tile of scores (after Dao, "FlashAttention-2", arXiv
/// 2307.08691). The score scale is 1 / sqrt(head width). Heads lie side by side in the columns of q, k, v and o; rows are tokens.
/// </summary>
/// <typeparam name="TShape">Constants of the layer.</typeparam>
/// <remarks>
/// <para>The operands may have all heads of the layer or some of them: as many key-value heads as k has columns for, each with its query heads.</para>
/// <para>
/// No result depends on the number of threads, to the bit. Blocks may come in any number and share query or key rows; a row's partial
/// results merge in the order of the blocks.
/// </para>
/// </remarks>
public static unsafe class Attention<TShape>
    where TShape : struct, IAttentionShape
{
    private static int QueryWidth => TShape.Heads * TShape.HeadWidth;

    private static int Group => TShape.Heads / TShape.KeyValueHeads;

    /// <summary>Makes the running result empty: o = 0 and logSumExp = -infinity.</summary>
    /// <param name="o">[Tq, heads * HeadWidth].</param>
    /// <param name="logSumExp">[heads, Tq].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Reset(Matrix o, Matrix logSumExp)
    {
        RequireShape();
        int heads = KeyValueHeadsOf(o) * Group;
        Shapes.Require(o, o.Rows, heads * TShape.HeadWidth);
        Shapes.Require(logSumExp, heads, o.Rows);
        o.Clear();
        for (int head = 0; head < heads; head++)
            logSumExp.Row(head).Fill(float.NegativeInfinity);
    }

    /// <summary>
    /// Merges the attention over <paramref name="blocks"/> into the running result, as if the keys of earlier calls and of this one had
    /// been given at once: a step of a ring is one call. Rows that have seen nothing keep o = 0 and logSumExp = -infinity.
    /// </summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="q">Queries [Tq, heads * HeadWidth].</param>
    /// <param name="k">Keys [Tk, key-value heads * HeadWidth].</param>
    /// <param name="v">Values, shaped as <paramref name="k"/>.</param>
    /// <param name="blocks">Which rows meet.</param>
    /// <param name="o">Running result, shaped as <paramref name="q"/>.</param>
    /// <param name="logSumExp">Running natural logarithm of the softmax denominators [heads, Tq].</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or a block leaves the matrices.</exception>
    public static void Forward(
        ThreadTeam team, Matrix q, Matrix k, Matrix v, ReadOnlySpan<AttentionBlock> blocks, Matrix o, Matrix logSumExp)
    {
        int heads = RequireShapes(q, k, v);
        Shapes.RequireSame(q, o);
        Shapes.Require(logSumExp, heads, q.Rows);
        long work = RequireBlocks(blocks, q.Rows, k.Rows) * q.Columns;
        fixed (AttentionBlock* first = blocks)
        {
            var problem = new AttentionProblem(q, k, v, logSumExp, first, blocks.Length);
            if (Vector512.IsHardwareAccelerated)
                AttentionForward<TShape, MicroKernel512>.Run(team, problem, o, work);
            else if (Vector256.IsHardwareAccelerated)
                AttentionForward<TShape, MicroKernel256>.Run(team, problem, o, work);
            else
                AttentionForward<TShape, MicroKernel128>.Run(team, problem, o, work);
        }
    }

    /// <summary>The row-wise dot products of dO and o for each head, which every <see cref="Backward"/> call of this step needs.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="dO">Gradient of o [Tq, Heads * HeadWidth].</param>
    /// <param name="o">Final result of the forward calls, shaped as <paramref name="dO"/>.</param>
    /// <param name="delta">Result [Heads, Tq].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void OutputDots(ThreadTeam team, Matrix dO, Matrix o, Matrix delta)
    {
        Shapes.Require(o, o.Rows, QueryWidth);
        Shapes.RequireSame(o, dO);
        Shapes.Require(delta, TShape.Heads, o.Rows);
        RowPartition.Run(team, new OutputDotsRows<TShape>(dO, o, delta), o.Rows, QueryWidth);
    }

    /// <summary>
    /// Adds to dQ, dK and dV what <paramref name="blocks"/> contribute. The probabilities are recomputed from the final logSumExp, so the
    /// steps of a ring may come in any order.
    /// </summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="q">Queries [Tq, heads * HeadWidth].</param>
    /// <param name="k">Keys [Tk, key-value heads * HeadWidth].</param>
    /// <param name="v">Values, shaped as <paramref name="k"/>.</param>
    /// <param name="dO">Gradient of o, shaped as <paramref name="q"/>.</param>
    /// <param name="logSumExp">Result of the last forward call [heads, Tq].</param>
    /// <param name="delta">Result of <see cref="OutputDots"/> [heads, Tq].</param>
    /// <param name="blocks">Which rows meet.</param>
    /// <param name="dQ">Accumulates the gradient of <paramref name="q"/>.</param>
    /// <param name="dK">Accumulates the gradient of <paramref name="k"/>.</param>
    /// <param name="dV">Accumulates the gradient of <paramref name="v"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or a block leaves the matrices.</exception>
    public static void Backward(
        ThreadTeam team, Matrix q, Matrix k, Matrix v, Matrix dO, Matrix logSumExp, Matrix delta, ReadOnlySpan<AttentionBlock> blocks,
        Matrix dQ, Matrix dK, Matrix dV)
    {
        int heads = RequireShapes(q, k, v);
        Shapes.RequireSame(q, dO);
        Shapes.RequireSame(q, dQ);
        Shapes.RequireSame(k, dK);
        Shapes.RequireSame(v, dV);
        Shapes.Require(logSumExp, heads, q.Rows);
        Shapes.Require(delta, heads, q.Rows);
        long work = RequireBlocks(blocks, q.Rows, k.Rows) * q.Columns;
        fixed (AttentionBlock* first = blocks)
        {
            var problem = new AttentionProblem(q, k, v, logSumExp, first, blocks.Length);
            var gradients = new AttentionGradients(dO, delta, dQ, dK, dV);
            if (Vector512.IsHardwareAccelerated)
                AttentionBackward<TShape, MicroKernel512>.Run(team, problem, gradients, work);
            else if (Vector256.IsHardwareAccelerated)
                AttentionBackward<TShape, MicroKernel256>.Run(team, problem, gradients, work);
            else
                AttentionBackward<TShape, MicroKernel128>.Run(team, problem, gradients, work);
        }
    }

    // Returns the number of query heads.
    private static int RequireShapes(Matrix q, Matrix k, Matrix v)
    {
        RequireShape();
        int keyValueHeads = KeyValueHeadsOf(q);
        Shapes.Require(q, q.Rows, keyValueHeads * Group * TShape.HeadWidth);
        Shapes.Require(k, k.Rows, keyValueHeads * TShape.HeadWidth);
        Shapes.RequireSame(k, v);
        return keyValueHeads * Group;
    }

    private static void RequireShape()
    {
        if (TShape.HeadWidth < 1 || TShape.KeyValueHeads < 1 || TShape.Heads < 1 || TShape.Heads % TShape.KeyValueHeads != 0)
        {
            throw new ArgumentException(
                $"{typeof(TShape).Name} has {TShape.Heads} heads of width {TShape.HeadWidth} and {TShape.KeyValueHeads} key-value heads: "
                + "all must be at least 1, and the key-value heads must divide the heads.");
        }
    }

    // Of queries or results: those that there are whole columns for, at least one and at most all.
    private static int KeyValueHeadsOf(Matrix q) => Math.Clamp(q.Columns / (Group * TShape.HeadWidth), 1, TShape.KeyValueHeads);

    // Returns the number of (query, key) pairs of all blocks.
    private static long RequireBlocks(ReadOnlySpan<AttentionBlock> blocks, int queries, int keys)
    {
        long area = 0;
        for (int i = 0; i < blocks.Length; i++)
        {
            AttentionBlock block = blocks[i];
            if (block.QueryStart < 0 || block.QueryLength < 0 || (long)block.QueryStart + block.QueryLength > queries
                || block.KeyStart < 0 || block.KeyLength < 0 || (long)block.KeyStart + block.KeyLength > keys
                || block.QueryPosition < 0 || block.KeyPosition < 0
                || (long)block.QueryPosition + block.QueryLength > int.MaxValue || (long)block.KeyPosition + block.KeyLength > int.MaxValue)
            {
                throw new ArgumentException(
                    $"blocks[{i}] is {block}, which leaves the {queries} query rows or {keys} key rows or has a negative part.", nameof(blocks));
            }
            area += block.Area;
        }
        return area;
    }
}
