namespace ParallelDsl.Execution;

/// <summary>The other ranks with which a rank exchanges rows, ascending, and how many rows with each.</summary>
internal sealed class PeerRows
{
    private (int Rank, int Tokens)[] _peers = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Rows with all of them.</summary>
    public int Tokens { get; private set; }

    /// <summary>The other ranks.</summary>
    public ReadOnlySpan<(int Rank, int Tokens)> Peers => _peers.AsSpan(0, Count);

    /// <summary>Removes all.</summary>
    public void Clear() => (Count, Tokens) = (0, 0);

    /// <summary>Finds those of <paramref name="rows"/>, seen from <paramref name="self"/>.</summary>
    public void Find(RowRuns rows, int self)
    {
        Clear();
        foreach (RowRun run in rows.Runs)
        {
            if (run.Peer != self)
                Add(run.Peer, run.Length);
        }
    }

    private void Add(int rank, int tokens)
    {
        Tokens += tokens;
        int place = 0;
        while (place < Count && _peers[place].Rank < rank)
            place++;
        if (place < Count && _peers[place].Rank == rank)
        {
            _peers[place].Tokens += tokens;
            return;
        }

        if (Count == _peers.Length)
            Array.Resize(ref _peers, Math.Max(4, 2 * Count));
        Array.Copy(_peers, place, _peers, place + 1, Count++ - place);
        _peers[place] = (rank, tokens);
    }
}
