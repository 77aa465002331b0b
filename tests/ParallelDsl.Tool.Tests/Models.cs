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
