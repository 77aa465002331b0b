using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using ParallelDsl.Generator.Emission;
using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Planning.Plans;
using static Microsoft.CodeAnalysis.IncrementalStepRunReason;

namespace ParallelDsl.Generator.Tests;

/// <summary>Why each step runs again, and that it does not where it need not.</summary>
public class IncrementalTests
{
    private const string Unrelated = "namespace Demo; public class Unrelated { public int One() => 1; }";

    private static readonly string[] Outputs = [.. Concern.All.Select(concern => Steps.Output + concern.Name)];

    [Fact]
    public void TheSameInputRunsNothing()
    {
        CSharpCompilation compilation = Compiler.Compile(Sources.Gpt, Unrelated);
        Reasons reasons = Reasons.OfSecondRun(compilation, compilation.Clone());
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.All(Outputs, output => Assert.Equal([Cached], reasons.Of(output)));
        Assert.True(reasons.NothingIsAdded);
    }

    [Fact]
    public void AnEditOfAnotherFileParsesAndStopsThere()
    {
        CSharpCompilation before = Compiler.Compile(Sources.Gpt, Unrelated);
        CSharpCompilation after = before.ReplaceSyntaxTree(
            before.SyntaxTrees[1], Compiler.Parse(Unrelated.Replace("=> 1", "=> 2", StringComparison.Ordinal), "Source1.cs"));
        Reasons reasons = Reasons.OfSecondRun(before, after);
        Assert.Equal([Unchanged], reasons.Of(Steps.Parse));
        Assert.Equal([Cached], reasons.Of(Steps.Declaration));
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.True(reasons.NothingIsAdded);
    }

    [Theory]
    [InlineData("public sealed partial class Gpt", "// A comment that moves everything.\npublic sealed partial class Gpt")]
    [InlineData("[DataAxis(2, Packing", "[DataAxis(1 + 1, Packing")]
    [InlineData("[LanguageModelHead]", "public int Other() => 1;\n    [LanguageModelHead]")]
    [InlineData("Datapath = Datapath.Ring", "Datapath = Datapath.Ring, InterNodeDatapath = Datapath.Ring, OverlapPercent = 100")]
    [InlineData("ContextLength = 8_192", "AttentionPercent = 100, ContextLength = 8_192")]
    public void AnEditOfTheModelThatSaysTheSameParsesAndStopsThere(string old, string replacement)
    {
        Reasons reasons = Reasons.OfEdit(Sources.Gpt, Sources.With(old, replacement));
        Assert.Equal([Modified], reasons.Of(Steps.Parse));
        Assert.Equal([Unchanged], reasons.Of(Steps.Declaration));
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.True(reasons.NothingIsAdded);
    }

    [Fact]
    public void AMovedErrorIsReportedAtItsNewPlaceAndNothingIsPlannedAgain()
    {
        string wrong = Sources.With("[DataAxis(2,", "[DataAxis(3,");
        Reasons reasons = Reasons.OfEdit(wrong, "// Moved.\n" + wrong);
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.Equal([Modified], reasons.Of(Steps.Diagnostics));
        Assert.All(Outputs, output => Assert.All(reasons.Of(output), reason => Assert.Equal(Cached, reason)));
    }

    /// <summary>What a change touches is what is emitted again: the plan, because it records everything, and the concerns that say it.</summary>
    [Theory]
    [InlineData("Packing = Packing.Tokens", "UnitTokens = 16_384", "Plan, Stages, Schedule, Batching")]
    [InlineData("MicroBatches = 8", "MicroBatches = 16", "Plan, Schedule, Batching")]
    [InlineData("NicGbps = 400", "NicGbps = 401", "Plan")]
    [InlineData("KeyValueHeads = 4", "KeyValueHeads = 6", "Plan, Shapes, Stages, Schedule")]
    [InlineData("public partial Layer Head", "internal partial Layer Head", "Plan")]
    public void AnEditEmitsOnlyTheFilesThatItChanges(string old, string replacement, string changed)
    {
        Reasons reasons = Reasons.OfEdit(Sources.Gpt, Sources.With(old, replacement));
        string[] modified = [.. Concern.All.Where(concern => reasons.Of(Steps.Output + concern.Name) is [Modified]).Select(concern => concern.Name)];
        Assert.Equal(changed, string.Join(", ", modified));
        Assert.All(Concern.All, concern => Assert.Contains(reasons.Of(Steps.Output + concern.Name), reason => reason is Modified or Unchanged));
    }

