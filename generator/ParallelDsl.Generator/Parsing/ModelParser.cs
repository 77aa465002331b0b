using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Parsing;

/// <summary>Reads the symbols of one model into a <see cref="ParsedModel"/>. What planning checks (sizes, divisibility, order of layers) is
/// left to planning; here is what only the source can show.</summary>
internal sealed partial class ModelParser
{
    private readonly INamedTypeSymbol _symbol;
    private readonly TypeDeclarationSyntax _syntax;
    private readonly CancellationToken _cancellation;
    private readonly List<Anchor> _anchors = [];
    private readonly List<DiagnosticInfo> _diagnostics = [];

    // Texts of what keeps the model from being planned. A missing 'partial' is a diagnostic and not one of these.
    private readonly List<string> _errors = [];

    private ModelParser(INamedTypeSymbol symbol, TypeDeclarationSyntax syntax, CancellationToken cancellation) =>
        (_symbol, _syntax, _cancellation) = (symbol, syntax, cancellation);

    /// <summary>The model on which the attribute stands, or null where another part of the class is the one to report it.</summary>
    public static ParsedModel? Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        using InvariantCulture scope = InvariantCulture.Enter();
        TypeDeclarationSyntax syntax = (TypeDeclarationSyntax)context.TargetNode;
        try
        {
            INamedTypeSymbol symbol = (INamedTypeSymbol)context.TargetSymbol;
            return IsFirstPart(symbol, syntax) ? new ModelParser(symbol, syntax, cancellation).Parse() : null;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            string name = syntax.Identifier.ValueText;
            DiagnosticInfo failure = DiagnosticInfo.Create(
                Rules.InternalError, SourceSpan.Of(syntax.Identifier), name, InternalFailure.Describe(exception));
            return new ParsedModel(null, new DeclarationMap(name, default), new([failure]));
        }
    }

    // A class whose every part repeats the attribute is an error of the compiler's (CS0579), and it still has one plan.
    private static bool IsFirstPart(INamedTypeSymbol symbol, TypeDeclarationSyntax syntax)
    {
        SyntaxReference? first = symbol.GetAttributes()
            .FirstOrDefault(attribute => AttributeNames.Of(attribute) == AttributeNames.ParallelModel)?.ApplicationSyntaxReference;
        return first is null || (first.SyntaxTree == syntax.SyntaxTree && syntax.FullSpan.Contains(first.Span));
    }

    private ParsedModel Parse()
    {
        TypeName type = NameOf(_symbol);
        bool canEmit = CheckType();
        int contextLength = 0;
        int data = 1, unitTokens = 0, sequence = 1, pipeline = 1, microBatches = 0, chunks = 0, vocabularySlices = 0;
        PipelineSchedule schedule = PipelineSchedule.OneForwardOneBackward;
        Packing packing = Packing.Tokens;
        SequenceBalance balance = SequenceBalance.Zigzag;
        Datapath datapath = Datapath.Ring, interNodeDatapath = Datapath.Ring;
        NodeRail rail = NodeRail.Cross;
        int overlapPercent = 100, attentionPercent = 100;
        ClusterReference? cluster = null;

        foreach (AttributeData written in _symbol.GetAttributes())
        {
            if (AttributeNames.Of(written) is not string name)
                continue;
            DeclaredAttribute attribute = new(written, _cancellation);
            switch (name)
            {
                case AttributeNames.ParallelModel:
                    Anchor(PlanSubject.Model, -1, attribute, first: true);
                    contextLength = attribute.Named("ContextLength", 0);
                    attentionPercent = attribute.Named("AttentionPercent", attentionPercent);
                    break;
                case AttributeNames.RunsOn:
                    Anchor(PlanSubject.Cluster, -1, attribute);
                    cluster = ReadRunsOn(attribute);
                    break;
                case AttributeNames.DataAxis:
                    Anchor(PlanSubject.DataAxis, -1, attribute);
                    CheckChoice<Packing>(attribute, "Packing");
                    data = Degree(attribute);
                    unitTokens = attribute.Named("UnitTokens", 0);
                    packing = (Packing)attribute.Named("Packing", (int)packing);
                    break;
                case AttributeNames.SequenceAxis:
                    Anchor(PlanSubject.SequenceAxis, -1, attribute);
                    CheckChoice<SequenceBalance>(attribute, "Balance");
                    CheckChoice<Datapath>(attribute, "Datapath");
                    CheckChoice<Datapath>(attribute, "InterNodeDatapath");
                    CheckChoice<NodeRail>(attribute, "Rail");
                    sequence = Degree(attribute);
                    balance = (SequenceBalance)attribute.Named("Balance", (int)balance);
                    datapath = (Datapath)attribute.Named("Datapath", (int)datapath);
                    interNodeDatapath = (Datapath)attribute.Named("InterNodeDatapath", (int)datapath);
                    rail = (NodeRail)attribute.Named("Rail", (int)rail);
                    overlapPercent = attribute.Named("OverlapPercent", overlapPercent);
                    break;
                case AttributeNames.PipelineAxis:
                    Anchor(PlanSubject.PipelineAxis, -1, attribute);
                    CheckChoice<PipelineSchedule>(attribute, "Schedule");
                    pipeline = Degree(attribute);
                    schedule = (PipelineSchedule)attribute.Named("Schedule", (int)schedule);
                    microBatches = attribute.Named("MicroBatches", 0);
                    chunks = attribute.Named("Chunks", 0);
                    vocabularySlices = attribute.Named("VocabularySlices", 0);
                    break;
                default:
                    continue;
            }

            if (attribute.HasErrors)
                _errors.Add($"the compiler reports an error in [{name.Substring(0, name.Length - "Attribute".Length)}]");
        }

        if (cluster is null)
        {
            Error(DiagnosticInfo.Create(Rules.NoCluster, SourceSpan.Of(_syntax.Identifier), _symbol.Name));
            cluster = new ClusterReference(null, null);
        }

        EquatableArray<LayerDeclaration> layers = ReadLayers();
        EquatableArray<string> taken = CheckTakenNames(layers);
        AxesSpec axes = new(
            data, sequence, pipeline, schedule, microBatches, chunks, unitTokens, vocabularySlices, packing, balance,
            datapath, interNodeDatapath, overlapPercent, attentionPercent, rail);
        ModelDeclaration declaration = new(
            type, canEmit, contextLength, axes, layers, cluster, taken, _errors.ToEquatableArray());
        return new ParsedModel(
            declaration, new DeclarationMap(type.FullName, _anchors.ToEquatableArray()), _diagnostics.ToEquatableArray());
    }

    /// <summary>Whether generated code can be added to the class; says why where it cannot.</summary>
    private bool CheckType()
    {
        string? unsupported = _symbol switch
        {
            { IsStatic: true } => "a static class",
            { IsFileLocal: true } => "a file-local class",
            { IsGenericType: true } => "generic, or contained in a generic type",
            _ => null,
        };
        if (unsupported is not null)
        {
            Error(DiagnosticInfo.Create(Rules.UnsupportedModelType, SourceSpan.Of(_syntax.Identifier), _symbol.Name, unsupported));
            return false;
        }

        bool canEmit = true;
        if (!_syntax.Modifiers.Any(SyntaxKind.PartialKeyword))
        {
            _diagnostics.Add(DiagnosticInfo.Create(Rules.ModelNotPartial, SourceSpan.Of(_syntax.Identifier), _symbol.Name));
            canEmit = false;
        }

        for (TypeDeclarationSyntax? outer = _syntax.Parent as TypeDeclarationSyntax; outer is not null; outer = outer.Parent as TypeDeclarationSyntax)
        {
            if (outer.Modifiers.Any(SyntaxKind.PartialKeyword))
                continue;
            _diagnostics.Add(DiagnosticInfo.Create(
                Rules.ContainerNotPartial, SourceSpan.Of(outer.Identifier), outer.Identifier.ValueText, _symbol.Name));
            canEmit = false;
        }

        return canEmit;
    }

    private ClusterReference ReadRunsOn(DeclaredAttribute attribute)
    {
        switch (attribute.First)
        {
            case string file:
                return new ClusterReference(null, file);
            case INamedTypeSymbol type when type.TypeKind != TypeKind.Error:
                ClusterReading reading = ClusterParser.Read(type, _cancellation);
                if (reading.Spec is null)
                {
                    DiagnosticInfo error = DiagnosticInfo.Create(
                        Rules.NotACluster, attribute.SpanOf(string.Empty), type.Name, _symbol.Name, reading.Reason);

                    // A cluster of this project reports its own errors, once for all models that run on it.
                    if (reading.ReportsItself)
                        _errors.Add(error.Text);
                    else
                        Error(error);
                }

                return new ClusterReference(reading.Spec, null);
            default:
                if (!attribute.HasErrors)
                    Error(DiagnosticInfo.Create(Rules.NoCluster, attribute.Span, _symbol.Name));
                return new ClusterReference(null, null);
        }
    }

    private static int Degree(DeclaredAttribute attribute) => attribute.First is int degree ? degree : 1;

    /// <summary>Reports a value of an enum that has no name, as a cast makes.</summary>
    private void CheckChoice<T>(DeclaredAttribute attribute, string argument)
        where T : struct, Enum
    {
        int value = attribute.Named(argument, 0);
        if (Enum.IsDefined(typeof(T), value))
            return;
        string choices = string.Join(", ", Enum.GetNames(typeof(T)).Select(name => $"{typeof(T).Name}.{name}"));
        string written = FormattableString.Invariant($"{value}");
        Error(DiagnosticInfo.Create(
            Rules.UndefinedChoice, attribute.SpanOf(argument), $"{written} is not a value of {typeof(T).Name}", $"write one of {choices}"));
    }

    private void Anchor(PlanSubject subject, int layer, DeclaredAttribute attribute, bool first = false)
    {
        if (attribute.Span is not { } span)
            return;
        _anchors.Insert(first ? 0 : _anchors.Count, new Anchor(subject, layer, string.Empty, span));
        foreach ((string name, SourceSpan argument) in attribute.Written("Degree"))
            _anchors.Add(new Anchor(subject, layer, name, argument));
    }

    private void Error(DiagnosticInfo diagnostic)
    {
        _diagnostics.Add(diagnostic);
        _errors.Add(diagnostic.Text);
    }

    private static TypeName NameOf(INamedTypeSymbol symbol)
    {
        List<TypePart> parts = [];
        for (INamedTypeSymbol? type = symbol; type is not null; type = type.ContainingType)
            parts.Insert(0, new TypePart(KeywordOf(type), type.Name));
        string space = string.Empty;
        for (INamespaceSymbol? outer = symbol.ContainingNamespace; outer is { IsGlobalNamespace: false }; outer = outer.ContainingNamespace)
            space = space.Length == 0 ? outer.Name : $"{outer.Name}.{space}";
        return new TypeName(space, parts.ToEquatableArray());
    }

    private static string KeywordOf(INamedTypeSymbol type) => type switch
    {
        { TypeKind: TypeKind.Interface } => "interface",
        { IsRecord: true, TypeKind: TypeKind.Struct } => "record struct",
        { IsRecord: true } => "record",
        { TypeKind: TypeKind.Struct } => "struct",
        _ => "class",
    };
}
