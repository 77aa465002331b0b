using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>To whom every member sends and from whom it receives, as two tables with a row for each member. They hold one hop, from which the others
/// follow (<see cref="ColumnOf"/>), and so grow with the square of the members at most.</summary>
public sealed class RouteTable
{
    private readonly Itinerary? _ways;
    private readonly int[] _sends, _receives;

    /// <param name="ways">The ways, or null where members send each other nothing.</param>
    /// <param name="ranks">How many members.</param>
    public RouteTable(Itinerary? ways, int ranks)
    {
        _ways = ways is { Hops: > 0 } ? ways : null;
        Ranks = ranks;
        Columns = _ways is null ? 0 : _ways.Lanes + (_ways.NodeHop > 0 ? 1 : 0);
        _sends = new int[checked(Ranks * Columns)];
        _receives = new int[_sends.Length];
        for (int i = 0; i < _sends.Length; i++)
        {
            (int rank, int column) = (i / Columns, i % Columns);
            (int hop, int lane) = column < _ways!.Lanes ? (1, column) : (_ways.NodeHop, 0);
            (_sends[i], _receives[i]) = (_ways.To(hop, rank, lane), _ways.From(hop, rank, lane));
        }
    }

    /// <summary>How many members.</summary>
    public int Ranks { get; }

    /// <summary>Numbers in a row: a lane each, and one for the way to the next node where some hops take that.</summary>
    public int Columns { get; }

    /// <summary>In which column stands whom a lane goes to, or comes from, in a hop.</summary>
    /// <param name="hop">From 1.</param>
    /// <param name="lane">Which lane.</param>
    public int ColumnOf(int hop, int lane) => _ways switch
    {
        null => throw new ArgumentOutOfRangeException(nameof(hop), Invariant($"hop {hop} of none")),
        { NodeHop: > 0 } => hop % _ways.NodeHop == 0 ? 1 : 0,
        { Forwards: true } => lane,
        _ => (lane + hop - 1) % Columns,
    };

    /// <summary>To whom a member sends.</summary>
    public int To(int rank, int column) => _sends[(rank * Columns) + column];

    /// <summary>From whom a member receives.</summary>
    public int From(int rank, int column) => _receives[(rank * Columns) + column];

#if NET
    /// <summary>To whom a member sends, by column.</summary>
    public ReadOnlySpan<int> SendsTo(int rank) => _sends.AsSpan(rank * Columns, Columns);

    /// <summary>From whom a member receives, by column.</summary>
    public ReadOnlySpan<int> ReceivesFrom(int rank) => _receives.AsSpan(rank * Columns, Columns);
#endif
}
