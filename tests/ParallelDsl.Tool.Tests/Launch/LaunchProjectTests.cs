using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>What is launched is a project, as its user has it: a folder with sources.</summary>
public sealed class LaunchProjectTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LaunchFact("mpirun")]
    public void A_project_is_built_once_and_runs_on_every_rank()
    {
        WriteProject("Exe", """
            using ParallelDsl.Mpi;

            return MpiJob.Run((job, _) =>
            {
                float[] sum = [job.Rank + 1];
                job.World.AllReduce(sum);
                Console.WriteLine($"rank {job.Rank} has {sum[0]} of {string.Join('|', args)}");
                return 0;
            });
            """);
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "2", "--unbound", "--transport", "mpi", _folder.Path, "--", "--steps", "3", "a b");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(
            ["[0] rank 0 has 3 of --transport|mpi|--steps|3|a b", "[1] rank 1 has 3 of --transport|mpi|--steps|3|a b"],
            outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        Assert.StartsWith($"building {_folder.File("Ranks.csproj")}\n2 ranks, unbound", outcome.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder.Path, "bin", "Release", "net10.0", "Ranks.dll")));
    }

    [Fact]
    public void A_project_that_does_not_build_or_is_no_program_is_bad_input()
    {
        string project = WriteProject("Exe", "return no;");
        CommandOutcome broken = CommandOutcome.Of("launch", "-n", "2", "--dry-run", project);
        Assert.Equal((2, ""), (broken.ExitCode, broken.Output));
        Assert.True(broken.Error.Contains("error CS0103", StringComparison.Ordinal), broken.ToString());
        Assert.EndsWith($"{project}: does not build; dotnet says why above\n", broken.Error, StringComparison.Ordinal);

        WriteProject("Library", "public class Empty;");
        CommandOutcome library = CommandOutcome.Of("launch", "-n", "2", "--dry-run", project);
        Assert.Equal((2, ""), (library.ExitCode, library.Output));
        Assert.EndsWith($"{project}: is a library; name the project of a program\n", library.Error, StringComparison.Ordinal);
    }

    /// <returns>The project.</returns>
    private string WriteProject(string outputType, string source)
    {
        // The assemblies that are under test: a reference to their projects would build them again while others run them.
        File.WriteAllText(_folder.File("Ranks.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>{outputType}</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <Reference Include="{Path.Combine(Path.GetDirectoryName(LaunchedProgram.Ranks)!, "ParallelDsl.Mpi.dll")}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(_folder.File("Program.cs"), source);
        return _folder.File("Ranks.csproj");
    }
}
