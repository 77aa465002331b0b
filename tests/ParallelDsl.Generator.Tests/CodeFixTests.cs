using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using ParallelDsl.CodeFixes;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Tests.Support;

namespace ParallelDsl.Generator.Tests;

public class CodeFixTests
{
    private const string Pipeline = "[PipelineAxis(2, Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 8)]";
    private const string Interleaved = "[PipelineAxis(2, Schedule = PipelineSchedule.Interleaved, MicroBatches = 7)]";

    [Theory]
    [InlineData("sealed partial class Gpt", "sealed class Gpt", "sealed partial class Gpt", "Make 'Gpt' partial")]
    [InlineData("public sealed partial class Gpt", "class Gpt", "partial class Gpt", "Make 'Gpt' partial")]
    [InlineData("public sealed partial class Gpt", "/* a model */ class Gpt", "/* a model */ partial class Gpt", "Make 'Gpt' partial")]
    [InlineData("public partial Layer Head", "public Layer Head", "public partial Layer Head", "Make 'Head' partial")]
    [InlineData("public partial Layer Head", "Layer Head", "partial Layer Head", "Make 'Head' partial")]
    [InlineData("[DataAxis(2, Packing = Packing.Tokens)]", "[DataAxis(3, Packing = Packing.Tokens)]", "[DataAxis(2, Packing = Packing.Tokens)]", "Change the degree to 2")]
    [InlineData("Heads = 12,", "Heads = 40,", "Heads = 48,", "Write Heads = 48")]
    [InlineData("Heads = 12,", "Heads = 40,", "Heads = 32,", "Write Heads = 32")]
    [InlineData("KeyValueHeads = 4", "KeyValueHeads = 5", "KeyValueHeads = 4", "Write KeyValueHeads = 4")]
    [InlineData("MicroBatches = 8", "MicroBatches = 1", "MicroBatches = 2", "Write MicroBatches = 2")]
    [InlineData(Pipeline, Interleaved, "[PipelineAxis(2, Schedule = PipelineSchedule.Interleaved, MicroBatches = 6)]", "Write MicroBatches = 6")]
    [InlineData("MicroBatches = 8", "Chunks = 2", "Chunks = 1", "Write Chunks = 1")]
    [InlineData("Packing = Packing.Tokens", "UnitTokens = 4_000", "UnitTokens = 8_192", "Write UnitTokens = 8_192")]
    [InlineData("Balance = SequenceBalance.Zigzag", "Balance = SequenceBalance.Hierarchical, OverlapPercent = -5", "Balance = SequenceBalance.Hierarchical, OverlapPercent = 0", "Write OverlapPercent = 0")]
    [InlineData("Balance = SequenceBalance.Zigzag", "Balance = SequenceBalance.Zigzag, OverlapPercent = 50", "Balance = SequenceBalance.Zigzag, OverlapPercent = 100", "Write OverlapPercent = 100")]
    [InlineData("ContextLength = 8_192", "ContextLength = 8_192, AttentionPercent = 0", "ContextLength = 8_192, AttentionPercent = 100", "Write AttentionPercent = 100")]
    public void AFixWritesWhatItSays(string sound, string broken, string repaired, string title)
    {
        string source = Sources.With(sound, broken);
        Dictionary<string, string> fixes = Fixes(source);
        Assert.Contains(title, fixes.Keys);
        Assert.Equal(Sources.With(sound, repaired), fixes[title]);
        Assert.Empty(Compiler.Run(fixes[title]).Diagnostics);
    }

    [Fact]
    public void ATypeThatContainsAModelIsMadePartial()
    {
        string source = Sources.With("[ParallelModel(", "internal class Outer\n{\n[ParallelModel(") + "\n}";
        string repaired = Assert.Single(Fixes(source)).Value;
        Assert.Contains("internal partial class Outer", repaired, StringComparison.Ordinal);
        Assert.Empty(Compiler.Run(repaired).Diagnostics);
    }

    [Fact]
    public void AnArgumentThatIsNotWrittenIsAdded()
    {
        // Eight stages of fourteen layers would do with fewer chunks; that argument is not there to change, so the degree is.
        string source = Sources.With("Schedule = PipelineSchedule.OneForwardOneBackward, MicroBatches = 8", "MicroBatches = 8")
            .Replace("768", "12_288", StringComparison.Ordinal)
            .Replace("[DataAxis(2, Packing = Packing.Tokens)]", "[DataAxis(2, UnitTokens = 4_194_304)]", StringComparison.Ordinal);
        Assert.Contains("UnitTokens", Fixes(source).Keys.First(), StringComparison.Ordinal);
    }

    /// <summary>Whatever has values to offer has a fix, and only what has a fix is listed.</summary>
    [Fact]
    public void EveryDiagnosticWithSuggestionsHasAFix()
    {
        ImmutableArray<string> fixable = new ChangeArgumentCodeFix().FixableDiagnosticIds;
        foreach (BrokenDeclaration broken in BrokenDeclaration.All)
        {
            foreach (Diagnostic diagnostic in broken.Run().Diagnostics.Where(diagnostic => diagnostic.Properties.ContainsKey(ArgumentFix.ValuesKey)))
            {
                Assert.Contains(diagnostic.Id, fixable);
                Assert.NotEmpty(Fixes(broken.Source));
            }
        }
    }

    [Fact]
    public void BothAssembliesSpellThePropertiesAlike()
    {
        foreach (string key in new[] { nameof(ArgumentFix.ArgumentKey), nameof(ArgumentFix.ValuesKey) })
        {
            Assert.Equal(
                typeof(ArgumentFix).GetField(key)!.GetRawConstantValue(),
                typeof(ChangeArgumentCodeFix).GetField(key, BindingFlags.NonPublic | BindingFlags.Static)!.GetRawConstantValue());
        }
    }

    /// <summary>Every fix that is offered for <paramref name="source"/>: its title and the text after it.</summary>
    private static Dictionary<string, string> Fixes(string source)
    {
        using AdhocWorkspace workspace = new();
        Document document = workspace.AddProject("Consumer", LanguageNames.CSharp).AddDocument("Source0.cs", source);
        Dictionary<string, string> fixes = [];
        foreach (Diagnostic diagnostic in Compiler.Run(source).Diagnostics)
        {
            foreach (CodeFixProvider provider in new CodeFixProvider[] { new AddPartialCodeFix(), new ChangeArgumentCodeFix() })
            {
                Assert.NotNull(provider.GetFixAllProvider());
                if (!provider.FixableDiagnosticIds.Contains(diagnostic.Id))
                    continue;
                List<CodeAction> actions = [];
                provider.RegisterCodeFixesAsync(new CodeFixContext(document, diagnostic, (action, _) => actions.Add(action), CancellationToken.None))
                    .GetAwaiter().GetResult();
                foreach (CodeAction action in actions)
                    fixes[action.Title] = Apply(action, document.Id);
            }
        }

        return fixes;
    }

    private static string Apply(CodeAction action, DocumentId document)
    {
        ApplyChangesOperation change = Assert.IsType<ApplyChangesOperation>(
            Assert.Single(action.GetOperationsAsync(CancellationToken.None).GetAwaiter().GetResult()));
        return change.ChangedSolution.GetDocument(document)!.GetTextAsync().GetAwaiter().GetResult().ToString();
    }
}
