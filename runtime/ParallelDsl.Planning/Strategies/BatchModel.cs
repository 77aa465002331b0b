using ParallelDsl.Planning.Packing;
using static System.FormattableString;

namespace ParallelDsl.Planning.Strategies;

/// <summary>The shape of a decoder with rotary grouped-query attention and SwiGLU, from which its costs follow. Nothing else of a model counts in
/// a simulated batch.</summary>
/// <remarks>The shapes behind the names are ours: those of LLaMA-like models of that size. The shapes of the papers are not known.</remarks>
/// <param name="Name">Its name.</param>
/// <param name="Layers">L, the blocks.</param>
/// <param name="Hidden">h, the width of hidden vectors.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Heads of keys and values.</param>
/// <param name="FeedForward">i, the inner width of the feed-forward part, of one expert where there are experts.</param>
/// <param name="Vocabulary">Token ids; embedding and head have their own tables.</param>
/// <param name="Experts">Feed-forward parts of a block, of which a token takes some; 1 without experts.</param>
/// <param name="ExpertsPerToken">How many it takes.</param>
public sealed record BatchModel(
    string Name,
    int Layers,
    int Hidden,
    int Heads,
    int KeyValueHeads,
    int FeedForward,
    int Vocabulary,
    int Experts = 1,
    int ExpertsPerToken = 1)
{
    // Bytes a token, a layer and a unit of width that the backward needs, in 16 bits: 34 in Korthikanti et al. (Reducing Activation
    // Recomputation, 2022) without the scores, which fused attention does not keep; Hydraulis (Hetu, Apache-2.0) measured 38 to 61.
    private const long HeldPerWidth = 38;

    private const long BytesPerValue = 2;

    // Weights and gradients in 16 bits; master weights and both moments of Adam in 32: 2 + 2 + 4 + 4 + 4.
    private const long StateBytesPerParameter = 16;

    /// <summary>The models that have names.</summary>
    public static EquatableArray<BatchModel> All { get; } = new(
    [
        new("3b", 26, 3_200, 32, 32, 8_640, 32_000),
        new("7b", 32, 4_096, 32, 32, 11_008, 32_000),
        new("13b", 40, 5_120, 40, 40, 13_824, 32_000),
        new("30b", 60, 6_656, 52, 52, 17_920, 32_000),
        new("moe-8x550m", 16, 1_536, 16, 16, 4_096, 32_000, Experts: 8, ExpertsPerToken: 2),
    ]);

    /// <summary>h_k, the width of keys, and of values.</summary>
    public int KeyValueWidth => Hidden / Heads * KeyValueHeads;

    /// <summary>FLOPs of one token in the linear parts of one layer's forward. Each layer has an even share of the head, whose stage is
    /// taken to have fewer blocks for it.</summary>
    public long LinearFlopsPerToken =>
        (2 * ((2L * Hidden * Hidden) + (2L * Hidden * KeyValueWidth) + (3L * Hidden * FeedForward * ExpertsPerToken)))
        + (2L * Hidden * Vocabulary / Layers);

    /// <summary>FLOPs of one (query, key) pair in one layer's forward: two products over the heads together.</summary>
    public long AttentionFlopsPerPair => 4L * Hidden;

    /// <summary>Bytes of one token's keys and values in one layer.</summary>
    public int KeyValueBytesPerToken => checked((int)(2 * BytesPerValue * KeyValueWidth));

    /// <summary>Bytes of one token's hidden vector.</summary>
    public int HiddenBytesPerToken => checked((int)(BytesPerValue * Hidden));

    /// <summary>Weights, all of them.</summary>
    public long Parameters =>
        (Layers * ((2L * Hidden * Hidden) + (2L * Hidden * KeyValueWidth) + (3L * Hidden * FeedForward * Experts))) + (2L * Hidden * Vocabulary);

    /// <summary>Bytes of weights, gradients and the state of the optimizer.</summary>
    public long StateBytes => StateBytesPerParameter * Parameters;

    /// <summary>The model of this name, or null.</summary>
    public static BatchModel? FromName(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <summary>Bytes of one layer that a token holds from its forward to its backward; with recomputation the layer's input.</summary>
    public long ActivationBytes(bool recompute) => recompute ? HiddenBytesPerToken : HeldPerWidth * Hidden;

    /// <summary>What tokens cost, in all layers.</summary>
    public SequenceCosts Costs(bool recompute) => SequenceCosts.Of(
        AttentionFlopsPerPair * Layers,
        LinearFlopsPerToken * Layers,
        (long)KeyValueBytesPerToken * Layers,
        ActivationBytes(recompute) * Layers,
        recompute);

    /// <inheritdoc/>
    public override string ToString() => Invariant($"{Name} ({Layers} layers of width {Hidden})");
}
