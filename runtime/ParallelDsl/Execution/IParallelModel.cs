using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>What the generator emits for a class with <c>[ParallelModel]</c>, and all that the runtime asks of it.</summary>
/// <typeparam name="TSelf">The class itself.</typeparam>
public interface IParallelModel<TSelf>
    where TSelf : IParallelModel<TSelf>
{
    /// <summary>The plan that the compiler made.</summary>
    static abstract ParallelPlan Plan { get; }

    /// <summary>Makes a layer, specialised to its shape: whole, or the slice of the vocabulary that it says.</summary>
    /// <param name="layer">A layer of the compiled plan, or of another plan of this model, such as one with other vocabulary slices.</param>
    /// <exception cref="ArgumentOutOfRangeException">The model declares no such layer.</exception>
    static abstract LayerModule CreateLayer(PlannedLayer layer);

    /// <summary>Groups a step's sequences into units: pure, the same on every rank, no allocation once <paramref name="step"/> has grown.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="step">Where the answer goes.</param>
    /// <returns>Whether they fit.</returns>
    /// <exception cref="PackingException">A sequence is empty or longer than the context.</exception>
    static abstract bool TryPlanStep(ReadOnlySpan<int> lengths, StepPlan step);
}
