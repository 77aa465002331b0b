using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Naming;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Parsing;

// The layers: properties of the model with a layer attribute, in the order written.
internal sealed partial class ModelParser
{
    private EquatableArray<LayerDeclaration> ReadLayers()
    {
        List<LayerDeclaration> layers = [];
        (SyntaxNode? Part, string Name) first = (null, string.Empty);
        foreach (IPropertySymbol property in _symbol.GetMembers().OfType<IPropertySymbol>())
        {
            _cancellation.ThrowIfCancellationRequested();
            AttributeData[] attributes = [.. property.GetAttributes().Where(attribute => KindOf(attribute) is not null)];
            if (attributes.Length == 0
                || property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(_cancellation) is not BasePropertyDeclarationSyntax syntax)
            {
                continue;
            }

            SourceSpan span = syntax is PropertyDeclarationSyntax named ? SourceSpan.Of(named.Identifier) : SourceSpan.Of(syntax.Type);
            if (attributes.Length > 1)
                Error(DiagnosticInfo.Create(Rules.TwoLayers, span, property.Name, FormattableString.Invariant($"{attributes.Length}")));

            if (first.Part is null)
                first = (syntax.Parent, property.Name);
            else if (first.Part != syntax.Parent)
                Error(DiagnosticInfo.Create(Rules.LayersInSeveralParts, span, property.Name, _symbol.Name, first.Name));

            DeclaredAttribute attribute = new(attributes[0], _cancellation);
            layers.Add(ReadLayer(property, syntax, span, attribute, KindOf(attributes[0])!.Value, layers.Count));
        }

        return layers.ToEquatableArray();
    }

    private LayerDeclaration ReadLayer(
        IPropertySymbol property, BasePropertyDeclarationSyntax syntax, SourceSpan span, DeclaredAttribute attribute, LayerKind kind, int index)
    {
        Anchor(PlanSubject.Layer, index, attribute);
        if (attribute.HasErrors)
            _errors.Add($"the compiler reports an error in the attribute of '{property.Name}'");

        bool canEmit = CheckProperty(property, syntax, span);
        LayerSpec spec = kind switch
        {
            LayerKind.Embedding => new LayerSpec(
                property.Name, kind, Vocabulary: attribute.Named("Vocabulary", 0), Width: attribute.Named("Width", 0)),
            LayerKind.TransformerBlock => new LayerSpec(
                property.Name,
                kind,
                Repeat: attribute.Named("Repeat", 1),
                Heads: attribute.Named("Heads", 0),
                KeyValueHeads: attribute.Named("KeyValueHeads", 0),
                FeedForward: attribute.Named("FeedForward", 0)),
            _ => new LayerSpec(property.Name, kind, TiedWeights: attribute.Named("TiedWeights", false)),
        };
        IEnumerable<string> modifiers = syntax.Modifiers
            .Where(modifier => !modifier.IsKind(SyntaxKind.PartialKeyword)).Select(modifier => modifier.Text);
        return new LayerDeclaration(spec, string.Join(" ", modifiers), canEmit);
    }

    /// <summary>Whether a generated body can complete the property; says why where it cannot.</summary>
    private bool CheckProperty(IPropertySymbol property, BasePropertyDeclarationSyntax syntax, SourceSpan span)
    {
        string? wrong = property switch
        {
            { IsIndexer: true } => "is an indexer",
            { ExplicitInterfaceImplementations.Length: > 0 } => "implements an interface explicitly",
            _ when property.Type.TypeKind != TypeKind.Error && !AttributeNames.IsLayer(property.Type) =>
                $"is of type {property.Type.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat)}, not Layer",
            { SetMethod: not null } => "can be set",
            { RefKind: not RefKind.None } => "returns a reference",
            { PartialImplementationPart: not null } => "has a body already",
            _ => null,
        };
        if (wrong is not null)
        {
            Error(DiagnosticInfo.Create(Rules.LayerShape, span, property.IsIndexer ? "this" : property.Name, wrong));
            return false;
        }

        if (syntax.Modifiers.Any(SyntaxKind.PartialKeyword))
            return property.Type.TypeKind != TypeKind.Error;

        _diagnostics.Add(DiagnosticInfo.Create(Rules.LayerNotPartial, span, property.Name));
        return false;
    }

    /// <summary>The names that the generated part of the class needs for its own and that the class uses; reports them.</summary>
    private EquatableArray<string> CheckTakenNames(EquatableArray<LayerDeclaration> layers)
    {
        List<string> taken = [];
        foreach (string name in GeneratedNames.All(layers))
        {
            // A member cannot have the name of its own class.
            ISymbol? owner = name == _symbol.Name ? _symbol : _symbol.GetMembers(name).FirstOrDefault();
            if (owner is null)
                continue;
            taken.Add(name);
            SyntaxReference? reference = owner.DeclaringSyntaxReferences.FirstOrDefault();
            SourceSpan span = reference?.GetSyntax(_cancellation) switch
            {
                PropertyDeclarationSyntax property => SourceSpan.Of(property.Identifier),
                MethodDeclarationSyntax method => SourceSpan.Of(method.Identifier),
                BaseTypeDeclarationSyntax type => SourceSpan.Of(type.Identifier),
                SyntaxNode node => SourceSpan.Of(node),
                _ => SourceSpan.Of(_syntax.Identifier),
            };
            Error(DiagnosticInfo.Create(Rules.NameTaken, span, name, _symbol.Name));
        }

        return taken.ToEquatableArray();
    }

    private static LayerKind? KindOf(AttributeData attribute) => AttributeNames.Of(attribute) switch
    {
        AttributeNames.Embedding => LayerKind.Embedding,
        AttributeNames.TransformerBlock => LayerKind.TransformerBlock,
        AttributeNames.LanguageModelHead => LayerKind.LanguageModelHead,
        _ => null,
    };
}
