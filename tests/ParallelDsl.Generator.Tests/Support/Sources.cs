namespace ParallelDsl.Generator.Tests.Support;

/// <summary>Declarations that tests start from.</summary>
internal static class Sources
{
    /// <summary>The model of the design page: two data ranks, two sequence ranks, two stages.</summary>
    public const string Gpt = """
        using ParallelDsl;

        namespace Demo;

        [Cluster]
        [Nodes(2, DevicesPerNode = 4, Device = DeviceKind.H100Sxm, Fabric = Fabric.Switch, NicsPerNode = 4, NicGbps = 400)]
        public sealed class Lab;

        [ParallelModel(ContextLength = 8_192)]
        [RunsOn(typeof(Lab))]
        [DataAxis(2, Packing = Packing.Tokens)]
        [SequenceAxis(2, Balance = SequenceBalance.Zigzag, Datapath = Datapath.Ring)]
        [PipelineAxis(2, Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 8)]
        public sealed partial class Gpt
        {
            [Embedding(Vocabulary = 50_257, Width = 768)]
            public partial Layer Tokens { get; }

            [TransformerBlock(Heads = 12, KeyValueHeads = 4, FeedForward = 2_048, Repeat = 12)]
            public partial Layer Blocks { get; }

            [LanguageModelHead]
            public partial Layer Head { get; }
        }
        """;

    /// <summary><see cref="Gpt"/> with a pipeline that is searched for.</summary>
    public static string Adaptive => With("PipelineSchedule.OneForwardOneBackward", "PipelineSchedule.Adaptive");

    /// <summary>A model whose only axis is a sequence axis over all devices, which are linked to each other inside a node.</summary>
    public static string OnMesh(int nodes, int perNode, Datapath datapath) => $$"""
        using ParallelDsl;

        namespace Demo;

        [Cluster]
        [Nodes({{nodes}}, DevicesPerNode = {{perNode}}, Device = DeviceKind.H100Sxm, Fabric = Fabric.Mesh, NicsPerNode = 1, NicGbps = 400)]
        public sealed class Lab;

        [ParallelModel(ContextLength = 7_680)]
        [RunsOn(typeof(Lab))]
        [SequenceAxis({{nodes * perNode}}, Datapath = Datapath.{{datapath}})]
        public sealed partial class Gpt
        {
            [Embedding(Vocabulary = 512, Width = 64)]
            public partial Layer Tokens { get; }

            [TransformerBlock(Heads = 4, FeedForward = 128)]
            public partial Layer Blocks { get; }

            [LanguageModelHead]
            public partial Layer Head { get; }
        }
        """;

    /// <summary><see cref="Gpt"/> with one piece of text replaced.</summary>
    public static string With(string old, string replacement)
    {
        Assert.Contains(old, Gpt, StringComparison.Ordinal);
        return Gpt.Replace(old, replacement, StringComparison.Ordinal);
    }
}
