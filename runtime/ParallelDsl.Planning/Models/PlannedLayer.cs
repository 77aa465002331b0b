namespace ParallelDsl.Planning.Models;

/// <summary>One layer after repetition is unrolled, with its size and its work.</summary>
/// <param name="Index">Position in execution order, from 0.</param>
/// <param name="Name">Name for people: the property, and the repetition or vocabulary slice where there is one: <c>Blocks[3]</c>.</param>
/// <param name="Kind">What it computes.</param>
/// <param name="Declared">Index of the declared layer in <see cref="ModelSpec.Layers"/>.</param>
/// <param name="Repetition">Which repetition of it, from 0.</param>
/// <param name="Parameters">Number of weights. A tied head counts none but its norm.</param>
/// <param name="LinearFlops">Forward FLOPs a token, attention's score products left out; backward input and backward weight cost as much each.</param>
/// <param name="AttentionFlops">Forward FLOPs of one (query, key) pair: 4 x heads x head width. Backward costs 2.5 times as much, all of it in the input gradient.</param>
/// <param name="ActivationBytes">Bytes held a token from the forward until the backward is done.</param>
/// <param name="OutputBytes">Bytes a token that go to the next layer.</param>
/// <param name="KeyValueBytes">Bytes a token that travel on the ring of the sequence axis.</param>
/// <param name="Block">Transformer block: which one of the model, from 0, those of all declarations counted.</param>
/// <param name="Slice">Embedding and head: which slice of the vocabulary, from 0.</param>
/// <param name="Slices">Embedding and head: into how many slices (<see cref="VocabularySlice"/>) the vocabulary is divided; 1 where it is whole.</param>
public sealed record PlannedLayer(
    int Index,
    string Name,
    LayerKind Kind,
    int Declared,
    int Repetition,
    long Parameters,
    long LinearFlops,
    long AttentionFlops,
    long ActivationBytes,
    long OutputBytes,
    long KeyValueBytes,
    int Block = 0,
    int Slice = 0,
    int Slices = 1)
{
    /// <summary>Whether it is one of several slices.</summary>
    public bool IsSlice => Slices > 1;

    /// <summary>Whether it is the last slice, or whole.</summary>
    public bool IsLastSlice => Slice == Slices - 1;
}
