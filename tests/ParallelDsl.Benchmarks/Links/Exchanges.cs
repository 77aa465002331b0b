using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>The datapaths that are compared.</summary>
internal static class Exchanges
{
    public const string SingleRing = "single ring";
    public const string BothDirections = "both directions";
    public const string DoubleRing = "double ring";
    public const string Pairwise = "pairwise";
    public const string AllGather = "all-gather, then attend";
    public const string MultiRing = "multi-ring";

    /// <summary>All that a fabric is measured with, the baseline first.</summary>
    public static Exchange[] Of(LinkFabric fabric, int rows)
    {
        int ranks = fabric.Ranks;
        int[] order = [.. Enumerable.Range(0, ranks)];
        RingSet set = fabric.Kind == LinkKind.Nodes
            ? RingSets.OverNodes(fabric.Nodes, fabric.PerNode, NodeRail.Cross) is { Set: { } paths } ? paths : throw new InvalidOperationException("no paths over these nodes")
            : RingSets.Complete(ranks);
        int inner = fabric.Kind == LinkKind.Nodes ? fabric.PerNode : InnerRing(ranks);
        return
        [
            Rings(SingleRing, ranks, rows, [order]).Verified(),
            Rings(BothDirections, ranks, rows, [order, [.. order.Reverse()]]).Verified(),
            TwoLevels(ranks, rows, inner).Verified(),
            Direct(ranks, rows).Verified(),
            Gather(ranks, rows).Verified(),
            Rings(MultiRing, ranks, rows, [.. set.Rings.Select(ring => ring.ToArray())]).Verified(),
        ];
    }

    private static int InnerRing(int ranks) => Enumerable.Range(1, ranks).Where(inner => ranks % inner == 0).MinBy(inner => Math.Abs(inner - Math.Sqrt(ranks) - 0.5));

    /// <summary>A part of the keys and values goes round on each ring.</summary>
    private static Exchange Rings(string name, int ranks, int rows, int[][] rings) => new(name, ranks, rows, ranks - 1,
    [
        .. from step in Enumerable.Range(1, ranks - 1)
           from position in Enumerable.Range(0, ranks)
           from ring in Enumerable.Range(0, rings.Length)
           let order = rings[ring]
           select new Transfer(step, step, order[position], order[(position + 1) % ranks], Part(order[(position - step + 1 + ranks) % ranks], ring, rings.Length, rows)),
    ]);

    /// <summary>Rings of neighbouring ranks inside a ring of such rings (after LoongTrain, arXiv 2406.18485): while what a rank holds goes round
    /// the inner ring, it goes to the next one too.</summary>
    private static Exchange TwoLevels(int ranks, int rows, int inner)
    {
        List<Transfer> transfers = [];
        int groups = ranks / inner;
        for (int step = 1; step < ranks; step++)
        {
            (int outer, int turn) = (step / inner, step % inner);
            for (int rank = 0; rank < ranks; rank++)
            {
                (int group, int place) = (rank / inner, rank % inner);
                // What this rank has after the step.
                int origin = (((group - outer + groups) % groups) * inner) + ((place - turn + inner) % inner);
                bool isInner = turn != 0;
                int from = isInner ? (group * inner) + ((place - 1 + inner) % inner) : (((group - 1 + groups) % groups) * inner) + place;
                transfers.Add(new Transfer(isInner ? step : step - inner + 1, step, from, rank, new Piece(origin, 0, rows)));
            }
        }

        return new Exchange(DoubleRing, ranks, rows, ranks - 1, transfers);
    }

    /// <summary>In every step each rank sends one of its own parts to all others.</summary>
    private static Exchange Direct(int ranks, int rows) => new(Pairwise, ranks, rows, ranks - 1,
    [
        .. from step in Enumerable.Range(1, ranks - 1)
           from rank in Enumerable.Range(0, ranks)
           from offset in Enumerable.Range(1, ranks - 1)
           select new Transfer(step, step, rank, (rank + offset) % ranks, Part(rank, step - 1, ranks - 1, rows)),
    ]);

    /// <summary>Everything is sent to everyone at once.</summary>
    private static Exchange Gather(int ranks, int rows) => new(AllGather, ranks, rows, 1,
    [
        .. from rank in Enumerable.Range(0, ranks)
           from offset in Enumerable.Range(1, ranks - 1)
           select new Transfer(1, 1, rank, (rank + offset) % ranks, new Piece(rank, 0, rows)),
    ]);

    private static Piece Part(int origin, int part, int parts, int rows)
    {
        int first = part * rows / parts;
        return new Piece(origin, first, ((part + 1) * rows / parts) - first);
    }
}
