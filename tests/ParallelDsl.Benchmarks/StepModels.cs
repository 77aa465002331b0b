namespace ParallelDsl.Benchmarks;

/// <summary>One rank of the machine that runs the benchmark.</summary>
[Cluster]
[Nodes(1, DevicesPerNode = 1, Device = DeviceKind.Host)]
public sealed partial class OneHost;

/// <summary>Width 256, 8 layers.</summary>
[ParallelModel(ContextLength = 512)]
[RunsOn(typeof(OneHost))]
[DataAxis(1, UnitTokens = 2048)]
[PipelineAxis(1, MicroBatches = 1)]
public sealed partial class Gpt256
{
    [Embedding(Vocabulary = 4096, Width = 256)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 704, Repeat = 8)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Width 768, 4 layers.</summary>
[ParallelModel(ContextLength = 512)]
[RunsOn(typeof(OneHost))]
[DataAxis(1, UnitTokens = 2048)]
[PipelineAxis(1, MicroBatches = 1)]
public sealed partial class Gpt768
{
    [Embedding(Vocabulary = 4096, Width = 768)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 12, KeyValueHeads = 4, FeedForward = 2048, Repeat = 4)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Two ranks of the machine that runs the benchmark.</summary>
[Cluster]
[Nodes(1, DevicesPerNode = 2, Device = DeviceKind.Host)]
public sealed partial class TwoHosts;

/// <summary>Width 256, 8 layers over two stages, 8 micro-batches.</summary>
[ParallelModel(ContextLength = 512)]
[RunsOn(typeof(TwoHosts))]
[PipelineAxis(2, MicroBatches = 8)]
public sealed partial class Piped256
{
    [Embedding(Vocabulary = 4096, Width = 256)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 704, Repeat = 8)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Width 128, 8 blocks and a head that weighs more than two of them, over two ranks, 8 micro-batches.</summary>
[ParallelModel(ContextLength = 256)]
[RunsOn(typeof(TwoHosts))]
[PipelineAxis(2, MicroBatches = 8)]
public sealed partial class Uneven128
{
    [Embedding(Vocabulary = 4096, Width = 128)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 352, Repeat = 8)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Width 64 and a context of 2,048: attention is half of the work at 640 tokens. Two data ranks, four units.</summary>
[ParallelModel(ContextLength = 2048)]
[RunsOn(typeof(TwoHosts))]
[DataAxis(2)]
[PipelineAxis(1, MicroBatches = 4)]
public sealed partial class Long64
{
    [Embedding(Vocabulary = 258, Width = 64)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 128, Repeat = 4)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>Sixteen nodes of eight accelerators, for the planning of steps: nothing is run on it.</summary>
[Cluster]
[Nodes(16, DevicesPerNode = 8, Device = DeviceKind.A800Sxm, Fabric = Fabric.Switch, NicsPerNode = 4, NicGbps = 200)]
public sealed partial class SixteenNodes;

/// <summary>128 ranks, one unit: hierarchical balance alone.</summary>
[ParallelModel(ContextLength = 65_536)]
[RunsOn(typeof(SixteenNodes))]
[DataAxis(1, UnitTokens = 134_217_728)]
[SequenceAxis(128, Balance = SequenceBalance.Hierarchical)]
[PipelineAxis(1, MicroBatches = 1)]
public sealed partial class Spread128
{
    [Embedding(Vocabulary = 256, Width = 64)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 64)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

/// <summary>128 ranks, eight units that exchange slices: everything at once.</summary>
[ParallelModel(ContextLength = 65_536)]
[RunsOn(typeof(SixteenNodes))]
[DataAxis(16, Packing = Packing.Asymmetric, UnitTokens = 1_048_576)]
[SequenceAxis(8, Balance = SequenceBalance.Hierarchical)]
[PipelineAxis(1, Schedule = PipelineSchedule.GPipe, MicroBatches = 8)]
public sealed partial class Joint128
{
    [Embedding(Vocabulary = 256, Width = 64)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 4, KeyValueHeads = 4, FeedForward = 64)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}
