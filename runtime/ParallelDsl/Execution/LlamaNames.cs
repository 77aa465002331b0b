namespace ParallelDsl.Execution;

/// <summary>Tensor names of Llama models in the Hugging Face library, which our models equal in structure, so that other tools load
/// our checkpoints; and the numbers that go with that structure.</summary>
internal static class LlamaNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    /// <summary>Added to the mean square in every RMSNorm.</summary>
    public const float NormEpsilon = 1e-5f;

    /// <summary>The base of the rotary angles.</summary>
    public const float RotaryBase = 10_000;

    /// <summary>Standard deviation of initial weights.</summary>
    public const float InitialDeviation = 0.02f;

    public static string Block(int block, string tensor) => FormattableString.Invariant($"model.layers.{block}.{tensor}.weight");
}
