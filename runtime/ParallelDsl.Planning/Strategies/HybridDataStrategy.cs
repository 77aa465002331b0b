using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Hybrid data and context parallelism by Megatron-LM's rule (<see cref="HybridSchedule"/>), with the best number of stages and of tokens per rank. A
/// group may run sequences that fit into memory together in one micro-batch, and ranks do not wait for one another between rounds, both of
/// which is better than what Megatron-LM does.</summary>
internal static class HybridDataStrategy
{
    private const long LeastTokens = 256;

    public static void Plan(PlanSearch search)
    {
        foreach (int stages in SearchGrids.Stages(search.Problem))
        {
            bool fits = false;
            for (int recompute = 0; recompute < 2 && !fits; recompute++)
            {
                long room = search.SlotTokens(stages, int.MaxValue, recompute > 0);
                long most = Math.Min(room, search.Problem.ContextLength);
                for (long tokens = most; tokens > 0 && (tokens == most || tokens >= LeastTokens); tokens /= 2)
                    fits |= Consider(search, stages, tokens, room, recompute > 0);
                if (most < 1)
                    search.Lacks(search.Problem.Tokens);
            }
        }
    }

    private static bool Consider(PlanSearch search, int stages, long tokensPerRank, long room, bool recompute)
    {
        int[] nodes = search.NodesOf(stages);
        var drafts = new List<SlotDraft>();
        foreach (List<HybridGroup> round in new HybridSchedule(search.Problem.Lengths, nodes.Length, tokensPerRank).Rounds())
        {
            int first = drafts.Count, rank = 0;
            foreach (HybridGroup group in round)
            {
                AddGroup(search, nodes, drafts, first, RankGroup.Of(rank, group.Size, ExchangeKind.Ring), group, room);
                rank += group.Size;
            }
        }

        string pipeline = stages > 1 ? Invariant($"PP {stages}, ") : "";
        string choice = Invariant($"{pipeline}{tokensPerRank} tokens per rank, {drafts.Count} micro-batches{(recompute ? ", recompute" : "")}");
        return search.Consider(new BatchPlan(StrategyNames.HybridData, choice, stages, ContextParallel.Slots(drafts), Recompute: recompute));
    }

    // A group's sequences in their order, as many to a micro-batch as have room.
    private static void AddGroup(
        PlanSearch search, int[] nodes, List<SlotDraft> drafts, int slot, RankGroup ranks, HybridGroup group, long room)
    {
        long capacity = room * group.Size, held = 0;
        foreach (int sequence in group.Sequences)
        {
            int length = search.Problem.Lengths[sequence];
            if (held > 0 && held + length > capacity)
            {
                slot++;
                held = 0;
            }

            while (drafts.Count <= slot)
                drafts.Add(new SlotDraft(search.Problem, nodes));
            drafts[slot].Add(ranks, new(sequence, 0, length));
            held += length;
        }
    }
}