    /// <summary>Constants of steps, which know the datapaths, are in one file: all but it and the plan stays as it is.</summary>
    [Theory]
    [InlineData("OverlapPercent = 100", "OverlapPercent = 50", "Plan, Batching")]
    [InlineData("AttentionPercent = 100", "AttentionPercent = 150", "Plan, Batching")]
    [InlineData("Datapath = Datapath.Ring", "Datapath = Datapath.AllToAll", "Plan, Batching, Rings")]
    [InlineData("Datapath = Datapath.Ring", "InterNodeDatapath = Datapath.AllToAll", "Plan, Batching")]
    public void AnEditOfAWeightEmitsConstantsAnew(string old, string replacement, string changed)
    {
        string balanced = Sources.With("Balance = SequenceBalance.Zigzag", "Balance = SequenceBalance.Hierarchical, OverlapPercent = 100")
            .Replace("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 100", StringComparison.Ordinal);
        Reasons reasons = Reasons.OfEdit(balanced, balanced.Replace(old, replacement, StringComparison.Ordinal));
        string[] modified = [.. Concern.All.Where(concern => reasons.Of(Steps.Output + concern.Name) is [Modified]).Select(concern => concern.Name)];
        Assert.Equal(changed, string.Join(", ", modified));
    }

    [Fact]
    public void AnotherModelIsNotPlannedAgain()
    {
        string source = Sources.Gpt;
        string other = source[source.IndexOf("[ParallelModel", StringComparison.Ordinal)..].Replace("class Gpt", "class Other", StringComparison.Ordinal);
        Reasons reasons = Reasons.OfEdit(source + other, source + other.Replace("Heads = 12", "Heads = 24", StringComparison.Ordinal));
        Assert.Equal([Cached, Modified], reasons.Of(Steps.Plan));
    }

    [Fact]
    public void AnotherClusterFileIsNotAnotherPlan()
    {
        string source = Sources.With("[RunsOn(typeof(Lab))]", "[RunsOn(\"lab.cluster.json\")]");
        ImmutableArray<AdditionalText> files = Compiler.Files(
            ("lab.cluster.json", BrokenDeclaration.SoundFile), ("other.cluster.json", BrokenDeclaration.SoundFile), ("other.cluster.json", "{}"));
        CSharpCompilation compilation = Compiler.Compile(source);
        GeneratorDriver driver = Compiler.Driver(files[..2]).RunGenerators(compilation);
        Assert.Empty(driver.GetRunResult().Diagnostics);
        driver = driver.ReplaceAdditionalText(files[1], files[2]).RunGenerators(compilation);
        Reasons reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal([Unchanged], reasons.Of(Steps.Resolve));
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.Equal("PDSL4001", Assert.Single(driver.GetRunResult().Diagnostics).Id);
    }

    [Fact]
    public void AnEditOfAPlanFileEmitsItsModelAgain()
    {
        string sources = Sources.Adaptive;
        string other = sources[sources.IndexOf("[ParallelModel", StringComparison.Ordinal)..].Replace("class Gpt", "class Other", StringComparison.Ordinal);
        CSharpCompilation compilation = Compiler.Compile(sources + other, Unrelated);
        ImmutableArray<AdditionalText> files = Compiler.Files(("Gpt.plan.json", Plans.Adaptive), ("Gpt.plan.json", Plans.Gpt));
        GeneratorDriver driver = Compiler.Driver(files[..1]).RunGenerators(compilation);
        Assert.Empty(driver.GetRunResult().Diagnostics);

        // An edit elsewhere, of code or of the text around the plan, is not another plan.
        driver = driver.RunGenerators(compilation.ReplaceSyntaxTree(compilation.SyntaxTrees[1], Compiler.Parse(Unrelated + " ", "Source1.cs")));
        Reasons reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal([Cached, Cached], reasons.Of(Steps.Plan));
        AdditionalText spaced = Compiler.Files(("Gpt.plan.json", Plans.Adaptive + "\n"))[0];
        driver = driver.ReplaceAdditionalText(files[0], spaced).RunGenerators(compilation);
        reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal([Unchanged], reasons.Of(Steps.PlanFile));
        Assert.Equal([Cached, Cached], reasons.Of(Steps.Plan));
        Assert.All(Outputs, output => Assert.Equal([Cached, Cached], reasons.Of(output)));

        driver = driver.ReplaceAdditionalText(spaced, files[1]).RunGenerators(compilation);
        reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal([Modified], reasons.Of(Steps.PlanFile));
        Assert.Equal([Modified, Unchanged], reasons.Of(Steps.ResolvePlan));
        Assert.Equal([Modified, Cached], reasons.Of(Steps.Plan));
        Assert.Equal("PDSL4010", Assert.Single(driver.GetRunResult().Diagnostics).Id);
    }

