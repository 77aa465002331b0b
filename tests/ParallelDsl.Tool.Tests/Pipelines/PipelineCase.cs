using System.Text.Json;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Pipelines;

/// <summary>Runs <c>pipeline</c> on profiles in a folder of the test's own.</summary>
internal sealed class PipelineCase : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PipelineCase() => Nano = Write("nano.layers.json", SampleProfiles.Nano);

    /// <summary>The profile of nemotron-nano-v2-9b.</summary>
    public string Nano { get; }

    public string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    public string File(string name) => _folder.File(name);

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    /// <summary>nano-v2-9b on 4 devices with 8 micro-batches.</summary>
    public CommandOutcome Run(params string[] options) =>
        CommandOutcome.Of(["pipeline", "--layers", Nano, "--devices", "4", "--micro-batches", "8", .. options]);

    /// <summary>The same as JSON; it must be done, and standard error empty but for the files written.</summary>
    public JsonElement Json(params string[] options)
    {
        CommandOutcome outcome = Run([.. options, "--json"]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.All(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("wrote ", line, StringComparison.Ordinal));
        return Parse(outcome.Output);
    }

    public static JsonElement Parse(string output)
    {
        Assert.EndsWith("}\n", output, StringComparison.Ordinal);
        using JsonDocument document = JsonDocument.Parse(output);
        return document.RootElement.Clone();
    }

    /// <summary>Fails with one line and nothing on standard output.</summary>
    public static void Refuses(CommandOutcome outcome, int exitCode, string line) =>
        Assert.Equal(new CommandOutcome(exitCode, "", $"paralleldsl pipeline: {line}\n"), outcome);

    public static long[] Numbers(JsonElement json, string member) =>
        [.. json.GetProperty(member).EnumerateArray().Select(value => value.GetInt64())];

    public static string[][] Programs(JsonElement json) => [.. json.GetProperty("programs").EnumerateArray()
        .Select(program => program.EnumerateArray().Select(action => action.GetString()!).ToArray())];
}
