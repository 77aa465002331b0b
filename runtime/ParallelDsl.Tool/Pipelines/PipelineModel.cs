using ParallelDsl.Planning;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>The layers of a profile as a pipeline takes them.</summary>
/// <param name="Name">The name of the model.</param>
/// <param name="Kinds">What each layer computes.</param>
/// <param name="Layers">What each layer costs, in ticks, and whether it counts in activations.</param>
/// <param name="PinnedFirst">Layers at the start that belong to the first stage.</param>
/// <param name="PinnedLast">Layers at the end that belong to the last stage.</param>
/// <param name="IsSliced">Whether layers were cut.</param>
internal sealed record PipelineModel(
    string Name, EquatableArray<string> Kinds, EquatableArray<PipelineLayer> Layers, int PinnedFirst, int PinnedLast, bool IsSliced)
{
    /// <summary>Layers that a partition counts.</summary>
    public int FreeLayers => Layers.Count - PinnedFirst - PinnedLast;

    /// <summary>Reads the profile at <paramref name="path"/>. A pinned layer holds nothing in the published accounting of activations
    /// (layers x micro-batches), every other 1.</summary>
    /// <param name="path">A <c>*.layers.json</c>.</param>
    /// <param name="freeEnds">Whether pinned layers may lie anywhere. Then each counts 1 like the others.</param>
    /// <param name="vocabularySlices">Slices of each pinned embedding and head, see <see cref="ProfileSlices"/>; or null.</param>
    /// <exception cref="CommandException">The file is missing or wrong, or has nothing to cut.</exception>
    public static PipelineModel Read(string path, bool freeEnds, int? vocabularySlices)
    {
        (LayerProfile? profile, TextError? error) = LayerProfileFile.Parse(InputFile.Read(path));
        if (profile is null)
            throw CommandException.BadInput($"{path}: {error}");
        EquatableArray<ProfiledLayer> layers = profile.Layers;
        if (vocabularySlices is { } slices)
        {
            layers = ProfileSlices.Cut(layers, slices);
            if (layers.Count == profile.Layers.Count && slices > 1)
                throw CommandException.BadInput($"{path}: layers: has no pinned embedding or head that --vocabulary-slices could cut");
        }

        bool pins = !freeEnds && vocabularySlices is null;
        return new PipelineModel(
            profile.Model,
            layers.Select(layer => layer.Kind).ToEquatableArray(),
            layers.Select(layer => new PipelineLayer(
                layer.Forward, layer.BackwardInput, layer.BackwardWeight, layer.Pinned == LayerPin.None || freeEnds ? 1 : 0)).ToEquatableArray(),
            pins ? layers.Count(layer => layer.Pinned == LayerPin.First) : 0,
            pins ? layers.Count(layer => layer.Pinned == LayerPin.Last) : 0,
            vocabularySlices is not null);
    }

    /// <summary>Of each stage the layers that a partition counts.</summary>
    /// <param name="boundaries">The first layer of every stage, and the number of layers at the end.</param>
    public EquatableArray<int> PartitionOf(EquatableArray<int> boundaries)
    {
        var partition = new int[boundaries.Count - 1];
        for (int stage = 0; stage < partition.Length; stage++)
            partition[stage] = boundaries[stage + 1] - boundaries[stage];
        partition[0] -= PinnedFirst;
        partition[^1] -= PinnedLast;
        return new(partition);
    }
}
