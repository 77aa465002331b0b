using ParallelDsl;
using ParallelDsl.Training;

int[][] documents = [.. Enumerable.Range(0, 40).Select(i => Enumerable.Range(i, 9 + (i % 7)).Select(token => token % 50).ToArray())];
using Trainer<Gpt> trainer = new(documents, new TrainerOptions { Steps = 3 });
trainer.Train(progress: report => Console.WriteLine(FormattableString.Invariant($"step {report.Step} loss {report.Loss:F4}")));
Console.WriteLine($"plan {Gpt.PlanDigest} on {Gpt.Plan.Mesh.Size} ranks");
Console.WriteLine($"cluster {Shared.Plan.Cluster.Name}");

[Cluster]
[Nodes(1, DevicesPerNode = 4, Device = DeviceKind.Host)]
public sealed partial class Desk;

[ParallelModel(ContextLength = 16)]
[RunsOn(typeof(Desk))]
[DataAxis(2)]
[PipelineAxis(2, MicroBatches = 2)]
public sealed partial class Gpt
{
    [Embedding(Vocabulary = 50, Width = 16)]
    public partial Layer Tokens { get; }

    [TransformerBlock(Heads = 2, FeedForward = 24, Repeat = 2)]
    public partial Layer Blocks { get; }

    [LanguageModelHead]
    public partial Layer Head { get; }
}

[ParallelModel(ContextLength = 16)]
[RunsOn("lab.cluster.json")]
public sealed partial class Shared
{
    [Embedding(Vocabulary = 50, Width = 16)]
    public partial Layer Tokens { get; }

    [LanguageModelHead(TiedWeights = true)]
    public partial Layer Head { get; }
}
