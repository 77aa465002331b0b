using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Blocks of fixed length, each on any rank: the dearest first to the least loaded rank that has room; keys and values are fetched from
/// where they lie. After FCP (arXiv 2605.08524) and DistCA (arXiv 2510.18121), from summaries: FCP's blocks are of 4K tokens and its
/// matching of transfers is here that in every round each rank reads from another one. Blocks of 1K to 8K, on any rank or on those of
/// one node where a sequence costs less than a node's share (as DCP and DistCA prefer), numbers of stages and of micro-batches, weights of
/// attention and recomputation are searched.</summary>
internal static class BlocksStrategy
{
    private const int AnyNode = -1;

    private static readonly int[] Blocks = [1_024, 2_048, 4_096, 8_192];

    private readonly record struct Setting(int Stages, int Block, int Slots, bool InNodes, bool Recompute, int Weight);

    public static void Plan(PlanSearch search)
    {
        Setting best = default;
        long bestTime = long.MaxValue;
        foreach (int stages in SearchGrids.Stages(search.Problem))
        {
            foreach (int block in Blocks)
            {
                foreach (int slots in SearchGrids.Slots(search, stages))
                {
                    for (int inNodes = 0; inNodes < 2; inNodes++)
                    {
                        var setting = new Setting(stages, block, slots, inNodes > 0, Recompute: false, 1_000);
                        bool fits = Consider(search, setting);
                        if (!fits)
                        {
                            setting = setting with { Recompute = true };
                            fits = Consider(search, setting);
                        }

                        if (fits && search.LastTime < bestTime)
                            (best, bestTime) = (setting, search.LastTime);
                    }
                }
            }
        }

        foreach (int weight in SearchGrids.Weights.Where(weight => weight != 1_000 && bestTime < long.MaxValue))
            Consider(search, best with { Weight = weight });
    }

    private static bool Consider(PlanSearch search, Setting setting)
    {
        BatchProblem problem = search.Problem;
        int[] nodes = search.NodesOf(setting.Stages);
        long room = search.SlotTokens(setting.Stages, setting.Slots, setting.Recompute);
        Func<int, long> costs = LongestFirst.Flops(problem, setting.Weight);
        int[] slotOf = LongestFirst.Assign(problem.Lengths, costs, setting.Slots, room * nodes.Length, out long missing);
        if (missing > 0)
        {
            search.Lacks(missing);
            return false;
        }

        SequenceCosts weighted = problem.Model.Costs(recompute: false);
        weighted = weighted with
        {
            PairForward = weighted.PairForward / 1_000 * setting.Weight,
            PairBackward = weighted.PairBackward / 1_000 * setting.Weight,
        };
        var work = new List<UnitSlot>();
        for (int slot = 0; slot < setting.Slots; slot++)
        {
            int[] where = setting.InNodes ? nodes : new int[nodes.Length];
            List<PlacedPiece>? placed = Place(problem, weighted, slotOf, slot, setting.Block, where, room, out missing);
            if (placed is null)
            {
                search.Lacks(missing);
                return false;
            }

            if (placed.Count > 0 || work.Count == 0)
                work.Add(ToSlot(problem, placed, nodes));
        }

        string pipeline = setting.Stages > 1 ? Invariant($"PP {setting.Stages}, ") : "";
        string ends = (setting.InNodes ? " in nodes" : "") + Invariant($", {work.Count} micro-batches") + (setting.Recompute ? ", recompute" : "");
        string choice = Invariant($"{pipeline}blocks of {setting.Block}{ends}");
        return search.Consider(
            new BatchPlan(StrategyNames.Blocks, choice, setting.Stages, work.ToEquatableArray(), Recompute: setting.Recompute));
    }

    private static List<PlacedPiece>? Place(
        BatchProblem problem, SequenceCosts costs, int[] slotOf, int slot, int block, int[] nodes, long room, out long missing)
    {
        int[] nodeOf = NodeOf(problem, costs, slotOf, slot, nodes, room);
        var pieces = new List<(long Cost, SequencePiece Piece)>();
        for (int sequence = 0; sequence < slotOf.Length; sequence++)
        {
            for (int start = 0; slotOf[sequence] == slot && start < problem.Lengths[sequence]; start += block)
            {
                int length = Math.Min(block, problem.Lengths[sequence] - start);
                pieces.Add((costs.Both(start, length), new(sequence, start, length)));
            }
        }

        long[] loads = new long[nodes.Length], tokens = new long[nodes.Length];
        var placed = new List<PlacedPiece>();
        missing = 0;
        foreach ((long cost, SequencePiece piece) in pieces
            .OrderByDescending(item => item.Cost).ThenBy(item => item.Piece.Sequence).ThenBy(item => item.Piece.Start))
        {
            int best = Least(piece, nodeOf[piece.Sequence]);

            // A node may have room for a sequence and none of its ranks for a block.
            if (best < 0)
                best = Least(piece, AnyNode);
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

        int Least(SequencePiece piece, int node)
        {
            int best = -1;
            for (int rank = 0; rank < loads.Length; rank++)
            {
                bool mayBe = (node == AnyNode || nodes[rank] == node) && tokens[rank] + piece.Length <= room;
                if (mayBe && (best < 0 || loads[rank] < loads[best]))
                    best = rank;
            }

            return best;
        }
    }

    // The node of each sequence: the dearest first to the node of least cost that has room; none where it is more than a node's share.
    private static int[] NodeOf(BatchProblem problem, SequenceCosts costs, int[] slotOf, int slot, int[] nodes, long room)
    {
        int count = nodes.Max() + 1;
        long[] loads = new long[count], tokens = new long[count];
        long[] capacity = [.. Enumerable.Range(0, count).Select(node => room * nodes.Count(other => other == node))];
        int[] order = [.. LongestFirst.Order(problem.Lengths).Where(sequence => slotOf[sequence] == slot)];
        long share = order.Sum(sequence => costs.Both(0, problem.Lengths[sequence])) / count;
        int[] nodeOf = new int[problem.Lengths.Count];
        foreach (int sequence in order)
        {
            int length = problem.Lengths[sequence], best = -1;
            long cost = costs.Both(0, length);
            for (int node = 0; node < count && cost <= share; node++)
            {
                if (tokens[node] + length <= capacity[node] && (best < 0 || loads[node] < loads[best]))
                    best = node;
            }

            nodeOf[sequence] = best < 0 ? AnyNode : best;
            for (int node = 0; node < count; node++)
            {
                // What lies on any rank is a part of every node.
                loads[node] += node == best ? cost : best < 0 ? cost / count : 0;
                tokens[node] += node == best ? length : best < 0 ? length / count : 0;
            }
        }

        return nodeOf;
    }

    // Sequences that lie whole on a rank are local; the others share one exchange.
    private static UnitSlot ToSlot(BatchProblem problem, List<PlacedPiece> placed, int[] nodes)
    {
        var draft = new SlotDraft(problem, nodes);
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

        if (spread.Count > 0)
            draft.Add(new DirectDraft(problem).ToExchange(spread, nodes.Length), spread);
        return draft.ToSlot();
    }
}
