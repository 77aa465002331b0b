using System.Globalization;
using System.Security.Cryptography;

namespace TrainGpt.Tests;

/// <summary>Eight processes train what eight threads train, bit for bit.</summary>
public sealed class MpiTests(Workspace workspace) : IClassFixture<Workspace>
{
    private static readonly string[] Launcher = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n"];

    [MpiFact]
    public async Task Eight_processes_train_as_eight_threads_do()
    {
        string threads = workspace.NewFolder("threads"), processes = workspace.NewFolder("processes");
        string[] options = ["--steps", "2", "--text", workspace.TextFolder];
        Outcome expected = await TrainGptProcess.Run([.. options, "--output", threads, "--json", Path.Combine(threads, "figures.json")]);
        Outcome outcome = await Launch(8, [.. options, "--output", processes, "--json", Path.Combine(processes, "figures.json")]);
        Assert.True(outcome.ExitCode == 0 && expected.ExitCode == 0, outcome.ToString());

        Figures one = Figures.Read(Path.Combine(threads, "figures.json")), many = Figures.Read(Path.Combine(processes, "figures.json"));
        Assert.Equal(one.Losses, many.Losses);
        Assert.Equal(one.GradientNorms, many.GradientNorms);
        Assert.Equal(one.HeldOutLoss, many.HeldOutLoss);
        Assert.Equal(Checkpoint(threads), Checkpoint(processes));

        // One rank speaks.
        Assert.Single(outcome.Output.Split('\n'), line => line.StartsWith("trained ", StringComparison.Ordinal));
        Assert.Single(outcome.ErrorLines, line => line.StartsWith("training: step 1/2", StringComparison.Ordinal));
        Assert.Contains("equal", outcome.Line("parity"), StringComparison.Ordinal);

        // And the processes go on from what they wrote, as the threads do.
        string[] resumed = ["--steps", "3", "--text", workspace.TextFolder];
        string again = workspace.NewFolder("again"), json = Path.Combine(again, "figures.json");
        Outcome rest = await Launch(8, [.. resumed, "--resume", Path.Combine(processes, "checkpoints"), "--output", again, "--json", json]);
        Assert.True(rest.ExitCode == 0, rest.ToString());
        string whole = workspace.NewFolder("whole"), wholeJson = Path.Combine(whole, "figures.json");
        Assert.Equal(0, (await TrainGptProcess.Run([.. resumed, "--resume", Path.Combine(threads, "checkpoints"), "--output", whole, "--json", wholeJson])).ExitCode);
        Assert.Equal(Figures.Read(wholeJson).Losses, Figures.Read(json).Losses);
    }

    [MpiFact]
    public async Task Another_number_of_processes_than_the_plan_has_is_refused_once()
    {
        Outcome outcome = await Launch(2, ["--steps", "1", "--output", workspace.NewPath("output")]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Single(outcome.ErrorLines, line => line.StartsWith("--ranks is 8, but 2 processes were started", StringComparison.Ordinal));
    }

    [MpiFact]
    public async Task Ctrl_C_ends_all_processes()
    {
        string output = workspace.NewFolder("output");
        Outcome outcome = await TrainGptProcess.InterruptCommand(
            [.. Launcher, "8", .. TrainGptProcess.Command, "--transport", "mpi", "--steps", "500", "--text", workspace.TextFolder, "--output", output]);
        Assert.DoesNotContain("held out", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _)), folder => CommandOf(folder).Contains(output, StringComparison.Ordinal));
    }

    private static Task<Outcome> Launch(int processes, string[] options) => TrainGptProcess.RunCommand(
        [.. Launcher, processes.ToString(CultureInfo.InvariantCulture), .. TrainGptProcess.Command, "--transport", "mpi", .. options]);

    /// <summary>Names and contents of the files of the only checkpoint.</summary>
    private static List<(string Name, string Hash)> Checkpoint(string output) =>
        [.. Directory.GetFiles(Assert.Single(Directory.GetFileSystemEntries(Path.Combine(output, "checkpoints")))).Order(StringComparer.Ordinal)
            .Select(file => (Path.GetFileName(file), Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))))];

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }
}

/// <summary>A test that needs Open MPI's launcher. Skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MpiFactAttribute : FactAttribute
{
    public MpiFactAttribute()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "mpirun"))))
            Skip = "There is no mpirun here: apt-get install openmpi-bin";
    }
}
