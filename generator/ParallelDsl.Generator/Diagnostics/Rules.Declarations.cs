using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Diagnostics;

// PDSL1xxx: the class, its properties and its attributes.
internal static partial class Rules
{
    public static readonly DiagnosticDescriptor ModelNotPartial = new(
        "PDSL1001",
        "A model is not partial",
        "'{0}' is a model and is not partial, so that its plan cannot be added to it; write 'partial' before 'class'",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1001.md");

    public static readonly DiagnosticDescriptor ContainerNotPartial = new(
        "PDSL1002",
        "A type that contains a model is not partial",
        "'{0}' contains the model '{1}' and is not partial; write 'partial' before its keyword",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1002.md");

    public static readonly DiagnosticDescriptor UnsupportedModelType = new(
        "PDSL1003",
        "The type cannot be a model",
        "'{0}' is {1}, which a model cannot be; make it an ordinary class",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1003.md");

    public static readonly DiagnosticDescriptor LayerNotPartial = new(
        "PDSL1004",
        "A layer property is not partial",
        "'{0}' declares a layer and is not partial; write 'partial' before its type",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1004.md");

    public static readonly DiagnosticDescriptor LayerShape = new(
        "PDSL1005",
        "A layer property has the wrong form",
        "'{0}' declares a layer and {1}; write 'public partial Layer {0} {{ get; }}'",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1005.md");

    public static readonly DiagnosticDescriptor NoCluster = new(
        "PDSL1006",
        "A model runs on nothing",
        "'{0}' does not say which machines it runs on; add [RunsOn(typeof(YourCluster))] or [RunsOn(\"your.cluster.json\")]",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1006.md");

    public static readonly DiagnosticDescriptor NotACluster = new(
        "PDSL1007",
        "The type is not a usable cluster",
        "'{0}' cannot be the cluster of '{1}': {2}",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1007.md");

    public static readonly DiagnosticDescriptor NoLayers = new(
        "PDSL1008",
        "A model has no layers",
        "'{0}' has no layers; declare partial properties of type Layer with [Embedding], [TransformerBlock] and [LanguageModelHead]",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1008.md");

    public static readonly DiagnosticDescriptor TwoLayers = new(
        "PDSL1009",
        "A property declares two layers",
        "'{0}' has {1} layer attributes and a property declares one layer; keep one of them or add a property",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1009.md");

    public static readonly DiagnosticDescriptor LayerOrder = new(
        "PDSL1010",
        "The layers are out of order",
        "{0}; {1}",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1010.md");

    public static readonly DiagnosticDescriptor LayersInSeveralParts = new(
        "PDSL1011",
        "The layers are spread over several parts of the class",
        "'{0}' is declared in another part of '{1}' than '{2}', and the order of parts is not defined; move all layers into one part",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1011.md");

    public static readonly DiagnosticDescriptor NameTaken = new(
        "PDSL1012",
        "A name is needed by generated code",
        "'{0}' in '{1}' has a name that the generated part of the class needs; rename it",
        Declarations,
        DiagnosticSeverity.Error,
        true,
        helpLinkUri: Pages + "PDSL1012.md");
}
