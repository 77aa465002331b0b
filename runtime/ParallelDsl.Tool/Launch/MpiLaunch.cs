using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ParallelDsl.Tool.Launch;

/// <summary>A run under Open MPI's launcher, from its start to its end.</summary>
internal static class MpiLaunch
{
    private const string Launcher = "mpirun";

    /// <summary>Where Open MPI keeps what the processes of a run share.</summary>
    private const string SessionFolder = "OMPI_MCA_orte_tmpdir_base";

    /// <summary>Runs it; Ctrl-C stops it, and so does a terminal that goes away.</summary>
    /// <param name="line">How the launcher is called.</param>
    /// <param name="command">The command of a rank.</param>
    /// <param name="output">Standard output of the ranks.</param>
    /// <param name="error">Standard error of the ranks, and what the launcher says.</param>
    /// <returns>The exit code of the rank that failed first, or 0.</returns>
    /// <exception cref="CommandException">There is no launcher.</exception>
    public static int Run(MpiCommandLine line, IReadOnlyList<string> command, TextWriter output, TextWriter error)
    {
        if (SearchPath.Find(Launcher) is not { } launcher)
            throw CommandException.BadInput("mpirun is not on the PATH; install Open MPI (Debian, Ubuntu: apt-get install openmpi-bin)");

        // In a session of its own: Ctrl-C of the terminal reaches this command alone, which passes it on once and in order.
        string[] session = SearchPath.Find("setsid") is { } setsid ? [setsid] : [];
        string[] all = [.. session, launcher, .. line.Arguments(command)];
        ProcessStartInfo start = new(all[0], all[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };

        // Runs of a user share a folder, which one that ends deletes while another may just be about to use it. A path of this machine is no other's.
        if (line.HostFile is not null || start.Environment.ContainsKey(SessionFolder))
            return Run(line, start, output, error);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("paralleldsl-");
        try
        {
            start.Environment[SessionFolder] = folder.FullName;
            return Run(line, start, output, error);
        }
        finally
        {
            Try(() => folder.Delete(recursive: true));
        }
    }

    private static int Run(MpiCommandLine line, ProcessStartInfo start, TextWriter output, TextWriter error)
    {
        using Process process = Process.Start(start)!;
        var stop = new LaunchStop(process, line.HostFile is null, error);

        // That session is why each of them has to be passed on: nothing else would reach the ranks.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop.Ask);
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, stop.Ask);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop.Ask);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, stop.Ask);
        var failed = new FailedRank();
        Task reading = Task.WhenAll(
            Task.Run(() => Relay(process.StandardOutput, new RankOutput(output, error, line.Ranks), failed)),
            Task.Run(() => Relay(process.StandardError, new RankOutput(error, error, line.Ranks), failed)));
        process.WaitForExit();
        reading.Wait();
        if (process.ExitCode != 0 && failed.Describe() is { } description)
            Try(() => error.WriteLine($"launch: {description}"));
        return stop.IsAsked && process.ExitCode == 0 ? 0 : process.ExitCode;
    }

    private static void Relay(StreamReader source, RankOutput target, FailedRank failed)
    {
        while (source.ReadLine() is { } line)
        {
            lock (failed)
                failed.Take(line);
            Try(() => target.Take(line));
        }

        Try(target.End);
    }

    /// <summary>Does what is not worth failing for: writes where there may be no terminal any more, which must not hold up ranks that save before they
    /// end.</summary>
    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is nobody to tell, or something that stays.
        }
    }

    /// <summary>What Ctrl-C does: asks the ranks to end, then the launcher, then ends all at once.</summary>
    private sealed class LaunchStop(Process launcher, bool isLocal, TextWriter error)
    {
        private int _times;

        public bool IsAsked => Volatile.Read(ref _times) > 0;

        public void Ask(PosixSignalContext context)
        {
            context.Cancel = true;
            int times = Interlocked.Increment(ref _times);
            if (times == 1 && isLocal && ChildProcesses.Of(launcher.Id) is { Count: > 0 } ranks)
            {
                Signal("TERM", ranks);
                Task.Delay(TimeSpan.FromSeconds(MpiCommandLine.GraceSeconds)).ContinueWith(_ => Signal("TERM", [launcher.Id]), TaskScheduler.Default);
                Try(() => error.WriteLine("launch: stopping; the ranks may save what they have. Once more to end them now."));
            }
            else if (times <= 2)
            {
                Signal("TERM", [launcher.Id]);
                Try(() => error.WriteLine("launch: stopping. Once more to kill the ranks."));
            }
            else
            {
                launcher.Kill(entireProcessTree: true);
            }
        }

        private void Signal(string name, IReadOnlyList<int> processes)
        {
            if (launcher.HasExited)
                return;
            using Process kill = Process.Start(new ProcessStartInfo(
                "kill", [$"-{name}", .. processes.Select(id => id.ToString(CultureInfo.InvariantCulture))])
            { RedirectStandardError = true })!;
            kill.WaitForExit();
        }
    }
}
