using System.Diagnostics;
using System.Globalization;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>How a run that its user stops ends: ranks save, and nothing stays.</summary>
public sealed class LaunchStopTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LaunchTheory("mpirun", "setsid")]
    [InlineData("INT")]
    [InlineData("QUIT")]
    [InlineData("HUP")]
    public void A_signal_asks_the_ranks_to_end(string signal)
    {
        using Process launch = Start("dotnet", Command());
        try
        {
            Assert.True(LaunchedProgram.HaveCome(_folder.Path, "started", 2));
            Process.Start("kill", [$"-{signal}", launch.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
            Assert.True(launch.WaitForExit(TimeSpan.FromMinutes(1)));
            Assert.Equal(0, launch.ExitCode);
            Assert.True(LaunchedProgram.HaveCome(_folder.Path, "saved", 2));
            Assert.True(LaunchedProgram.AreGone(_folder.Path));
        }
        finally
        {
            launch.Kill(entireProcessTree: true);
        }
    }

    /// <summary>As when a window is closed, or a connection is lost: the terminal is gone, and what is written to it fails.</summary>
    [LaunchFact("mpirun", "setsid", "script")]
    public void A_terminal_that_goes_away_asks_the_ranks_to_end()
    {
        using Process terminal = Start("script", ["-q", "-c", string.Join(' ', Command().Prepend("dotnet")), "/dev/null"]);
        try
        {
            Assert.True(LaunchedProgram.HaveCome(_folder.Path, "started", 2));
            terminal.Kill();
            Assert.True(LaunchedProgram.HaveCome(_folder.Path, "saved", 2));
            Assert.True(LaunchedProgram.AreGone(_folder.Path));
        }
        finally
        {
            terminal.Kill(entireProcessTree: true);
        }
    }

    private string[] Command() => [typeof(CommandLine).Assembly.Location, "launch", "-n", "2", "--unbound", LaunchedProgram.Ranks, "--", "waits", _folder.Path];

    private static Process Start(string program, string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
