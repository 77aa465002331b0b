namespace ParallelDsl.Execution;

/// <summary>One matrix among the activations of a layer: what is needed to copy the rows of some of a unit's tokens.</summary>
/// <param name="Columns">Floats a token.</param>
/// <param name="IsHeadMajor">Whether it is stored as [columns, tokens] and not as [tokens, columns].</param>
/// <param name="IsAttention">Whether its tokens are those of the layout of attention; else those of the layout of all other work.</param>
public readonly record struct ActivationPart(int Columns, bool IsHeadMajor = false, bool IsAttention = false);
