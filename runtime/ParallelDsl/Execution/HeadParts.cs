using ParallelDsl.Kernels;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>The heads that one member of a ring attends with: columns of keys, queries and results, rows of log-sum-exp and dots.</summary>
/// <param name="KeyStart">The first column of keys, and of values.</param>
/// <param name="KeyColumns">How many.</param>
/// <param name="QueryStart">The first column of queries and results.</param>
/// <param name="QueryColumns">How many.</param>
/// <param name="FirstHead">The first query head.</param>
/// <param name="Heads">How many; maybe none.</param>
internal readonly record struct HeadColumns(int KeyStart, int KeyColumns, int QueryStart, int QueryColumns, int FirstHead, int Heads)
{
    /// <summary>Those of a member of <paramref name="ranks"/>.</summary>
    public static HeadColumns Of(in AttentionOperands operands, int ranks, int member)
    {
        int width = operands.Query.Columns / operands.LogSumExp.Rows, keyHeads = operands.Key.Columns / width;
        int group = operands.LogSumExp.Rows / keyHeads;
        HeadShare share = HeadShares.Of(keyHeads, ranks, member);
        return new HeadColumns(
            share.First * width, share.Count * width, share.First * width * group, share.Count * width * group, share.First * group, share.Count * group);
    }
}

/// <summary>What attention with some heads reads, one matrix after the other in memory: as one member sends it, and as that of all members is
/// put together.</summary>
internal readonly unsafe struct HeadOperands
{
    /// <summary>Takes the matrices from <paramref name="start"/> on.</summary>
    public HeadOperands(float* start, int keys, int queries, HeadColumns heads, bool isBackward)
    {
        KeyValue = new Matrix(start, keys, 2 * heads.KeyColumns);
        Query = new Matrix(start += KeyValue.Count, queries, heads.QueryColumns);
        if (!isBackward)
            return;
        OutputGradient = new Matrix(start += Query.Count, queries, heads.QueryColumns);
        LogSumExp = new Matrix(start += OutputGradient.Count, heads.Heads, queries);
        OutputDots = new Matrix(start + LogSumExp.Count, heads.Heads, queries);
    }

    /// <summary>Keys, then values.</summary>
    public Matrix KeyValue { get; }

    /// <summary>Queries.</summary>
    public Matrix Query { get; }

    /// <summary>In the backward: the gradient of the result.</summary>
    public Matrix OutputGradient { get; }

    /// <summary>In the backward: [heads, queries].</summary>
    public Matrix LogSumExp { get; }

    /// <summary>In the backward: [heads, queries].</summary>
    public Matrix OutputDots { get; }

    /// <summary>Floats of all of them.</summary>
    public static long Floats(int keys, int queries, HeadColumns heads, bool isBackward) =>
        (2L * keys * heads.KeyColumns) + ((long)queries * (isBackward ? 2 * (heads.QueryColumns + heads.Heads) : heads.QueryColumns));
}

/// <summary>What attention with some heads gives, one matrix after the other in memory: of all members together, and as it goes back to
/// one.</summary>
internal readonly unsafe struct HeadResults
{
    /// <summary>Takes the matrices from <paramref name="start"/> on.</summary>
    public HeadResults(float* start, int keys, int queries, HeadColumns heads, bool isBackward)
    {
        if (isBackward)
        {
            KeyValueGradient = new Matrix(start, keys, 2 * heads.KeyColumns);
            QueryGradient = new Matrix(start + KeyValueGradient.Count, queries, heads.QueryColumns);
            return;
        }

        Output = new Matrix(start, queries, heads.QueryColumns);
        LogSumExp = new Matrix(start + Output.Count, heads.Heads, queries);
    }

    /// <summary>In the forward.</summary>
    public Matrix Output { get; }

    /// <summary>In the forward: [heads, queries].</summary>
    public Matrix LogSumExp { get; }

    /// <summary>In the backward: gradients of keys, then of values.</summary>
    public Matrix KeyValueGradient { get; }

    /// <summary>In the backward.</summary>
    public Matrix QueryGradient { get; }

    /// <summary>Floats of all of them.</summary>
    public static long Floats(int keys, int queries, HeadColumns heads, bool isBackward) => isBackward
        ? (2L * keys * heads.KeyColumns) + ((long)queries * heads.QueryColumns)
        : (long)queries * (heads.QueryColumns + heads.Heads);
}
