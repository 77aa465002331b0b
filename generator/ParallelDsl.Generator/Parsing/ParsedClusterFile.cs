using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Json;

namespace ParallelDsl.Generator.Parsing;

/// <summary>A cluster file of the project.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Spec">The cluster, or null where the file is malformed.</param>
/// <param name="Diagnostics">What is wrong with it.</param>
internal sealed record ParsedClusterFile(string Path, ClusterSpec? Spec, EquatableArray<DiagnosticInfo> Diagnostics)
{
    /// <summary>What the names of cluster files end in; other JSON files of a project are not ours to read.</summary>
    public const string Extension = ".cluster.json";

    // How the reader begins its message about a device that it does not know.
    private const string UnknownDevice = "the device is unknown";

    /// <summary>The name without folders, by which <c>[RunsOn]</c> finds it.</summary>
    public string Name => Path.Substring(Path.LastIndexOfAny(['/', '\\']) + 1);

    /// <summary>Whether an additional file is a cluster file: by its name, or because its item says so.</summary>
    public static bool IsClusterFile(string path, AnalyzerConfigOptions? options = null) =>
        AdditionalFileKind.Is("Cluster", Extension, path, options);

    /// <summary>Reads one file.</summary>
    public static ParsedClusterFile Parse(AdditionalText text, CancellationToken cancellation)
    {
        using InvariantCulture scope = InvariantCulture.Enter();
        try
        {
            return text.GetText(cancellation) is { } source
                ? Parse(text.Path, source)
                : new ParsedClusterFile(text.Path, null, new([DiagnosticInfo.Create(
                    Rules.MalformedClusterFile, new SourceSpan(text.Path, default, default), "the file cannot be read")]));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new ParsedClusterFile(text.Path, null, new([DiagnosticInfo.Create(
                Rules.InternalError, new SourceSpan(text.Path, default, default), text.Path, InternalFailure.Describe(exception))]));
        }
    }

    /// <summary>The same without what is wrong with it, which models do not depend on.</summary>
    public ParsedClusterFile WithoutDiagnostics() => this with { Diagnostics = default };

    private static ParsedClusterFile Parse(string path, SourceText source)
    {
        Parsed<ClusterSpec> parsed = ClusterFile.Parse(source.ToString());
        if (parsed.Error is not { } error)
            return new ParsedClusterFile(path, parsed.Value, default);

        bool unknownDevice = error.Message.StartsWith(UnknownDevice, StringComparison.Ordinal);
        return new ParsedClusterFile(path, null, new([DiagnosticInfo.Create(
            unknownDevice ? Rules.UnknownDevice : Rules.MalformedClusterFile,
            SourceSpan.Of(path, source, error),
            error.ToString())]));
    }
}
