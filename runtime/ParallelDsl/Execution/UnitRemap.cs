using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>The remapping of one forward unit as one rank sees it: which of its rows in attention lie elsewhere for all other work, and which
/// rows of others come to it. Rows move among the ranks of a data rank, and of all data ranks that rings of the unit join with it.</summary>
internal sealed class UnitRemap
{
    // With the sum as objective no plan moves fewer tokens between nodes, whatever the two prices are.
    private const int IntraCost = 1;
    private const int InterCost = 8;

    private readonly int _sequenceRanks;
    private readonly int _self;
    private readonly int[] _nodes;
    private readonly int[] _domains;
    private readonly int[] _tokens;
    private readonly int[] _ranks;
    private readonly int[] _domainTokens;
    private readonly int[] _domainNodes;
    private readonly TokenRemap _moves = new();
    private int _index;

    /// <param name="dataRanks">The data degree.</param>
    /// <param name="sequenceRanks">The sequence degree.</param>
    /// <param name="self">The attention rank that looks.</param>
    /// <param name="nodes">The node of every attention rank.</param>
    public UnitRemap(int dataRanks, int sequenceRanks, int self, int[] nodes)
    {
        int all = dataRanks * sequenceRanks;
        (_sequenceRanks, _self, _nodes, _domains) = (sequenceRanks, self, nodes, new int[dataRanks]);
        (_tokens, _ranks, _domainTokens, _domainNodes) = (new int[all], new int[all], new int[all], new int[all]);
    }

    /// <summary>Plans the moves of forward unit <paramref name="unit"/>.</summary>
    public void Plan(StepPlan step, int unit)
    {
        Array.Clear(_tokens);
        for (int dataRank = 0; dataRank < _domains.Length; dataRank++)
            _domains[dataRank] = dataRank;
        for (int dataRank = 0; dataRank < _domains.Length; dataRank++)
        {
            foreach (int index in step.ForwardSlices(dataRank, unit))
            {
                ref readonly Slice slice = ref step.Slices[index];
                ReadOnlySpan<int> ranks = step.RanksOf(slice.Ring);

                // A slice on the ring of several data ranks stands in the lists of all of them, and is counted once.
                if (ranks[0] / _sequenceRanks != dataRank)
                    continue;
                for (int member = 0; member < ranks.Length; member++)
                {
                    _tokens[ranks[member]] += ZigzagSplit.TokensOf(slice.Length, ranks.Length, member);
                    Join(dataRank, ranks[member] / _sequenceRanks);
                }
            }
        }

        int own = RootOf(_self / _sequenceRanks), count = 0;
        for (int rank = 0; rank < _tokens.Length; rank++)
        {
            if (RootOf(rank / _sequenceRanks) != own)
                continue;
            if (rank == _self)
                _index = count;
            (_ranks[count], _domainTokens[count], _domainNodes[count]) = (rank, _tokens[rank], _nodes[rank]);
            count++;
        }

        RemapPlanner.Plan(_domainTokens, _domainNodes, count, IntraCost, InterCost, RemapObjective.Sum, _moves);
    }

    /// <summary>The rank that holds this rank's attention row <paramref name="row"/> for all other work, and the first row after it that may
    /// lie elsewhere.</summary>
    public (int Rank, int End) DestinationOf(int row)
    {
        int first = _moves.MoveStarts[_index], end = _moves.MoveStarts[_index + 1];
        if (first == end)
            return (_self, int.MaxValue);
        if (row < _moves.Moves[first].FromRow)
            return (_self, _moves.Moves[first].FromRow);
        while (first + 1 < end && _moves.Moves[first + 1].FromRow <= row)
            first++;
        return (_ranks[_moves.Moves[first].To], _moves.Moves[first].FromRow + _moves.Moves[first].Tokens);
    }

    /// <summary>Appends the rows that come from other ranks.</summary>
    public void AddArrivals(StepPlan step, int unit, RowRuns rows)
    {
        for (int arrival = _moves.ArrivalStarts[_index]; arrival < _moves.ArrivalStarts[_index + 1]; arrival++)
        {
            TokenMove move = _moves.Moves[_moves.Arrivals[arrival]];
            AddRows(step, unit, _ranks[move.From], move.FromRow, move.FromRow + move.Tokens, rows);
        }
    }

    /// <summary>Appends the attention rows from <paramref name="start"/> to <paramref name="end"/> of another rank.</summary>
    private void AddRows(StepPlan step, int unit, int rank, int start, int end, RowRuns rows)
    {
        int row = 0;
        foreach (int index in step.ForwardSlices(rank / _sequenceRanks, unit))
        {
            ref readonly Slice slice = ref step.Slices[index];
            int member = step.RanksOf(slice.Ring).IndexOf(rank);
            if (member < 0)
                continue;
            Segments split = ZigzagSplit.SegmentsOf(slice.Length, step.RingSize(slice.Ring), member);
            for (int i = 0; i < split.Count; i++)
            {
                int from = Math.Max(start, row), to = Math.Min(end, row + split[i].Length);
                if (from < to)
                    rows.Add(index, slice.Start + split[i].Start + from - row, to - from, rank, unit, rows.Tokens);
                row += split[i].Length;
            }
        }
    }

    private int RootOf(int dataRank)
    {
        while (_domains[dataRank] != dataRank)
            dataRank = _domains[dataRank];
        return dataRank;
    }

    private void Join(int dataRank, int other)
    {
        (int a, int b) = (RootOf(dataRank), RootOf(other));
        _domains[Math.Max(a, b)] = Math.Min(a, b);
    }
}
