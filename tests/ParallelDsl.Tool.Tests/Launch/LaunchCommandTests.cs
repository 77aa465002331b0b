using ParallelDsl.Tool.Launch;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>What is launched is the tool itself: it says something, or fails, as it is asked to.</summary>
public sealed class LaunchCommandTests : IDisposable
{
    private static readonly string Program = typeof(CommandLine).Assembly.Location;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LaunchFact("mpirun")]
    public void Lines_stand_behind_their_ranks()
    {
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "3", Program, "--", "--version");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        string[] lines = [.. outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
        Assert.Equal(3, lines.Length);
        Assert.All(lines.Select((line, rank) => (line, rank)), pair => Assert.StartsWith($"[{pair.rank}] 0.1.0", pair.line, StringComparison.Ordinal));
    }

    /// <summary>Rank 1 leaves; rank 0 would wait for it for ever.</summary>
    [LaunchFact("mpirun")]
    public void A_rank_that_fails_gives_the_exit_code_and_is_named()
    {
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "2", "--unbound", LaunchedProgram.Ranks, "--", "leaves");
        Assert.Equal(3, outcome.ExitCode);
        Assert.Contains("launch: rank 1 ended with exit code 3; the others were stopped", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_prints_the_command()
    {
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "2", "--unbound", "--dry-run", "--transport", "mpi", Program, "--", "--steps", "3", "it's");
        Assert.Equal(0, outcome.ExitCode);
        Assert.StartsWith("mpirun --tag-output -n 2 ", outcome.Output, StringComparison.Ordinal);
        Assert.EndsWith($"dotnet {Program} --transport mpi --steps 3 'it'\\''s'\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Slurm_gets_a_script()
    {
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "8", "--slurm", "--dry-run", Program, "--", "--text", "a b");
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.StartsWith("#!/bin/bash\n#SBATCH --job-name=ParallelDsl.Tool\n#SBATCH --ntasks=8\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"dotnet {Program} --text 'a b'\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("export PARALLELDSL_GRACE_SECONDS=${PARALLELDSL_GRACE_SECONDS:-25}\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(" -x PARALLELDSL_GRACE_SECONDS --mca odls_base_sigkill_timeout $PARALLELDSL_GRACE_SECONDS ", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_number_of_ranks_must_be_that_of_the_plan()
    {
        string assembly = ModelAssembly.Write(_folder.File("One.dll"), ModelAssembly.Model(SamplePlans.Gpt));
        int size = SamplePlans.Gpt.Mesh.Size;
        CommandOutcome outcome = CommandOutcome.Of("launch", "-n", "3", "--dry-run", assembly);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains($"-n 3: {SamplePlans.Gpt.Model.Name} is planned for {size} ranks; start as many", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(0, CommandOutcome.Of("launch", "-n", $"{size}", "--dry-run", assembly).ExitCode);
    }

    [Theory]
    [InlineData("-n: expected a whole number from 1 to 65536, found '0'", "-n", "0", "p")]
    [InlineData("-n: expected a whole number from 1 to 65536, found 'x'", "-n", "x", "p")]
    [InlineData("'-n' is required", "p")]
    [InlineData("unknown option '--host'; did you mean --hosts", "-n", "2", "--host", "f", "p")]
    [InlineData("no-such-folder: no such project", "-n", "2", "no-such-folder")]
    [InlineData("no-such.dll: no such file", "-n", "2", "no-such.dll")]
    [InlineData("no-such-file: no such file", "-n", "2", "--hosts", "no-such-file", "p")]
    [InlineData("--hosts: Slurm places ranks itself", "-n", "2", "--hosts", "f", "--slurm", "p")]
    [InlineData("--out: belongs to --slurm", "-n", "2", "--out", "f", "p")]
    public void Bad_input_is_named(string expected, params string[] arguments)
    {
        CommandOutcome outcome = CommandOutcome.Of(["launch", .. arguments]);
        Assert.Equal((2, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_must_have_one_project()
    {
        Assert.Contains("has no project", CommandOutcome.Of("launch", "-n", "1", _folder.Path).Error, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("A.csproj"), "");
        File.WriteAllText(_folder.File("B.csproj"), "");
        Assert.Contains("name one of A.csproj, B.csproj", CommandOutcome.Of("launch", "-n", "1", _folder.Path).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 8, false, "--bind-to hwthread", "slot:PE=4", "2 ranks, each bound to 4 processors, in the order of the mesh")]
    [InlineData(8, 8, false, "--bind-to hwthread", "slot:PE=1", "8 ranks, each bound to 1 processor, in the order of the mesh")]
    [InlineData(8, 2, false, "--bind-to none", "--oversubscribe", "8 ranks, unbound: they share 2 processors")]
    [InlineData(2, 8, true, "--bind-to none", "--map-by slot", "2 ranks, unbound")]
    public void Ranks_are_bound_where_there_are_enough_processors(int ranks, int processors, bool unbound, string binding, string mapping, string said)
    {
        MpiCommandLine line = MpiCommandLine.For(ranks, null, unbound, processors, isRoot: false);
        string arguments = string.Join(' ', line.Arguments(["x"]));
        Assert.Contains(binding, arguments, StringComparison.Ordinal);
        Assert.Contains(mapping, arguments, StringComparison.Ordinal);
        Assert.DoesNotContain("--allow-run-as-root", arguments, StringComparison.Ordinal);
        Assert.Equal(said, line.Describe(processors));
    }

    /// <summary>Nothing is known of the processors there: one each would leave most of them idle, and two ranks on one core.</summary>
    [Theory]
    [InlineData(8, 64)]
    [InlineData(8, 2)]
    public void Ranks_on_other_machines_are_not_bound(int ranks, int processors)
    {
        MpiCommandLine line = MpiCommandLine.For(ranks, "hosts", isUnbound: false, processors, isRoot: false);
        Assert.Equal("--tag-output -n 8 -x TERM=dumb --hostfile hosts --map-by slot --bind-to none x", string.Join(' ', line.Arguments(["x"])));
        Assert.Equal("8 ranks, unbound: those of a machine share its processors", line.Describe(processors));
    }
}
