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
        TiedTables = TiedTable.At(plan, Coordinate.Pipeline, Store);
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

    /// <summary>The tables that this rank shares with another position: one for each vocabulary slice that is tied across devices, in the
    /// order of the slices, which is the same on every rank.</summary>
    public IReadOnlyList<TiedTable> TiedTables { get; }

    /// <summary>Makes the rank's part of <typeparamref name="TModel"/> under <paramref name="plan"/>.</summary>
    public static RankModel Create<TModel>(ParallelPlan plan, int rank)
        where TModel : IParallelModel<TModel>
    {
        int position = plan.Mesh.CoordinateOf(rank).Pipeline;
        LayerModule?[] layers = new LayerModule?[plan.Layers.Count];
        foreach (PlannedStage stage in plan.Stages.Where(stage => stage.Device == position))
        {
            for (int index = stage.FirstLayer; index < stage.FirstLayer + stage.LayerCount; index++)
                layers[index] = TModel.CreateLayer(plan.Layers[index]);
        }

        return new RankModel(plan, rank, layers);
    }

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
