using System.Runtime.InteropServices;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>What tests of the command launch start.</summary>
internal static class LaunchedRanks
{
    /// <summary>Says which rank of how many this is, and on which node of Slurm.</summary>
    public static int SayWhere(MpiJob job, MpiTransport transport)
    {
        float[] ranks = [1];
        job.World.AllReduce(ranks);
        Console.WriteLine(FormattableString.Invariant($"rank {job.Rank} of {ranks[0]} at {Environment.GetEnvironmentVariable("SLURMD_NODENAME")}"));
        return 0;
    }

    /// <summary>Says which processors this rank may run on.</summary>
    public static int SayProcessors(MpiJob job, MpiTransport transport)
    {
        string allowed = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        Console.WriteLine(FormattableString.Invariant($"rank {job.Rank} {allowed}"));
        return 0;
    }

    /// <summary>Works until it is asked to end, then takes longer than an impatient launcher waits, and leaves a file.</summary>
    public static int WaitUntilAsked(MpiJob job, string folder)
    {
        using var asked = new ManualResetEventSlim();
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            asked.Set();
        });
        File.WriteAllText(Path.Combine(folder, $"started-{job.Rank}"), FormattableString.Invariant($"{Environment.ProcessId}"));
        if (!asked.Wait(TimeSpan.FromMinutes(2)))
            return 4;
        Thread.Sleep(2_000);
        job.World.Barrier();
        File.WriteAllText(Path.Combine(folder, $"saved-{job.Rank}"), "");
        return 0;
    }
}
