using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ParallelDsl.Kernels;

/// <summary>Lookup of token vectors.</summary>
public static unsafe class Embedding
{
    /// <summary>y[t] = table[tokens[t]].</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="table">[V, W].</param>
    /// <param name="tokens">[T], each from 0 to V - 1.</param>
    /// <param name="y">Result [T, W].</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or a token is outside the table.</exception>
    public static void Forward(ThreadTeam team, Matrix table, ReadOnlySpan<int> tokens, Matrix y)
    {
        Shapes.Require(y, tokens.Length, table.Columns);
        RequireTokens(tokens, table.Rows);
        fixed (int* tokenPointer = tokens)
            RowPartition.Run(team, new ForwardRows(table, tokenPointer, y), y.Rows, y.Columns);
    }

    /// <summary>dTable[tokens[t]] += dy[t], in the order of the tokens.</summary>
    /// <param name="team">Threads that share the work.</param>
    /// <param name="tokens">[T], each from 0 to V - 1.</param>
    /// <param name="dy">Gradient of the result [T, W].</param>
    /// <param name="dTable">Accumulates the gradient [V, W].</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or a token is outside the table.</exception>
    public static void BackwardWeight(ThreadTeam team, ReadOnlySpan<int> tokens, Matrix dy, Matrix dTable)
    {
        Shapes.Require(dy, tokens.Length, dTable.Columns);
        RequireTokens(tokens, dTable.Rows);
        // Tokens repeat, so threads share the columns, not the rows.
        fixed (int* tokenPointer = tokens)
            RowPartition.Run(team, new BackwardColumns(tokenPointer, dy, dTable), dTable.Columns, tokens.Length, VectorMath.Lanes);
    }

    internal static void RequireTokens(ReadOnlySpan<int> tokens, int vocabulary)
    {
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), tokens[i], $"tokens[{i}] is outside the vocabulary of {vocabulary}.");
        }
    }

    private readonly struct ForwardRows(Matrix table, int* tokens, Matrix y) : IRangeWork
    {
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
                NativeMemory.Copy(table.RowPointer(tokens[row]), y.RowPointer(row), (nuint)y.Columns * sizeof(float));
        }
    }

    private readonly struct BackwardColumns(int* tokens, Matrix dy, Matrix dTable) : IRangeWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (int row = 0; row < dy.Rows; row++)
            {
                float* gradient = dy.RowPointer(row);
                float* sum = dTable.RowPointer(tokens[row]);
                for (int i = start; i < end; i += VectorMath.Lanes)
                {
                    int remaining = end - i;
                    VectorMath.Store(VectorMath.Load(sum + i, remaining) + VectorMath.Load(gradient + i, remaining), sum + i, remaining);
                }
            }
        }
    }
}
