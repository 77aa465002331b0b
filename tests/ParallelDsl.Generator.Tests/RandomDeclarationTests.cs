using System.Globalization;
using System.Text;
using CsCheck;
using Microsoft.CodeAnalysis;
using ParallelDsl.Generator.Emission;
using ParallelDsl.Generator.Tests.Support;

namespace ParallelDsl.Generator.Tests;

/// <summary>2,000 random declarations, sound and broken: each gets a plan or a diagnostic, never an exception; and all generated code compiles
/// without warnings.</summary>
public class RandomDeclarationTests
{
    private const int Batch = 50;
    private const int Batches = 40;

    private static readonly Gen<int> Degree = Gen.Frequency((40, Gen.Const(1)), (30, Gen.Const(2)), (12, Gen.Const(4)), (8, Gen.Const(3)), (4, Gen.Const(8)), (1, Gen.OneOf(0, -2, 16, 1_000, int.MaxValue)));
    private static readonly Gen<int> Odd = Gen.OneOf(0, -1, 1, 7, int.MinValue, int.MaxValue);

    private static readonly Gen<string> Block = Gen.Select(
        Mostly(Gen.OneOf(2, 4, 8), Odd), Mostly(Gen.OneOf(0, 1, 2), Odd), Mostly(Gen.OneOf(8, 32, 2_048), Odd), Mostly(Gen.Int[1, 12], Odd),
        (heads, keyValueHeads, feedForward, repeat) => Text($"TransformerBlock(Heads = {heads}, KeyValueHeads = {keyValueHeads}, FeedForward = {feedForward}, Repeat = {repeat})"));

    private static readonly Gen<string> Embedding = Gen.Select(
        Mostly(Gen.OneOf(9, 256, 50_257), Odd), Mostly(Gen.OneOf(16, 64, 768), Odd),
        (vocabulary, width) => Text($"Embedding(Vocabulary = {vocabulary}, Width = {width})"));

    private static readonly Gen<string> Head = Gen.OneOf("LanguageModelHead", "LanguageModelHead(TiedWeights = true)");

    private static readonly Gen<string[]> Layers = Gen.Frequency(
        (9, Gen.Select(Embedding, Block.Array[1, 3], Head, (embedding, blocks, head) => (string[])[embedding, .. blocks, head])),
        (1, Gen.OneOf(Embedding, Block, Head).Array[0, 5]));

    private static readonly Gen<string> Nodes = Gen.Select(
        Gen.OneOf(Enum.GetValues<DeviceKind>()), Gen.OneOf(Enum.GetValues<Fabric>()), Mostly(Gen.Const(400), Odd), Mostly(Gen.Const(true), Gen.Const(false)),
        (device, fabric, rate, figures) => Text($"Device = DeviceKind.{device}, Fabric = Fabric.{fabric}, NicsPerNode = 1, NicGbps = {rate}")
            + (figures == (device == DeviceKind.Custom) ? ", MemoryGiB = 4.5, TeraFlops = 0.5, MemoryGBps = 100, LinkGBps = 10" : ""));

    private static readonly Gen<(Datapath Inside, Datapath Between, int Overlap, int Attention)> Weights = Gen.Select(
        Gen.OneOf(Enum.GetValues<Datapath>()), Gen.OneOf(Enum.GetValues<Datapath>()), Mostly(Gen.OneOf(0, 50, 100, 10_000), Odd), Mostly(Gen.OneOf(1, 100, 150, 10_000), Odd));

    private static readonly Gen<Declaration> Declarations = Gen.Select(
        Gen.Select(Degree, Degree, Degree),
        Mostly(Gen.OneOf(64, 96, 1_024), Odd),
        Gen.Select(Mostly(Gen.OneOf(0, 8, 24), Odd), Mostly(Gen.OneOf(0, 2), Odd), Mostly(Gen.OneOf(0, 4_096), Odd)),
        Gen.Select(Gen.OneOf(Enum.GetValues<PipelineSchedule>()), Gen.OneOf(Enum.GetValues<Packing>()), Gen.OneOf(Enum.GetValues<SequenceBalance>()), Weights),
        Layers,
        Nodes,
        Gen.Frequency((8, Gen.Const(1.0)), (1, Gen.Const(2.0)), (1, Gen.Const(0.5))),
        Gen.Frequency((30, Gen.Const(Slip.None)), (10, Gen.OneOf(Enum.GetValues<Slip>()))),
        (degrees, context, counts, choices, layers, nodes, scale, slip) => new Declaration(degrees, context, counts, choices.Item1, (choices.Item2, choices.Item3, choices.Item4), layers, nodes, scale, slip));

    private enum Slip
    {
        None, NotPartial, LayerNotPartial, NotNested, NestedInPlain, Generic, Static, NoCluster, ClusterFile, MissingFile, MalformedFile, WrongType, Setter, TwoAttributes, TakenName,
    }