    /// <summary>Other rings are another plan and other tables, and nothing else; an error of a file is none of the models'.</summary>
    [Fact]
    public void AnEditOfRingsEmitsTheirFileAgain()
    {
        CSharpCompilation compilation = Compiler.Compile(Sources.OnMesh(1, 5, Datapath.Hamiltonian));
        ParallelPlan plan = RunningModel.Load(Compiler.Run(Sources.OnMesh(1, 5, Datapath.Hamiltonian)), "Demo.Gpt").Plan;
        ImmutableArray<AdditionalText> files = Compiler.Files(
            ("Gpt.plan.json", PlanJson.Write(plan)),
            ("Gpt.plan.json", PlanJson.Write(plan with { Rings = new([plan.Rings[2], plan.Rings[0]]) })),
            ("Gpt.plan.json", Plans.UnsoundRings),
            ("Gpt.plan.json", Plans.UnsoundRings.Replace("[0, 2, 3, 1, 4]", "[0, 1, 3, 2, 4]", StringComparison.Ordinal)));
        GeneratorDriver driver = Compiler.Driver(files[..1]).RunGenerators(compilation);
        driver = driver.ReplaceAdditionalText(files[0], files[1]).RunGenerators(compilation);
        Reasons reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal(["Plan", "Rings"], Concern.All.Where(concern => reasons.Of(Steps.Output + concern.Name) is [Modified]).Select(concern => concern.Name));

        driver = driver.ReplaceAdditionalText(files[1], files[2]).RunGenerators(compilation);
        Assert.Contains("from 2 to 3", Assert.Single(driver.GetRunResult().Diagnostics).GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        driver = driver.ReplaceAdditionalText(files[2], files[3]).RunGenerators(compilation);
        Assert.Contains("from 0 to 1", Assert.Single(driver.GetRunResult().Diagnostics).GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        reasons = new(driver.GetRunResult().Results[0]);
        Assert.Equal([Cached], reasons.Of(Steps.Plan));
        Assert.All(Outputs, output => Assert.Equal([Cached], reasons.Of(output)));
    }

    /// <summary>Symbols, syntax, compilations and places with a tree must not live from run to run: they keep whole compilations alive, and they
    /// are never equal to those of the next run.</summary>
    [Fact]
    public void NoStepHoldsWhatBelongsToACompilation()
    {
        foreach (string source in BrokenDeclaration.All.Select(broken => broken.Source).Append(Sources.Gpt))
        {
            GeneratorRunResult result = Compiler.Run(source, ("lab.cluster.json", BrokenDeclaration.SoundFile)).Result;
            HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
            string[] ours = [.. typeof(Steps).GetFields().Select(field => (string)field.GetValue(null)!)];
            foreach ((string name, ImmutableArray<IncrementalGeneratorRunStep> steps) in result.TrackedSteps)
            {
                if (!ours.Any(step => name.StartsWith(step, StringComparison.Ordinal)))
                    continue;
                foreach ((object value, _) in steps.SelectMany(step => step.Outputs))
                    Walk(value, name, seen);
            }

            Assert.NotEmpty(seen);
        }
    }

    private static void Walk(object? value, string path, HashSet<object> seen)
    {
        if (value is null || value.GetType().IsPrimitive || value is string or Enum or DiagnosticDescriptor || !seen.Add(value))
            return;
        Assert.False(
            value is ISymbol or SyntaxNode or SyntaxTree or Compilation or Location or SemanticModel or Diagnostic or SyntaxReference or SourceText
                or AttributeData or Delegate,
            $"{path} holds a {value.GetType()}");
        if (value is IEnumerable items)
        {
            foreach (object? item in items)
                Walk(item, path + "[]", seen);
            return;
        }

        foreach (FieldInfo field in value.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            Walk(field.GetValue(value), $"{path}.{field.Name}", seen);
    }

    /// <summary>The reasons for which the steps of the last run ran.</summary>
    private sealed class Reasons(GeneratorRunResult result)
    {
        public bool NothingIsAdded => result.TrackedOutputSteps.Values
            .SelectMany(steps => steps).SelectMany(step => step.Outputs)
            .All(output => output.Reason is Cached);

        public IncrementalStepRunReason[] Of(string step) => result.TrackedSteps.TryGetValue(step, out ImmutableArray<IncrementalGeneratorRunStep> runs)
            ? [.. runs.SelectMany(run => run.Outputs).Select(output => output.Reason)]
            : [];

        public static Reasons OfEdit(string before, string after)
        {
            CSharpCompilation compilation = Compiler.Compile(before);
            return OfSecondRun(compilation, compilation.ReplaceSyntaxTree(compilation.SyntaxTrees[0], Compiler.Parse(after)));
        }

        public static Reasons OfSecondRun(CSharpCompilation first, CSharpCompilation second)
        {
            GeneratorDriver driver = Compiler.Driver().RunGenerators(first).RunGenerators(second);
            return new Reasons(driver.GetRunResult().Results[0]);
        }
    }
}
