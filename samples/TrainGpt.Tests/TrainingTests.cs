using System.Buffers.Binary;
using System.Text.Json;
using ParallelDsl.Checkpoints;

namespace TrainGpt.Tests;

/// <summary>Whole runs, short ones: what they print, write and repeat.</summary>
public sealed class TrainingTests(Workspace workspace) : IClassFixture<Workspace>
{
    private const double Tolerance = 1e-5;

    [Fact]
    public async Task RunWritesFiguresPicturesAndACheckpoint()
    {
        string output = workspace.NewPath("output");
        (Outcome outcome, Figures figures) = await Train(output, "--steps", "3");

        Assert.Contains("equal", outcome.Line("parity"), StringComparison.Ordinal);
        Assert.Equal(3, figures.Losses.Length);
        Assert.Equal(3, figures.GradientNorms.Length);
        Assert.Equal(3, figures.ReferenceLosses.Length);
        Assert.Equal(3, figures.ReferenceGradientNorms.Length);
        AssertClose(figures.Losses, figures.ReferenceLosses);
        AssertClose(figures.GradientNorms, figures.ReferenceGradientNorms);
        double[] all = [.. figures.Losses, .. figures.ReferenceLosses, .. figures.GradientNorms, .. figures.ReferenceGradientNorms, figures.TokensPerSecond, figures.UnigramLoss, figures.HeldOutLoss];
        Assert.All(all, value => Assert.True(double.IsFinite(value) && value > 0, $"{value}"));
        Assert.Equal(Gpt.Plan.Layers.Sum(layer => layer.Parameters), figures.Parameters);
        Assert.True(figures.Losses[^1] < figures.Losses[0], "Three steps must lower the loss.");

        Assert.Contains("<svg", File.ReadAllText(Path.Combine(output, "plan.html")), StringComparison.Ordinal);
        Assert.StartsWith("<svg", File.ReadAllText(Path.Combine(output, "loss.svg")), StringComparison.Ordinal);
        Assert.Equal(LlamaNames(), TensorNames(Path.Combine(output, "checkpoints", "step-000003", "model.safetensors")));
        Assert.Equal(41, Directory.GetFiles(workspace.TextFolder).Length);
        Assert.Contains("41 of 41 files", outcome.Line("text"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EqualSeedsGiveEqualRunsOnAnyNumberOfRanks()
    {
        (_, Figures first) = await Train(workspace.NewPath("output"), "--steps", "2");
        (_, Figures again) = await Train(workspace.NewPath("output"), "--steps", "2");
        (_, Figures oneRank) = await Train(workspace.NewPath("output"), "--steps", "2", "--ranks", "1");
        (_, Figures other) = await Train(workspace.NewPath("output"), "--steps", "2", "--seed", "2");

        Assert.Equal(first.Losses, again.Losses);
        Assert.Equal(first.GradientNorms, again.GradientNorms);
        Assert.Equal(first.HeldOutLoss, again.HeldOutLoss);
        AssertClose(first.Losses, oneRank.Losses);
        AssertClose(first.GradientNorms, oneRank.GradientNorms);
        Assert.Equal(first.UnigramLoss, oneRank.UnigramLoss);
        Assert.Empty(oneRank.ReferenceLosses);
        Assert.NotEqual(first.Losses, other.Losses);
    }

    [Fact]
    public async Task TrainsOnTheDocumentationOfDotnetByDefault()
    {
        Outcome outcome = await TrainGptProcess.Run("--steps", "1", "--ranks", "1", "--output", workspace.NewPath("output"));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.StartsWith("Microsoft.NETCore.App.Ref", outcome.Line("text"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task InterruptedRunSavesAndGoesOnBitForBit()
    {
        if (OperatingSystem.IsWindows())
            return; // There is no signal to send to a process without a console.
        string[] options = ["--steps", "40"];
        (_, Figures whole) = await Train(workspace.NewPath("output"), options);

        string output = workspace.NewPath("output");
        Outcome stopped = await TrainGptProcess.Interrupt([.. options, "--text", workspace.TextFolder, "--output", output]);
        Assert.True(stopped.ExitCode == 0, stopped.ToString());
        string checkpoint = stopped.Line("stopped").Split("saved to ")[1];
        Assert.Equal(checkpoint, stopped.Line("go on").Split("--resume ")[1]);
        Assert.Equal([checkpoint], Directory.GetFileSystemEntries(Path.Combine(output, "checkpoints")));
        using Checkpoint opened = Checkpoint.Open(checkpoint);
        Assert.InRange(opened.Step, 1, 39);

        (Outcome resumed, Figures rest) = await Train(workspace.NewPath("output"), [.. options, "--resume", checkpoint]);
        Assert.Contains($"step {opened.Step}", resumed.Line("resumed"), StringComparison.Ordinal);
        Assert.Equal(whole.Losses[(int)opened.Step..], rest.Losses);
        Assert.Equal(whole.HeldOutLoss, rest.HeldOutLoss);
        AssertClose(rest.Losses, rest.ReferenceLosses);
        Assert.NotEmpty(rest.ReferenceLosses);
    }

    private async Task<(Outcome Outcome, Figures Figures)> Train(string output, params string[] options)
    {
        string json = Path.Combine(output, "figures.json");
        Outcome outcome = await TrainGptProcess.Run([.. options, "--text", workspace.TextFolder, "--output", output, "--json", json]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        return (outcome, Figures.Read(json));
    }

    /// <summary>The shorter list is the beginning of the other.</summary>
    private static void AssertClose(double[] expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= Tolerance * Math.Abs(pair.First), $"{pair.First} and {pair.Second}"));

    private static SortedSet<string> LlamaNames()
    {
        string[] block =
        [
            "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
        ];
        return new SortedSet<string>(
            [
                "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
                .. Enumerable.Range(0, 4).SelectMany(_ => block, (layer, name) => $"model.layers.{layer}.{name}.weight"),
            ],
            StringComparer.Ordinal);
    }

    /// <summary>Reads a safetensors header as its specification says: a length of 8 bytes, then JSON.</summary>
    private static SortedSet<string> TensorNames(string path)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        int length = checked((int)BinaryPrimitives.ReadInt64LittleEndian(file));
        using var header = JsonDocument.Parse(file.Slice(8, length).ToArray());
        return new SortedSet<string>(header.RootElement.EnumerateObject().Select(member => member.Name).Where(name => name != "__metadata__"), StringComparer.Ordinal);
    }
}
