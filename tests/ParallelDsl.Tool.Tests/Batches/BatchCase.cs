using System.Text.Json;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Batches;

/// <summary>Runs <c>batch</c> on lengths in a folder of the test's own.</summary>
internal sealed class BatchCase : IDisposable
{
    /// <summary>A long tail: two sequences have a third of all tokens.</summary>
    public static readonly int[] LongTail =
    [
        120, 75, 900, 33, 2_048, 410, 64, 7_168, 250, 1_100, 18, 515, 340, 1_500, 90, 6_100, 222, 47, 3_000, 780, 61, 130, 999, 1, 2_500, 640,
    ];

    /// <summary>Two nodes of two devices with one network interface each.</summary>
    private const string SmallCluster = """
        {
          "name": "small",
          "devices": [{"name": "Small", "memoryGiB": 20, "teraFlops": 100, "memoryGBps": 1000, "linkGBps": 100}],
          "nodes": [{"count": 2, "devicesPerNode": 2, "device": "Small", "nicsPerNode": 1, "nicGbps": 100}]
        }
        """;

    private const string SmallModel = """
        {"name": "tiny", "layers": 4, "hidden": 512, "heads": 8, "keyValueHeads": 4, "feedForward": 1024, "vocabulary": 1000}
        """;

    private readonly TemporaryFolder _folder = new();

    public BatchCase()
    {
        Lengths = Write("lengths.txt", string.Concat(LongTail.Select(length => $"{length}\n")));
        Cluster = Write("small.cluster.json", SmallCluster);
        Model = Write("tiny.model.json", SmallModel);
    }

    public string Lengths { get; }

    public string Cluster { get; }

    public string Model { get; }

    public string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    public string File(string name) => _folder.File(name);

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    /// <summary>A tiny model on four devices, batches of at most 16,384 tokens.</summary>
    public CommandOutcome Run(params string[] options) => RunWith(Lengths, options);

    /// <summary>The same on the lengths of another file. An option that is given takes the place of that of the case.</summary>
    public CommandOutcome RunWith(string lengths, params string[] options)
    {
        string[] all = ["--lengths", lengths, "--cluster", Cluster, "--model", Model, "--tokens", "16384"];
        return CommandOutcome.Of(["batch", .. all.Chunk(2).Where(pair => !options.Contains(pair[0])).SelectMany(pair => pair), .. options]);
    }

    /// <summary>JSON; it must be done, and standard error empty.</summary>
    public JsonElement Json(params string[] options)
    {
        CommandOutcome outcome = Run([.. options, "--json"]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal("", outcome.Error);
        return Parse(outcome.Output);
    }

    public static JsonElement Parse(string output)
    {
        Assert.EndsWith("}\n", output, StringComparison.Ordinal);
        Assert.Equal(1, output.Count(character => character == '\n'));
        using JsonDocument document = JsonDocument.Parse(output);
        return document.RootElement.Clone();
    }

    /// <summary>Fails with one line and nothing on standard output.</summary>
    public static void Refuses(CommandOutcome outcome, int exitCode, string line) =>
        Assert.Equal(new CommandOutcome(exitCode, "", $"paralleldsl batch: {line}\n"), outcome);
}
