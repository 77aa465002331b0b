using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Emission;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Planning;

namespace ParallelDsl.Generator;

/// <summary>Plans every class with <c>[ParallelModel]</c> and writes the rest of it.</summary>
/// <remarks>Parse, plan, and then apart: diagnostics, which know places in files, and output, which does not, so that text that only moves is
/// never emitted again. Each file of a model is its own output.</remarks>
[Generator(LanguageNames.CSharp)]
public sealed class ParallelDslGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<ParsedModel> parsed = WhereNotNull(
            Declared(context, AttributeNames.ParallelModel, ModelParser.Parse).WithTrackingName(Steps.Parse));
        IncrementalValuesProvider<ParsedClusterFile> files = context.AdditionalTextsProvider
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Where(static pair => ParsedClusterFile.IsClusterFile(pair.Left.Path, pair.Right.GetOptions(pair.Left)))
            .Select(static (pair, cancellation) => ParsedClusterFile.Parse(pair.Left, cancellation))
            .WithTrackingName(Steps.ClusterFile);
        IncrementalValuesProvider<ParsedPlanFile> planFiles = context.AdditionalTextsProvider
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Where(static pair => ParsedPlanFile.IsPlanFile(pair.Left.Path, pair.Right.GetOptions(pair.Left)))
            .Select(static (pair, cancellation) => ParsedPlanFile.Parse(pair.Left, cancellation))
            .WithTrackingName(Steps.PlanFile);
        IncrementalValuesProvider<ModelOutcome> outcomes = WhereNotNull(
                parsed.Select(static (model, _) => model.Declaration).WithTrackingName(Steps.Declaration))
            .Combine(files.Select(static (file, _) => file.WithoutDiagnostics()).Collect())
            .Select(static (pair, _) => ClusterResolver.Resolve(pair.Left, pair.Right))
            .WithTrackingName(Steps.Resolve)
            .Combine(planFiles.Select(static (file, _) => file.WithoutDiagnostics()).Collect())
            .Select(static (pair, _) => PlanFileResolver.Resolve(pair.Left, pair.Right))
            .WithTrackingName(Steps.ResolvePlan)
            .Select(ModelPlanner.Plan)
            .WithTrackingName(Steps.Plan);

        RegisterOutput(context, outcomes);
        RegisterDiagnostics(context, parsed, outcomes, files);
        RegisterPlanFileDiagnostics(context, parsed, planFiles);
    }

    private static IncrementalValuesProvider<T> Declared<T>(
        IncrementalGeneratorInitializationContext context,
        string attribute,
        Func<GeneratorAttributeSyntaxContext, CancellationToken, T> parse) =>
        context.SyntaxProvider.ForAttributeWithMetadataName(
            $"{AttributeNames.Namespace}.{attribute}", static (node, _) => node is TypeDeclarationSyntax, parse);

    private static IncrementalValuesProvider<T> WhereNotNull<T>(IncrementalValuesProvider<T?> values)
        where T : class => values.Where(static value => value is not null).Select(static (value, _) => value!);

    private static void RegisterOutput(IncrementalGeneratorInitializationContext context, IncrementalValuesProvider<ModelOutcome> outcomes)
    {
        // The compiler compares the names of generated files without case, and C# compares those of classes with it.
        IncrementalValueProvider<EquatableArray<string>> alike = outcomes
            .Select(static (outcome, _) => outcome.Declaration.Type.FullName)
            .Collect()
            .Select(static (names, _) => names
                .GroupBy(name => name, StringComparer.OrdinalIgnoreCase)
                .SelectMany(group => group.OrderBy(name => name, StringComparer.Ordinal).Skip(1))
                .ToEquatableArray());

        foreach (Concern concern in Concern.All)
        {
            IncrementalValuesProvider<EmittedFile> emitted = WhereNotNull(
                outcomes.Select(concern.Emit).WithTrackingName(Steps.Output + concern.Name));
            context.RegisterSourceOutput(emitted.Combine(alike), static (production, pair) =>
            {
                (EmittedFile file, EquatableArray<string> alike) = pair;
                if (file.Failure is { } failure)
                {
                    production.ReportDiagnostic(failure.ToDiagnostic());
                    return;
                }

                string suffix = alike.Contains(file.ModelName) ? "-" + NamePolicy.Fingerprint(file.ModelName) : string.Empty;
                production.AddSource(file.HintName(suffix), SourceText.From(file.Text, Encoding.UTF8));
            });
        }
    }

    private static void RegisterDiagnostics(
        IncrementalGeneratorInitializationContext context,
        IncrementalValuesProvider<ParsedModel> parsed,
        IncrementalValuesProvider<ModelOutcome> outcomes,
        IncrementalValuesProvider<ParsedClusterFile> files)
    {
        // Problems of planning have no place; a model finds its own among them, usually none, and places them.
        IncrementalValueProvider<ImmutableArray<ModelOutcome>> unplanned = outcomes
            .Where(static outcome => outcome.Problems.Count > 0)
            .Collect();
        context.RegisterSourceOutput(
            parsed.Combine(unplanned)
                .SelectMany(static (pair, _) => DiagnosticsOf(pair.Left, pair.Right))
                .WithTrackingName(Steps.Diagnostics),
            Report);
        context.RegisterSourceOutput(
            Declared(context, AttributeNames.Cluster, ClusterParser.Check)
                .SelectMany(static (diagnostics, _) => diagnostics.ToImmutableArray())
                .WithTrackingName(Steps.ClusterDiagnostics),
            Report);
        context.RegisterSourceOutput(files.SelectMany(static (file, _) => file.Diagnostics.ToImmutableArray()), Report);
    }

    private static void RegisterPlanFileDiagnostics(
        IncrementalGeneratorInitializationContext context,
        IncrementalValuesProvider<ParsedModel> parsed,
        IncrementalValuesProvider<ParsedPlanFile> planFiles)
    {
        IncrementalValueProvider<EquatableArray<string>> models = parsed
            .Select(static (model, _) => model.Map.ModelName)
            .Collect()
            .Select(static (names, _) => names.ToEquatableArray());
        context.RegisterSourceOutput(
            planFiles.Combine(models).SelectMany(static (pair, _) => pair.Left.DiagnosticsAmong(pair.Right).ToImmutableArray()), Report);
    }

    private static ImmutableArray<DiagnosticInfo> DiagnosticsOf(ParsedModel model, ImmutableArray<ModelOutcome> unplanned) =>
    [
        .. model.Diagnostics,
        .. unplanned
            .Where(outcome => outcome.Declaration.Type.FullName == model.Map.ModelName)
            .SelectMany(outcome => outcome.Problems)
            .Where(problem => !problem.Reported)
            .Select(problem => problem.Info(model.Map)),
    ];

    private static void Report(SourceProductionContext production, DiagnosticInfo diagnostic) =>
        production.ReportDiagnostic(diagnostic.ToDiagnostic());
}
