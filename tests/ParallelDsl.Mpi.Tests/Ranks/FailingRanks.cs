using ParallelDsl.Memory;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>Jobs that do not end well.</summary>
internal static class FailingRanks
{
    public static int Alone(MpiJob job, MpiTransport transport)
    {
        transport.Send(0, 1, [4]);
        float[] received = new float[1];
        transport.Receive(0, 1, received);
        Console.WriteLine(FormattableString.Invariant($"{job.Rank} of {job.Size}, {job.LocalRank} of {job.LocalSize}: {received[0]}"));
        return 0;
    }

    /// <summary>Rank 2 throws; ranks 0 and 3 wait to receive, rank 1 waits to send.</summary>
    public static int Throw(MpiJob job, MpiTransport transport)
    {
        if (job.Rank == 2)
        {
            Thread.Sleep(300);
            throw new InvalidOperationException("the loss is not a number");
        }

        if (job.Rank == 1)
        {
            for (int message = 0; message < 1_000; message++)
                transport.Send(2, 5, [message]);
        }

        transport.Receive(1, 6, new float[3]);
        return 0;
    }

    /// <summary>Rank 0 fails while rank 1 hears nothing.</summary>
    public static int BeDeaf(MpiJob job, MpiTransport transport)
    {
        job.EndMilliseconds = 1_500;
        Console.WriteLine(FormattableString.Invariant($"process {Environment.ProcessId}"));
        if (job.Rank == 0)
            throw new InvalidOperationException("boom");
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    /// <summary>Rank 1 leaves without a word.</summary>
    public static int Leave(MpiJob job, MpiTransport transport)
    {
        if (job.Rank == 1)
            Environment.Exit(3);
        transport.Receive(1, 6, new float[3]);
        return 0;
    }

    /// <summary>Nobody receives what rank 0 sends.</summary>
    public static int LeaveMessages(MpiJob job, MpiTransport transport, bool toSelf)
    {
        if (job.Rank == 0)
            transport.Send(toSelf ? 0 : 1, 6, new float[3]);
        return 0;
    }

    /// <summary>Rank 0 aborts on one transport while both wait on another.</summary>
    public static int FailOnOneOfTwo(MpiJob job, MpiTransport transport)
    {
        using MpiTransport other = job.Open();
        Thread? failing = null;
        if (job.Rank == 0)
        {
            failing = new Thread(() =>
            {
                Thread.Sleep(200);
                other.Abort(new InvalidOperationException("out of luck"));
            });
            failing.Start();
        }

        try
        {
            transport.Receive(1 - job.Rank, 6, new float[3]);
        }
        finally
        {
            failing?.Join();
        }

        return 0;
    }

    /// <summary>Rank 0 may call the library no more while both wait for each other.</summary>
    public static int Halt(MpiJob job, MpiTransport transport)
    {
        if (job.Rank == 0)
        {
            Thread.Sleep(200);
            lock (job.Progress.Gate)
                job.Progress.Halt("a receive of rank 0 cannot be taken back");
        }

        transport.Receive(1 - job.Rank, 6, new float[3]);
        return 0;
    }

    /// <summary>Rank 0 fails in the middle of a collective that the others enter later: what it lent them is not theirs any more.</summary>
    public static unsafe int Withdraw(MpiJob job, MpiTransport transport)
    {
        const int Length = 300_000;
        using NativeBuffer data = new(Length);
        if (job.Rank > 0)
        {
            Thread.Sleep(1_000);
            transport.Receive(0, 6, data.Span);
            return 0;
        }

        for (int rank = 1; rank < job.Size; rank++)
            transport.Lend(rank, 6, data.Pointer, Length);
        InvalidOperationException cause = new("a sum is lost");
        for (int rank = 1; rank < job.Size; rank++)
            transport.Withdraw(rank, 6, cause);

        // The memory is used again, and what the rank throws is heard of much later.
        data.Span.Fill(float.NaN);
        Thread.Sleep(1_500);
        throw cause;
    }

    /// <summary>What the ranks make of the processors that they have.</summary>
    public static int ShareProcessors(MpiJob job, MpiTransport transport)
    {
        Console.WriteLine(FormattableString.Invariant($"threads {job.ThreadsPerRank}, {(job.Progress.IsCrowded ? "crowded" : "not crowded")}"));
        return 0;
    }

    /// <summary>What is disposed behind the job it belongs to calls nothing.</summary>
    public static int DisposeLate()
    {
        MpiJob job = MpiJob.Join();
        MpiTransport transport = job.Open();
        MpiCommunicator all = job.Split(0, job.Rank);
        job.World.Dispose();
        using (job.Open())
            all.Barrier();
        job.Dispose();
        all.Dispose();
        job.World.Dispose();
        transport.Dispose();
        Console.WriteLine("ended");
        return 0;
    }
}
