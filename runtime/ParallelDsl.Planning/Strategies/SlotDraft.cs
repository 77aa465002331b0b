using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Collects the pieces of one pass of one slot: those of the same ranks become one exchange.</summary>
/// <param name="nodes">The node of every rank of a stage.</param>
internal sealed class SlotDraft(int[] nodes)
{
    private readonly List<(RankGroup Group, List<SequencePiece> Pieces)> _groups = [];
    private readonly Dictionary<RankGroup, int> _indexOf = [];
    private readonly int[] _tokens = new int[nodes.Length];

    /// <summary>Adds a piece to <paramref name="group"/>: the same object for the same ranks.</summary>
    public void Add(RankGroup group, SequencePiece piece)
    {
        if (!_indexOf.TryGetValue(group, out int index))
        {
            index = _groups.Count;
            _indexOf.Add(group, index);
            _groups.Add((group, []));
        }

        _groups[index].Pieces.Add(piece);
        int members = group.Ranks.Length;
        for (int member = 0; member < members; member++)
            _tokens[group.Ranks[member]] += ZigzagSplit.TokensOf(piece.Length, members, member);
    }

    /// <summary>The work, its exchanges in the order in which Zeppelin's attention engine issues them: those between nodes, those inside
    /// nodes, local ones.</summary>
    /// <param name="direct">Exchanges whose tokens <paramref name="placed"/> tells.</param>
    /// <param name="placed">Where they are.</param>
    /// <param name="moves">Rows that move for attention.</param>
    public LayerWork ToWork(
        IReadOnlyList<Exchange>? direct = null, IReadOnlyList<PlacedPiece>? placed = null, IReadOnlyList<(int From, int To, int Tokens)>? moves = null)
    {
        int[] tokens = [.. _tokens];
        foreach (PlacedPiece piece in placed ?? [])
            tokens[piece.Rank] += piece.Piece.Length;
        IEnumerable<Exchange> exchanges = _groups
            .OrderByDescending(item => (int)ZoneOf(item.Group.Ranks, nodes))
            .Select(item => ToExchange(item.Group, item.Pieces));
        return new LayerWork
        {
            Ranks = nodes.Length,
            LinearTokens = tokens,
            Exchanges = [.. direct ?? [], .. exchanges],
            RemapMoves = [.. moves ?? []],
        };
    }

    /// <summary>How far the ranks of an exchange lie apart.</summary>
    public static Zone ZoneOf(int[] ranks, int[] nodes)
    {
        if (ranks.Length == 1)
            return Zone.Local;
        foreach (int rank in ranks)
        {
            if (nodes[rank] != nodes[ranks[0]])
                return Zone.InterNode;
        }

        return Zone.IntraNode;
    }

    private static Exchange ToExchange(RankGroup group, List<SequencePiece> pieces) => new()
    {
        Kind = group.Ranks.Length == 1 ? ExchangeKind.Local : group.Kind,
        Members = group.Ranks,
        Pieces = [.. pieces],
        HeadChunks = group.HeadChunks,
        Routed = group.Routed,
    };
}

/// <summary>Ranks over which sequences are spread together, and how keys and values travel between them. Equal to itself alone.</summary>
/// <param name="ranks">The ranks, of a ring in cyclic order.</param>
/// <param name="kind">How keys and values travel.</param>
/// <param name="headChunks">Parts of an all-gather.</param>
/// <param name="routed">Whether hops between nodes may use several interfaces.</param>
internal sealed class RankGroup(int[] ranks, ExchangeKind kind, int headChunks = 1, bool routed = false)
{
    public int[] Ranks => ranks;

    public ExchangeKind Kind => kind;

    public int HeadChunks => headChunks;

    public bool Routed => routed;

    /// <summary>Consecutive ranks.</summary>
    public static RankGroup Of(int first, int count, ExchangeKind kind, int headChunks = 1, bool routed = false)
    {
        int[] ranks = new int[count];
        for (int index = 0; index < count; index++)
            ranks[index] = first + index;
        return new RankGroup(ranks, kind, headChunks, routed);
    }
}
