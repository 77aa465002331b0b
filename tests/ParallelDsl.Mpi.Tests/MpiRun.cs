using System.Diagnostics;
using System.Globalization;

namespace ParallelDsl.Mpi.Tests;

/// <summary>What a job left behind.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Errors, TimeSpan Time)
{
    public override string ToString() => $"exit code {ExitCode} after {Time.TotalSeconds:F1} s\nstdout:\n{Output}\nstderr:\n{Errors}";

    /// <summary>A run that fails ends by itself: far sooner than the tests lose patience, even on a busy machine.</summary>
    public void AssertInTime() => Assert.True(Time < TimeSpan.FromMinutes(1), ToString());

    public void AssertGone(int processes)
    {
        int[] ids = [.. Output.Split('\n').Where(line => line.StartsWith("process ", StringComparison.Ordinal))
            .Select(line => int.Parse(line["process ".Length..], CultureInfo.InvariantCulture))];
        Assert.Equal(processes, ids.Length);
        AssertInTime();

        // mpirun does not wait for what it has killed.
        Assert.All(ids, id => Assert.True(SpinWait.SpinUntil(() => !IsAlive(id), TimeSpan.FromSeconds(20)), $"process {id} is still there\n{this}"));
    }

    /// <summary>What has ended and was not asked for by its parent is gone all the same.</summary>
    private static bool IsAlive(int id)
    {
        try
        {
            string status = File.ReadAllText($"/proc/{id}/stat");
            return status[status.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}

/// <summary>Runs this assembly as the program of a job's ranks.</summary>
internal static class MpiRun
{
    /// <summary>Far above what a job takes on a busy machine: it only keeps a hanging one from hanging the tests.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static string Program => typeof(MpiRun).Assembly.Location;

    private static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Runs a scenario under mpirun. On a busy machine a rank may need more than the second that it is given to say why it ends.</summary>
    public static Task<Outcome> Run(int ranks, params string[] scenario) =>
        Start("mpirun", Arguments(ranks, scenario));

    /// <summary>Runs one with a parameter of the library.</summary>
    public static Task<Outcome> RunWith(string parameter, string value, int ranks, params string[] scenario) =>
        Start("mpirun", ["--mca", parameter, value, .. Arguments(ranks, scenario)]);

    /// <summary>Runs one with all of its ranks on the same processors of this machine.</summary>
    public static Task<Outcome> RunOn(string processors, int ranks, params string[] scenario) =>
        Start("mpirun", Arguments(ranks, scenario, "taskset", "-c", processors));

    /// <summary>Runs a scenario without a launcher.</summary>
    public static Task<Outcome> RunAlone(params string[] scenario) => Start(Dotnet, [Program, .. scenario]);

    private static string[] Arguments(int ranks, string[] scenario, params string[] before) => [
        "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "--mca", "odls_base_sigkill_timeout", "3",
        "-n", ranks.ToString(CultureInfo.InvariantCulture), .. before, Dotnet, Program, .. scenario];

    private static async Task<Outcome> Start(string file, string[] arguments)
    {
        var watch = Stopwatch.StartNew();
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // What starts more threads than a busy machine has processors is no part of these tests.
        start.Environment["DOTNET_TieredPGO"] = "0";

        // Jobs of a user share a folder, which the last one deletes while another may just be about to use it.
        string folder = Directory.CreateTempSubdirectory("ParallelDsl.Mpi.Tests-").FullName;
        start.Environment["OMPI_MCA_orte_tmpdir_base"] = folder;
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Patience);
            return new Outcome(process.ExitCode, await output, await errors, watch.Elapsed);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException)
            {
                // What was killed may still have something there.
            }
        }
    }
}
