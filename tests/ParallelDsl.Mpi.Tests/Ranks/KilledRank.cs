using System.Diagnostics;
using ParallelDsl.Collectives;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>Collectives of long vectors, one after the other, until a rank is killed in the middle of one.</summary>
internal static class KilledRank
{
    private const int Victim = 2;

    /// <summary>8 MB: every collective takes many messages, and far longer than what comes between two of them.</summary>
    private const int Floats = 2_000_000;

    /// <summary>Long enough for a few of them.</summary>
    private const int LongestDelayMilliseconds = 100;

    /// <summary>Those of <see cref="ProcessGroup"/>.</summary>
    public static int InGroup(MpiJob job, MpiTransport transport, CollectiveAlgorithm algorithm, string operation)
    {
        ProcessGroup group = new(transport, [.. Enumerable.Range(0, job.Size)], context: 0, GroupPlans.Of(algorithm));
        float[] all = new float[Floats], own = new float[Floats / job.Size], other = new float[Floats];
        int[] counts = [.. Enumerable.Repeat(own.Length, job.Size)];
        return Repeat(job, operation switch
        {
            "all-reduce" => () => group.AllReduce(all),
            "reduce-scatter" => () => group.ReduceScatter(all, own),
            "all-gather" => () => group.AllGather(own, all),
            "broadcast" => () => group.Broadcast(all, root: 1),
            "all-to-all" => () => group.AllToAll(all, counts, other, counts),
            "barrier" => group.Barrier,
            _ => throw new ArgumentException($"There is no collective '{operation}'."),
        });
    }

    /// <summary>Those of the library.</summary>
    public static int InLibrary(MpiJob job, string operation)
    {
        float[] all = new float[Floats], other = new float[Floats];
        return Repeat(job, operation switch
        {
            "MPI all-reduce" => () => job.World.AllReduce(all),
            "MPI all-to-all" => () => job.World.AllToAll(all, other),
            "MPI barrier" => job.World.Barrier,
            _ => throw new ArgumentException($"There is no collective '{operation}'."),
        });
    }

    private static int Repeat(MpiJob job, Action collective)
    {
        Console.WriteLine(FormattableString.Invariant($"process {Environment.ProcessId}"));

        // The first one shows that all have come, and takes longer than those that follow.
        collective();
        if (job.Rank == Victim)
            new Thread(KillSoon).Start();
        while (true)
            collective();
    }

    /// <summary>From a thread of its own: the rank is wherever it happens to be then.</summary>
    private static void KillSoon()
    {
        int delay = Random.Shared.Next(LongestDelayMilliseconds);
        Console.WriteLine(FormattableString.Invariant($"killed {delay} ms after the first collective"));
        Thread.Sleep(delay);
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
