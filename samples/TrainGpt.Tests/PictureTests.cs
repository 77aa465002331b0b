using ParallelDsl.Reporting;

namespace TrainGpt.Tests;

public class PictureTests
{
    [Fact]
    public void TheReadmeShowsThePlanAsItIs()
    {
        string picture = Path.Combine(RepositoryRoot(), "docs", "images", "plan.svg");
        if (Environment.GetEnvironmentVariable("PARALLELDSL_UPDATE_DOCS") == "1")
            File.WriteAllText(picture, TimelineSvg.Write(Gpt.Plan));
        Assert.Equal(TimelineSvg.Write(Gpt.Plan), File.ReadAllText(picture).ReplaceLineEndings("\n"));
    }

    private static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "ParallelDsl.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
