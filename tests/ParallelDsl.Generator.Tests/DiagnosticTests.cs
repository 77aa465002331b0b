using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Emission;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Generator.Planning;
using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests;

public partial class DiagnosticTests
{
    public static TheoryData<int, string, string> Broken()
    {
        TheoryData<int, string, string> cases = [];
        foreach ((int index, BrokenDeclaration broken) in BrokenDeclaration.All.Index())
            cases.Add(index, broken.Id, broken.Says);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void ABrokenDeclarationGetsItsDiagnosticAtItsPlace(int index, string id, string says)
    {
        BrokenDeclaration broken = BrokenDeclaration.All.ElementAt(index);
        Generated generated = broken.Run();
        Diagnostic diagnostic = Assert.Single(generated.Diagnostics, diagnostic => diagnostic.Id == id);
        Assert.Contains(says, diagnostic.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.Equal(broken.Underlined, Underlined(diagnostic, broken));
        Assert.DoesNotContain(generated.Diagnostics, diagnostic => diagnostic.Id is "PDSL9001" or "CS8785");
    }

    /// <summary>What generated code can complete it does, so that the diagnostic is the only error.</summary>
    [Theory]
    [MemberData(nameof(Broken))]
    public void ABrokenDeclarationHasNoErrorsButItsOwn(int index, string id, string says)
    {
        // These leave the compiler with nothing to complete: what is not partial, or is not a layer.
        if (id is "PDSL1001" or "PDSL1002" or "PDSL1003" or "PDSL1004" or "PDSL1005")
            return;
        Generated generated = BrokenDeclaration.All.ElementAt(index).Run();
        Assert.Equal([id], generated.Ids);
        Assert.True(generated.Compiled.Length == 0, $"{says}: {string.Join("\n", generated.Compiled.Select(error => error.ToString()))}");
    }

    [Fact]
    public void EveryRuleHasAPageATestAndAReleaseRow()
    {
        DiagnosticDescriptor[] rules =
        [
            .. typeof(Rules).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.GetValue(null)).OfType<DiagnosticDescriptor>(),
        ];
        string[] releases =
        [
            .. Repository.Read("generator/ParallelDsl.Generator/AnalyzerReleases.Shipped.md").Split('\n'),
            .. Repository.Read("generator/ParallelDsl.Generator/AnalyzerReleases.Unshipped.md").Split('\n'),
        ];
        Assert.NotEmpty(rules);
        Assert.Equal(rules.Length, rules.Select(rule => rule.Id).Distinct().Count());
        foreach (DiagnosticDescriptor rule in rules)
        {
            Assert.Equal($"docs/diagnostics/{rule.Id}.md", rule.HelpLinkUri);
            string page = Repository.Read(rule.HelpLinkUri);
            Assert.StartsWith($"# {rule.Id}: {rule.Title.ToString(CultureInfo.InvariantCulture)}\n", page, StringComparison.Ordinal);
            Assert.Contains(releases, row => row.StartsWith($"{rule.Id} | {rule.Category} | {rule.DefaultSeverity} |", StringComparison.Ordinal));
            Assert.True(
                rule.Id == Rules.InternalError.Id || BrokenDeclaration.All.Any(broken => broken.Id == rule.Id),
                $"{rule.Id} has no broken declaration");
            if (rule.Id == Rules.InternalError.Id)
                continue;
            Assert.Contains("\n## Invalid\n", page, StringComparison.Ordinal);
            Assert.Contains("\n## Fixed\n", page, StringComparison.Ordinal);
        }

        // And no page stands for a rule that is gone. PDSLCFG pages stand for what MSBuild reports.
        Assert.Equal(
            rules.Select(rule => rule.Id + ".md").Order(StringComparer.Ordinal),
            Directory.GetFiles(Repository.PathOf("docs/diagnostics"), "PDSL?*.md").Select(file => Path.GetFileName(file))
                .Where(file => !file.StartsWith("PDSLCFG", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    public static TheoryData<string> Pages() =>
        [.. Directory.GetFiles(Repository.PathOf("docs/diagnostics"), "PDSL????.md").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    /// <summary>The examples of the pages are compiled: the invalid one gets the page's diagnostic, the fixed one none.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void TheExamplesOfAPageAreTrue(string id)
    {
        (string Language, string Code)[] examples = [.. PageExample().Matches(Repository.Read($"docs/diagnostics/{id}.md"))
            .Select(match => (match.Groups[1].Value, match.Groups[2].Value))];
        // Those of several files, and of plan files, which are too long for a page.
        if (id is "PDSL9001" or "PDSL4003" or "PDSL4009" or "PDSL4010" or "PDSL4011" or "PDSL4012" or "PDSL4013")
            return;
        Assert.Equal(2, examples.Length);
        Assert.Contains(id, Run(examples[0]).Ids);
        Generated repaired = Run(examples[1]);
        Assert.Empty(repaired.Diagnostics);
        Assert.Empty(repaired.Compiled);

        static Generated Run((string Language, string Code) example)
        {
            const string Lab = "[Cluster, Nodes(1, DevicesPerNode = 8, Device = DeviceKind.H100Sxm)] public class Lab;";
            const string OnFile = "[ParallelModel(ContextLength = 1_024), RunsOn(\"lab.cluster.json\"), DataAxis(8)] public partial class Gpt { "
                + "[Embedding(Vocabulary = 9, Width = 8)] public partial Layer Tokens { get; } [LanguageModelHead] public partial Layer Head { get; } }";
            return example.Language == "json"
                ? Compiler.Run($"using ParallelDsl; {OnFile}", ("lab.cluster.json", example.Code))
                : Compiler.Run(
                    $"using ParallelDsl; namespace Demo; {(example.Code.Contains("class Lab", StringComparison.Ordinal) ? "" : Lab)} {example.Code}",
                    ("lab.cluster.json", BrokenDeclaration.SoundFile));
        }
    }

    [Fact]
    public void EveryProblemOfPlanningHasARule()
    {
        foreach (PlanProblemCode code in Enum.GetValues<PlanProblemCode>())
        {
            ModelProblem problem = ModelProblem.Of(new PlanProblem(code, PlanSubject.Model, -1, "", "message", "fix", default), "Gpt");
            Assert.NotEmpty(problem.Info(null).Text);
        }
    }

    [Fact]
    public void AFailureOfTheGeneratorIsADiagnosticAndNotAnException()
    {
        Concern failing = new("Failing", _ => throw new InvalidOperationException("two\nlines"), _ => throw new InvalidOperationException("two\nlines"));
        ModelDeclaration declaration = new(
            new TypeName("Demo", new([new TypePart("class", "Gpt")])), true, 1, new AxesSpec(), default, new ClusterReference(null, null), default, default);
        EmittedFile? file = failing.Emit(new ModelOutcome(declaration, null, default), CancellationToken.None);
        Assert.NotNull(file?.Failure);
        Assert.Equal("PDSL9001", file.Failure.Rule.Id);
        Assert.Contains("Demo.Gpt", file.Failure.Text, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: two lines", file.Failure.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void CancellationIsNotAFailure()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => Compiler.Driver().RunGenerators(Compiler.Compile(Sources.Gpt), source.Token));
    }

    [Fact]
    public void SeveralErrorsAreReportedAtOnce()
    {
        string source = Sources.With("Heads = 12,", "Heads = 13,")
            .Replace("MicroBatches = 8", "MicroBatches = 1", StringComparison.Ordinal)
            .Replace("[DataAxis(2,", "[DataAxis(3,", StringComparison.Ordinal);
        Assert.Equal(["PDSL2005", "PDSL3002", "PDSL2002", "PDSL2003"], Compiler.Run(source).Ids);
    }

    [Fact]
    public void ALayerThatIsNotPartialLeavesTheRestOfTheModelWhole()
    {
        Generated generated = Compiler.Run(Sources.With("public partial Layer Blocks { get; }", "public Layer Blocks => null!;"));
        Assert.Equal(["PDSL1004"], generated.Ids);
        Assert.Empty(generated.Compiled);
    }

    [Fact]
    public void TwoModelsOnOneBrokenClusterReportItOnce()
    {
        string source = Sources.With("DevicesPerNode = 4", "DevicesPerNode = 0");
        int model = source.IndexOf("[ParallelModel", StringComparison.Ordinal);
        Generated generated = Compiler.Run(source + source[model..].Replace("class Gpt", "class Other", StringComparison.Ordinal));
        Assert.Equal(["PDSL4007"], generated.Ids);
        Assert.Empty(generated.Compiled);
    }

    [Fact]
    public void ErrorsOfTheCompilerAreNotExplainedASecondTime()
    {
        Generated generated = Compiler.Run(Sources.With("Width = 768", "Width = Unknown"));
        Assert.Empty(generated.Diagnostics);
        Assert.All(generated.Compiled, error => Assert.Equal("CS0103", error.Id));
    }

    private static string Underlined(Diagnostic diagnostic, BrokenDeclaration broken)
    {
        FileLinePositionSpan span = diagnostic.Location.GetLineSpan();
        return span.Path.EndsWith(".json", StringComparison.Ordinal)
            ? $"({span.StartLinePosition.Line},{span.StartLinePosition.Character})"
            : broken.Source.Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length);
    }

    [GeneratedRegex("```(csharp|json)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex PageExample();
}
