using ParallelDsl.Planning.Simulation.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>How a batch is spread over the data and context ranks of a rectangular layout.</summary>
/// <param name="Stages">P.</param>
/// <param name="ContextRanks">CP: consecutive ranks over which each sequence is spread.</param>
/// <param name="Slots">M, micro-batches of each data rank.</param>
/// <param name="Kind">How keys and values travel.</param>
/// <param name="HeadChunks">Parts of an all-gather.</param>
/// <param name="Recompute">Whether the backward repeats the forward.</param>
internal readonly record struct ContextLayout(int Stages, int ContextRanks, int Slots, ExchangeKind Kind, int HeadChunks, bool Recompute)
{
    /// <summary>The layout, for people.</summary>
    public string Describe(int ranks)
    {
        string pipeline = Stages > 1 ? Invariant($" x PP {Stages}") : "";
        string gathered = Kind == ExchangeKind.AllGather ? Invariant($", {HeadChunks} head chunks") : "";
        string repeated = Recompute ? ", recompute" : "";
        return Invariant($"CP {ContextRanks} x DP {ranks / ContextRanks}{pipeline}, {Slots} micro-batches{gathered}{repeated}");
    }
}

/// <summary>Plans of rectangular layouts: data ranks of equal numbers of context ranks, every sequence in 2 CP zigzag chunks over those of its
/// data rank.</summary>
internal static class ContextParallel
{
    /// <summary>Considers every number of stages, of context ranks that divides the stage's, of micro-batches and of head chunks, recomputation
    /// where memory asks for it, and for the best of them every weight of attention.</summary>
    /// <param name="search">Takes the plans.</param>
    /// <param name="strategy">The name of the strategy.</param>
    /// <param name="kind">How keys and values travel.</param>
    /// <param name="weight">The weight of attention in the first place, in thousandths.</param>
    public static void ConsiderAll(PlanSearch search, string strategy, ExchangeKind kind, int weight)
    {
        ContextLayout best = default;
        long bestTime = long.MaxValue;
        Func<int, long> costs = LongestFirst.Flops(search.Problem, weight);
        foreach (ContextLayout layout in Layouts(search, kind))
        {
            // Repeating the forward only where its activations do not fit: it saves no time.
            ContextLayout fitting = layout;
            bool fits = Consider(search, strategy, layout, costs);
            if (!fits)
            {
                fitting = layout with { Recompute = true };
                fits = Consider(search, strategy, fitting, costs);
            }

            if (fits && search.LastTime < bestTime)
                (best, bestTime) = (fitting, search.LastTime);
        }

        foreach (int other in SearchGrids.Weights.Where(other => other != weight && bestTime < long.MaxValue))
            Consider(search, strategy, best, LongestFirst.Flops(search.Problem, other));
    }

    /// <summary>Every layout without recomputation.</summary>
    public static IEnumerable<ContextLayout> Layouts(PlanSearch search, ExchangeKind kind)
    {
        foreach (int stages in SearchGrids.Stages(search.Problem))
        {
            foreach (int context in SearchGrids.Divisors(search.RanksOf(stages)))
            {
                foreach (int slots in SearchGrids.Slots(search, stages))
                {
                    foreach (int chunks in kind == ExchangeKind.AllGather && context > 1 ? SearchGrids.HeadChunks : [1])
                        yield return new ContextLayout(stages, context, slots, kind, chunks, Recompute: false);
                }
            }
        }
    }

    /// <summary>Divides the sequences over data ranks and micro-batches, the dearest first each to the cheapest that has room, and simulates
    /// the plan.</summary>
    /// <param name="search">Takes the plan.</param>
    /// <param name="strategy">The name of the strategy.</param>
    /// <param name="layout">The layout.</param>
    /// <param name="costs">What a sequence costs when they are divided.</param>
    /// <returns>Whether it fits.</returns>
    public static bool Consider(PlanSearch search, string strategy, ContextLayout layout, Func<int, long> costs)
    {
        int data = search.RanksOf(layout.Stages) / layout.ContextRanks;
        long capacity = layout.ContextRanks * search.SlotTokens(layout.Stages, layout.Slots, layout.Recompute);
        int[] bins = LongestFirst.Assign(search.Problem.Lengths, costs, data * layout.Slots, capacity, out long missing);
        if (missing == 0)
            return search.Consider(Plan(search, strategy, layout, bins));
        search.Lacks(missing);
        return false;
    }

    /// <summary>The plan in which sequence s is in bin b: micro-batch b / D of data rank b mod D.</summary>
    public static BatchPlan Plan(PlanSearch search, string strategy, ContextLayout layout, int[] bins)
    {
        int[] nodes = search.NodesOf(layout.Stages);
        int data = nodes.Length / layout.ContextRanks;
        var groups = new RankGroup[data];
        for (int index = 0; index < data; index++)
            groups[index] = RankGroup.Of(index * layout.ContextRanks, layout.ContextRanks, layout.Kind, layout.HeadChunks);
        var drafts = new SlotDraft[layout.Slots];
        for (int slot = 0; slot < drafts.Length; slot++)
            drafts[slot] = new SlotDraft(search.Problem, nodes);
        for (int sequence = 0; sequence < bins.Length; sequence++)
            drafts[bins[sequence] / data].Add(groups[bins[sequence] % data], new(sequence, 0, search.Problem.Lengths[sequence]));
        string choice = layout.Describe(nodes.Length);
        return new BatchPlan(strategy, choice, layout.Stages, Slots(drafts), Recompute: layout.Recompute);
    }

    /// <summary>Slots whose backwards have what their forwards have; empty ones are left out, but one stays.</summary>
    public static EquatableArray<UnitSlot> Slots(IEnumerable<SlotDraft> drafts)
    {
        SlotDraft[] all = [.. drafts], filled = [.. all.Where(draft => !draft.IsEmpty)];
        return (filled.Length > 0 ? filled : [all[0]]).Select(draft => draft.ToSlot()).ToEquatableArray();
    }
}
