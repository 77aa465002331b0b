using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Testing;

namespace ParallelDsl.Generator.Tests;

/// <summary>Generated code as a person reads it. A change of it is looked at before it is accepted.</summary>
public class SnapshotTests
{
    /// <summary>Uneven nodes and a device of one's own, from a file.</summary>
    private const string File = """
        {
          "name": "attic",
          "devices": [{ "name": "Cube", "memoryGiB": 48, "teraFlops": 120.5, "memoryGBps": 900, "linkGBps": 50 }],
          "nodes": [
            { "count": 1, "devicesPerNode": 4, "device": "Cube", "fabric": "mesh", "nicsPerNode": 1, "nicGbps": 100 },
            { "count": 2, "devicesPerNode": 2, "device": "Rtx5090", "fabric": "pcie", "nicsPerNode": 1, "nicGbps": 25 }
          ]
        }
        """;

    private static readonly Dictionary<string, string> Models = new()
    {
        ["OneForwardOneBackward"] = Sources.Gpt,
        ["Adaptive"] = Sources.Adaptive.Replace("[PipelineAxis(2", "[PipelineAxis(4", StringComparison.Ordinal)
            .Replace("[DataAxis(2, Packing = Packing.Tokens)]", "", StringComparison.Ordinal),
        ["ZeroBubbleV"] = Sources.With("OneForwardOneBackward, MicroBatches = 8", "ZeroBubbleV, MicroBatches = 4"),
        ["GPipeFromFile"] = Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn(\"attic.cluster.json\")]")
            .Replace("OneForwardOneBackward, MicroBatches = 8", "GPipe", StringComparison.Ordinal)
            .Replace("[PipelineAxis(2", "[PipelineAxis(4", StringComparison.Ordinal)
            .Replace("[DataAxis(2, Packing = Packing.Tokens)]", "", StringComparison.Ordinal)
            .Replace("[LanguageModelHead]", "[LanguageModelHead(TiedWeights = true)]", StringComparison.Ordinal),
        ["OneRank"] = """
            using ParallelDsl;

            [Cluster, Nodes(1)]
            public class Laptop;

            public static partial class Models
            {
                [ParallelModel(ContextLength = 128), RunsOn(typeof(Laptop))]
                internal partial record Tiny
                {
                    [Embedding(Vocabulary = 256, Width = 32)] internal static partial Layer Bytes { get; }
                    [TransformerBlock(Heads = 2, FeedForward = 64)] internal static partial Layer Block { get; }
                    [LanguageModelHead(TiedWeights = true)] internal static partial Layer Head { get; }
                }
            }
            """,
        ["VocabularySlices"] = Sources.With("MicroBatches = 8", "MicroBatches = 8, VocabularySlices = 4")
            .Replace("[LanguageModelHead]", "[LanguageModelHead(TiedWeights = true)]", StringComparison.Ordinal),
        ["Joint"] = Sources.With("Packing = Packing.Tokens", "Packing = Packing.Asymmetric, UnitTokens = 2_048")
            .Replace("SequenceAxis(2, Balance = SequenceBalance.Zigzag", "SequenceAxis(4, Balance = SequenceBalance.Hierarchical", StringComparison.Ordinal)
            .Replace("[PipelineAxis(2, ", "[PipelineAxis(1, ", StringComparison.Ordinal),
        ["HeadsSwapped"] = Sources.With("Packing = Packing.Tokens", "Packing = Packing.Asymmetric, UnitTokens = 4_096")
            .Replace("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 150", StringComparison.Ordinal)
            .Replace("DataAxis(2", "DataAxis(1", StringComparison.Ordinal)
            .Replace(
                "SequenceAxis(2, Balance = SequenceBalance.Zigzag, Datapath = Datapath.Ring",
                "SequenceAxis(8, Balance = SequenceBalance.Hierarchical, InterNodeDatapath = Datapath.AllToAll, OverlapPercent = 50",
                StringComparison.Ordinal)
            .Replace("[PipelineAxis(2, ", "[PipelineAxis(1, ", StringComparison.Ordinal),
        ["HamiltonianRings"] = Sources.With("DataAxis(2", "DataAxis(1")
            .Replace("SequenceAxis(2, Balance = SequenceBalance.Zigzag, Datapath = Datapath.Ring", "SequenceAxis(8, Datapath = Datapath.Hamiltonian", StringComparison.Ordinal)
            .Replace("[PipelineAxis(2, ", "[PipelineAxis(1, ", StringComparison.Ordinal),
        ["Unplanned"] = Sources.With("Heads = 12", "Heads = 7").Replace("[DataAxis(2", "[DataAxis(3", StringComparison.Ordinal),
    };

    public static TheoryData<string, string> Files()
    {
        TheoryData<string, string> files = [];
        foreach ((string model, string source) in Models)
        {
            foreach (string file in Compiler.Run(source, ("attic.cluster.json", File)).Files.Keys)
                files.Add(model, file);
        }

        return files;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public Task Code(string model, string file)
    {
        Generated generated = Compiler.Run(Models[model], ("attic.cluster.json", File));
        Assert.Empty(generated.Compiled);
        string concern = file.Split('.')[^3];
        string text = generated.Files[file].Replace(Emission.ModelFile.Generated, "[GeneratedCode]", StringComparison.Ordinal);
        return Snapshot.Verify(text, name: $"{model}.{concern}", extension: "cs");
    }

    [Fact]
    public void EveryAcceptedFileIsStillGenerated()
    {
        string folder = Repository.PathOf("tests/ParallelDsl.Generator.Tests/Snapshots");
        Assert.Equal(
            Files().Select(row => $"SnapshotTests.Code_{row[0]}.{((string)row[1]).Split('.')[^3]}.verified.cs").Order(StringComparer.Ordinal),
            Directory.GetFiles(folder, "*.verified.cs").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }
}
