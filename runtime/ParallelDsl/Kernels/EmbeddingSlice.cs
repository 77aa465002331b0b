using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ParallelDsl.Kernels;

/// <summary>Lookup of token vectors in a table of which only a slice of the rows is there; tokens of other rows are left to other
/// slices.</summary>
public static unsafe class EmbeddingSlice
{
    /// <summary>y[t] = table[tokens[t] - firstRow] where the slice has that row, else x[t].</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="table">[r, W], the r rows of the slice.</param>
    /// <param name="firstRow">The token id of row 0.</param>
    /// <param name="vocabulary">The number of token ids.</param>
    /// <param name="tokens">[T], each from 0 to <paramref name="vocabulary"/> - 1.</param>
    /// <param name="x">What the slices before gave [T, W]: zero for the tokens of this slice and of later ones.</param>
    /// <param name="y">Result [T, W]; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or a token is outside the vocabulary.</exception>
    public static void Forward(ThreadTeam team, Matrix table, int firstRow, int vocabulary, ReadOnlySpan<int> tokens, Matrix x, Matrix y)
    {
        Shapes.Require(y, tokens.Length, table.Columns);
        Shapes.RequireSame(y, x);
        Embedding.RequireTokens(tokens, vocabulary);
        fixed (int* tokenPointer = tokens)
            RowPartition.Run(team, new ForwardRows(table, firstRow, tokenPointer, x, y), y.Rows, y.Columns);
    }

    /// <summary>dTable[tokens[t] - firstRow] += dy[t] for the tokens of the slice, in their order.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="tokens">[T], token ids.</param>
    /// <param name="firstRow">The token id of row 0.</param>
    /// <param name="dy">Gradient of the result [T, W].</param>
    /// <param name="dTable">Accumulates the gradient [r, W].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void BackwardWeight(ThreadTeam team, ReadOnlySpan<int> tokens, int firstRow, Matrix dy, Matrix dTable)
    {
        Shapes.Require(dy, tokens.Length, dTable.Columns);

        // Tokens repeat, so threads share the columns, not the rows.
        fixed (int* tokenPointer = tokens)
            RowPartition.Run(team, new BackwardColumns(tokenPointer, firstRow, dy, dTable), dTable.Columns, tokens.Length, VectorMath.Lanes);
    }

    private readonly struct ForwardRows(Matrix table, int firstRow, int* tokens, Matrix x, Matrix y) : IRangeWork
    {
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                uint token = (uint)(tokens[row] - firstRow);
                float* source = token < (uint)table.Rows ? table.RowPointer((int)token) : x.RowPointer(row);
                if (source != y.RowPointer(row))
                    NativeMemory.Copy(source, y.RowPointer(row), (nuint)y.Columns * sizeof(float));
            }
        }
    }

    private readonly struct BackwardColumns(int* tokens, int firstRow, Matrix dy, Matrix dTable) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (int row = 0; row < dy.Rows; row++)
            {
                uint token = (uint)(tokens[row] - firstRow);
                if (token >= (uint)dTable.Rows)
                    continue;
                float* gradient = dy.RowPointer(row);
                float* sum = dTable.RowPointer((int)token);
                for (int i = start; i < end; i += VectorMath.Lanes)
                {
                    int remaining = end - i;
                    VectorMath.Store(VectorMath.Load(sum + i, remaining) + VectorMath.Load(gradient + i, remaining), sum + i, remaining);
                }
            }
        }
    }
}
