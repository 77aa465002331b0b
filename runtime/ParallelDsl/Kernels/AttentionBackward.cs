using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>
/// Backward attention. With enough key-value heads for the team, a part is one of them and makes all three gradients from five products.
/// Otherwise a first pass makes dK and dV (a part is a range of key rows of a key-value head) and a second dQ (a range of query rows of a
/// head), for seven products. Every element is summed in the same order both ways.
/// </summary>
internal readonly unsafe struct AttentionBackward<TShape, TKernel>(
    AttentionProblem problem, AttentionGradients gradients, AttentionPass pass, int slices) : ITeamWork
    where TShape : struct, IAttentionShape
    where TKernel : struct, IMicroKernel
{
    private const int KeyRows = 64;
    private const int SliceRows = 256;

    private static int Width => TShape.HeadWidth;

    private static int Group => TShape.Heads / TShape.KeyValueHeads;

    // Rows of the tiles that are right factors, filled up to whole vectors.
    private static int PaddedWidth => (Width + VectorMath.Lanes - 1) / VectorMath.Lanes * VectorMath.Lanes;

    public static void Run(ThreadTeam team, AttentionProblem problem, AttentionGradients gradients, long work)
    {
        int heads = problem.K.Columns / Width;
        bool headsKeepTeamBusy = heads % team.Threads == 0 || heads >= 4 * team.Threads;
        if (headsKeepTeamBusy)
        {
            team.RunIfWorthwhile(new AttentionBackward<TShape, TKernel>(problem, gradients, AttentionPass.All, 1), heads, 10 * work);
            return;
        }
        int keySlices = (problem.K.Rows + SliceRows - 1) / SliceRows;
        int querySlices = (problem.Q.Rows + SliceRows - 1) / SliceRows;
        team.RunIfWorthwhile(
            new AttentionBackward<TShape, TKernel>(problem, gradients, AttentionPass.KeysAndValues, keySlices), heads * keySlices, 8 * work);
        team.RunIfWorthwhile(
            new AttentionBackward<TShape, TKernel>(problem, gradients, AttentionPass.Queries, querySlices), heads * Group * querySlices, 6 * work);
    }

    /// <inheritdoc/>
    public void Run(int part)
    {
        var scratch = new Scratch(Workspace.Rent(ScratchPurpose.Attention, Scratch.Length));
        int slice = part % slices;
        int head = part / slices;
        switch (pass)
        {
            case AttentionPass.All:
                RunHeads(head * Group, Group, 0, problem.Q.Rows, 0, problem.K.Rows, scratch);
                break;
            case AttentionPass.KeysAndValues:
                RunHeads(
                    head * Group, Group, 0, problem.Q.Rows, Share(problem.K.Rows, slice), Share(problem.K.Rows, slice + 1), scratch);
                break;
            case AttentionPass.Queries:
                // The longest parts first.
                slice = slices - 1 - slice;
                RunHeads(head, 1, Share(problem.Q.Rows, slice), Share(problem.Q.Rows, slice + 1), 0, problem.K.Rows, scratch);
                break;
        }
    }

    private int Share(int rows, int slice) => (int)((long)rows * slice / slices);

    private void RunHeads(int firstHead, int heads, int firstQuery, int endQuery, int firstKey, int endKey, Scratch scratch)
    {
        for (int i = 0; i < problem.BlockCount; i++)
        {
            AttentionBlock block = problem.Blocks[i];
            int start = Math.Max(firstQuery, block.QueryStart);
            int end = Math.Min(endQuery, block.QueryStart + block.QueryLength);
            int keyStart = Math.Max(firstKey - block.KeyStart, 0);
            int keyEnd = Math.Min(endKey - block.KeyStart, block.KeyLength);
            for (int head = firstHead; head < firstHead + heads; head++)
            {
                for (int row = start; row < end; row += QueryTile.Rows)
                    RunTile(head, row, Math.Min(QueryTile.Rows, end - row), block, keyStart, keyEnd, scratch);
            }
        }
    }

    private void RunTile(int head, int row, int rows, AttentionBlock block, int keyStart, int keyEnd, Scratch scratch)
    {
        int diagonal = block.QueryPosition + (row - block.QueryStart) - block.KeyPosition;
        int visibleEnd = Math.Min(keyEnd, diagonal + rows);
        if (visibleEnd <= keyStart)
            return;
        int lanes = QueryTile.Lanes(rows);
        int column = head * Width;
        int keyColumn = head / Group * Width;
        PackTile(head, row, rows, column, scratch);

        for (int key = keyStart; key < visibleEnd; key += KeyRows)
        {
            int keys = Math.Min(KeyRows, visibleEnd - key);
            int keyRow = block.KeyStart + key;
            float* k = problem.K.RowPointer(keyRow) + keyColumn;
            float* v = problem.V.RowPointer(keyRow) + keyColumn;
            TileProduct<TKernel>.KeysByQueries(
                new StridedFactor(k, problem.K.Stride, 1), scratch.Queries, QueryTile.Rows,
                keys, lanes, Width, scratch.Scores, QueryTile.Rows, diagonal - key);
            TileProduct<TKernel>.KeysByQueries(
                new StridedFactor(v, problem.V.Stride, 1), scratch.Output, QueryTile.Rows,
                keys, lanes, Width, scratch.Products, QueryTile.Rows, diagonal - key);
            Differentiate(diagonal - key, keys, lanes, scratch);
            if (pass != AttentionPass.Queries)
            {
                TileProduct<TKernel>.SumOverQueries(
                    new StridedFactor(scratch.Scores, QueryTile.Rows, 1), scratch.OutputRows, PaddedWidth,
                    keys, Width, rows, gradients.V.RowPointer(keyRow) + keyColumn, gradients.V.Stride, diagonal - key);
                TileProduct<TKernel>.SumOverQueries(
                    new StridedFactor(scratch.Products, QueryTile.Rows, 1), scratch.QueryRows, PaddedWidth,
                    keys, Width, rows, gradients.K.RowPointer(keyRow) + keyColumn, gradients.K.Stride, diagonal - key);
            }
            if (pass != AttentionPass.KeysAndValues)
            {
                TileProduct<TKernel>.SumOverKeys(
                    new StridedFactor(k, 1, problem.K.Stride), scratch.Products, QueryTile.Rows,
                    Width, lanes, keys, scratch.QueryGradients, QueryTile.Rows, accumulate: key > keyStart, diagonal - key);
            }
        }
        if (pass != AttentionPass.KeysAndValues)
            AddQueryGradients(gradients.Q.RowPointer(row) + column, rows, scratch);
    }

    // The queries are scaled once here: scores and dK then need no scale, and dQ gets it at the end.
    private void PackTile(int head, int row, int rows, int column, Scratch scratch)
    {
        float scale = 1 / MathF.Sqrt(Width);
        AttentionTile.CopyRows(problem.Q.RowPointer(row) + column, problem.Q.Stride, rows, Width, scale, scratch.QueryRows, PaddedWidth);
        AttentionTile.CopyRows(gradients.Output.RowPointer(row) + column, gradients.Output.Stride, rows, Width, 1, scratch.OutputRows, PaddedWidth);
        AttentionTile.PackQueries(scratch.QueryRows, PaddedWidth, rows, Width, scratch.Queries);
        AttentionTile.PackQueries(scratch.OutputRows, PaddedWidth, rows, Width, scratch.Output);
        float* logSumExp = problem.LogSumExp.RowPointer(head) + row;
        float* delta = gradients.Delta.RowPointer(head) + row;
        for (int lane = 0; lane < QueryTile.Lanes(rows); lane++)
        {
            bool seesKeys = lane < rows && !float.IsNegativeInfinity(logSumExp[lane]);
            // With +infinity every probability of the lane is zero.
            scratch.LogSumExp[lane] = seesKeys ? logSumExp[lane] : float.PositiveInfinity;
            scratch.Delta[lane] = lane < rows ? delta[lane] : 0;
        }
    }

    // Scores become probabilities P = exp(S - logSumExp), and the products dP = dO V^T become dS = P (dP - delta).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Differentiate(int diagonal, int keys, int lanes, Scratch scratch)
    {
        for (int lane = 0; lane < lanes; lane += VectorMath.Lanes)
        {
            float* score = scratch.Scores + lane;
            float* product = scratch.Products + lane;
            int seen = AttentionTile.Mask(score, keys, diagonal + lane);
            Vector512<float> logSumExp = Vector512.Load(scratch.LogSumExp + lane);
            Vector512<float> delta = Vector512.Load(scratch.Delta + lane);
            for (float* end = score + (seen * QueryTile.Rows); score < end; score += QueryTile.Rows, product += QueryTile.Rows)
            {
                Vector512<float> probability = VectorMath.Exp(Vector512.Load(score) - logSumExp);
                probability.Store(score);
                (probability * (Vector512.Load(product) - delta)).Store(product);
            }
            for (int key = seen; key < keys; key++, product += QueryTile.Rows)
                Vector512<float>.Zero.Store(product);
        }
    }

    private void AddQueryGradients(float* dQ, int rows, Scratch scratch)
    {
        // The tile of queries is no longer needed and takes the transposed gradients.
        float* transposed = scratch.QueryRows;
        Transpose.Rows(scratch.QueryGradients, QueryTile.Rows, Width, rows, transposed, PaddedWidth);
        Vector512<float> scale = Vector512.Create(1 / MathF.Sqrt(Width));
        for (int row = 0; row < rows; row++, dQ += gradients.Q.Stride, transposed += PaddedWidth)
        {
            for (int i = 0; i < Width; i += VectorMath.Lanes)
            {
                Vector512<float> sum = VectorMath.Load(dQ + i, Width - i) + (Vector512.Load(transposed + i) * scale);
                VectorMath.Store(sum, dQ + i, Width - i);
            }
        }
    }

    private readonly struct Scratch(float* start)
    {
        /// <summary>Scaled queries [HeadWidth][64].</summary>
        public float* Queries => start;

        /// <summary>Gradient of the result [HeadWidth][64].</summary>
        public float* Output => Queries + (Width * QueryTile.Rows);

        /// <summary>Gradient of the queries, transposed and without scale [HeadWidth][64].</summary>
        public float* QueryGradients => Output + (Width * QueryTile.Rows);

        /// <summary>Scaled queries [64][PaddedWidth].</summary>
        public float* QueryRows => QueryGradients + (Width * QueryTile.Rows);

        /// <summary>Gradient of the result [64][PaddedWidth].</summary>
        public float* OutputRows => QueryRows + (PaddedWidth * QueryTile.Rows);

        /// <summary>Scores, then probabilities [64][64].</summary>
        public float* Scores => OutputRows + (PaddedWidth * QueryTile.Rows);

        /// <summary>dP, then dS [64][64].</summary>
        public float* Products => Scores + (KeyRows * QueryTile.Rows);

        /// <summary>Logarithm of the softmax denominator of each query.</summary>
        public float* LogSumExp => Products + (KeyRows * QueryTile.Rows);

        /// <summary>Dot product of result and gradient of each query.</summary>
        public float* Delta => LogSumExp + QueryTile.Rows;

        public static long Length => ((3 * Width) + (2 * PaddedWidth) + (2 * KeyRows) + 2) * QueryTile.Rows;
    }
}

/// <summary>Which gradients a pass over the tiles makes.</summary>
internal enum AttentionPass
{
    /// <summary>All three.</summary>
    All,

    /// <summary>dK and dV.</summary>
    KeysAndValues,

    /// <summary>dQ.</summary>
    Queries,
}
