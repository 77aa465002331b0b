namespace ParallelDsl.Kernels;

/// <summary>The loops around the micro-kernel: a grid of result blocks over the threads, cache blocks within each.</summary>
/// <param name="a">Left factor.</param>
/// <param name="b">Right factor.</param>
/// <param name="c">Result.</param>
/// <param name="depth">Length of the sum.</param>
/// <param name="accumulate">Whether to add to the result.</param>
/// <param name="gridRows">Parts along the rows of the result.</param>
/// <param name="gridColumns">Parts along the columns of the result.</param>
internal readonly unsafe struct BlockedProduct<TKernel>(
    Factor a, Factor b, Matrix c, int depth, bool accumulate, int gridRows, int gridColumns) : ITeamWork
    where TKernel : struct, IMicroKernel
{
    // A left block (rows x depth) fills about a third of a 1 MiB L2 cache and is used once for every right panel; a right block
    // (depth x columns) lies in L3 and is used once for every left block.
    private const int DepthOfBlock = 384;
    private const int RowsOfBlock = 192;
    private const int ColumnsOfBlock = 2048;

    // Packing an element costs about as much as this many multiply-adds of the micro-kernel.
    private const long PackingCost = 16;

    /// <summary>Computes the whole product.</summary>
    public static void Run(ThreadTeam team, Factor a, Factor b, Matrix c, int depth, bool accumulate)
    {
        if (c.Rows == 0 || c.Columns == 0)
            return;
        if (depth == 0)
        {
            if (!accumulate)
                c.Clear();
            return;
        }
        (int gridRows, int gridColumns) = ChooseGrid(team.Threads, c.Rows, c.Columns);
        team.RunIfWorthwhile(
            new BlockedProduct<TKernel>(a, b, c, depth, accumulate, gridRows, gridColumns), gridRows * gridColumns,
            2L * c.Rows * c.Columns * depth);
    }

    /// <inheritdoc/>
    public void Run(int part)
    {
        (int firstRow, int endRow) = Range(c.Rows, TKernel.Rows, part / gridColumns, gridRows);
        (int firstColumn, int endColumn) = Range(c.Columns, TKernel.Columns, part % gridColumns, gridColumns);
        if (firstRow == endRow || firstColumn == endColumn)
            return;
        int depthOfBlock = EvenBlock(depth, DepthOfBlock, 8);
        int columnsOfBlock = EvenBlock(endColumn - firstColumn, ColumnsOfBlock, TKernel.Columns);
        int rowsOfBlock = EvenBlock(endRow - firstRow, RowsOfBlock, TKernel.Rows);
        float* left = Workspace.Rent(ScratchPurpose.LeftFactor, (long)rowsOfBlock * depthOfBlock + Factor.Slack);
        float* right = Workspace.Rent(ScratchPurpose.RightFactor, (long)columnsOfBlock * depthOfBlock);

        for (int column = firstColumn; column < endColumn; column += columnsOfBlock)
        {
            int columns = Math.Min(columnsOfBlock, endColumn - column);
            for (int step = 0; step < depth; step += depthOfBlock)
            {
                int steps = Math.Min(depthOfBlock, depth - step);
                b.From(column, step).Pack<RightPanel<TKernel>>(columns, steps, right);
                for (int row = firstRow; row < endRow; row += rowsOfBlock)
                {
                    int rows = Math.Min(rowsOfBlock, endRow - row);
                    a.From(row, step).Pack<LeftPanel<TKernel>>(rows, steps, left);
                    MultiplyBlock(left, right, rows, columns, steps, c.RowPointer(row) + column, c.Stride, accumulate || step > 0);
                }
            }
        }
    }

    private static void MultiplyBlock(
        float* left, float* right, int rows, int columns, int steps, float* c, nint cStride, bool accumulate)
    {
        for (int column = 0; column < columns; column += TKernel.Columns)
        {
            float* rightPanel = right + (long)column * steps;
            for (int row = 0; row < rows; row += TKernel.Rows)
            {
                float* leftPanel = left + (long)row * steps;
                float* tile = c + row * cStride + column;
                if (row + TKernel.Rows <= rows && column + TKernel.Columns <= columns)
                    TKernel.Packed(leftPanel, rightPanel, steps, tile, cStride, accumulate);
                else
                    MultiplyEdge(
                        leftPanel, rightPanel, Math.Min(TKernel.Rows, rows - row), Math.Min(TKernel.Columns, columns - column), steps,
                        tile, cStride, accumulate);
            }
        }
    }

    // A tile that sticks out of the result: computed in full beside it, then the part that exists is stored as the kernel would.
    private static void MultiplyEdge(
        float* leftPanel, float* rightPanel, int rows, int columns, int steps, float* c, nint cStride, bool accumulate)
    {
        float* tile = stackalloc float[TKernel.Rows * TKernel.Columns];
        TKernel.Packed(leftPanel, rightPanel, steps, tile, TKernel.Columns, accumulate: false);
        Tiles.Store(tile, TKernel.Columns, rows, columns, c, cStride, accumulate);
    }

    // The grid with the cheapest part: each part packs its own factors, so square parts pack least.
    private static (int Rows, int Columns) ChooseGrid(int threads, int rows, int columns)
    {
        (int Rows, int Columns) best = (1, 1);
        long bestCost = long.MaxValue;
        for (int gridRows = 1; gridRows <= threads; gridRows++)
        {
            int gridColumns = threads / gridRows;
            (_, int partRows) = Range(rows, TKernel.Rows, 0, gridRows);
            (_, int partColumns) = Range(columns, TKernel.Columns, 0, gridColumns);
            long cost = (long)partRows * partColumns + PackingCost * (partRows + (long)partColumns);
            if (cost < bestCost)
            {
                bestCost = cost;
                best = (gridRows, gridColumns);
            }
        }
        return best;
    }

    // Whole tiles, as evenly as they go; the earlier parts get the larger share.
    private static (int Start, int End) Range(int length, int tile, int part, int parts)
    {
        int tiles = (length + tile - 1) / tile;
        return (Math.Min(length, Share(part) * tile), Math.Min(length, Share(part + 1) * tile));

        int Share(int before) => (int)(((long)tiles * before + parts - 1) / parts);
    }

    // As few blocks as the limit allows, and those of one size.
    private static int EvenBlock(int length, int limit, int multiple)
    {
        int blocks = (length + limit - 1) / limit;
        int block = (length + blocks - 1) / blocks;
        return (block + multiple - 1) / multiple * multiple;
    }
}
