using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>After FlexSP (ASPLOS 2025): in every micro-batch the ranks form groups of powers of two, and each sequence goes to a group that has room
/// for it. FlexSP solves an integer program for the sizes and the assignment; here sizes are enumerated (a few hundred of them, spread
/// evenly where there are more), sequences go longest first to the group that is done first with them by FlexSP's cost model, and the
/// compositions with the best predictions are simulated, with rings, all-gathers, or an exchange of tokens for heads (Ulysses, as FlexSP
/// has it; where the heads divide).</summary>
internal static class GroupsStrategy
{
    private const int MostCompositions = 240, Simulated = 12;

    private static readonly (ExchangeKind Kind, int HeadChunks, string Name)[] Kinds =
        [(ExchangeKind.Ring, 1, "ring"), (ExchangeKind.AllGather, 4, "all-gather"), (ExchangeKind.Direct, 1, "heads")];

    public static void Plan(PlanSearch search)
    {
        (int Slots, bool Recompute) best = default;
        long bestTime = long.MaxValue;
        foreach (int slots in SearchGrids.Slots(search, search.Problem.Stages))
        {
            bool recompute = false;
            long? time = Consider(search, slots, recompute, 1_000);
            if (time is null)
            {
                recompute = true;
                time = Consider(search, slots, recompute, 1_000);
            }

            if (time < bestTime)
                (best, bestTime) = ((slots, recompute), time.Value);
        }

        foreach (int weight in SearchGrids.Weights.Where(weight => weight is not 0 and not 1_000 && bestTime < long.MaxValue))
            Consider(search, best.Slots, best.Recompute, weight);
    }

    // The time of the fastest, or null where nothing fits.
    private static long? Consider(PlanSearch search, int slots, bool recompute, int weight)
    {
        BatchProblem problem = search.Problem;
        int ranks = search.RanksOf(problem.Stages);
        long room = search.SlotTokens(problem.Stages, slots, recompute);
        Func<int, long> costs = LongestFirst.Flops(problem, weight);
        int[] slotOf = LongestFirst.Assign(problem.Lengths, costs, slots, room * ranks, out long missing);
        if (missing > 0)
        {
            search.Lacks(missing);
            return null;
        }

        List<int[]> compositions = Compositions(ranks);
        var choices = new List<GroupAssignment[]>();
        for (int slot = 0; slot < slots; slot++)
        {
            int[] sequences = [.. LongestFirst.Order(problem.Lengths).Where(sequence => slotOf[sequence] == slot)];
            if (sequences.Length == 0)
                continue;
            GroupAssignment[] fastest = [.. compositions
                .Select(sizes => GroupAssignment.Of(problem, costs, sizes, sequences, room))
                .Where(assignment => assignment.Missing == 0)
                .OrderBy(assignment => assignment.Predicted)
                .Take(Simulated)];
            if (fastest.Length == 0)
            {
                search.Lacks(compositions.Min(sizes => GroupAssignment.Of(problem, costs, sizes, sequences, room).Missing));
                return null;
            }

            choices.Add(fastest);
        }

        long? time = null;
        for (int index = 0; index < Simulated; index++)
        {
            foreach ((ExchangeKind kind, int chunks, string name) in Kinds)
            {
                GroupAssignment[] assignments = [.. choices.Select(fastest => fastest[Math.Min(index, fastest.Length - 1)])];
                if (search.Consider(ToPlan(search, assignments, kind, chunks, name, recompute)))
                    time = Math.Min(time ?? long.MaxValue, search.LastTime);
            }
        }

        return time;
    }

    private static BatchPlan ToPlan(
        PlanSearch search, GroupAssignment[] slots, ExchangeKind kind, int chunks, string name, bool recompute)
    {
        BatchProblem problem = search.Problem;
        var work = slots.Select(slot => ToSlot(problem, slot, search.NodesOf(problem.Stages), kind, chunks));
        string sizes = string.Join(" + ", slots[0].Sizes.GroupBy(size => size).Select(size => Invariant($"{size.Count()} of {size.Key}")));
        string choice = Invariant($"{name}, {slots.Length} micro-batches, groups {sizes}{(recompute ? ", recompute" : "")}");
        return new BatchPlan(StrategyNames.Groups, choice, problem.Stages, work.ToEquatableArray(), Recompute: recompute);
    }

    private static UnitSlot ToSlot(BatchProblem problem, GroupAssignment slot, int[] nodes, ExchangeKind kind, int chunks)
    {
        var draft = new SlotDraft(problem, nodes);
        int first = 0;
        for (int group = 0; group < slot.Sizes.Length; group++)
        {
            var ranks = RankGroup.Of(first, slot.Sizes[group], kind, chunks);
            first += slot.Sizes[group];
            foreach (int sequence in slot.Sequences[group])
                draft.Add(ranks, new(sequence, 0, problem.Lengths[sequence]));
        }

        return draft.ToSlot();
    }

    /// <summary>The ways to make groups of powers of two of all ranks, each descending; a few hundred spread evenly where there are more.</summary>
    public static List<int[]> Compositions(int ranks)
    {
        var all = new List<int[]>();
        int largest = 1;
        while (2 * largest <= ranks)
            largest *= 2;
        Extend(ranks, largest, [], all);
        if (all.Count <= MostCompositions)
            return all;
        return [.. Enumerable.Range(0, MostCompositions).Select(index => all[(int)((long)index * (all.Count - 1) / (MostCompositions - 1))])];
    }

    private static void Extend(int left, int largest, List<int> sizes, List<int[]> all)
    {
        if (left == 0 || largest == 1)
        {
            all.Add([.. sizes, .. Enumerable.Repeat(1, left)]);
            return;
        }

        for (int count = left / largest; count >= 0; count--)
        {
            sizes.AddRange(Enumerable.Repeat(largest, count));
            Extend(left - (count * largest), largest / 2, sizes, all);
            sizes.RemoveRange(sizes.Count - count, count);
        }
    }
}
