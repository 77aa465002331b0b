using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>Consecutive rows, in the order in which a member of a ring holds and sends its own, and in the order of whole sequences.</summary>
/// <param name="Row">The first row among the member's.</param>
/// <param name="SequenceRow">The first row where sequences are put together.</param>
/// <param name="Length">How many rows.</param>
internal readonly record struct RowMove(int Row, int SequenceRow, int Length);

/// <summary>Consecutive rows of this rank's queries.</summary>
/// <param name="SourceRow">The first row in the unit.</param>
/// <param name="Row">The first row among those that it sends.</param>
/// <param name="Length">How many rows.</param>
internal readonly record struct QueryRun(int SourceRow, int Row, int Length);

/// <summary>The rows of all members of a ring put together in the order of their sequences, for a rank that attends to whole sequences: keys
/// from the beginning of each, queries of the unit's slices. Arrays grow and are used again.</summary>
/// <param name="isCausal">Whether a query sees only the keys up to its own position; else all of its sequence.</param>
internal sealed class SequenceRows(bool isCausal)
{
    private RowMove[][] _keyMoves = [];
    private RowMove[][] _queryMoves = [];
    private int[] _keyMoveCounts = [];
    private int[] _queryMoveCounts = [];
    private int[] _queryRows = [];
    private QueryRun[] _queries = [];
    private int _queryCount;
    private AttentionBlock[] _blocks = [];
    private int _blockCount;

    /// <summary>Rows of keys of all members.</summary>
    public int Keys { get; private set; }

    /// <summary>Rows of queries of all members.</summary>
    public int Queries { get; private set; }

    /// <summary>Which queries meet which keys: one block for each sequence.</summary>
    public ReadOnlySpan<AttentionBlock> Blocks => _blocks.AsSpan(0, _blockCount);

    /// <summary>This rank's queries.</summary>
    public ReadOnlySpan<QueryRun> QueryRuns => _queries.AsSpan(0, _queryCount);

    /// <summary>Rows of queries of a member.</summary>
    public int QueriesOf(int member) => _queryRows[member];

    /// <summary>Where the keys of a member belong.</summary>
    public ReadOnlySpan<RowMove> KeyMovesOf(int member) => _keyMoves[member].AsSpan(0, _keyMoveCounts[member]);

    /// <summary>Where the queries of a member belong.</summary>
    public ReadOnlySpan<RowMove> QueryMovesOf(int member) => _queryMoves[member].AsSpan(0, _queryMoveCounts[member]);

    /// <summary>Starts without sequences.</summary>
    public void Begin(int ranks)
    {
        (Keys, Queries, _queryCount, _blockCount) = (0, 0, 0, 0);
        if (_queryRows.Length < ranks)
        {
            int known = _queryRows.Length;
            (_keyMoveCounts, _queryMoveCounts, _queryRows) = (new int[ranks], new int[ranks], new int[ranks]);
            Array.Resize(ref _keyMoves, ranks);
            Array.Resize(ref _queryMoves, ranks);
            Array.Fill(_keyMoves, [], known, ranks - known);
            Array.Fill(_queryMoves, [], known, ranks - known);
        }

        Array.Clear(_keyMoveCounts);
        Array.Clear(_queryMoveCounts);
        Array.Clear(_queryRows);
    }

    /// <summary>Adds the rows of a sequence.</summary>
    /// <param name="step">The plan.</param>
    /// <param name="first">The first of its slices that the unit carries.</param>
    /// <param name="end">The slice after the last.</param>
    /// <param name="self">This rank's position on the ring.</param>
    /// <param name="rows">By slice, this rank's first row in the unit.</param>
    /// <param name="keyRows">By member, its rows of keys of the sequences before.</param>
    public void AddSequence(StepPlan step, int first, int end, int self, int[] rows, ReadOnlySpan<int> keyRows)
    {
        int earliest = step.FirstSlices[step.Slices[first].Sequence], ranks = keyRows.Length;
        int start = step.Slices[first].Start, length = step.Slices[end - 1].Start + step.Slices[end - 1].Length;
        for (int member = 0; member < ranks; member++)
        {
            int keyRow = keyRows[member];
            for (int index = earliest; index < end; index++)
            {
                ref readonly Slice slice = ref step.Slices[index];
                Segments split = ZigzagSplit.SegmentsOf(slice.Length, ranks, member);
                if (index >= first && member == self && split.Tokens > 0)
                    AddRun(new QueryRun(rows[index], _queryRows[self], split.Tokens));
                for (int i = 0; i < split.Count; i++)
                {
                    int position = slice.Start + split[i].Start;
                    Add(_keyMoves, _keyMoveCounts, member, new RowMove(keyRow, Keys + position, split[i].Length));
                    keyRow += split[i].Length;
                    if (index < first)
                        continue;
                    Add(_queryMoves, _queryMoveCounts, member, new RowMove(_queryRows[member], Queries + position - start, split[i].Length));
                    _queryRows[member] += split[i].Length;
                }
            }
        }

        if (_blockCount == _blocks.Length)
            Array.Resize(ref _blocks, Math.Max(4, 2 * _blockCount));
        int queries = length - start;
        _blocks[_blockCount++] = isCausal
            ? new AttentionBlock(Queries, queries, start, Keys, length, 0)
            : AttentionBlock.Full(Queries, queries, Keys, length);
        (Keys, Queries) = (Keys + length, Queries + queries);
    }

    /// <summary>Adds rows; what goes on where the last ones end joins them.</summary>
    private static void Add(RowMove[][] moves, int[] counts, int member, RowMove added)
    {
        ref RowMove[] list = ref moves[member];
        ref int count = ref counts[member];
        if (count > 0 && list[count - 1] is var last && last.Row + last.Length == added.Row && last.SequenceRow + last.Length == added.SequenceRow)
        {
            list[count - 1] = last with { Length = last.Length + added.Length };
            return;
        }

        if (count == list.Length)
            Array.Resize(ref list, Math.Max(4, 2 * count));
        list[count++] = added;
    }

    private void AddRun(QueryRun run)
    {
        if (_queryCount == _queries.Length)
            Array.Resize(ref _queries, Math.Max(4, 2 * _queryCount));
        _queries[_queryCount++] = run;
    }
}
