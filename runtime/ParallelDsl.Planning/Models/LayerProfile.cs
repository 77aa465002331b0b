namespace ParallelDsl.Planning.Models;

/// <summary>Where a profiled layer must lie.</summary>
public enum LayerPin
{
    /// <summary>In any stage.</summary>
    None,

    /// <summary>In the first stage.</summary>
    First,

    /// <summary>In the last stage.</summary>
    Last,
}

/// <summary>One layer of a model and its measured times, in ticks of 0.01 ms.</summary>
/// <param name="Kind">What it computes, one of <see cref="LayerProfileFile.Kinds"/>.</param>
/// <param name="Forward">Ticks of F.</param>
/// <param name="BackwardInput">Ticks of B.</param>
/// <param name="BackwardWeight">Ticks of W.</param>
/// <param name="Pinned">Where it must lie.</param>
public sealed record ProfiledLayer(string Kind, long Forward, long BackwardInput, long BackwardWeight, LayerPin Pinned);

/// <summary>The measured times of the layers of a model, in execution order. Layers pinned first are its beginning, layers pinned last
/// its end.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="Layers">Its layers, at least one.</param>
public sealed record LayerProfile(string Model, EquatableArray<ProfiledLayer> Layers);
