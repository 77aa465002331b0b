using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Strategies;

/// <summary>Plans a batch by <see cref="StepPlanner"/> with the constants of one setting, as the code that is emitted for a declaration does.</summary>
/// <param name="problem">The batch.</param>
internal sealed class ChoicePlanner(BatchProblem problem)
{
    private readonly StepPlan _plan = new();
    private readonly int[] _lengths = [.. problem.Lengths];

    /// <summary>The plan of <paramref name="choice"/>, or null where the batch does not fit its units.</summary>
    /// <param name="strategy">The name of the strategy.</param>
    /// <param name="choice">The setting.</param>
    /// <param name="missing">Tokens that find no room.</param>
    public BatchPlan? TryPlan(string strategy, StepChoice choice, out long missing)
    {
        int[] nodes = BatchSimulation.NodesOf(problem, choice.Stages);
        StepConstants constants = ConstantsOf(choice);
        missing = problem.Tokens;
        if (constants.UnitTokensPerRank < 1)
            return null;
        if (!StepPlanner.TryPlan(constants, _lengths, _lengths.Length, _plan))
        {
            missing = _plan.Workspace.Misfit.Missing;
            return null;
        }

        EquatableArray<UnitSlot> slots = new StepSlots(problem, nodes).Of(_plan, choice.Transport);
        return new BatchPlan(strategy, choice.Describe(nodes.Length), choice.Stages, slots, choice.Lag, choice.Recompute);
    }

    /// <summary>The most ranks that a ring of <paramref name="choice"/> may join.</summary>
    public RingReach ReachOf(StepChoice choice)
    {
        int[] nodes = BatchSimulation.NodesOf(problem, choice.Stages);
        return RingReach.OfZones(new(nodes), choice.Packing == ParallelDsl.Packing.Asymmetric ? nodes.Length : choice.SequenceRanks);
    }

    /// <summary>The constants of <paramref name="choice"/>.</summary>
    public StepConstants ConstantsOf(StepChoice choice)
    {
        int[] nodes = BatchSimulation.NodesOf(problem, choice.Stages);
        RingReach reach = ReachOf(choice);

        // A plan with zigzag balance counts with the one interface that its rings take, and so spreads less over nodes. A search finds the faster plans
        // where rings may be tried that do not hide.
        var rule = new OverlapRule(
            problem.Cluster,
            problem.Assumptions.RatePermille,
            problem.Model.KeyValueBytesPerToken,
            problem.Model.AttentionFlopsPerPair,
            Routes: true);
        int blocks = Math.Max(Itineraries.BlocksAtOnce(choice.IntraNode, reach.IntraNode), Itineraries.BlocksAtOnce(choice.InterNode, reach.InterNode));
        long room = problem.ActivationRoom / HeldBytes.OfFullToken(problem, choice.Stages, choice.Slots, choice.Recompute, choice.Lag, blocks);
        if (choice.UnitTokens > 0)
            room = Math.Min(room, choice.UnitTokens);
        return new StepConstants(
            choice.Packing,
            choice.Balance,
            problem.ContextLength,
            nodes.Length / choice.SequenceRanks,
            choice.SequenceRanks,
            choice.Slots,
            (int)Math.Min(room, int.MaxValue / nodes.Length),
            Granule: 1,
            choice.Window,
            Asked(rule.IntraNode(choice.IntraNode, reach)),
            Asked(rule.InterNode(choice.InterNode, reach)),
            choice.IntraNode == Datapath.AllToAll ? problem.Model.KeyValueHeads : 0,
            choice.InterNode == Datapath.AllToAll ? problem.Model.KeyValueHeads : 0,
            problem.Model.Costs(choice.Recompute).WithAttention(choice.AttentionPercent),
            new(nodes));

        // Of whole tokens, as the pages of simulated batches were made.
        int Asked(decimal tokens) => (int)Math.Min(int.MaxValue, Math.Floor(tokens) * choice.OverlapPercent / 100);
    }
}
