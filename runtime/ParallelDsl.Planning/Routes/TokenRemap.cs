namespace ParallelDsl.Planning.Routes;

/// <summary>A contiguous run of rows that one rank sends to another.</summary>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Tokens">How many rows.</param>
/// <param name="FromRow">The first of them at the sender, among its rows before.</param>
/// <param name="ToRow">Where they begin at the receiver, among its rows after.</param>
public readonly record struct TokenMove(int From, int To, int Tokens, int FromRow, int ToRow);

/// <summary>A change of layout: which rows go from which rank to which. Reused from step to step: its arrays only grow, so that a steady
/// state allocates nothing.</summary>
/// <remarks>A rank sends or receives, never both. A sender keeps its first rows and sends the others in the order of their destinations; a
/// receiver keeps all and appends what comes in the order of its sources. So the way back, which <see cref="Invert"/> makes, is a change of
/// the same kind and restores every row.</remarks>
public sealed class TokenRemap
{
    private TokenMove[] _moves = [], _byReceiver = [];
    private int[] _nodes = [], _before = [], _after = [], _moveStarts = [], _arrivals = [], _arrivalStarts = [];

    /// <summary>How many ranks.</summary>
    public int Ranks { get; private set; }

    /// <summary>How many moves.</summary>
    public int MoveCount { get; private set; }

    /// <summary>The moves by sender, then by receiver; the first <see cref="MoveCount"/> items count.</summary>
    public TokenMove[] Moves => _moves;

    /// <summary>Where the moves of each sender start in <see cref="Moves"/>; the first <see cref="Ranks"/> + 1 items count.</summary>
    public int[] MoveStarts => _moveStarts;

    /// <summary>Indices of moves by receiver, then by sender; the first <see cref="MoveCount"/> items count.</summary>
    public int[] Arrivals => _arrivals;

    /// <summary>Where the moves to each receiver start in <see cref="Arrivals"/>; the first <see cref="Ranks"/> + 1 items count.</summary>
    public int[] ArrivalStarts => _arrivalStarts;

    /// <summary>Rows of each rank before; the first <see cref="Ranks"/> items count.</summary>
    public int[] Before => _before;

    /// <summary>Rows of each rank after; the first <see cref="Ranks"/> items count.</summary>
    public int[] After => _after;

    /// <summary>The cost of a token that stays in its node.</summary>
    public int IntraCost { get; private set; }

    /// <summary>The cost of a token that goes to another node.</summary>
    public int InterCost { get; private set; }

    /// <summary>Tokens that move inside their nodes.</summary>
    public long IntraTokens { get; private set; }

    /// <summary>Tokens that go to another node.</summary>
    public long InterTokens { get; private set; }

    /// <summary>The cost of all moves together.</summary>
    public long TotalCost => (IntraTokens * IntraCost) + (InterTokens * InterCost);

    /// <summary>The cost of the sender whose moves cost the most.</summary>
    public long SlowestCost { get; private set; }

    // What the planner works with.
    internal RemapDraft Draft { get; } = new();

    /// <summary>Makes the way back: the same runs from their receivers to their senders.</summary>
    /// <param name="into">Receives it; another object than this.</param>
    /// <exception cref="ArgumentException">It is this object.</exception>
    public void Invert(TokenRemap into)
    {
        if (ReferenceEquals(into, this))
            throw new ArgumentException("a layout change is inverted into another object", nameof(into));
        into.Reset(Ranks, IntraCost, InterCost);
        for (int rank = 0; rank < Ranks; rank++)
            into.SetRank(rank, _nodes[rank], _after[rank], _before[rank]);
        for (int index = 0; index < MoveCount; index++)
            into.Add(_moves[index].To, _moves[index].From, _moves[index].Tokens);
        into.Complete();
    }

    internal void Reset(int ranks, int intraCost, int interCost)
    {
        (Ranks, MoveCount, IntraCost, InterCost) = (ranks, 0, intraCost, interCost);
        if (_before.Length >= ranks)
            return;

        // Every move of a node, and every move between nodes, empties a sender or fills a receiver: fewer than two moves a rank.
        int capacity = Math.Max(ranks, Math.Min(1 << 28, 2 * _before.Length));
        (_nodes, _before, _after) = (new int[capacity], new int[capacity], new int[capacity]);
        (_moveStarts, _arrivalStarts) = (new int[capacity + 1], new int[capacity + 1]);
        (_moves, _byReceiver, _arrivals) = (new TokenMove[2 * capacity], new TokenMove[2 * capacity], new int[2 * capacity]);
    }

    internal void SetRank(int rank, int node, int before, int after) =>
        (_nodes[rank], _before[rank], _after[rank]) = (node, before, after);

    internal void Add(int from, int to, int tokens) => _moves[MoveCount++] = new TokenMove(from, to, tokens, 0, 0);

    // Orders the moves, which were added in any order, finds their rows and adds up their costs.
    internal void Complete()
    {
        Array.Clear(_arrivalStarts, 0, Ranks + 1);
        Array.Clear(_moveStarts, 0, Ranks + 1);
        for (int index = 0; index < MoveCount; index++)
        {
            _arrivalStarts[_moves[index].To + 1]++;
            _moveStarts[_moves[index].From + 1]++;
        }

        for (int rank = 0; rank < Ranks; rank++)
        {
            _arrivalStarts[rank + 1] += _arrivalStarts[rank];
            _moveStarts[rank + 1] += _moveStarts[rank];
        }

        // By receiver, then, keeping that order, by sender, then back to receivers, as indices.
        for (int index = 0; index < MoveCount; index++)
            _byReceiver[_arrivalStarts[_moves[index].To]++] = _moves[index];
        MoveBack(_arrivalStarts);
        for (int index = 0; index < MoveCount; index++)
            _moves[_moveStarts[_byReceiver[index].From]++] = _byReceiver[index];
        MoveBack(_moveStarts);
        for (int index = 0; index < MoveCount; index++)
            _arrivals[_arrivalStarts[_moves[index].To]++] = index;
        MoveBack(_arrivalStarts);
        Place();
    }

    // Each start has run ahead to the start of the next rank.
    private void MoveBack(int[] starts)
    {
        Array.Copy(starts, 0, starts, 1, Ranks);
        starts[0] = 0;
    }

    private void Place()
    {
        (IntraTokens, InterTokens, SlowestCost) = (0, 0, 0);
        for (int rank = 0; rank < Ranks; rank++)
        {
            long cost = 0;
            int row = _after[rank];
            for (int index = _moveStarts[rank]; index < _moveStarts[rank + 1]; index++)
            {
                TokenMove move = _moves[index];
                _moves[index] = move with { FromRow = row };
                row += move.Tokens;
                bool inside = _nodes[rank] == _nodes[move.To];
                (IntraTokens, InterTokens) = (IntraTokens + (inside ? move.Tokens : 0), InterTokens + (inside ? 0 : move.Tokens));
                cost += (long)move.Tokens * (inside ? IntraCost : InterCost);
            }

            SlowestCost = Math.Max(SlowestCost, cost);
        }

        for (int rank = 0; rank < Ranks; rank++)
        {
            int row = _before[rank];
            for (int index = _arrivalStarts[rank]; index < _arrivalStarts[rank + 1]; index++)
            {
                TokenMove move = _moves[_arrivals[index]];
                _moves[_arrivals[index]] = move with { ToRow = row };
                row += move.Tokens;
            }
        }
    }
}
