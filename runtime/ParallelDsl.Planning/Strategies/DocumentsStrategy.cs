using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>After WLB-LLM (OSDI 2025): sequences are packed into micro-batches and data ranks by cost; each pack is sharded over the context ranks
/// by document (every sequence in 2 CP chunks, all-gathered) or as one sequence (the pack in 2 CP chunks), whichever attends faster. The
/// queue that delays outliers is off, since no strategy may delay a sequence. A pack sharded as one sequence fetches only what
/// its chunks see, which is less than the all-gather of the original. CP x DP x PP, micro-batches, head chunks, weights of attention and recomputation are
/// searched.</summary>
internal static class DocumentsStrategy
{
    public static void Plan(PlanSearch search)
    {
        ContextLayout best = default;
        long bestTime = long.MaxValue;
        foreach (ContextLayout layout in ContextParallel.Layouts(search, ExchangeKind.AllGather))
        {
            ContextLayout fitting = layout;
            long? time = Consider(search, layout, 1_000);
            if (time is null)
            {
                fitting = layout with { Recompute = true };
                time = Consider(search, fitting, 1_000);
            }

            if (time < bestTime)
                (best, bestTime) = (fitting, time.Value);
        }

        foreach (int weight in SearchGrids.Weights.Where(weight => weight != 1_000 && bestTime < long.MaxValue))
            Consider(search, best, weight);
    }

    // The time of the faster sharding, or null where nothing fits.
    private static long? Consider(PlanSearch search, ContextLayout layout, int weight)
    {
        BatchProblem problem = search.Problem;
        int data = search.RanksOf(layout.Stages) / layout.ContextRanks;
        long capacity = layout.ContextRanks * search.SlotTokens(layout.Stages, layout.Slots, layout.Recompute);
        int[] bins = LongestFirst.Assign(problem.Lengths, LongestFirst.Flops(problem, weight), data * layout.Slots, capacity, out long missing);
        if (missing > 0)
        {
            search.Lacks(missing);
            return null;
        }

        BatchPlan byDocument = ContextParallel.Plan(search, StrategyNames.Documents, layout, bins);
        long? time = search.Consider(byDocument) ? search.LastTime : null;
        if (layout.ContextRanks > 1 && Adaptive(search, layout, bins, byDocument) is { } adaptive && search.Consider(adaptive))
            time = Math.Min(time ?? long.MaxValue, search.LastTime);
        return time;
    }

    // The plan in which each pack is sharded the faster way, or null where that is by document for all.
    private static BatchPlan? Adaptive(PlanSearch search, ContextLayout layout, int[] bins, BatchPlan byDocument)
    {
        BatchProblem problem = search.Problem;
        int[] nodes = search.NodesOf(layout.Stages);
        int data = nodes.Length / layout.ContextRanks, whole = 0;
        var direct = new DirectDraft(problem);
        var drafts = new List<SlotDraft>();
        for (int slot = 0; slot < layout.Slots; slot++)
        {
            var draft = new SlotDraft(problem, nodes);
            for (int rank = 0; rank < data; rank++)
            {
                int bin = (slot * data) + rank;
                int[] pack = [.. Enumerable.Range(0, bins.Length).Where(sequence => bins[sequence] == bin)];
                RankGroup group = RankGroup.Of(rank * layout.ContextRanks, layout.ContextRanks, layout.Kind, layout.HeadChunks);
                List<PlacedPiece> chunks = Shard(problem.Lengths, pack, group.Ranks);
                if (pack.Length > 1 && MostArea(direct, chunks) < MostArea(direct, Documents(problem.Lengths, pack, group.Ranks)))
                {
                    whole++;
                    draft.Add(direct.ToExchange(chunks, nodes.Length), chunks);
                    continue;
                }

                foreach (int sequence in pack)
                    draft.Add(group, new(sequence, 0, problem.Lengths[sequence]));
            }

            drafts.Add(draft);
        }

        string choice = Invariant($"{byDocument.Choice}, {whole} packs as one sequence");
        return whole == 0 ? null : byDocument with { Choice = choice, Slots = ContextParallel.Slots(drafts) };
    }

    private static long MostArea(DirectDraft direct, List<PlacedPiece> pieces) =>
        pieces.GroupBy(piece => piece.Rank).Max(rank => rank.Sum(piece => direct.AreaOf(piece.Piece)));

    private static List<PlacedPiece> Documents(EquatableArray<int> lengths, int[] pack, int[] ranks)
    {
        var placed = new List<PlacedPiece>();
        foreach (int sequence in pack)
            DirectDraft.AddZigzag(placed, ranks, new(sequence, 0, lengths[sequence]));
        return placed;
    }

    // The zigzag chunks of the pack as a whole, cut where sequences end.
    private static List<PlacedPiece> Shard(EquatableArray<int> lengths, int[] pack, int[] ranks)
    {
        var placed = new List<PlacedPiece>();
        int total = pack.Sum(sequence => lengths[sequence]);
        for (int member = 0; member < ranks.Length; member++)
        {
            Segments segments = ZigzagSplit.SegmentsOf(total, ranks.Length, member);
            for (int index = 0; index < segments.Count; index++)
            {
                int begin = 0;
                foreach (int sequence in pack)
                {
                    int start = Math.Max(segments[index].Start, begin), end = Math.Min(segments[index].End, begin + lengths[sequence]);
                    if (end > start)
                        placed.Add(new(ranks[member], new(sequence, start - begin, end - start)));
                    begin += lengths[sequence];
                }
            }
        }

        return placed;
    }
}
