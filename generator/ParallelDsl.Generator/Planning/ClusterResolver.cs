using System.Collections.Immutable;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Parsing;
using static System.FormattableString;

namespace ParallelDsl.Generator.Planning;

/// <summary>Finds the cluster that a <c>[RunsOn]</c> names among the project's cluster files.</summary>
internal static class ClusterResolver
{
    public static PlanInput Resolve(ModelDeclaration declaration, ImmutableArray<ParsedClusterFile> files)
    {
        if (declaration.Cluster.File is not string wanted)
            return new PlanInput(declaration, declaration.Cluster.Spec, null);

        // One file may be listed twice, by a pattern and by name.
        ParsedClusterFile[] found = [.. files.Where(file => file.Name == wanted).GroupBy(file => file.Path).Select(group => group.First())];
        return found.Length switch
        {
            0 => new PlanInput(declaration, null, ModelProblem.OfCluster(Rules.ClusterFileMissing, wanted, Hint(wanted, files))),
            1 when found[0].Spec is { } spec => new PlanInput(declaration, spec, null),
            1 => new PlanInput(declaration, null, Malformed(found[0])),
            _ => new PlanInput(declaration, null, ModelProblem.OfCluster(
                Rules.ClusterFileAmbiguous, Invariant($"{found.Length}"), wanted, string.Join(", ", found.Select(file => file.Path)))),
        };
    }

    // The file reports itself, once, at its line.
    private static ModelProblem Malformed(ParsedClusterFile file) =>
        ModelProblem.OfCluster(Rules.MalformedClusterFile, $"{file.Name} is malformed; its errors are reported in it") with { Reported = true };

    private static string Hint(string wanted, ImmutableArray<ParsedClusterFile> files)
    {
        if (!ParsedClusterFile.IsClusterFile(wanted))
        {
            return $"write the name of a file that ends in {ParsedClusterFile.Extension}, without folders, "
                + "or give its item ParallelDslKind=\"Cluster\"";
        }

        if (files.IsEmpty)
            return $"add <AdditionalFiles Include=\"{wanted}\" /> to the project";
        IEnumerable<string> names = files.Select(file => file.Name).Distinct().OrderBy(name => name, StringComparer.Ordinal);
        return $"write one of {string.Join(", ", names)}, or add the file to the project's AdditionalFiles";
    }
}
