using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>Cuts the vocabulary's layers, which weigh most where vocabularies are large, into slices that may lie on different
/// devices.</summary>
internal static class VocabularySlices
{
    /// <summary>Every pinned embedding and head in <paramref name="slices"/> layers of near-equal integer cost, which sum to the
    /// whole.</summary>
    public static EquatableArray<ProfiledLayer> Cut(EquatableArray<ProfiledLayer> layers, int slices) => layers
        .SelectMany(layer => layer.Pinned != LayerPin.None && layer.Kind is "embedding" or "head"
            ? Enumerable.Range(0, slices).Select(slice => layer with
            {
                Forward = Share(layer.Forward, slice, slices),
                BackwardInput = Share(layer.BackwardInput, slice, slices),
                BackwardWeight = Share(layer.BackwardWeight, slice, slices),
            })
            : [layer])
        .ToEquatableArray();

    private static long Share(long cost, int slice, int slices) => ((slice + 1) * cost / slices) - (slice * cost / slices);
}
