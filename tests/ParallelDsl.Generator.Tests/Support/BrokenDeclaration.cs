namespace ParallelDsl.Generator.Tests.Support;

/// <summary>A declaration that is wrong in one way.</summary>
/// <param name="Id">The diagnostic it must get.</param>
/// <param name="Source">The source text.</param>
/// <param name="Underlined">The text that must be underlined.</param>
/// <param name="Says">What the message must contain.</param>
/// <param name="File">A cluster file of the project, or null.</param>
/// <param name="SecondFile">Another one of the same name in another folder.</param>
/// <param name="PlanFile">A plan file of the project, or null.</param>
/// <param name="SecondPlanFile">Another one.</param>
internal sealed record BrokenDeclaration(
    string Id, string Source, string Underlined, string Says, string? File = null, string? SecondFile = null,
    string? PlanFile = null, string? SecondPlanFile = null)
{
    private const string Blocks = "[TransformerBlock(Heads = 12, KeyValueHeads = 4, FeedForward = 2_048, Repeat = 12)]";
    private const string Pipeline = "[PipelineAxis(2, Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 8)]";
    private const string Nodes = "[Nodes(2, DevicesPerNode = 4, Device = DeviceKind.H100Sxm, Fabric = Fabric.Switch, NicsPerNode = 4, NicGbps = 400)]";
    private const string Balance = "Balance = SequenceBalance.Zigzag";
    private const string Hierarchical = "Balance = SequenceBalance.Hierarchical";
    private const string OnFile = "[RunsOn(\"lab.cluster.json\")]";

    public const string SoundFile = """{ "name": "lab", "nodes": [{ "count": 1, "devicesPerNode": 8, "device": "H100Sxm" }] }""";

    /// <summary>At least one for every rule but the internal one.</summary>
    public static IEnumerable<BrokenDeclaration> All =>
    [
        new("PDSL1001", Sources.With("sealed partial class Gpt", "sealed class Gpt"), "Gpt", "'partial'"),
        new("PDSL1002", Nested("public class Models"), "Models", "'Models' contains the model 'Gpt'"),
        new("PDSL1003", Sources.With("sealed partial class Gpt", "static partial class Gpt"), "Gpt", "a static class"),
        new("PDSL1003", Sources.With("partial class Gpt", "partial class Gpt<T>"), "Gpt", "generic"),
        new("PDSL1003", Sources.With("public sealed partial class Gpt", "file sealed partial class Gpt"), "Gpt", "file-local"),
        new("PDSL1003", Nested("public partial class Models<T>"), "Gpt", "contained in a generic type"),
        new("PDSL1004", Sources.With("public partial Layer Blocks", "public Layer Blocks"), "Blocks", "'Blocks'"),
        new("PDSL1005", Sources.With("public partial Layer Blocks { get; }", "public partial Layer Blocks { get; set; }"), "Blocks", "can be set"),
        new("PDSL1005", Sources.With("public partial Layer Blocks", "public partial Layer? Blocks"), "Blocks", "of type Layer?, not Layer"),
        new("PDSL1005", Sources.With("public partial Layer Blocks", "public partial string Blocks"), "Blocks", "of type string, not Layer"),
        new("PDSL1005", Sources.With("public partial Layer Blocks { get; }", "public partial Layer Blocks { get; }\npublic partial Layer Blocks => null!;"), "Blocks", "has a body already"),
        new("PDSL1005", Sources.With("public partial Layer Blocks { get; }", "public partial Layer this[int index] { get; }"), "Layer", "is an indexer"),
        new("PDSL1006", Sources.With("[RunsOn(typeof(Lab))]", ""), "Gpt", "[RunsOn(typeof(YourCluster))]"),
        new("PDSL1006", Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn((string)null!)]"), "RunsOn((string)null!)", "which machines"),
        new("PDSL1007", Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn(typeof(string))]"), "typeof(string)", "it has no [Cluster]"),
        new("PDSL1008", "using ParallelDsl; [Cluster, Nodes(1)] class Lab; [ParallelModel(ContextLength = 8), RunsOn(typeof(Lab))] partial class Empty;", "ParallelModel(ContextLength = 8)", "'Empty' has no layers"),
        new("PDSL1009", Sources.With("[LanguageModelHead]", "[LanguageModelHead, TransformerBlock]"), "Head", "2 layer attributes"),
        new("PDSL1010", Sources.With(Blocks, "[Embedding(Vocabulary = 9, Width = 768)]"), "Embedding(Vocabulary = 9, Width = 768)", "embedding Blocks is layer 2 of 3"),
        new("PDSL1010", Sources.With("[LanguageModelHead]", "[TransformerBlock(Heads = 12, FeedForward = 8)]"), "ParallelModel(ContextLength = 8_192)", "no language model head"),
        new("PDSL1011", Sources.With("    [LanguageModelHead]", "}\npublic sealed partial class Gpt\n{\n    [LanguageModelHead]"), "Head", "move all layers into one part"),
        new("PDSL1012", Sources.With("Layer Blocks", "Layer Kernels"), "Kernels", "rename it"),
        new("PDSL1012", Sources.With("public partial Layer Head { get; }", "public partial Layer Head { get; }\npublic void Plan() { }"), "Plan", "rename it"),
        new("PDSL1012", Sources.With("class Gpt", "class Stages"), "Stages", "rename it"),

        new("PDSL2001", Sources.With("(ContextLength = 8_192)", ""), "ParallelModel", "ContextLength"),
        new("PDSL2001", Sources.With("Width = 768", "Width = -1"), "-1", "Width"),
        new("PDSL2001", Sources.With("[DataAxis(2,", "[DataAxis(0,"), "0", "Degree"),
        new("PDSL2001", Sources.With("Repeat = 12", "Repeat = 0"), "0", "Repeat"),
        new("PDSL2002", Sources.With("Heads = 12,", "Heads = 40,"), "40", "768"),
        new("PDSL2003", Sources.With("KeyValueHeads = 4", "KeyValueHeads = 5"), "5", "12 heads"),
        new("PDSL2004", Sources.With("Heads = 12, KeyValueHeads = 4", "Heads = 256, KeyValueHeads = 4"), "256", "3 wide"),
        new("PDSL2005", Sources.With("[DataAxis(2,", "[DataAxis(3,"), "3", "data 2 x sequence 2 x pipeline 2"),
        new("PDSL2006", Sources.With("Packing.Tokens", "(Packing)7"), "(Packing)7", "Packing.Tokens"),
        new("PDSL2006", Sources.With("PipelineSchedule.OneForwardOneBackward", "(PipelineSchedule)(-1)"), "(PipelineSchedule)(-1)", "PipelineSchedule.GPipe"),
        new("PDSL2006", Sources.With("Datapath.Ring", "(Datapath)99"), "(Datapath)99", "write one of Datapath.Ring, Datapath.AllToAll"),
        new("PDSL2006", Sources.With("Datapath = Datapath.Ring", "Rail = (NodeRail)2"), "(NodeRail)2", "2 is not a value of NodeRail"),
        new("PDSL2006", Sources.With("Datapath = Datapath.Ring", "InterNodeDatapath = (Datapath)(-1)"), "(Datapath)(-1)", "-1 is not a value of Datapath"),
        new("PDSL2007", Sources.With(Balance, Hierarchical + ", OverlapPercent = -1"), "-1", "OverlapPercent of the sequence axis is -1; give OverlapPercent a value from 0 to 10,000"),
        new("PDSL2007", Sources.With(Balance, Hierarchical + ", OverlapPercent = int.MaxValue"), "int.MaxValue", "OverlapPercent of the sequence axis is 2,147,483,647"),
        new("PDSL2007", Sources.With("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 0"), "0", "AttentionPercent of Demo.Gpt is 0; give AttentionPercent a value from 1 to 10,000"),
        new("PDSL2007", Sources.With("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = int.MinValue"), "int.MinValue", "AttentionPercent of Demo.Gpt is -2,147,483,648"),
        new("PDSL2007", Sources.With("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 10_001"), "10_001", "a value from 1 to 10,000"),
        new("PDSL2008", Sources.With(Balance, Balance + ", OverlapPercent = 50"), "50", "choose SequenceBalance.Hierarchical or Packing.Asymmetric"),
        new("PDSL2008", Sources.With("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 150"), "150", "divided by their tokens alone"),

        new("PDSL3001", Sources.With(Blocks, "[TransformerBlock(Heads = 12, FeedForward = 8)]").Replace(Pipeline, "[PipelineAxis(2, Schedule = PipelineSchedule.Interleaved, Chunks = 4, MicroBatches = 8)]", StringComparison.Ordinal), "2", "8 stages"),
        new("PDSL3002", Sources.With("MicroBatches = 8", "MicroBatches = 1"), "1", "1 micro-batches cannot fill a pipeline of 2"),
        new("PDSL3003", Sources.With(Pipeline, "[PipelineAxis(2, Schedule = PipelineSchedule.Interleaved, MicroBatches = 7)]"), "7", "multiple of 2"),
        new("PDSL3004", Sources.With("MicroBatches = 8", "Chunks = 2"), "2", "Chunks"),
        new("PDSL3005", Sources.With("8_192", "8_190"), "2", "8,190"),
        new("PDSL3006", Sources.With("Packing = Packing.Tokens", "UnitTokens = 4_096"), "4_096", "4,096"),
        new("PDSL3007", Sources.With(Nodes, "[Nodes(8, Device = DeviceKind.T4, NicsPerNode = 1, NicGbps = 10)]").Replace("768", "12_288", StringComparison.Ordinal), "PipelineAxis(2, Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 8)", "GiB"),
        new("PDSL3008", Sources.With("Repeat = 12", "Repeat = 2_000_000_000"), "ParallelModel(ContextLength = 8_192)", "2,000,000,002 layers"),
        new("PDSL3008", Sources.With("MicroBatches = 8", "MicroBatches = 50_000"), "ParallelModel(ContextLength = 8_192)", "200,000"),
        new("PDSL3008", Sources.With("2_048", "2_147_483_647").Replace("768", "2_147_483_640", StringComparison.Ordinal).Replace("50_257", "2_147_483_647", StringComparison.Ordinal), "ParallelModel(ContextLength = 8_192)", "64 bits"),

        new("PDSL2001", Sources.With("MicroBatches = 8", "VocabularySlices = -1"), "-1", "VocabularySlices"),
        new("PDSL3020", Sources.With("MicroBatches = 8", "VocabularySlices = 60_000"), "60_000", "50,257 token ids"),

        new("PDSL4001", Sources.With("[RunsOn(typeof(Lab))]", OnFile), "(0,10)", "line 1, column 11", """{ "name": }"""),
        new("PDSL4001", Sources.With("[RunsOn(typeof(Lab))]", OnFile), "(1,13)", "count", "{ \"name\": \"lab\", \"nodes\": [\n  { \"count\": 0, \"device\": \"T4\" }] }"),
        new("PDSL4002", Sources.With("[RunsOn(typeof(Lab))]", OnFile), "RunsOn(\"lab.cluster.json\")", "AdditionalFiles"),
        new("PDSL4002", Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn(\"other.cluster.json\")]"), "RunsOn(\"other.cluster.json\")", "write one of lab.cluster.json", SoundFile),
        new("PDSL4002", Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn(\"lab.json\")]"), "RunsOn(\"lab.json\")", ".cluster.json"),
        new("PDSL4003", Sources.With("[RunsOn(typeof(Lab))]", OnFile), "RunsOn(\"lab.cluster.json\")", "a/lab.cluster.json, b/lab.cluster.json", SoundFile, SoundFile),
        new("PDSL4004", Sources.With("[RunsOn(typeof(Lab))]", OnFile), "(0,39)", "did you mean 'H100Sxm'", """{ "name": "lab", "nodes": [{ "device": "H10Sxm" }] }"""),
        new("PDSL4004", Sources.With("DeviceKind.H100Sxm", "(DeviceKind)99"), "(DeviceKind)99", "99 is not a device"),
        new("PDSL4005", Sources.With("DeviceKind.H100Sxm", "DeviceKind.Custom, MemoryGiB = 80"), "DeviceKind.Custom", "TeraFlops, MemoryGBps"),
        new("PDSL4006", Sources.With("DeviceKind.H100Sxm", "DeviceKind.H100Sxm, MemoryGiB = 80"), "80", "DeviceKind.H100Sxm"),
        new("PDSL4007", Sources.With("DevicesPerNode = 4", "DevicesPerNode = -4"), "-4", "DevicesPerNode is -4"),
        new("PDSL4007", Sources.With("[Nodes(2,", "[Nodes(0,"), "0", "number of nodes is 0"),
        new("PDSL4007", Sources.With(", NicsPerNode = 4, NicGbps = 400", ""), "Nodes(2, DevicesPerNode = 4, Device = DeviceKind.H100Sxm, Fabric = Fabric.Switch)", "NicsPerNode is 0"),
        new("PDSL4007", Sources.With("DeviceKind.H100Sxm", "DeviceKind.Custom, MemoryGiB = double.NaN, TeraFlops = 1, MemoryGBps = 1, LinkGBps = 1"), "double.NaN", "MemoryGiB is NaN"),
        new("PDSL4007", Sources.With("DeviceKind.H100Sxm", "DeviceKind.Custom, MemoryGiB = 1, TeraFlops = 1, MemoryGBps = 1"), "Nodes(2, DevicesPerNode = 4, Device = DeviceKind.Custom, MemoryGiB = 1, TeraFlops = 1, MemoryGBps = 1, Fabric = Fabric.Switch, NicsPerNode = 4, NicGbps = 400)", "LinkGBps is 0"),
        new("PDSL4008", Sources.With(Nodes, ""), "Lab", "'Lab' has no nodes"),
        new("PDSL4009", Sources.Gpt, "(1,12)", "line 2, column 13, format: expected", PlanFile: "{\n  \"format\": \"paralleldsl.plan/0\"\n}"),
        new("PDSL4010", Sources.With("MicroBatches = 8", "MicroBatches = 16"), "ParallelModel(ContextLength = 8_192)", "an axis (data 2 x sequence 2 x pipeline 2, OneForwardOneBackward, 8 micro-batches", PlanFile: Plans.Gpt),
        new("PDSL4010", Sources.With("NicGbps = 400", "NicGbps = 200"), "ParallelModel(ContextLength = 8_192)", "the cluster differs", PlanFile: Plans.Gpt),
        new("PDSL4010", Sources.With("Heads = 12", "Heads = 24"), "ParallelModel(ContextLength = 8_192)", "a layer differs", PlanFile: Plans.Gpt),
        new("PDSL4010", Sources.With("ContextLength = 8_192", "ContextLength = 4_096"), "ParallelModel(ContextLength = 4_096)", "the context length differs", PlanFile: Plans.Gpt),
        new("PDSL4010", Sources.With("Datapath.Ring", "Datapath.AllToAll"), "ParallelModel(ContextLength = 8_192)", "AllToAll in a node and AllToAll between nodes declared", PlanFile: Plans.Gpt),
        new("PDSL4011", Sources.With("namespace Demo;", "namespace Moved;"), "(0,0)", "no model 'Demo.Gpt'", PlanFile: Plans.Gpt),
        new("PDSL4012", Sources.Gpt, "ParallelModel(ContextLength = 8_192)", "a/Gpt.plan.json, b/Gpt.plan.json", PlanFile: Plans.Gpt, SecondPlanFile: Plans.Gpt),
        new("PDSL4013", Sources.OnMesh(1, 5, Datapath.Hamiltonian), Plans.UnsoundPlace, "Gpt.plan.json are not sound: ring 1 sends from 2 to 3, as ring 0 does", PlanFile: Plans.UnsoundRings),
    ];

    private static string Nested(string container) => Sources.With(
        "[ParallelModel(ContextLength = 8_192)]", container + "\n{\n[ParallelModel(ContextLength = 8_192)]") + "\n}";

    public Generated Run() => Compiler.Run(Source,
    [
        .. (File, SecondFile) switch
        {
            (null, _) => Array.Empty<(string, string)>(),
            ({ } file, null) => [("folder/lab.cluster.json", file)],
            ({ } file, { } second) => [("a/lab.cluster.json", file), ("b/lab.cluster.json", second)],
        },
        .. PlanFile is { } plan ? [("a/Gpt.plan.json", plan)] : Array.Empty<(string, string)>(),
        .. SecondPlanFile is { } other ? [("b/Gpt.plan.json", other)] : Array.Empty<(string, string)>(),
    ]);
}
