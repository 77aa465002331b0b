namespace ParallelDsl.Planning.Models;

/// <summary>Cuts the layers of a profile whose size is the vocabulary's into slices, which may lie on different devices. A slice of a head
/// passes the hidden state on with the softmax so far, so slices are a chain like other layers.</summary>
public static class ProfileSlices
{
    /// <summary>Every pinned embedding and head in <paramref name="slices"/> layers of near-equal integer cost, which sum to the
    /// whole.</summary>
    /// <param name="layers">The layers of a profile.</param>
    /// <param name="slices">How many slices of each, at least 1.</param>
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

    // In two parts, so that only the share has to fit in 64 bits.
    private static long Share(long cost, int slice, int slices) =>
        (cost / slices) + (((slice + 1) * (cost % slices) / slices) - (slice * (cost % slices) / slices));
}
