using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests.Support;

/// <summary>Compiles source text as a user's project would be, with the generator.</summary>
internal static class Compiler
{
    public static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.CSharp14, DocumentationMode.Diagnose);

    private static readonly CSharpCompilationOptions Options = new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, warningLevel: 9999)
        .WithSpecificDiagnosticOptions(new Dictionary<string, ReportDiagnostic> { ["CS1591"] = ReportDiagnostic.Suppress });

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "System*.dll")
            .Where(file => !Path.GetFileName(file).Contains("Native", StringComparison.Ordinal))
            .Append(typeof(Layer).Assembly.Location)
            .Append(typeof(ParallelPlan).Assembly.Location)
            .Select(file => MetadataReference.CreateFromFile(file)),
    ];

    /// <summary>A compilation of files named Source0.cs, Source1.cs and so on.</summary>
    public static CSharpCompilation Compile(params string[] sources) => CSharpCompilation.Create(
        "Consumer", sources.Select((source, index) => Parse(source, $"Source{index}.cs")), References, Options);

    public static SyntaxTree Parse(string source, string path = "Source0.cs") =>
        CSharpSyntaxTree.ParseText(SourceText.From(source, System.Text.Encoding.UTF8), ParseOptions, path);

    /// <summary>A driver that remembers why each step ran.</summary>
    public static GeneratorDriver Driver(params (string Path, string Text)[] files) => Driver(Files(files));

    /// <summary>The same over additional files that the caller keeps.</summary>
    public static GeneratorDriver Driver(ImmutableArray<AdditionalText> files) => CSharpGeneratorDriver.Create(
        [new ParallelDslGenerator().AsSourceGenerator()],
        files,
        ParseOptions,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>Additional files of a project.</summary>
    public static ImmutableArray<AdditionalText> Files(params (string Path, string Text)[] files) =>
        [.. files.Select(file => new TextFile(file.Path, file.Text))];

    /// <summary>Runs the generator once.</summary>
    public static Generated Run(string source, params (string Path, string Text)[] files) => Run([source], files);

    /// <summary>Runs the generator once over several files.</summary>
    public static Generated Run(string[] sources, params (string Path, string Text)[] files)
    {
        GeneratorDriver driver = Driver(files).RunGeneratorsAndUpdateCompilation(
            Compile(sources), out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        return new Generated(driver, output, diagnostics);
    }

    private sealed class TextFile(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText? GetText(CancellationToken cancellationToken = default) => SourceText.From(text, System.Text.Encoding.UTF8);
    }
}

/// <summary>What a run of the generator gave.</summary>
internal sealed record Generated(GeneratorDriver Driver, Compilation Output, ImmutableArray<Diagnostic> Diagnostics)
{
    public GeneratorRunResult Result => Driver.GetRunResult().Results[0];

    /// <summary>The text of each generated file by its name.</summary>
    public IReadOnlyDictionary<string, string> Files =>
        Result.GeneratedSources.ToDictionary(source => source.HintName, source => source.SourceText.ToString());

    /// <summary>The ids of what was reported, in order of place.</summary>
    public string[] Ids => [.. Diagnostics.OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start).Select(diagnostic => diagnostic.Id)];

    /// <summary>What the compiler says about the user's code and the generated code together, warnings included.</summary>
    public Diagnostic[] Compiled => [.. Output.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)];
}
