using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using ParallelDsl.CodeFixes;
using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests;

/// <summary>The floors of the house: nothing points upwards.</summary>
public class FloorTests
{
    [Fact]
    public void TheGeneratorKnowsOnlyPlanningAndTheCompiler() => Assert.Equal(
        ["Humanizer", "Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp", "ParallelDsl.Planning", "System.Collections.Immutable", "netstandard"],
        References(typeof(ParallelDslGenerator).Assembly.Location));

    [Fact]
    public void TheCodeFixesKnowOnlyTheCompiler() => Assert.All(
        References(typeof(AddPartialCodeFix).Assembly.Location),
        name => Assert.True(name is "netstandard" || name.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) || name.StartsWith("System.", StringComparison.Ordinal), name));

    [Fact]
    public void PlanningKnowsNothing()
    {
        string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/', '\\')))!;
        Assert.Equal(["netstandard"], References(Repository.PathOf($"runtime/ParallelDsl.Planning/bin/{configuration}/netstandard2.0/ParallelDsl.Planning.dll")));
        Assert.All(
            References(typeof(ParallelPlan).Assembly.Location),
            name => Assert.StartsWith("System.", name, StringComparison.Ordinal));
    }

    [Fact]
    public void TheRuntimeKnowsPlanningAndNoCompiler()
    {
        string[] references = References(typeof(Layer).Assembly.Location);
        Assert.Contains("ParallelDsl.Planning", references);
        Assert.All(references, name => Assert.True(name is "ParallelDsl.Planning" || name.StartsWith("System.", StringComparison.Ordinal), name));
    }

    /// <summary>Built against a newer Roslyn, the generator would be skipped by the first .NET 10 SDK with only a warning.</summary>
    [Fact]
    public void TheGeneratorIsBuiltAgainstTheOldestCompilerOfNet10()
    {
        AssemblyName compiler = Assert.Single(typeof(ParallelDslGenerator).Assembly.GetReferencedAssemblies(), name => name.Name == "Microsoft.CodeAnalysis.CSharp");
        Assert.Equal(new Version(5, 0, 0, 0), compiler.Version);
    }

    private static string[] References(string assembly)
    {
        using PEReader image = new(File.OpenRead(assembly));
        MetadataReader metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name)).Order(StringComparer.Ordinal)];
    }
}
