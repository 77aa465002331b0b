namespace ParallelDsl.Execution;

/// <summary>Consecutive tokens of one slice in consecutive rows of a unit on this rank.</summary>
/// <param name="Slice">Index of the slice in the step plan.</param>
/// <param name="Position">Position of the first token in its sequence.</param>
/// <param name="Length">How many tokens.</param>
/// <param name="Row">The first row.</param>
/// <param name="Peer">The attention rank that holds the same tokens in the other layout.</param>
/// <param name="ForwardUnit">The unit that carries their forward.</param>
/// <param name="ForwardRow">The first row in that unit, on this rank too.</param>
internal readonly record struct RowRun(int Slice, int Position, int Length, int Row, int Peer, int ForwardUnit, int ForwardRow);

/// <summary>The rows of one unit on this rank in one layout: runs in the order of their rows. Its array grows and is used again.</summary>
internal sealed class RowRuns
{
    private RowRun[] _runs = [];
    private int _count;

    /// <summary>How many rows.</summary>
    public int Tokens { get; private set; }

    /// <summary>The runs.</summary>
    public ReadOnlySpan<RowRun> Runs => _runs.AsSpan(0, _count);

    /// <summary>Removes all rows.</summary>
    public void Clear() => (_count, Tokens) = (0, 0);

    /// <summary>Appends rows.</summary>
    public void Add(int slice, int position, int length, int peer, int forwardUnit, int forwardRow)
    {
        if (_count == _runs.Length)
            Array.Resize(ref _runs, Math.Max(16, 2 * _count));
        _runs[_count++] = new RowRun(slice, position, length, Tokens, peer, forwardUnit, forwardRow);
        Tokens += length;
    }

    /// <summary>Whether these are all rows of the unit of <paramref name="forward"/>, in their order.</summary>
    public bool AreAllOf(RowRuns forward, int forwardUnit)
    {
        if (Tokens != forward.Tokens)
            return false;
        foreach (RowRun run in Runs)
        {
            if (run.ForwardUnit != forwardUnit || run.ForwardRow != run.Row)
                return false;
        }

        return true;
    }
}