    [Fact]
    public void EveryDeclarationGetsAPlanOrADiagnostic()
    {
        int planned = 0, refused = 0;
        Declarations.Array[Batch].Sample(
            declarations =>
            {
                Generated generated = Compiler.Run(
                    [.. declarations.Select((declaration, index) => declaration.Source(index))],
                    ("sound.cluster.json", BrokenDeclaration.SoundFile), ("malformed.cluster.json", "{"));
                Assert.Null(generated.Result.Exception);
                Assert.DoesNotContain(generated.Diagnostics, diagnostic => diagnostic.Id == "PDSL9001");
                ILookup<string, Diagnostic> reported = generated.Diagnostics.ToLookup(diagnostic => diagnostic.Location.GetLineSpan().Path);
                for (int i = 0; i < declarations.Length; i++)
                {
                    int files = generated.Files.Keys.Count(name => name.StartsWith(Text($"Random{i}."), StringComparison.Ordinal));
                    // A layer that is not partial is reported, and the rest of the model is planned all the same.
                    bool isPlanned = files == Concern.All.Length && declarations[i].Slip != Slip.LayerNotPartial;
                    bool isReported = reported.Contains(Text($"Source{i}.cs")) || declarations[i].Slip == Slip.MalformedFile;
                    Assert.True(isPlanned != isReported, $"{files} files and {(isReported ? "an error" : "no error")} for\n{declarations[i].Source(i)}");
                    (planned, refused) = isPlanned ? (planned + 1, refused) : (planned, refused + 1);
                }

                // The compiler has something to say only about the user's own text, and only where a member is left that nothing can complete.
                foreach (Diagnostic diagnostic in generated.Compiled)
                    Assert.True(reported.Contains(diagnostic.Location.GetLineSpan().Path), diagnostic.ToString());
            },
            iter: Batches, seed: "0000000000000", threads: 1);
        Assert.Equal(Batch * Batches, planned + refused);
        Assert.InRange(planned, Batch * Batches / 4, Batch * Batches * 3 / 4);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static Gen<T> Mostly<T>(Gen<T> usual, Gen<T> unusual) => Gen.Frequency((60, usual), (1, unusual));

    private sealed record Declaration(
        (int Data, int Sequence, int Pipeline) Degrees,
        int Context,
        (int MicroBatches, int Chunks, int UnitTokens) Counts,
        PipelineSchedule Schedule,
        (Packing Packing, SequenceBalance Balance, (Datapath Inside, Datapath Between, int Overlap, int Attention) Weights) Strategy,
        string[] Layers,
        string Nodes,
        double Scale,
        Slip Slip)
    {
        public string Source(int index)
        {
            // Chunks without the interleaved schedule are an error that hides others; it has a test of its own.
            int chunks = Schedule == PipelineSchedule.Interleaved || Slip == Slip.NotNested ? Counts.Chunks : 0;

            // So are percentages without effect.
            bool balances = Strategy is not (Packing.Tokens, SequenceBalance.Zigzag, _) || Slip == Slip.NotNested;
            (int overlap, int attention) = balances ? (Strategy.Weights.Overlap, Strategy.Weights.Attention) : (100, 100);
            double devices = Math.Clamp((double)Degrees.Data * Degrees.Sequence * Degrees.Pipeline * Scale, 1, 1 << 20);
            string runsOn = Slip switch
            {
                Slip.NoCluster => "",
                Slip.ClusterFile => "[RunsOn(\"sound.cluster.json\")]",
                Slip.MissingFile => "[RunsOn(\"missing.cluster.json\")]",
                Slip.MalformedFile => "[RunsOn(\"malformed.cluster.json\")]",
                _ => "[RunsOn(typeof(Cluster))]",
            };
            StringBuilder source = new();
            source.AppendLine(CultureInfo.InvariantCulture, $$"""
                using ParallelDsl;
                namespace Random{{index}};
                {{(runsOn.Contains("typeof", StringComparison.Ordinal) ? Text($"[Cluster, Nodes(1, DevicesPerNode = {(int)devices}, {Nodes})] public class Cluster;") : "")}}
                {{(Slip == Slip.NestedInPlain ? "public class Outer {" : "public partial class Outer {")}}
                [ParallelModel(ContextLength = {{Context}}, AttentionPercent = {{attention}})]
                {{runsOn}}
                [DataAxis({{Degrees.Data}}, UnitTokens = {{Counts.UnitTokens}}, Packing = Packing.{{Strategy.Packing}})]
                [SequenceAxis({{Degrees.Sequence}}, Balance = SequenceBalance.{{Strategy.Balance}}, Datapath = Datapath.{{Strategy.Weights.Inside}},
                    InterNodeDatapath = Datapath.{{Strategy.Weights.Between}}, OverlapPercent = {{overlap}})]
                [PipelineAxis({{Degrees.Pipeline}}, Schedule = PipelineSchedule.{{Schedule}}, MicroBatches = {{Counts.MicroBatches}}, Chunks = {{chunks}})]
                public {{(Slip == Slip.Static ? "static " : "")}}{{(Slip == Slip.NotPartial ? "" : "partial ")}}class Model{{(Slip == Slip.Generic ? "<T>" : "")}}
                {
                """);
            foreach ((int position, string layer) in Layers.Index())
            {
                string partial = Slip == Slip.LayerNotPartial ? "" : "partial ";
                string type = Slip == Slip.WrongType ? "object" : "Layer";
                string accessors = Slip == Slip.Setter ? "{ get; set; }" : "{ get; }";
                string attribute = Slip == Slip.TwoAttributes ? layer + ", LanguageModelHead" : layer;
                string name = Slip == Slip.TakenName ? "PlanStep" : "Layer";
                source.AppendLine(CultureInfo.InvariantCulture, $"    [{attribute}] public {partial}{type} {name}{position switch { 0 => "", _ => Text($"{position}") }} {accessors}");
            }

            return source.AppendLine("}}").ToString();
        }
    }
}
