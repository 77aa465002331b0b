using ParallelDsl.Training;

namespace TrainGpt.Tests;

/// <summary>Bad input ends with exit code 2 and one line that says what and where; nothing is printed or written before.</summary>
public sealed class BadInputTests(Workspace workspace) : IClassFixture<Workspace>
{
    [Theory]
    [InlineData("--bogus", "'--bogus'")]
    [InlineData("extra", "'extra'")]
    [InlineData("--ranks 3", "--ranks must be 8")]
    [InlineData("--ranks eight", "--ranks")]
    [InlineData("--steps", "--steps")]
    [InlineData("--steps 0", "--steps must be at least 1")]
    [InlineData("--steps -5", "--steps must be at least 1")]
    [InlineData("--steps abc", "'abc'")]
    [InlineData("--steps 99999999999", "'99999999999'")]
    [InlineData("--steps 1 --steps 2", "--steps")]
    [InlineData("--seed 1.5", "'1.5'")]
    [InlineData("--transport pigeon", "--transport must be in-process or mpi, not 'pigeon'")]
    public Task Options(string options, string message) => Refused(message, options.Split(' '));

    [Theory]
    [InlineData("--text")]
    [InlineData("--json")]
    [InlineData("--resume")]
    public Task EmptyPaths(string option) => Refused(option, option, "");

    [Fact]
    public async Task TextFolders()
    {
        string missing = workspace.NewPath("missing");
        await Refused(missing, "--text", missing);
        string empty = workspace.NewFolder("empty");
        await Refused(empty, "--text", empty);
        string file = Path.Combine(workspace.TextFolder, "01.txt");
        await Refused(file, "--text", file);
    }

    [Fact]
    public async Task TextFiles()
    {
        // Permissions do not bind root, so what cannot be read here is no text, no file, or not there.
        string folder = workspace.NewFolder("unreadable");
        string binary = Path.Combine(folder, "binary.txt");
        File.WriteAllBytes(binary, [0x61, 0xff, 0xfe, 0x62]);
        await Refused(binary, "--text", folder);

        folder = workspace.NewFolder("folder");
        Directory.CreateDirectory(Path.Combine(folder, "folder.txt"));
        await Refused(folder, "--text", folder);

        folder = workspace.NewFolder("dangling");
        File.CreateSymbolicLink(Path.Combine(folder, "link.txt"), workspace.NewPath("nothing"));
        await Refused(folder, "--text", folder);

        folder = workspace.NewFolder("blank");
        File.WriteAllText(Path.Combine(folder, "blank.txt"), "");
        await Refused(folder, "--text", folder);

        folder = workspace.NewFolder("single");
        File.WriteAllText(Path.Combine(folder, "single.txt"), "Nothing can be held out.");
        await Refused(folder, "--text", folder);
    }

    [Fact]
    public async Task Outputs()
    {
        string file = Path.Combine(workspace.TextFolder, "01.txt");
        await Refused(file, "--text", workspace.TextFolder, "--output", file);
        string json = Path.Combine(workspace.NewPath("missing"), "figures.json");
        await Refused(json, "--text", workspace.TextFolder, "--json", json, "--output", workspace.NewFolder("output"));
    }

    [Fact]
    public async Task Checkpoints()
    {
        string missing = workspace.NewPath("missing");
        await RefusedCheckpoint(missing, missing);

        string sound = await TrainOneStep();
        await RefusedCheckpoint("seed", sound, "--seed", "2");
        await RefusedCheckpoint("model.safetensors", Damaged(sound, "model.safetensors", stream => stream.SetLength(stream.Length / 2)));
        await RefusedCheckpoint("optimizer.safetensors", Damaged(sound, "optimizer.safetensors", stream => stream.SetLength(0)));
        await RefusedCheckpoint("model.safetensors", Damaged(sound, "model.safetensors", FlipLastByte));
        await RefusedCheckpoint("trainer.json", Damaged(sound, "trainer.json", stream => stream.SetLength(stream.Length / 2)));

        string foreign = workspace.NewFolder("foreign");
        File.Copy(Path.Combine(sound, "model.safetensors"), Path.Combine(foreign, "model.safetensors"));
        await RefusedCheckpoint(foreign, foreign);
        File.WriteAllText(Path.Combine(foreign, "trainer.json"), """{"epoch": 3}""");
        await RefusedCheckpoint(foreign, foreign);
    }

    [Fact]
    public async Task CheckpointOfAnotherModel()
    {
        using Trainer<OtherModel> trainer = new(workspace.Documents);
        trainer.Train(steps: 1);
        await RefusedCheckpoint("another model", trainer.Save(workspace.NewFolder("other")));
    }

    [MountFact]
    public async Task FullDisk()
    {
        // The namespace, and with it the disk, goes with the process: what is left on it is listed before.
        const string Script = """mount -t tmpfs -o size=6m none "$1" && disk=$1 && shift && { "$@"; code=$?; find "$disk" -type f -printf 'left %P\n'; exit $code; }""";
        string disk = workspace.NewFolder("disk");
        Outcome outcome = await TrainGptProcess.RunCommand(
            ["unshare", "-rm", "sh", "-c", Script, "sh", disk, .. TrainGptProcess.Command, "--steps", "1", "--text", workspace.TextFolder, "--output", Path.Combine(disk, "output")]);

        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(Path.Combine(disk, "output", "checkpoints"), outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Contains("No space left", outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("output/plan.html", outcome.Line("left"));
    }

    private async Task<string> TrainOneStep()
    {
        string output = workspace.NewPath("output");
        Outcome outcome = await TrainGptProcess.Run("--steps", "1", "--ranks", "1", "--text", workspace.TextFolder, "--output", output);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        return Path.Combine(output, "checkpoints", "step-000001");
    }

    private string Damaged(string checkpoint, string file, Action<FileStream> damage)
    {
        string copy = workspace.NewFolder("damaged");
        foreach (string path in Directory.GetFiles(checkpoint))
            File.Copy(path, Path.Combine(copy, Path.GetFileName(path)));
        using FileStream stream = File.Open(Path.Combine(copy, file), FileMode.Open);
        damage(stream);
        return copy;
    }

    private static void FlipLastByte(FileStream stream)
    {
        stream.Position = stream.Length - 1;
        int last = stream.ReadByte();
        stream.Position = stream.Length - 1;
        stream.WriteByte((byte)~last);
    }

    private Task RefusedCheckpoint(string message, string checkpoint, params string[] options) =>
        Refused(message, [.. options, "--text", workspace.TextFolder, "--resume", checkpoint]);

    private async Task Refused(string message, params string[] options)
    {
        string output = workspace.NewPath("output");
        bool hasOutput = options.Contains("--output");
        Outcome outcome = await TrainGptProcess.Run(hasOutput ? options : [.. options, "--output", output]);
        Assert.True(outcome.ExitCode == 2, $"{string.Join(' ', options)}: {outcome}");
        Assert.Empty(outcome.Output);
        string line = Assert.Single(outcome.ErrorLines);
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output), "Nothing may be written.");
    }
}
