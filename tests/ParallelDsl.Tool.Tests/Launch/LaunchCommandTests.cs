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
    [InlineData("--cores: Slurm places ranks itself", "-n", "2", "--cores", "1", "--slurm", "p")]
    [InlineData("--cores: binds ranks, and --unbound does not", "-n", "2", "--cores", "1", "--unbound", "p")]
    [InlineData("--cores: expected a whole number from 1 to 4096, found '0'", "-n", "2", "--cores", "0", "p")]
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
    [InlineData(2, 8, 8, false, "--map-by slot:PE=4 --bind-to core", "2 ranks, each bound to 4 cores, in the order of the mesh")]
    [InlineData(8, 8, 8, false, "--map-by slot:PE=1 --bind-to core", "8 ranks, each bound to 1 core, in the order of the mesh")]
    [InlineData(3, 16, 8, false, "--map-by slot:PE=2 --bind-to core", "3 ranks, each bound to 2 cores, in the order of the mesh")]
    [InlineData(8, 8, 4, false, "--use-hwthread-cpus --map-by slot:PE=1 --bind-to hwthread", "8 ranks, each bound to 1 processor, in the order of the mesh")]
    [InlineData(8, 16, 4, false, "--use-hwthread-cpus --map-by slot:PE=2 --bind-to hwthread", "8 ranks, each bound to 2 processors, in the order of the mesh")]
    [InlineData(8, 2, 2, false, "--map-by slot --bind-to none --oversubscribe", "8 ranks, unbound: they share 2 processors")]
    [InlineData(2, 8, 8, true, "--map-by slot --bind-to none --oversubscribe", "2 ranks, unbound")]
    public void Ranks_are_bound_where_there_are_enough_processors(int ranks, int processors, int cores, bool unbound, string expected, string said)
    {
        MachineProcessors machine = new(processors, cores);
        var line = MpiCommandLine.For(ranks, null, unbound, cores: null, machine, isRoot: false);
        string arguments = string.Join(' ', line.Arguments(["x"]));
        Assert.Contains($"PARALLELDSL_GRACE_SECONDS=60 {expected}", arguments, StringComparison.Ordinal);
        Assert.DoesNotContain("--allow-run-as-root", arguments, StringComparison.Ordinal);
        Assert.Equal(said, line.Describe(machine));
    }

    /// <summary>Nothing is known of the processors there: one each would leave most of them idle, and two ranks on one core. The user may know.</summary>
    [Theory]
    [InlineData(null, "--map-by slot --bind-to none", "8 ranks, unbound: those of a machine share its processors; --cores binds them")]
    [InlineData(4, "--map-by slot:PE=4 --bind-to core", "8 ranks, each bound to 4 cores, in the order of the mesh")]
    public void Ranks_on_other_machines_are_bound_as_the_user_says(int? cores, string expected, string said)
    {
        MachineProcessors machine = new(64, 64);
        var line = MpiCommandLine.For(8, "hosts", isUnbound: false, cores, machine, isRoot: false);
        Assert.Equal($"--tag-output -n 8 -x TERM=dumb --hostfile hosts {expected} x", string.Join(' ', line.Arguments(["x"])));
        Assert.Equal(said, line.Describe(machine));
    }
}
