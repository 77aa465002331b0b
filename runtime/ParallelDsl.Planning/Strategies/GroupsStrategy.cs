using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>After FlexSP (ASPLOS 2025): in every micro-batch the ranks form groups of powers of two, and each sequence goes to a group that has room
/// for it. FlexSP solves an integer program for the sizes and the assignment; here all sizes are enumerated (spread evenly where there are more than
/// those of 128 ranks), sequences go longest first to the group that is done first with them by FlexSP's cost model, and the compositions with the best
/// predictions are simulated, with rings, all-gathers, or an exchange of tokens for heads (Ulysses, as FlexSP has it; where there are as many heads), in
/// nodes and between them. Stages, micro-batches, weights of attention and recomputation are searched.</summary>
internal static class GroupsStrategy
{
    private const int MostCompositions = 30_000, Simulated = 12, HeadChunks = 4;

    private static readonly ExchangeKind[] Kinds = [ExchangeKind.Ring, ExchangeKind.AllGather, ExchangeKind.Heads];

    private readonly record struct Setting(int Stages, int Slots, bool Recompute, int Weight);

    public static void Plan(PlanSearch search)
    {
        Setting best = default;
        long bestTime = long.MaxValue;
        foreach (int stages in SearchGrids.Stages(search.Problem))
        {
            List<int[]> compositions = Compositions(search.RanksOf(stages));
            foreach (int slots in SearchGrids.Slots(search, stages))
            {
                var setting = new Setting(stages, slots, Recompute: false, 1_000);
                long? time = Consider(search, compositions, setting, mixed: false);
                if (time is null)
                {
                    setting = setting with { Recompute = true };
                    time = Consider(search, compositions, setting, mixed: false);
                }

                if (time < bestTime)
                    (best, bestTime) = (setting, time.Value);
            }
        }

        if (bestTime == long.MaxValue)
            return;
        List<int[]> again = Compositions(search.RanksOf(best.Stages));
        foreach (int weight in SearchGrids.Weights.Where(weight => weight > 0))
            Consider(search, again, best with { Weight = weight }, mixed: true);
    }

    // The time of the fastest, or null where nothing fits. Kinds are mixed or the same in nodes and between them.
    private static long? Consider(PlanSearch search, List<int[]> compositions, Setting setting, bool mixed)
    {
        BatchProblem problem = search.Problem;
        int ranks = search.RanksOf(setting.Stages);
        long room = search.SlotTokens(setting.Stages, setting.Slots, setting.Recompute);
        Func<int, long> costs = LongestFirst.Flops(problem, setting.Weight);
        int[] slotOf = LongestFirst.Assign(problem.Lengths, costs, setting.Slots, room * ranks, out long missing);
        if (missing > 0)
        {
            search.Lacks(missing);
            return null;
        }

        var choices = new List<GroupAssignment[]>();
        for (int slot = 0; slot < setting.Slots; slot++)
        {
            int[] sequences = [.. LongestFirst.Order(problem.Lengths).Where(sequence => slotOf[sequence] == slot)];
            if (sequences.Length == 0)
                continue;
            var predictor = new GroupPredictor(problem, costs, ranks, sequences, room);
            GroupAssignment[] fastest = [.. Fastest(predictor, compositions).Select(predictor.Of)];
            if (fastest.Length == 0)
            {
                search.Lacks(compositions.Min(predictor.MissingOf));
                return null;
            }

            choices.Add(fastest);
        }

        long? time = null;
        for (int index = 0; index < Simulated; index++)
        {
            GroupAssignment[] assignments = [.. choices.Select(fastest => fastest[Math.Min(index, fastest.Length - 1)])];
            foreach (ExchangeKind inside in Kinds)
            {
                foreach (ExchangeKind between in mixed ? Kinds : [inside])
                {
                    if (search.Consider(ToPlan(search, setting, assignments, inside, between)))
                        time = Math.Min(time ?? long.MaxValue, search.LastTime);
                }
            }
        }

        return time;
    }

    // The compositions with the least predictions, of equals the first.
    private static IEnumerable<int[]> Fastest(GroupPredictor predictor, List<int[]> compositions)
    {
        var best = new List<(long Time, int[] Sizes)>();
        foreach (int[] sizes in compositions)
        {
            long time = predictor.Predict(sizes, best.Count < Simulated ? long.MaxValue : best[best.Count - 1].Time);
            if (time == long.MaxValue)
                continue;
            int at = best.Count;
            while (at > 0 && best[at - 1].Time > time)
                at--;
            best.Insert(at, (time, sizes));
            if (best.Count > Simulated)
                best.RemoveAt(Simulated);
        }

        return best.Select(item => item.Sizes);
    }

    private static BatchPlan ToPlan(
        PlanSearch search, Setting setting, GroupAssignment[] slots, ExchangeKind inside, ExchangeKind between)
    {
        int[] nodes = search.NodesOf(setting.Stages);
        IEnumerable<UnitSlot> work = slots.Select(slot => ToSlot(search.Problem, slot, nodes, inside, between));
        string sizes = string.Join(" + ", slots[0].Sizes.GroupBy(size => size).Select(size => Invariant($"{size.Count()} of {size.Key}")));
        string kinds = inside == between ? NameOf(inside) : $"{NameOf(inside)} in nodes, {NameOf(between)} between";
        string pipeline = setting.Stages > 1 ? Invariant($", PP {setting.Stages}") : "";
        string choice = Invariant($"{kinds}{pipeline}, {slots.Length} micro-batches, groups {sizes}{(setting.Recompute ? ", recompute" : "")}");
        return new BatchPlan(StrategyNames.Groups, choice, setting.Stages, work.ToEquatableArray(), Recompute: setting.Recompute);
    }

    private static UnitSlot ToSlot(BatchProblem problem, GroupAssignment slot, int[] nodes, ExchangeKind inside, ExchangeKind between)
    {
        var draft = new SlotDraft(problem, nodes);
        int first = 0;
        for (int group = 0; group < slot.Sizes.Length; group++)
        {
            int size = slot.Sizes[group];
            ExchangeKind kind = nodes[first] == nodes[first + size - 1] ? inside : between;
            if (kind == ExchangeKind.Heads && size > problem.Model.KeyValueHeads)
                kind = ExchangeKind.Ring;
            var ranks = RankGroup.Of(first, size, kind, kind == ExchangeKind.AllGather ? HeadChunks : 1, keepsSwapped: true);
            first += size;
            foreach (int sequence in slot.Sequences[group])
                draft.Add(ranks, new(sequence, 0, problem.Lengths[sequence]));
        }

        return draft.ToSlot();
    }

    private static string NameOf(ExchangeKind kind) => kind switch
    {
        ExchangeKind.Ring => "ring",
        ExchangeKind.AllGather => "all-gather",
        _ => "heads",
    };

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
