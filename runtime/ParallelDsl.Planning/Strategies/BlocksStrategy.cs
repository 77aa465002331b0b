using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Blocks of fixed length, each on any rank: the dearest first to the least loaded rank that has room; keys and values are fetched from
/// where they lie. After FCP (arXiv 2605.08524) and DistCA (arXiv 2510.18121), from summaries: FCP's blocks are of 4K tokens and its
/// matching of transfers is here that in every round each rank reads from another one. Blocks of 1K to 8K, numbers of
/// micro-batches and recomputation are searched.</summary>
internal static class BlocksStrategy
{
    private static readonly int[] _blocks = [1_024, 2_048, 4_096, 8_192];

    public static void Plan(PlanSearch search)
    {
        foreach (int block in _blocks)
        {
            foreach (int slots in SearchGrids.Slots(search, search.Problem.Stages))
            {
                if (!Consider(search, block, slots, recompute: false))
                    Consider(search, block, slots, recompute: true);
            }
        }
    }

    private static bool Consider(PlanSearch search, int block, int slots, bool recompute)
    {
        BatchProblem problem = search.Problem;
        int[] nodes = search.NodesOf(problem.Stages);
        long room = search.SlotTokens(problem.Stages, slots, recompute);
        int[] slotOf = LongestFirst.Assign(problem.Lengths, LongestFirst.Flops(problem), slots, room * nodes.Length, out long missing);
        if (missing > 0)
        {
            search.Lacks(missing);
            return false;
        }

        var work = new List<UnitSlot>();
        for (int slot = 0; slot < slots; slot++)
        {
            List<PlacedPiece>? placed = Place(problem, slotOf, slot, block, nodes.Length, room, out missing);
            if (placed is null)
            {
                search.Lacks(missing);
                return false;
            }

            if (placed.Count > 0 || work.Count == 0)
                work.Add(ToSlot(problem, placed, nodes));
        }

        string choice = Invariant($"blocks of {block}, {work.Count} micro-batches{(recompute ? ", recompute" : "")}");
        return search.Consider(new BatchPlan(StrategyNames.Blocks, choice, problem.Stages, work.ToEquatableArray(), Recompute: recompute));
    }

    private static List<PlacedPiece>? Place(BatchProblem problem, int[] slotOf, int slot, int block, int ranks, long room, out long missing)
    {
        SequenceCosts costs = problem.Model.Costs(recompute: false);
        var pieces = new List<(long Cost, SequencePiece Piece)>();
        for (int sequence = 0; sequence < slotOf.Length; sequence++)
        {
            for (int start = 0; slotOf[sequence] == slot && start < problem.Lengths[sequence]; start += block)
            {
                int length = Math.Min(block, problem.Lengths[sequence] - start);
                pieces.Add((costs.Both(start, length), new(sequence, start, length)));
            }
        }

        long[] loads = new long[ranks], tokens = new long[ranks];
        var placed = new List<PlacedPiece>();
        missing = 0;
        foreach ((long cost, SequencePiece piece) in pieces
            .OrderByDescending(item => item.Cost).ThenBy(item => item.Piece.Sequence).ThenBy(item => item.Piece.Start))
        {
            int best = -1;
            for (int rank = 0; rank < ranks; rank++)
            {
                if (tokens[rank] + piece.Length <= room && (best < 0 || loads[rank] < loads[best]))
                    best = rank;
            }

            if (best < 0)
            {
                missing += piece.Length;
                continue;
            }

            loads[best] += cost;
            tokens[best] += piece.Length;
            placed.Add(new(best, piece));
        }

        return missing > 0 ? null : placed;
    }

    // Sequences that lie whole on a rank are local; the others share one exchange.
    private static UnitSlot ToSlot(BatchProblem problem, List<PlacedPiece> placed, int[] nodes)
    {
        var draft = new SlotDraft(nodes);
        var single = new RankGroup?[nodes.Length];
        var spread = new List<PlacedPiece>();
        foreach (IGrouping<int, PlacedPiece> sequence in placed.GroupBy(piece => piece.Piece.Sequence).OrderBy(group => group.Key))
        {
            int rank = sequence.First().Rank;
            if (sequence.Any(piece => piece.Rank != rank))
                spread.AddRange(sequence);
            else
                draft.Add(single[rank] ??= RankGroup.Of(rank, 1, ExchangeKind.Local), new(sequence.Key, 0, problem.Lengths[sequence.Key]));
        }

        if (spread.Count == 0)
        {
            LayerWork local = draft.ToWork();
            return new UnitSlot(local, local);
        }

        LayerWork work = draft.ToWork([new DirectDraft(problem).ToExchange(spread, nodes.Length)], spread);
        return new UnitSlot(work, work, spread.ToEquatableArray());
    }
}
