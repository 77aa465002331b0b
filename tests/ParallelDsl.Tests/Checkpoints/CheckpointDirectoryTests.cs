using System.Diagnostics;
using System.Text.Json.Nodes;
using ParallelDsl.Checkpoints;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Checkpoints;

public sealed class CheckpointDirectoryTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_opened()
    {
        string path = Save(200, value: 7);
        Assert.Equal(_folder["step-000200"], path);
        Assert.Equal(["model.safetensors", "optimizer.safetensors", "trainer.json"], Names(path));
        Assert.Equal(["step-000200"], Names(_folder.Path));

        using Checkpoint checkpoint = Checkpoint.Open(path);
        Assert.Equal(200, checkpoint.Step);
        Assert.Equal(42, checkpoint.State["seed"]!.GetValue<int>());
        Assert.Equal("pt", checkpoint.Model.Metadata["format"]);
        Assert.Equal(7, Weight(checkpoint.Model, "weight"));
        Assert.Equal(8, Weight(checkpoint.Optimizer, "weight.first"));
    }

    [Fact]
    public void The_same_state_gives_the_same_bytes()
    {
        string first = Save(1, value: 3);
        string second = Save(2, value: 3);
        Assert.Equal(File.ReadAllBytes($"{first}/model.safetensors"), File.ReadAllBytes($"{second}/model.safetensors"));
        Assert.Equal(
            File.ReadAllText($"{first}/trainer.json"),
            File.ReadAllText($"{second}/trainer.json").Replace("\"step\": 2", "\"step\": 1"));
    }

    [Fact]
    public void A_checkpoint_of_the_same_step_is_replaced()
    {
        Save(5, value: 1);
        string path = Save(5, value: 2);
        using Checkpoint checkpoint = Checkpoint.Open(path);
        Assert.Equal(2, Weight(checkpoint.Model, "weight"));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Latest_is_the_newest_that_is_whole()
    {
        Assert.Null(CheckpointDirectory.Latest(_folder["missing"]));
        Assert.Null(CheckpointDirectory.Latest(_folder.Path));
        string whole = Save(9, value: 1);
        Save(999_999, value: 1);
        string newest = Save(1_000_000, value: 1);
        Directory.CreateDirectory(_folder["step-9999999"]);
        Directory.CreateDirectory(_folder["step-latest"]);
        Directory.CreateDirectory(_folder["step-"]);
        Assert.Equal(newest, CheckpointDirectory.Latest(_folder.Path));

        Truncate(Path.Combine(newest, "model.safetensors"));
        File.WriteAllText(_folder["step-999999/trainer.json"], "{");
        Assert.Equal(whole, CheckpointDirectory.Latest(_folder.Path));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("trainer.json")]
    public void A_missing_or_truncated_file_is_named(string file)
    {
        string path = Save(1, value: 1);
        Truncate(Path.Combine(path, file));
        Assert.Contains(file, Assert.Throws<CheckpointException>(() => Checkpoint.Open(path)).Message);
        File.Delete(Path.Combine(path, file));
        Assert.Contains(file, Assert.Throws<CheckpointException>(() => Checkpoint.Open(path)).Message);
    }

    [Fact]
    public void A_flipped_bit_is_found()
    {
        string path = Save(1, value: 1);
        string model = Path.Combine(path, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(model);
        bytes[^1] ^= 1;
        File.WriteAllBytes(model, bytes);
        Assert.Contains("the SHA-256 differs", Assert.Throws<CheckpointException>(() => Checkpoint.Open(path)).Message);
        Checkpoint.Open(path, verify: false).Dispose();
    }

    [Theory]
    [InlineData("", "no trainer file")]
    [InlineData("null", "The format is 0")]
    [InlineData("[]", "no trainer file")]
    [InlineData("""{"format":2}""", "The format is 2; this version reads format 1")]
    [InlineData("""{"format":"1"}""", "no trainer file")]
    [InlineData("""{"format":1,"format":1}""", "no trainer file")]
    [InlineData("""{"format":1,"step":1,"state":{}}""", "the files are missing")]
    [InlineData("""{"format":1,"step":"x","state":{},"files":{}}""", "no trainer file")]
    [InlineData(
        """{"format":1,"step":1,"state":{},"files":{"model.safetensors":{"bytes":"4"}}}""",
        "The length or the digest of model.safetensors is missing")]
    public void A_foreign_trainer_file_is_explained(string json, string expected)
    {
        string path = Save(1, value: 1);
        File.WriteAllText(Path.Combine(path, "trainer.json"), json);
        CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
        Assert.Contains("trainer.json", exception.Message);
        Assert.Contains(expected, exception.Message);
        Assert.Null(CheckpointDirectory.Latest(_folder.Path));
    }

    [Fact]
    public void A_full_disk_leaves_the_older_checkpoints_and_nothing_else()
    {
        string older = Save(1, value: 1);
        Save(2, value: 5);
        long needed = new DirectoryInfo(older).GetFiles().Sum(file => file.Length);
        for (long capacity = 0; capacity < needed; capacity += 37)
        {
            long free = capacity;
            CheckpointException exception = Assert.Throws<CheckpointException>(() => CheckpointDirectory.Save(
                _folder.Path, 2, State(), [Tensor("weight", 6)], [Tensor("weight.first", 7)], Create));
            Assert.IsType<IOException>(exception.InnerException);
            Assert.Contains("step-000002': The checkpoint cannot be written, the older ones are untouched", exception.Message);
            Assert.EndsWith("the disk is full", exception.Message);

            FillingStream Create(string path) => new(path, () => free, used => free -= used);
        }

        Assert.Equal(["step-000001", "step-000002"], Names(_folder.Path));
        using Checkpoint checkpoint = Checkpoint.Open(_folder["step-000002"]);
        Assert.Equal(5, Weight(checkpoint.Model, "weight"));
    }

    [Fact]
    public void A_full_file_system_leaves_the_older_checkpoints_and_nothing_else()
    {
        string mount = _folder["small"];
        Directory.CreateDirectory(mount);
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess
            || !TryRun("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount))
        {
            output.WriteLine("Nothing was tested: mounting a small file system needs root on Linux.");
            return;
        }

        try
        {
            NamedTensor large = NamedTensor.FromMemory("weight", [30_000], new float[30_000]);
            string older = CheckpointDirectory.Save(mount, 1, State(), [large], [Tensor("weight.first", 1)]);
            Assert.Throws<CheckpointException>(() => CheckpointDirectory.Save(mount, 2, State(), [large], [large]));
            Assert.Equal([older], Directory.GetFileSystemEntries(mount));
            Checkpoint.Open(older).Dispose();
        }
        finally
        {
            Assert.True(TryRun("umount", mount));
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused()
    {
        string file = _folder.Write("file", "x");
        Assert.Throws<CheckpointException>(() => CheckpointDirectory.Save(file, 1, State(), [], []));
        Assert.Throws<CheckpointException>(() => CheckpointDirectory.Save(Path.Combine(file, "below"), 1, State(), [], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => CheckpointDirectory.Save(_folder.Path, -1, State(), [], []));
    }

    [Fact]
    public void A_failing_source_leaves_nothing_and_its_exception_passes()
    {
        var failing = new NamedTensor("weight", [4], (_, _) => throw new InvalidOperationException("gone"));
        Assert.Throws<InvalidOperationException>(() => CheckpointDirectory.Save(_folder.Path, 1, State(), [failing], []));
        Assert.Throws<ArgumentException>(() => CheckpointDirectory.Save(_folder.Path, 1, State(), [Tensor("a", 1), Tensor("a", 1)], []));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Leftovers_of_a_dead_process_are_cleared_by_the_next_save()
    {
        Save(3, value: 3);
        Directory.Move(_folder["step-000003"], _folder[".step-000003.replaced"]);
        Directory.CreateDirectory(_folder[".step-000003.partial"]);
        Directory.CreateDirectory(_folder["unrelated"]);
        Save(4, value: 4);
        Assert.Equal(["step-000003", "step-000004", "unrelated"], Names(_folder.Path));
        using Checkpoint checkpoint = Checkpoint.Open(_folder["step-000003"]);
        Assert.Equal(3, Weight(checkpoint.Model, "weight"));
    }

    private static IEnumerable<string?> Names(string path) => Directory.GetFileSystemEntries(path).Select(Path.GetFileName).Order();

    private static JsonObject State() => new() { ["seed"] = 42, ["sampler"] = new JsonObject { ["epoch"] = 1L } };

    private static NamedTensor Tensor(string name, float value) => NamedTensor.FromMemory(name, [1], new[] { value });

    private static float Weight(SafetensorsReader reader, string name)
    {
        Span<float> value = stackalloc float[1];
        reader.Read(name, value);
        return value[0];
    }

    private static void Truncate(string path)
    {
        using FileStream file = File.OpenWrite(path);
        file.SetLength(file.Length - 1);
        if (path.EndsWith(".json", StringComparison.Ordinal))
            file.SetLength(file.Length / 2);
    }

    private static bool TryRun(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true });
        process!.WaitForExit();
        return process.ExitCode == 0;
    }

    private string Save(long step, float value) =>
        CheckpointDirectory.Save(_folder.Path, step, State(), [Tensor("weight", value)], [Tensor("weight.first", value + 1)]);

    /// <summary>A file on a disk that fills up.</summary>
    private sealed class FillingStream(string path, Func<long> free, Action<long> use) : FileStream(path, FileMode.CreateNew)
    {
        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (count > free())
                throw new IOException("the disk is full");
            use(count);
            base.Write(buffer, offset, count);
        }
    }
}
