using Microsoft.CodeAnalysis;

namespace ParallelDsl.Generator.Parsing;

/// <summary>The names of the attributes that declare a model. The generator does not reference the runtime, so it knows them by name.</summary>
internal static class AttributeNames
{
    public const string Namespace = "ParallelDsl";

    public const string ParallelModel = "ParallelModelAttribute";
    public const string RunsOn = "RunsOnAttribute";
    public const string Cluster = "ClusterAttribute";
    public const string Nodes = "NodesAttribute";
    public const string DataAxis = "DataAxisAttribute";
    public const string SequenceAxis = "SequenceAxisAttribute";
    public const string PipelineAxis = "PipelineAxisAttribute";
    public const string Embedding = "EmbeddingAttribute";
    public const string TransformerBlock = "TransformerBlockAttribute";
    public const string LanguageModelHead = "LanguageModelHeadAttribute";

    /// <summary>The type that a layer property has.</summary>
    public const string Layer = "Layer";

    /// <summary>The name of an attribute of ours without its namespace, or null for any other attribute.</summary>
    public static string? Of(AttributeData attribute) =>
        attribute.AttributeClass is { } type && IsOurs(type) ? type.MetadataName : null;

    /// <summary>Whether <paramref name="type"/> is the type of a layer property.</summary>
    public static bool IsLayer(ITypeSymbol type) =>
        type is { Name: Layer, NullableAnnotation: not NullableAnnotation.Annotated } && IsOurs(type);

    private static bool IsOurs(ITypeSymbol type) =>
        type is { ContainingType: null, ContainingNamespace: { Name: Namespace, ContainingNamespace.IsGlobalNamespace: true } };
}
