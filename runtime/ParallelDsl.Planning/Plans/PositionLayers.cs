using ParallelDsl.Planning.Models;

namespace ParallelDsl.Planning.Plans;

/// <summary>The layers at one position of the pipeline axis.</summary>
internal sealed class PositionLayers
{
    public PositionLayers(PlanFrame frame, StageLayout layout, int position)
    {
        var layers = new List<PlannedLayer>();
        foreach (int stage in layout.StagesAt(position))
        {
            for (int layer = layout.Boundaries[stage]; layer < layout.Boundaries[stage + 1]; layer++)
                layers.Add(frame.Layers[layer]);
        }

        Layers = layers;
        Parameters = layers.Sum(layer => layer.Parameters) + TiedParameters(frame.Request.Model, layers);
    }

    /// <summary>The layers in execution order.</summary>
    public IReadOnlyList<PlannedLayer> Layers { get; }

    /// <summary>Their weights, copies of a tied table included.</summary>
    public long Parameters { get; }

    // A tied head, or a slice of it, needs the embedding's table of the same rows on its own device too.
    private static long TiedParameters(ModelSpec model, List<PlannedLayer> layers)
    {
        if (!model.Layers[model.Layers.Count - 1].TiedWeights)
            return 0;
        var tables = new HashSet<int>(layers.Where(layer => layer.Kind == LayerKind.Embedding).Select(layer => layer.Slice));
        return layers.Where(layer => layer.Kind == LayerKind.LanguageModelHead && !tables.Contains(layer.Slice))
            .Sum(layer => LayerCosts.TiedParameters(model, layer));
    }
}
