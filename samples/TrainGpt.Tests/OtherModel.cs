using ParallelDsl;

namespace TrainGpt.Tests;

[Cluster]
[Nodes(1, DevicesPerNode = 1, Device = DeviceKind.Host)]
public sealed partial class OneDevice;

/// <summary>A model whose checkpoints TrainGpt must refuse: narrower than its own.</summary>
[ParallelModel(ContextLength = 256)]
[RunsOn(typeof(OneDevice))]
[DataAxis(1, UnitTokens = 512)]
public sealed partial class OtherModel
{
    [Embedding(Vocabulary = 258, Width = 32)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 2, KeyValueHeads = 1, FeedForward = 64, Repeat = 1)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}
