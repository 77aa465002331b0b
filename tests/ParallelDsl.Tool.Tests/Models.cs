namespace ParallelDsl.Tool.Tests.Models;

[Cluster]
[Nodes(1, DevicesPerNode = 4)]
public sealed partial class Desk;

/// <summary>A model as a user declares one; the generator plans it when this project is built.</summary>
[ParallelModel(ContextLength = 128)]
[RunsOn(typeof(Desk))]
[DataAxis(2)]
[PipelineAxis(2, MicroBatches = 4)]
public sealed partial class Declared
{
    [Embedding(Vocabulary = 256, Width = 32)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 2, FeedForward = 64, Repeat = 3)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Another one, in a class.</summary>
public static partial class Outer
{
    [ParallelModel(ContextLength = 64)]
    [RunsOn(typeof(Desk))]
    [SequenceAxis(2)]
    [DataAxis(2)]
    public sealed partial class Nested
    {
        [Embedding(Vocabulary = 256, Width = 32)]
        public partial Layer Tokens { get; }

        [LanguageModelHead]
        public partial Layer Head { get; }
    }
}

[Cluster]
[Nodes(2, DevicesPerNode = 4, Device = DeviceKind.A800Sxm, Fabric = Fabric.Switch, NicsPerNode = 4, NicGbps = 200)]
public sealed partial class TwoNodes;

/// <summary>The model of docs/08-variable-length.md.</summary>
[ParallelModel(ContextLength = 16_384)]
[RunsOn(typeof(TwoNodes))]
[DataAxis(2, Packing = Packing.Asymmetric, UnitTokens = 8_192)]
[SequenceAxis(4, Balance = SequenceBalance.Hierarchical)]
[PipelineAxis(1, Schedule = PipelineSchedule.GPipe, MicroBatches = 3)]
public sealed partial class Varied
{
    [Embedding(Vocabulary = 32_000, Width = 1_024)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 16, KeyValueHeads = 4, FeedForward = 2_816, Repeat = 12)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}
