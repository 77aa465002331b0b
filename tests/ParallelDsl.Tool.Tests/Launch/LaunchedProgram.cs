using System.Diagnostics;
using System.Globalization;

namespace ParallelDsl.Tool.Tests.Launch;

/// <summary>What launch starts in tests, and what it leaves in a folder.</summary>
internal static class LaunchedProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>The program of the tests of ParallelDsl.Mpi, which lies beside these tests.</summary>
    public static string Ranks { get; } = typeof(LaunchedProgram).Assembly.Location.Replace("ParallelDsl.Tool.Tests", "ParallelDsl.Mpi.Tests", StringComparison.Ordinal);

    public static bool Await(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Patience)
        {
            if (condition())
                return true;
            Thread.Sleep(100);
        }

        return condition();
    }

    /// <summary>Whether so many ranks that wait to be asked have come as far as <paramref name="stage"/>.</summary>
    public static bool HaveCome(string folder, string stage, int ranks) => Await(() => Directory.GetFiles(folder, stage + "-*").Length == ranks);

    /// <summary>Whether none of those that have started is left.</summary>
    public static bool AreGone(string folder) => Await(() => Directory.GetFiles(folder, "started-*").All(file => !IsAlive(int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture))));

    private static bool IsAlive(int process)
    {
        try
        {
            // Z: it has ended, and nobody has asked how.
            string status = File.ReadAllText($"/proc/{process}/stat");
            return status[status.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
