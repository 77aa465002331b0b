using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>The part of a model that one rank holds: the layers of its stages and their parameters. It outlives runs.</summary>
internal sealed class RankModel : IDisposable
{
    private RankModel(ParallelPlan plan, int rank, LayerModule?[] layers)
    {
        Plan = plan;
        Rank = rank;
        Coordinate = plan.Mesh.CoordinateOf(rank);
        Layers = layers;
        Store = new ParameterStore([.. layers.OfType<LayerModule>()]);
        int first = plan.Stages[0].Device, last = plan.Stages[^1].Device;
        bool tied = plan.Model.Layers[^1].TiedWeights;
        TiedPositions = tied && first != last ? (first, last) : null;
    }

    /// <summary>The plan that is run.</summary>
    public ParallelPlan Plan { get; }

    /// <summary>The rank.</summary>
    public int Rank { get; }

    /// <summary>Its place on the mesh.</summary>
    public Coordinate Coordinate { get; }

    /// <summary>By index of the plan's layers; null where the layer is elsewhere.</summary>
    public IReadOnlyList<LayerModule?> Layers { get; }

    /// <summary>Weights, gradients and moments.</summary>
    public ParameterStore Store { get; }

    /// <summary>The positions of the pipeline axis that both hold the embedding's table, where it is tied to the head across devices.</summary>
    public (int First, int Last)? TiedPositions { get; }

    /// <summary>The table that this rank shares with another position, or null.</summary>
    public Parameter? TiedTable =>
        TiedPositions is { } tied && (Coordinate.Pipeline == tied.First || Coordinate.Pipeline == tied.Last) ? Store.Find(LlamaNames.Embedding) : null;

    /// <summary>Whether this rank's copy of the tied table is the second one, which no sum over all parameters may count.</summary>
    public bool HoldsSecondTable => TiedPositions is { } tied && Coordinate.Pipeline == tied.Last;

    /// <summary>Makes the rank's part of <typeparamref name="TModel"/> under <paramref name="plan"/>.</summary>
    public static RankModel Create<TModel>(ParallelPlan plan, int rank)
        where TModel : IParallelModel<TModel>
    {
        int position = plan.Mesh.CoordinateOf(rank).Pipeline;
        LayerModule?[] layers = new LayerModule?[plan.Layers.Count];
        foreach (PlannedStage stage in plan.Stages.Where(stage => stage.Device == position))
        {
            for (int index = stage.FirstLayer; index < stage.FirstLayer + stage.LayerCount; index++)
                layers[index] = TModel.CreateLayer(index);
        }

        return new RankModel(plan, rank, layers);
    }

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
