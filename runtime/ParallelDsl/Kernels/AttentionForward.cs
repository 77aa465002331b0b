using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ParallelDsl.Kernels;

/// <summary>Forward attention; a part is one key-value head and one range of query rows.</summary>
internal readonly unsafe struct AttentionForward<TShape, TKernel>(AttentionProblem problem, Matrix o, int slices) : ITeamWork
    where TShape : struct, IAttentionShape
    where TKernel : struct, IMicroKernel
{
    private const int KeyRows = 128;

    // Query rows of a part, where heads alone do not keep the team busy.
    private const int SliceRows = 256;

    private static int Width => TShape.HeadWidth;

    private static int Group => TShape.Heads / TShape.KeyValueHeads;

    public static void Run(ThreadTeam team, AttentionProblem problem, Matrix o, long work)
    {
        // Later rows see more keys, so the rows are cut finely; how they are cut changes no bit.
        int heads = problem.K.Columns / Width;
        bool headsKeepTeamBusy = heads % team.Threads == 0 || heads >= 4 * team.Threads;
        int slices = headsKeepTeamBusy ? 1 : (problem.Q.Rows + SliceRows - 1) / SliceRows;
        team.RunIfWorthwhile(new AttentionForward<TShape, TKernel>(problem, o, slices), heads * slices, 4 * work);
    }

    /// <inheritdoc/>
    public void Run(int part)
    {
        // The longest parts first.
        int heads = problem.K.Columns / Width;
        int slice = slices - 1 - (part / heads);
        int keyValueHead = part % heads;
        int firstRow = (int)((long)problem.Q.Rows * slice / slices);
        int endRow = (int)((long)problem.Q.Rows * (slice + 1) / slices);
        var scratch = new Scratch(Workspace.Rent(ScratchPurpose.Attention, Scratch.Length));
        for (int i = 0; i < problem.BlockCount; i++)
        {
            AttentionBlock block = problem.Blocks[i];
            int start = Math.Max(firstRow, block.QueryStart);
            int end = Math.Min(endRow, block.QueryStart + block.QueryLength);
            // The heads that share keys and values follow each other, while those are in the cache.
            for (int head = keyValueHead * Group; head < (keyValueHead + 1) * Group; head++)
            {
                for (int row = start; row < end; row += QueryTile.Rows)
                    RunTile(head, row, Math.Min(QueryTile.Rows, end - row), block, scratch);
            }
        }
    }

    private void RunTile(int head, int row, int rows, AttentionBlock block, Scratch scratch)
    {
        int position = block.QueryPosition + (row - block.QueryStart);
        int visibleKeys = Math.Min(block.KeyLength, position + rows - block.KeyPosition);
        if (visibleKeys <= 0)
            return;
        int lanes = QueryTile.Lanes(rows);
        int keyColumn = head / Group * Width;
        float* k = problem.K.RowPointer(block.KeyStart) + keyColumn;
        float* v = problem.V.RowPointer(block.KeyStart) + keyColumn;
        float* logSumExp = problem.LogSumExp.RowPointer(head) + row;
        float* output = o.RowPointer(row) + (head * Width);

        AttentionTile.PackQueries(problem.Q.RowPointer(row) + (head * Width), problem.Q.Stride, rows, Width, scratch.Queries);
        AttentionTile.Scale(scratch.Queries, Width, lanes, 1 / MathF.Sqrt(Width));
        Restore(logSumExp, output, rows, lanes, scratch);
        for (int key = 0; key < visibleKeys; key += KeyRows)
        {
            int keys = Math.Min(KeyRows, visibleKeys - key);
            int diagonal = position - block.KeyPosition - key;
            TileProduct<TKernel>.KeysByQueries(
                new StridedFactor(k + ((nint)key * problem.K.Stride), problem.K.Stride, 1), scratch.Queries, QueryTile.Rows,
                keys, lanes, Width, scratch.Scores, QueryTile.Rows, diagonal);
            Softmax(diagonal, keys, lanes, scratch);
            TileProduct<TKernel>.SumOverKeys(
                new StridedFactor(v + ((nint)key * problem.V.Stride), 1, problem.V.Stride), scratch.Scores, QueryTile.Rows,
                Width, lanes, keys, scratch.Output, QueryTile.Rows, accumulate: true, diagonal);
        }
        Save(logSumExp, output, rows, lanes, scratch);
    }

    // Continues from the running result: maximum = logSumExp, sum = 1, output = o.
    private void Restore(float* logSumExp, float* output, int rows, int lanes, Scratch scratch)
    {
        bool empty = true;
        for (int i = 0; i < lanes; i++)
        {
            float value = i < rows ? logSumExp[i] : float.NegativeInfinity;
            scratch.Maximum[i] = value;
            scratch.Sum[i] = float.IsNegativeInfinity(value) ? 0 : 1;
            empty &= float.IsNegativeInfinity(value);
        }
        if (empty)
            NativeMemory.Clear(scratch.Output, (nuint)(Width * QueryTile.Rows) * sizeof(float));
        else
            AttentionTile.PackQueries(output, o.Stride, rows, Width, scratch.Output);
    }

    private void Save(float* logSumExp, float* output, int rows, int lanes, Scratch scratch)
    {
        for (int lane = 0; lane < lanes; lane += VectorMath.Lanes)
        {
            Vector512<float> sum = Vector512.Load(scratch.Sum + lane);
            Vector512<float> seen = Vector512.GreaterThan(sum, Vector512<float>.Zero);
            Vector512<float> factor = Vector512.ConditionalSelect(seen, Vector512<float>.One / sum, Vector512<float>.Zero);
            AttentionTile.ScaleLanes(scratch.Output + lane, Width, factor);
            Vector512<float> result = Vector512.Load(scratch.Maximum + lane) + Vector512.Log(sum);
            result = Vector512.ConditionalSelect(seen, result, Vector512.Create(float.NegativeInfinity));
            VectorMath.Store(result, logSumExp + lane, rows - lane);
        }
        Transpose.Rows(scratch.Output, QueryTile.Rows, Width, rows, output, o.Stride);
    }

    // Turns a tile of scores into probabilities relative to the new maximum, and scales what was summed so far to it.
    // "diagonal" is the position of the first query minus that of the first key: query i sees the keys up to diagonal + i.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softmax(int diagonal, int keys, int lanes, Scratch scratch)
    {
        for (int lane = 0; lane < lanes; lane += VectorMath.Lanes)
        {
            float* scores = scratch.Scores + lane;
            float* end = scores + (AttentionTile.Mask(scores, keys, diagonal + lane) * QueryTile.Rows);
            Vector512<float> oldMaximum = Vector512.Load(scratch.Maximum + lane);
            Vector512<float> maximum = oldMaximum;
            for (float* score = scores; score < end; score += QueryTile.Rows)
                maximum = Vector512.MaxNative(maximum, Vector512.Load(score));
            // A lane that has seen nothing keeps -infinity; zero in its place avoids -infinity minus -infinity.
            Vector512<float> reference = Vector512.ConditionalSelect(
                Vector512.Equals(maximum, Vector512.Create(float.NegativeInfinity)), Vector512<float>.Zero, maximum);
            Vector512<float> sum = Vector512<float>.Zero;
            for (float* score = scores; score < end; score += QueryTile.Rows)
            {
                Vector512<float> probability = VectorMath.Exp(Vector512.Load(score) - reference);
                probability.Store(score);
                sum += probability;
            }
            Vector512<float> rescale = VectorMath.Exp(oldMaximum - reference);
            (Vector512.Load(scratch.Sum + lane) * rescale + sum).Store(scratch.Sum + lane);
            maximum.Store(scratch.Maximum + lane);
            if (!Vector512.EqualsAll(rescale, Vector512<float>.One))
                AttentionTile.ScaleLanes(scratch.Output + lane, Width, rescale);
        }
    }

    private readonly struct Scratch(float* start)
    {
        /// <summary>Scaled queries [HeadWidth][64].</summary>
        public float* Queries => start;

        /// <summary>Sums of probability times value [HeadWidth][64].</summary>
        public float* Output => Queries + (Width * QueryTile.Rows);

        /// <summary>Scores, then probabilities [128][64].</summary>
        public float* Scores => Output + (Width * QueryTile.Rows);

        /// <summary>Largest score so far of each query.</summary>
        public float* Maximum => Scores + (KeyRows * QueryTile.Rows);

        /// <summary>Sum of the probabilities of each query.</summary>
        public float* Sum => Maximum + QueryTile.Rows;

        public static long Length => ((2 * Width) + KeyRows + 2) * QueryTile.Rows;
    }
}
