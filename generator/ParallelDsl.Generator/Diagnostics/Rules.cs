using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

/// <summary>Every diagnostic of the generator. Each has a page in docs/diagnostics, a test and a row in AnalyzerReleases.</summary>
internal static partial class Rules
{
    /// <summary>Where the pages are, from the root of the repository.</summary>
    private const string Pages = "docs/diagnostics/";

    private const string Declarations = "ParallelDsl.Declarations";
    private const string Axes = "ParallelDsl.Axes";
    private const string Pipelines = "ParallelDsl.Pipelines";
    private const string Clusters = "ParallelDsl.Clusters";
    private const string Plans = "ParallelDsl.Plans";
    private const string Internal = "ParallelDsl.Internal";

    public static readonly DiagnosticDescriptor InternalError = new(
        "PDSL9001",
        "The generator failed",
        "The generator failed on '{0}': {1}. Please report this with the declaration of the model.",
        Internal,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL9001.md");
}
