using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Parsing;

/// <summary>What one class with <c>[ParallelModel]</c> says, and where it says it. Only <paramref name="Declaration"/> reaches planning and
/// emission, so that an edit that moves text re-emits nothing.</summary>
/// <param name="Declaration">What is said; null when the class cannot be planned at all.</param>
/// <param name="Map">Where it is said.</param>
/// <param name="Diagnostics">What is wrong with the declaration itself.</param>
internal sealed record ParsedModel(ModelDeclaration? Declaration, DeclarationMap Map, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>A declared model, without positions.</summary>
/// <param name="Type">The class.</param>
/// <param name="CanEmit">Whether it and all that contains it is partial.</param>
/// <param name="ContextLength">As declared.</param>
/// <param name="Axes">As declared; 0 where planning fills in.</param>
/// <param name="Layers">The layers in the order written.</param>
/// <param name="Cluster">What it runs on.</param>
/// <param name="Taken">Names that generated code needs and the class uses itself; errors.</param>
/// <param name="Errors">Why it cannot be planned: the texts of diagnostics about it. Empty when it can.</param>
internal sealed record ModelDeclaration(
    TypeName Type,
    bool CanEmit,
    int ContextLength,
    AxesSpec Axes,
    EquatableArray<LayerDeclaration> Layers,
    ClusterReference Cluster,
    EquatableArray<string> Taken,
    EquatableArray<string> Errors);

/// <summary>A layer and the property that declares it.</summary>
/// <param name="Spec">The layer.</param>
/// <param name="Modifiers">The modifiers of the property but <c>partial</c>; the generated body has to repeat them.</param>
/// <param name="CanEmit">Whether a generated body can complete the property.</param>
internal sealed record LayerDeclaration(LayerSpec Spec, string Modifiers, bool CanEmit);

/// <summary>What <c>[RunsOn]</c> names: a cluster that was read from a class, or a file that is found among the project's additional files.</summary>
internal sealed record ClusterReference(ClusterSpec? Spec, string? File);

/// <summary>The full name of a class.</summary>
/// <param name="Namespace">Its namespace, empty for the global one.</param>
/// <param name="Parts">The types that contain it, outermost first, and itself last.</param>
internal sealed record TypeName(string Namespace, EquatableArray<TypePart> Parts)
{
    /// <summary>Its own name.</summary>
    public string Name => Parts[Parts.Count - 1].Name;

    /// <summary>Namespace, containing types and name, joined by dots.</summary>
    public string FullName => string.Join(".", Parts.Select(part => part.Name).Prepend(Namespace).Where(name => name.Length > 0));
}

/// <summary>A type as the header of another part of it has to name it.</summary>
/// <param name="Keyword"><c>class</c>, <c>record</c>, <c>struct</c>, <c>record struct</c> or <c>interface</c>.</param>
/// <param name="Name">Its name.</param>
internal sealed record TypePart(string Keyword, string Name);
