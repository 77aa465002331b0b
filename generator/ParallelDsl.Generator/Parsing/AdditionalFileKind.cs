using Microsoft.CodeAnalysis.Diagnostics;

namespace ParallelDsl.Generator.Parsing;

/// <summary>What kind of input an additional file of a project is.</summary>
internal static class AdditionalFileKind
{
    // The metadata of an item that tells it; build/ParallelDsl.props makes it visible.
    private const string Option = "build_metadata.AdditionalFiles.ParallelDslKind";

    /// <summary>Whether a file is of a kind: by the end of its name, or because its item says so. Other files are not ours to read.</summary>
    public static bool Is(string kind, string extension, string path, AnalyzerConfigOptions? options) =>
        path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)
        || (options is not null && options.TryGetValue(Option, out string? said) && said == kind);
}
