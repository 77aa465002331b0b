using ParallelDsl.Planning.Packing;

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

    /// <summary>The constants of <paramref name="choice"/>.</summary>
    public StepConstants ConstantsOf(StepChoice choice)
    {
        int[] nodes = BatchSimulation.NodesOf(problem, choice.Stages);
        long room = problem.ActivationRoom / HeldBytes.OfFullToken(problem, choice.Stages, choice.Slots, choice.Recompute, choice.Lag);
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
            OverlapTokens(choice.OverlapPercent, between: false),
            OverlapTokens(choice.OverlapPercent, between: true),
            choice.IntraNode == Datapath.AllToAll ? problem.Model.KeyValueHeads : 0,
            choice.InterNode == Datapath.AllToAll ? problem.Model.KeyValueHeads : 0,
            problem.Model.Costs(choice.Recompute).WithAttention(choice.AttentionPercent),
            new(nodes));
    }

    // The overlap rule: a ring's transfers hide under its attention from 2 F h_k / (h B) tokens a rank on; between nodes B is the rate of all
    // interfaces of a node, through which a routed hop goes.
    private int OverlapTokens(int percent, bool between)
    {
        var group = problem.Cluster.Nodes[0];
        long rate = between ? (long)group.NicsPerNode * group.NicGbps / 8 : group.Device.LinkBytesPerNanosecond;
        long tokens = 2 * problem.FlopsPerNanosecond * problem.Model.KeyValueWidth / (problem.Model.Hidden * Math.Max(1, rate));
        return (int)Math.Min(int.MaxValue, tokens * percent / 100);
    }
}
