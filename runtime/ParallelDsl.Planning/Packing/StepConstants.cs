using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Packing;

/// <summary>The constants of step planning as values: what a plan that was not compiled, a tool or a test plans with.</summary>
/// <param name="Packing">How sequences become units.</param>
/// <param name="Balance">How sequences are spread over ranks.</param>
/// <param name="ContextLength">The longest sequence, tokens.</param>
/// <param name="DataRanks">The degree of the data axis.</param>
/// <param name="SequenceRanks">The degree of the sequence axis.</param>
/// <param name="UnitsPerDataRank">Units of each data rank in a step.</param>
/// <param name="UnitTokensPerRank">Tokens that a unit may hold on one rank.</param>
/// <param name="Granule">What token packing rounds lengths up to a multiple of.</param>
/// <param name="Window">Units that may exchange slices.</param>
/// <param name="IntraNodeTokens">The least tokens a rank from which a sequence is spread over a ring inside a node.</param>
/// <param name="InterNodeTokens">The same for a ring over several nodes.</param>
/// <param name="IntraNodeHeads">Heads that ranks of a node share out; 0 for rings.</param>
/// <param name="InterNodeHeads">The same for ranks of several nodes.</param>
/// <param name="Costs">What tokens cost in balancing.</param>
/// <param name="Nodes">The node of every attention rank.</param>
public readonly record struct StepConstants(
    ParallelDsl.Packing Packing,
    SequenceBalance Balance,
    int ContextLength,
    int DataRanks,
    int SequenceRanks,
    int UnitsPerDataRank,
    int UnitTokensPerRank,
    int Granule,
    int Window,
    int IntraNodeTokens,
    int InterNodeTokens,
    int IntraNodeHeads,
    int InterNodeHeads,
    SequenceCosts Costs,
    EquatableArray<int> Nodes) : IStepConstants
{
    /// <summary>The constants of <paramref name="plan"/>.</summary>
    /// <remarks>Attention weighs in them what the plan says (<see cref="AxesSpec.AttentionPercent"/>): they balance, and time nothing.</remarks>
    public static StepConstants Of(ParallelPlan plan)
    {
        BatchingPlan batching = plan.Batching;
        AxesSpec chosen = plan.Axes.With(batching.Datapaths);
        return new(
            plan.Axes.Packing,
            plan.Axes.Balance,
            plan.Model.ContextLength,
            plan.Mesh.Data,
            plan.Mesh.Sequence,
            batching.UnitsPerDataRank,
            batching.UnitTokensPerRank,
            batching.Granule,
            batching.Window,
            batching.IntraNodeTokens,
            batching.InterNodeTokens,
            HeadsOf(plan, chosen.Datapath),
            HeadsOf(plan, chosen.InterNodeDatapath),
            SequenceCosts.Of(plan.Layers).WithAttention(plan.Axes.AttentionPercent),
            BatchingPlanner.NodesOf(plan.Cluster, plan.Mesh));
    }

    // Of blocks with different numbers the fewest.
    private static int HeadsOf(ParallelPlan plan, Datapath datapath) => datapath != Datapath.AllToAll
        ? 0
        : plan.Model.Layers
            .Where(layer => layer.Kind == LayerKind.TransformerBlock)
            .Select(layer => layer.KeyValueHeads == 0 ? layer.Heads : layer.KeyValueHeads)
            .DefaultIfEmpty()
            .Min();

    /// <inheritdoc/>
    public int NodeOf(int attentionRank) => Nodes[attentionRank];
}
