using System.Diagnostics;
using ParallelDsl.Tool.Tests.Commands;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>What the script for Slurm calls, where its launcher speaks PMIx and where it does not: most clusters have only one of them.</summary>
public sealed class SlurmScriptTests : IDisposable
{
    private static readonly string Program = typeof(CommandLine).Assembly.Location;
    private static readonly string[] Probe = ["srun", "--mpi=pmix", "--ntasks=1", "--nodes=1", "true"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LaunchFact("bash")]
    public void Slurms_launcher_starts_the_ranks_where_it_speaks_PMIx()
    {
        (int exitCode, string[][] calls) = Run(hasPmix: true, user: 1000, ("SLURM_CPUS_PER_TASK", "3"));
        Assert.Equal(7, exitCode);
        Assert.Equal(2, calls.Length);
        Assert.Equal([.. Probe, "cpus=", "grace=25"], calls[0]);
        AssertCall(["srun", "--mpi=pmix", "--label", "--kill-on-bad-exit=1", "--distribution=block:block"], ["cpus=3", "grace=25"], calls[1]);
    }

    [LaunchTheory("bash")]
    [InlineData(1000)]
    [InlineData(0, "--allow-run-as-root")]
    public void Open_MPIs_launcher_starts_them_where_it_does_not(int user, params string[] asRoot)
    {
        (int exitCode, string[][] calls) = Run(hasPmix: false, user, ("PARALLELDSL_GRACE_SECONDS", "40"));
        Assert.Equal(7, exitCode);
        Assert.Equal(2, calls.Length);
        Assert.Equal([.. Probe, "cpus=", "grace=40"], calls[0]);
        AssertCall(
            ["mpirun", .. asRoot, "--tag-output", "-x", "TERM=dumb", "-x", "PARALLELDSL_GRACE_SECONDS", "--mca", "odls_base_sigkill_timeout", "40", "--map-by", "slot", "--bind-to", "none", "-n", "8"],
            ["cpus=", "grace=40"],
            calls[1]);
    }

    /// <summary>Runs the script with programs in the place of the launchers that say how they were called.</summary>
    private (int ExitCode, string[][] Calls) Run(bool hasPmix, int user, (string Name, string Value) variable)
    {
        const string Say = """{ printf '%s|' "${0##*/}" "$@"; echo "cpus=${SRUN_CPUS_PER_TASK:-}|grace=$PARALLELDSL_GRACE_SECONDS"; } >> "$CALLS" """;
        Stub("id", $"echo {user}");
        Stub("srun", $"{Say}\n[ \"${{@: -1}}\" = true ] && exit {(hasPmix ? 0 : 1)}\nexit 7");
        Stub("mpirun", $"{Say}\nexit 7");
        CommandOutcome script = CommandOutcome.Of("launch", "-n", "8", "--slurm", "--dry-run", Program, "--", "--text", "a b", "it's");
        File.WriteAllText(_folder.File("job.sbatch"), script.Output);

        ProcessStartInfo start = new("bash", [_folder.File("job.sbatch")]);
        start.Environment["PATH"] = $"{_folder.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["CALLS"] = _folder.File("calls");
        foreach (string name in new[] { "SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK", "PARALLELDSL_GRACE_SECONDS" })
            start.Environment.Remove(name);
        start.Environment[variable.Name] = variable.Value;
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return (process.ExitCode, [.. File.ReadAllLines(_folder.File("calls")).Select(line => line.Split('|'))]);
    }

    private void Stub(string name, string text)
    {
        File.WriteAllText(_folder.File(name), $"#!/bin/bash\n{text}\n");
        Process.Start("chmod", ["+x", _folder.File(name)]).WaitForExit();
    }

    /// <summary>The launcher and what it gets; then the program, wherever its host lies, with its arguments as they were given; then variables.</summary>
    private static void AssertCall(string[] launcher, string[] variables, string[] call)
    {
        Assert.Equal(launcher, call[..launcher.Length]);
        Assert.Equal("dotnet", Path.GetFileName(call[launcher.Length]));
        Assert.Equal([Program, "--text", "a b", "it's", .. variables], call[(launcher.Length + 1)..]);
    }
}
