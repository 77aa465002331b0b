using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl;

/// <summary>A declared layer: what the generated body of a layer property returns. It describes; the weights are in the trainer.</summary>
/// <param name="Name">The name of the property.</param>
/// <param name="Kind">What the layer computes.</param>
/// <param name="FirstIndex">Index of its first repetition, or vocabulary slice, in <see cref="ParallelPlan.Layers"/>.</param>
/// <param name="Repeat">The number of its repetitions, or vocabulary slices, which follow one another.</param>
/// <param name="Parameters">The number of weights of all of them.</param>
public sealed record Layer(string Name, LayerKind Kind, int FirstIndex, int Repeat, long Parameters);
