using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Collects the pieces of one pass of one slot: those of the same ranks become one exchange.</summary>
/// <param name="problem">The batch.</param>
/// <param name="nodes">The node of every rank of a stage.</param>
internal sealed class SlotDraft(BatchProblem problem, int[] nodes)
{
    private readonly List<(RankGroup Group, List<SequencePiece> Pieces)> _groups = [];
    private readonly Dictionary<RankGroup, int> _indexOf = [];
    private readonly List<Exchange> _direct = [];
    private readonly List<PlacedPiece> _placed = [];
    private readonly int[] _tokens = new int[nodes.Length];

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => _groups.Count == 0 && _placed.Count == 0;

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

    /// <summary>Adds an exchange that says only what it costs.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="placed">Where its pieces lie.</param>
    public void Add(Exchange exchange, IReadOnlyList<PlacedPiece> placed)
    {
        _direct.Add(exchange);
        _placed.AddRange(placed);
        foreach (PlacedPiece piece in placed)
            _tokens[piece.Rank] += piece.Piece.Length;
    }

    /// <summary>The slot whose backward has the same pieces.</summary>
    public UnitSlot ToSlot() => ToSlot(this);

    /// <summary>The slot, its exchanges in the order in which Zeppelin's attention engine issues them: those between nodes, those inside
    /// nodes, local ones.</summary>
    /// <param name="backward">What the backward has.</param>
    public UnitSlot ToSlot(SlotDraft backward)
    {
        LayerWork work = ToWork(out EquatableArray<PlacedPiece> placed);
        if (ReferenceEquals(backward, this))
            return new UnitSlot(work, work, placed, placed);
        LayerWork backwardWork = backward.ToWork(out EquatableArray<PlacedPiece> backwardPlaced);
        return new UnitSlot(work, backwardWork, placed, backwardPlaced);
    }

    private LayerWork ToWork(out EquatableArray<PlacedPiece> placed)
    {
        var exchanges = new List<Exchange>(_direct);
        foreach ((RankGroup group, List<SequencePiece> pieces) in _groups.OrderByDescending(item => (int)ZoneOf(item.Group.Ranks, nodes)))
            exchanges.Add(ToExchange(group, pieces));
        placed = _placed.ToEquatableArray();
        return new LayerWork { Ranks = nodes.Length, LinearTokens = _tokens, Exchanges = [.. exchanges] };
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

    private Exchange ToExchange(RankGroup group, List<SequencePiece> pieces) => new()
    {
        Kind = group.Ranks.Length == 1 ? ExchangeKind.Local : group.Kind,
        Members = group.Ranks,
        Datapath = group.Datapath,
        Pieces = [.. pieces],
        HeadChunks = group.HeadChunks,
        Heads = problem.Model.KeyValueHeads,
        KeepsSwapped = group.KeepsSwapped,
        Routed = group.Routed,
    };
}

/// <summary>Ranks over which sequences are spread together, and how keys and values travel between them. Equal to itself alone.</summary>
/// <param name="ranks">The ranks, of a ring in cyclic order.</param>
/// <param name="kind">How keys and values travel.</param>
/// <param name="headChunks">Parts of an all-gather.</param>
/// <param name="routed">Whether hops between nodes may use several interfaces.</param>
/// <param name="keepsSwapped">Whether what was swapped for heads is kept for the backward.</param>
/// <param name="datapath">How keys and values travel where the kind is a ring.</param>
internal sealed class RankGroup(
    int[] ranks, ExchangeKind kind, int headChunks = 1, bool routed = false, bool keepsSwapped = false, Datapath datapath = Datapath.Ring)
{
    public int[] Ranks => ranks;

    public ExchangeKind Kind => kind;

    public Datapath Datapath => datapath;

    public int HeadChunks => headChunks;

    public bool Routed => routed;

    public bool KeepsSwapped => keepsSwapped;

    /// <summary>Consecutive ranks.</summary>
    public static RankGroup Of(int first, int count, ExchangeKind kind, int headChunks = 1, bool routed = false, bool keepsSwapped = false)
    {
        int[] ranks = new int[count];
        for (int index = 0; index < count; index++)
            ranks[index] = first + index;
        return new RankGroup(ranks, kind, headChunks, routed, keepsSwapped);
    }
}
