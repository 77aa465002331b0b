using ParallelDsl;

namespace TrainGpt;

/// <summary>One machine; eight ranks share its processors.</summary>
[Cluster]
[Nodes(1, DevicesPerNode = 8, Device = DeviceKind.Host)]
public sealed partial class Desk;

/// <summary>A small language model of bytes, divided two ways on every axis.</summary>
[ParallelModel(ContextLength = 256)]
[RunsOn(typeof(Desk))]
[DataAxis(2, UnitTokens = 512)]
[SequenceAxis(2)]
[PipelineAxis(2, Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 4)]
public sealed partial class Gpt
{
    [Embedding(Vocabulary = 258, Width = 128)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 2, FeedForward = 352, Repeat = 4)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}
