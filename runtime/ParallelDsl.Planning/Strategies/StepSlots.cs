using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Strategies;

/// <summary>How the sequences of a step plan travel, by their zone.</summary>
/// <param name="IntraNode">Inside nodes, as a declaration says.</param>
/// <param name="InterNode">Between nodes, the same.</param>
/// <param name="Routed">Whether hops of one ring between nodes may use several interfaces.</param>
/// <param name="Remapped">Whether rows move to a token-balanced layout for linear work.</param>
internal readonly record struct StepTransport(Datapath IntraNode, Datapath InterNode, bool Routed, bool Remapped)
{
    /// <summary>What <paramref name="plan"/> says.</summary>
    public static StepTransport Of(ParallelPlan plan)
    {
        AxesSpec axes = plan.Axes.With(plan.Batching.Datapaths);
        return new(axes.Datapath, axes.InterNodeDatapath, plan.Batching.Routes, plan.Batching.Remaps);
    }

    /// <summary>A datapath by the name that choices have for it.</summary>
    public static string NameOf(Datapath datapath) => datapath switch
    {
        Datapath.AllToAll => "heads",
        Datapath.Ring => "ring",
        Datapath.BidirectionalRing => "ring both ways",
        Datapath.DoubleRing => "double rings",
        Datapath.Hamiltonian => "several rings",
        Datapath.Pairwise => "pairwise",
        Datapath.AllGather => "all-gather",
        _ => datapath.ToString(),
    };

    /// <summary>The group of the ranks of a ring.</summary>
    public RankGroup GroupOf(int[] ranks, Zone zone)
    {
        Datapath datapath = zone == Zone.InterNode ? InterNode : IntraNode;
        return new(
            ranks,
            datapath == Datapath.AllToAll ? ExchangeKind.Heads : ExchangeKind.Ring,
            routed: Routed && zone == Zone.InterNode && datapath == Datapath.Ring,
            datapath: datapath);
    }
}

/// <summary>Turns a step plan into slots that can be simulated.</summary>
/// <param name="problem">The batch.</param>
/// <param name="nodes">The node of every rank of a stage.</param>
internal sealed class StepSlots(BatchProblem problem, int[] nodes)
{
    private readonly TokenRemap _remap = new();

    /// <summary>The slots of <paramref name="plan"/>, whose attention rank r is rank r of a stage.</summary>
    public EquatableArray<UnitSlot> Of(StepPlan plan, StepTransport transport)
    {
        var groups = new RankGroup[plan.RingCount];
        for (int ring = 0; ring < groups.Length; ring++)
        {
            int[] ranks = new int[plan.RingSize(ring)];
            Array.Copy(plan.RingRanks, plan.RingStarts[ring], ranks, 0, ranks.Length);
            groups[ring] = transport.GroupOf(ranks, SlotDraft.ZoneOf(ranks, nodes));
        }

        SlotDraft[] forward = Drafts(plan, groups, backward: false), backward = Drafts(plan, groups, backward: true);
        var slots = new UnitSlot[plan.MicroBatches];
        for (int slot = 0; slot < slots.Length; slot++)
        {
            // A row's activations stay where its forward was, so that a slot of other rows in the backward keeps the layout of attention.
            slots[slot] = forward[slot].ToSlot(plan.IsSymmetric ? forward[slot] : backward[slot]);
            if (transport.Remapped && plan.IsSymmetric)
            {
                LayerWork work = Remapped(slots[slot].Forward, plan.SequenceRanks);
                slots[slot] = slots[slot] with { Forward = work, Backward = work };
            }
        }

        return new(slots);
    }

    private SlotDraft[] Drafts(StepPlan plan, RankGroup[] groups, bool backward)
    {
        var drafts = new SlotDraft[plan.MicroBatches];
        for (int slot = 0; slot < drafts.Length; slot++)
            drafts[slot] = new SlotDraft(problem, nodes);
        for (int index = 0; index < plan.SliceCount; index++)
        {
            Slice slice = plan.Slices[index];
            drafts[backward ? slice.BackwardUnit : slice.ForwardUnit].Add(groups[slice.Ring], new(slice.Sequence, slice.Start, slice.Length));
        }

        return drafts;
    }

    // Rows move among the ranks of a data rank, and of all data ranks that the exchanges of the slot join with it.
    private LayerWork Remapped(LayerWork work, int sequenceRanks)
    {
        NodeCosts(out int intra, out int inter);
        int[] domains = new int[nodes.Length / sequenceRanks], after = new int[nodes.Length];
        for (int data = 0; data < domains.Length; data++)
            domains[data] = data;
        foreach (Exchange exchange in work.Exchanges)
        {
            foreach (int member in exchange.Members)
                Join(exchange.Members[0] / sequenceRanks, member / sequenceRanks);
        }

        var moves = new List<(int From, int To, int Tokens)>();
        for (int root = 0; root < domains.Length; root++)
        {
            int[] ranks = [.. Enumerable.Range(0, nodes.Length).Where(rank => domains[rank / sequenceRanks] == root)];
            if (ranks.Length == 0)
                continue;
            int[] tokens = [.. ranks.Select(rank => work.LinearTokens[rank])];
            RemapPlanner.Plan(tokens, [.. ranks.Select(rank => nodes[rank])], ranks.Length, intra, inter, RemapObjective.Sum, _remap);
            for (int index = 0; index < ranks.Length; index++)
                after[ranks[index]] = _remap.After[index];
            moves.AddRange(_remap.Moves.Take(_remap.MoveCount).Select(move => (ranks[move.From], ranks[move.To], move.Tokens)));
        }

        return new LayerWork { Ranks = work.Ranks, LinearTokens = after, Exchanges = work.Exchanges, RemapMoves = [.. moves] };

        void Join(int left, int right)
        {
            (int kept, int joined) = (Math.Min(domains[left], domains[right]), Math.Max(domains[left], domains[right]));
            for (int data = 0; data < domains.Length; data++)
                domains[data] = domains[data] == joined ? kept : domains[data];
        }
    }

    // Nanoseconds of a row of queries, keys and values over a device's link, and over its share of the interfaces.
    private void NodeCosts(out int intra, out int inter)
    {
        var group = problem.Cluster.Nodes[0];
        long bytes = (long)problem.Model.HiddenBytesPerToken + problem.Model.KeyValueBytesPerToken;
        long network = Math.Max(1, (long)group.NicsPerNode * group.NicGbps);
        intra = checked((int)Math.Max(1, bytes / Math.Max(1, group.Device.LinkBytesPerNanosecond)));
        inter = checked((int)Math.Max(intra, bytes * 8 * group.DevicesPerNode / network));
    }
}
