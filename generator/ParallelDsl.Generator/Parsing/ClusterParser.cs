using System.Globalization;
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
        bool isCluster = false, compilerErrors = false;
        List<(DeclaredAttribute Attribute, NodeGroup Group)> groups = [];
        List<DiagnosticInfo> diagnostics = [];
        foreach (AttributeData data in type.GetAttributes())
        {
            string? name = AttributeNames.Of(data);
            isCluster |= name == AttributeNames.Cluster;
            if (name != AttributeNames.Nodes)
                continue;
            DeclaredAttribute attribute = new(data, cancellation);
            compilerErrors |= attribute.HasErrors;
            if (!attribute.HasErrors && new NodesReader(attribute, diagnostics).Read() is { } group)
                groups.Add((attribute, group));
        }

        if (!isCluster)
            return new ClusterReading(null, "it has no [Cluster]", false, default);

        SourceSpan? span = type.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation) is BaseTypeDeclarationSyntax declaration
            ? SourceSpan.Of(declaration.Identifier)
            : null;
        CheckLinks(groups, diagnostics);
        if (groups.Count == 0 && diagnostics.Count == 0 && !compilerErrors)
            diagnostics.Add(DiagnosticInfo.Create(Rules.ClusterWithoutNodes, span, type.Name));
        if (diagnostics.Count > 0 || compilerErrors)
        {
            string reason = diagnostics.Count > 0 ? diagnostics[0].Text : "the compiler reports an error in its [Nodes]";
            return new ClusterReading(null, reason, span is not null, diagnostics.ToEquatableArray());
        }

        ClusterSpec spec = new(type.Name, groups.Select(item => item.Group).ToEquatableArray());
        return new ClusterReading(spec, string.Empty, span is not null, default);
    }

    /// <summary>Where there is something to talk to, there must be a rate to do it at.</summary>
    private static void CheckLinks(List<(DeclaredAttribute Attribute, NodeGroup Group)> groups, List<DiagnosticInfo> diagnostics)
    {
        bool severalNodes = groups.Count > 1 || groups.Any(item => item.Group.Count > 1);
        bool severalDevices = severalNodes || groups.Any(item => item.Group.DevicesPerNode > 1);
        foreach ((DeclaredAttribute attribute, NodeGroup group) in groups)
        {
            if (severalNodes && group.NicsPerNode == 0)
                Require(attribute, "NicsPerNode", "write at least 1, and NicGbps, in a cluster of several nodes");
            if (severalDevices && group.Device.LinkBytesPerNanosecond == 0)
                Require(attribute, "LinkGBps", "write at least 1 in a cluster of several devices");
        }

        void Require(DeclaredAttribute attribute, string argument, string fix) => diagnostics.Add(DiagnosticInfo.Create(
            Rules.ClusterNumber, attribute.SpanOf(argument), argument, 0.ToString(CultureInfo.InvariantCulture), fix));
    }
}
