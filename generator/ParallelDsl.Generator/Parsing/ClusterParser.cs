using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;

namespace ParallelDsl.Generator.Parsing;

/// <summary>What a class with <c>[Cluster]</c> says.</summary>
/// <param name="Spec">The cluster, or null where it cannot be used.</param>
/// <param name="Reason">Why it cannot, else empty.</param>
/// <param name="ReportsItself">Whether the class is one that <see cref="ClusterParser.Check"/> sees, which reports what is wrong with it.</param>
/// <param name="Diagnostics">What is wrong with it.</param>
internal sealed record ClusterReading(ClusterSpec? Spec, string Reason, bool ReportsItself, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>Reads a cluster from the attributes of a class.</summary>
internal static class ClusterParser
{
    /// <summary>What is wrong with a cluster of this project, once, however many models run on it.</summary>
    public static EquatableArray<DiagnosticInfo> Check(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        using InvariantCulture scope = InvariantCulture.Enter();
        SyntaxToken identifier = ((BaseTypeDeclarationSyntax)context.TargetNode).Identifier;
        try
        {
            return Read((INamedTypeSymbol)context.TargetSymbol, cancellation).Diagnostics;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new([DiagnosticInfo.Create(
                Rules.InternalError, SourceSpan.Of(identifier), identifier.ValueText, InternalFailure.Describe(exception))]);
        }
    }

    /// <summary>The cluster that <paramref name="type"/> declares, in this project or in a referenced one.</summary>
    public static ClusterReading Read(INamedTypeSymbol type, CancellationToken cancellation)
    {
        bool isCluster = false;
        List<NodeGroup> groups = [];
        List<DiagnosticInfo> diagnostics = [];
        bool compilerErrors = false;
        foreach (AttributeData data in type.GetAttributes())
        {
            switch (AttributeNames.Of(data))
            {
                case AttributeNames.Cluster:
                    isCluster = true;
                    break;
                case AttributeNames.Nodes:
                    DeclaredAttribute attribute = new(data, cancellation);
                    compilerErrors |= attribute.HasErrors;
                    if (!attribute.HasErrors && new NodesReader(attribute, diagnostics).Read() is { } group)
                        groups.Add(group);
                    break;
            }
        }

        if (!isCluster)
            return new ClusterReading(null, "it has no [Cluster]", false, default);
        SourceSpan? span = type.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation) is BaseTypeDeclarationSyntax declaration
            ? SourceSpan.Of(declaration.Identifier)
            : null;
        if (groups.Count == 0 && diagnostics.Count == 0 && !compilerErrors)
            diagnostics.Add(DiagnosticInfo.Create(Rules.ClusterWithoutNodes, span, type.Name));
        if (diagnostics.Count > 0 || compilerErrors)
        {
            string reason = diagnostics.Count > 0 ? diagnostics[0].Text : "the compiler reports an error in its [Nodes]";
            return new ClusterReading(null, reason, span is not null, diagnostics.ToEquatableArray());
        }

        return new ClusterReading(new ClusterSpec(type.Name, groups.ToEquatableArray()), string.Empty, span is not null, default);
    }
}
