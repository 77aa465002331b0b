using ParallelDsl.Generator.Tests.Support;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests;

/// <summary>A plan file takes the place of planning.</summary>
public class PlanFileTests
{
    [Fact]
    public void AModelIsWhatItsPlanFileSays()
    {
        Generated generated = Compiler.Run(Sources.Adaptive, ("plans/Gpt.plan.json", Plans.Adaptive));
        Assert.Empty(generated.Diagnostics);
        Assert.Empty(generated.Compiled);
        Assert.Contains(PlanDigest.Of(PlanJson.Read(Plans.Adaptive).Value!), generated.Files["Demo.Gpt.Plan.g.cs"], StringComparison.Ordinal);
        Assert.DoesNotContain(
            PlanDigest.Of(PlanJson.Read(Plans.Adaptive).Value!), Compiler.Run(Sources.Adaptive).Files["Demo.Gpt.Plan.g.cs"], StringComparison.Ordinal);
    }

    /// <summary>Where a file is of no use the model is planned as if there were none.</summary>
    [Theory]
    [InlineData("{}")]
    [InlineData("")]
    [InlineData(null)]
    public void AModelIsPlannedWithoutAUselessFile(string? text)
    {
        Generated generated = Compiler.Run(Sources.Adaptive, ("Gpt.plan.json", text ?? Plans.Gpt));
        Assert.Equal(text is null ? "PDSL4010" : "PDSL4009", Assert.Single(generated.Diagnostics).Id);
        Assert.Equal(Compiler.Run(Sources.Adaptive).Files, generated.Files);
        Assert.Empty(generated.Compiled);
    }

    [Fact]
    public void AnotherFileIsNotRead() => Assert.Empty(Compiler.Run(Sources.Gpt, ("Gpt.json", "{}"), ("Gpt.search.json", "{}")).Diagnostics);

    [Fact]
    public void AFileThatIsListedTwiceIsOne() =>
        Assert.Empty(Compiler.Run(Sources.Adaptive, ("Gpt.plan.json", Plans.Adaptive), ("Gpt.plan.json", Plans.Adaptive)).Diagnostics);
}
