using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>The remapping of the forward units of a step as one rank sees it: which of its rows in attention lie elsewhere for all other work,
/// and which rows of others come to it. Rows move among the ranks of a data rank, and of all data ranks that rings of the unit join with
/// it.</summary>
/// <remarks>A token stays in its backward where its forward was. So where the directions differ, a row moves only if its backward unit has
/// room at the receiver, which all ranks count alike over the moves of all units so far: in every unit of both directions a rank has at most
/// the rows that a unit may have. A sender looks for such rows from its last one on; if there are too few it keeps the others.</remarks>
internal sealed class UnitRemap
{
    // With the sum as objective no plan moves fewer tokens between nodes, whatever the two prices are.
    private const int IntraCost = 1;
    private const int InterCost = 8;

    private readonly int _sequenceRanks;
    private readonly int _self;
    private readonly int _unitTokens;
    private readonly int[] _nodes;
    private readonly int[] _domains;
    private readonly int[] _tokens;
    private readonly int[] _ranks;
    private readonly int[] _domainTokens;
    private readonly int[] _domainNodes;
    private readonly TokenRemap _moves = new();
    private readonly List<Shift> _departures = [];
    private readonly List<Shift> _arrivals = [];
    private readonly List<Part> _parts = [];
    private int[] _backwardRows = [];

    /// <param name="dataRanks">The data degree.</param>
    /// <param name="sequenceRanks">The sequence degree.</param>
    /// <param name="self">The attention rank that looks.</param>
    /// <param name="unitTokens">The most rows of a unit on one rank.</param>
    /// <param name="nodes">The node of every attention rank.</param>
    public UnitRemap(int dataRanks, int sequenceRanks, int self, int unitTokens, int[] nodes)
    {
        int all = dataRanks * sequenceRanks;
        (_sequenceRanks, _self, _unitTokens, _nodes, _domains) = (sequenceRanks, self, unitTokens, nodes, new int[dataRanks]);
        (_tokens, _ranks, _domainTokens, _domainNodes) = (new int[all], new int[all], new int[all], new int[all]);
    }

    /// <summary>Starts a step: no rows have moved.</summary>
    public void Begin(StepPlan step)
    {
        if (step.IsSymmetric)
            return;
        int count = _tokens.Length * step.MicroBatches;
        if (_backwardRows.Length < count)
            _backwardRows = new int[count];
        Array.Clear(_backwardRows);
        for (int index = 0; index < step.SliceCount; index++)
        {
            ref readonly Slice slice = ref step.Slices[index];
            ReadOnlySpan<int> ranks = step.RanksOf(slice.Ring);
            for (int member = 0; member < ranks.Length; member++)
                BackwardRows(step, ranks[member], slice.BackwardUnit) += ZigzagSplit.TokensOf(slice.Length, ranks.Length, member);
        }
    }

    /// <summary>Plans the moves of forward unit <paramref name="unit"/>; the units of a step come in ascending order.</summary>
    public void Plan(StepPlan step, int unit)
    {
        _departures.Clear();
        _arrivals.Clear();
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

        // What other ranks exchange matters only where it takes up room for backwards.
        int own = RootOf(_self / _sequenceRanks);
        for (int root = 0; root < _domains.Length; root++)
        {
            if (root == own || (!step.IsSymmetric && _domains[root] == root))
                PlanDomain(step, unit, root);
        }

        _departures.Sort((a, b) => a.Row.CompareTo(b.Row));
        _arrivals.Sort((a, b) => a.From != b.From ? a.From.CompareTo(b.From) : a.Row.CompareTo(b.Row));
    }

    /// <summary>The rank that holds this rank's attention row <paramref name="row"/> for all other work, and the first row after it that may
    /// lie elsewhere.</summary>
    public (int Rank, int End) DestinationOf(int row)
    {
        foreach (Shift shift in _departures)
        {
            if (row < shift.Row)
                return (_self, shift.Row);
            if (row < shift.Row + shift.Tokens)
                return (shift.To, shift.Row + shift.Tokens);
        }

        return (_self, int.MaxValue);
    }

    /// <summary>Appends the rows that come from other ranks.</summary>
    public void AddArrivals(StepPlan step, int unit, RowRuns rows)
    {
        foreach (Shift shift in _arrivals)
            AddRows(step, unit, shift.From, shift.Row, shift.Row + shift.Tokens, rows);
    }

    private void PlanDomain(StepPlan step, int unit, int root)
    {
        int count = 0;
        for (int rank = 0; rank < _tokens.Length; rank++)
        {
            if (RootOf(rank / _sequenceRanks) == root)
                (_ranks[count], _domainTokens[count], _domainNodes[count++]) = (rank, _tokens[rank], _nodes[rank]);
        }

        RemapPlanner.Plan(_domainTokens, _domainNodes, count, IntraCost, InterCost, RemapObjective.Sum, _moves);
        for (int sender = 0; sender < count; sender++)
        {
            if (_moves.MoveStarts[sender] == _moves.MoveStarts[sender + 1])
                continue;
            FindParts(step, unit, _ranks[sender]);
            for (int move = _moves.MoveStarts[sender]; move < _moves.MoveStarts[sender + 1]; move++)
                Take(step, _ranks[sender], _ranks[_moves.Moves[move].To], _moves.Moves[move].Tokens);
        }
    }

    /// <summary>Finds the attention rows of a rank by backward unit.</summary>
    private void FindParts(StepPlan step, int unit, int rank)
    {
        _parts.Clear();
        int row = 0;
        foreach (int index in step.ForwardSlices(rank / _sequenceRanks, unit))
        {
            ref readonly Slice slice = ref step.Slices[index];
            int member = step.RanksOf(slice.Ring).IndexOf(rank);
            int tokens = member < 0 ? 0 : ZigzagSplit.TokensOf(slice.Length, step.RingSize(slice.Ring), member);
            if (tokens > 0)
                _parts.Add(new Part(row, tokens, slice.BackwardUnit));
            row += tokens;
        }
    }

    /// <summary>Moves rows, the last ones first.</summary>
    private void Take(StepPlan step, int from, int to, int tokens)
    {
        for (int i = _parts.Count - 1; i >= 0 && tokens > 0; i--)
        {
            Part part = _parts[i];
            int taken = Math.Min(part.Tokens, tokens);
            if (!step.IsSymmetric)
            {
                ref int there = ref BackwardRows(step, to, part.BackwardUnit);
                taken = Math.Max(0, Math.Min(taken, _unitTokens - there));
                there += taken;
                BackwardRows(step, from, part.BackwardUnit) -= taken;
            }

            if (taken == 0)
                continue;
            _parts[i] = part with { Tokens = part.Tokens - taken };
            tokens -= taken;
            Shift shift = new(from, to, part.Row + part.Tokens - taken, taken);
            if (from == _self)
                _departures.Add(shift);
            if (to == _self)
                _arrivals.Add(shift);
        }
    }

    private ref int BackwardRows(StepPlan step, int rank, int backwardUnit) => ref _backwardRows[(rank * step.MicroBatches) + backwardUnit];

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

    /// <summary>Consecutive attention rows of one rank that another holds for all other work.</summary>
    private readonly record struct Shift(int From, int To, int Row, int Tokens);

    /// <summary>Consecutive attention rows of one slice that have not moved.</summary>
    private readonly record struct Part(int Row, int Tokens, int BackwardUnit);
}
