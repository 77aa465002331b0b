using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>The datapaths that are compared: those of the runtime by its own itineraries, and double rings that overlap more than its own.</summary>
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
        int inner = fabric.Kind == LinkKind.Nodes ? fabric.PerNode : InnerRing(fabric.Ranks);
        return
        [
            Along(SingleRing, Datapath.Ring),
            Along(BothDirections, Datapath.BidirectionalRing),
            TwoLevels(fabric, rows, inner).Verified(),
            Along(Pairwise, Datapath.Pairwise),
            Along(AllGather, Datapath.AllGather),
            Along(MultiRing, Datapath.Hamiltonian),
        ];

        Exchange Along(string name, Datapath datapath) =>
            Of(name, datapath, Itineraries.Of(datapath, fabric.Ranks, fabric.Nodes), rows).Verified();
    }

    private static int InnerRing(int ranks) => Enumerable.Range(1, ranks).Where(inner => ranks % inner == 0).MinBy(inner => Math.Abs(inner - Math.Sqrt(ranks) - 0.5));

    private static Exchange Of(string name, Datapath datapath, Itinerary ways, int rows) => new(name, datapath, ways.Ranks, rows, ways.Hops,
    [
        .. from hop in Enumerable.Range(1, ways.Hops)
           from rank in Enumerable.Range(0, ways.Ranks)
           from lane in Enumerable.Range(0, ways.Lanes)
           select new Transfer(hop, hop, ways.From(hop, rank, lane), rank, Part(ways.Origin(hop, rank, lane), ways.PartOf(lane), ways.Parts, rows)),
    ]);

    /// <summary>Rings of neighbouring ranks inside a ring of such rings (after LoongTrain, arXiv 2406.18485): while what a rank holds goes round
    /// the inner ring, it goes to the next one too.</summary>
    private static Exchange TwoLevels(LinkFabric fabric, int rows, int inner)
    {
        List<Transfer> transfers = [];
        int ranks = fabric.Ranks, groups = ranks / inner;
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

        // Inside one node the runtime has no double ring but one ring.
        return new Exchange(DoubleRing, fabric.Nodes > 1 ? Datapath.DoubleRing : null, ranks, rows, ranks - 1, transfers);
    }

    private static Piece Part(int origin, int part, int parts, int rows)
    {
        int first = Enumerable.Range(0, part).Sum(earlier => RowParts.RowsOf(rows, parts, earlier, 0));
        return new Piece(origin, first, RowParts.RowsOf(rows, parts, part, 0));
    }
}
