using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Parsing;

/// <summary>A plan file of the project: what a long search found (<c>paralleldsl plan --search</c>).</summary>
/// <param name="Path">Its path.</param>
/// <param name="Plan">The plan, proven sound; null where the file is malformed.</param>
/// <param name="Diagnostics">What is wrong with it.</param>
internal sealed record ParsedPlanFile(string Path, ParallelPlan? Plan, EquatableArray<DiagnosticInfo> Diagnostics)
{
    /// <summary>What the names of plan files end in.</summary>
    public const string Extension = ".plan.json";

    /// <summary>The name without folders.</summary>
    public string Name => NameOf(Path);

    /// <summary>Whether an additional file is a plan file.</summary>
    public static bool IsPlanFile(string path, AnalyzerConfigOptions? options = null) =>
        AdditionalFileKind.Is("Plan", Extension, path, options);

    /// <summary>Reads one file.</summary>
    public static ParsedPlanFile Parse(AdditionalText text, CancellationToken cancellation)
    {
        using InvariantCulture scope = InvariantCulture.Enter();
        SourceSpan start = new(text.Path, default, default);
        try
        {
            if (text.GetText(cancellation) is not { } source)
                return Malformed(text.Path, start, "the file cannot be read");
            Parsed<ParallelPlan> parsed = PlanJson.Read(source.ToString());
            if (parsed.Error is not { } error)
                return new ParsedPlanFile(text.Path, parsed.Value, default);
            SourceSpan place = SourceSpan.Of(text.Path, source, error);
            return IsOfRings(error)
                ? Unusable(text.Path, DiagnosticInfo.Create(Rules.UnsoundRings, place, NameOf(text.Path), error.Message))
                : Malformed(text.Path, place, error.ToString());
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Unusable(text.Path, DiagnosticInfo.Create(Rules.InternalError, start, text.Path, InternalFailure.Describe(exception)));
        }
    }

    /// <summary>The same without what is wrong with it, which models do not depend on.</summary>
    public ParsedPlanFile WithoutDiagnostics() => this with { Diagnostics = default };

    /// <summary>What is wrong with the file in a project with these models.</summary>
    public EquatableArray<DiagnosticInfo> DiagnosticsAmong(EquatableArray<string> models) =>
        Plan is null || models.Contains(Plan.Model.Name)
            ? Diagnostics
            : new([DiagnosticInfo.Create(Rules.UnusedPlanFile, new SourceSpan(Path, default, default), Plan.Model.Name)]);

    private static string NameOf(string path) => path.Substring(path.LastIndexOfAny(['/', '\\']) + 1);

    private static bool IsOfRings(TextError error) => error.Field == "rings" || error.Field.StartsWith("rings[", StringComparison.Ordinal);

    private static ParsedPlanFile Malformed(string path, SourceSpan place, string message) =>
        Unusable(path, DiagnosticInfo.Create(Rules.MalformedPlanFile, place, message));

    private static ParsedPlanFile Unusable(string path, DiagnosticInfo diagnostic) => new(path, null, new([diagnostic]));
}
