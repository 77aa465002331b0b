using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Makes direct exchanges of pieces that lie on any ranks.</summary>
/// <param name="problem">The batch.</param>
internal sealed class DirectDraft(BatchProblem problem)
{
    // A shard of which attention runs at its full rate: areas are made longer instead where pieces are short.
    private const int LongShard = 1 << 16;

    private readonly EfficiencyCurve _curve = BatchSimulation.Curve;

    /// <summary>Pairs of a piece, as many more as attention is slower on a piece of so little work.</summary>
    public long AreaOf(SequencePiece piece)
    {
        long area = SequenceCosts.Area(piece.Start, piece.Length);
        return area * _curve.At(LongShard) / _curve.AtArea(area);
    }

    /// <summary>The exchange in which every rank fetches the keys and values that its pieces see from where they lie, each once; the first
    /// fetches of different ranks go to different ranks. A rank starts on what it has itself.</summary>
    /// <param name="placed">Where the pieces lie.</param>
    /// <param name="ranks">How many ranks there are.</param>
    public Exchange ToExchange(IReadOnlyList<PlacedPiece> placed, int ranks)
    {
        long[] areas = new long[ranks];
        var isMember = new bool[ranks];
        var bytes = new long[ranks, ranks];
        foreach (PlacedPiece piece in placed)
        {
            areas[piece.Rank] += AreaOf(piece.Piece);
            isMember[piece.Rank] = true;
        }

        foreach (IGrouping<int, PlacedPiece> sequence in placed.GroupBy(piece => piece.Piece.Sequence))
            AddFetches([.. sequence], bytes);
        int[] members = [.. Enumerable.Range(0, ranks).Where(rank => isMember[rank])];
        var fetches = new List<(int From, int To, long Bytes)>();
        for (int distance = 0; distance < ranks; distance++)
        {
            foreach (int to in members)
            {
                int from = (to + distance) % ranks;
                if (distance == 0 || bytes[from, to] > 0)
                    fetches.Add((from, to, bytes[from, to]));
            }
        }

        return Direct(members, [.. members.Select(rank => areas[rank])], [.. fetches]);
    }

    /// <summary>Where the zigzag chunks of a piece lie.</summary>
    public static void AddZigzag(List<PlacedPiece> placed, int[] members, SequencePiece piece)
    {
        for (int member = 0; member < members.Length; member++)
        {
            Segments segments = ZigzagSplit.SegmentsOf(piece.Length, members.Length, member);
            for (int index = 0; index < segments.Count; index++)
                placed.Add(new(members[member], new(piece.Sequence, piece.Start + segments[index].Start, segments[index].Length)));
        }
    }

    private static Exchange Direct(int[] members, long[] areas, (int, int, long)[] fetches) => new()
    {
        Kind = ExchangeKind.Direct,
        Members = members,
        Areas = areas,
        Fetches = fetches,
        BlockTokens = LongShard,
    };

    // A rank needs the keys up to the end of its last piece.
    private void AddFetches(PlacedPiece[] pieces, long[,] bytes)
    {
        var ends = new SortedDictionary<int, int>();
        foreach (PlacedPiece piece in pieces)
        {
            ends.TryGetValue(piece.Rank, out int known);
            ends[piece.Rank] = Math.Max(known, piece.Piece.Start + piece.Piece.Length);
        }

        foreach (KeyValuePair<int, int> reader in ends)
        {
            foreach (PlacedPiece piece in pieces)
            {
                int seen = Math.Min(piece.Piece.Length, reader.Value - piece.Piece.Start);
                if (seen > 0 && piece.Rank != reader.Key)
                    bytes[piece.Rank, reader.Key] += (long)seen * problem.Model.KeyValueBytesPerToken;
            }
        }
    }
}
