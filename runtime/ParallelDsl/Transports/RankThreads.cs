using System.Runtime.ExceptionServices;

namespace ParallelDsl.Transports;

/// <summary>A run ended because a rank failed; the inner exception is that rank's.</summary>
public sealed class RankFailedException(int rank, Exception cause) : Exception($"Rank {rank} failed: {cause.Message}", cause)
{
    /// <summary>The rank that failed first. The others ended only as a consequence.</summary>
    public int Rank { get; } = rank;
}

/// <summary>Runs the ranks of an <see cref="InProcessWorld"/>, each on a thread of its own.</summary>
public static class RankThreads
{
    /// <summary>Address space for deep call chains and stack-allocated tiles; only what is touched costs memory.</summary>
    private const int StackBytes = 16 << 20;

    /// <summary>How long all ranks may wait for one another before the run ends with a report.</summary>
    public static TimeSpan DefaultDeadlockTimeout { get; } = TimeSpan.FromSeconds(30);

    /// <summary>Runs a world of the default capacity and waits for its end.</summary>
    /// <inheritdoc cref="Run(InProcessWorld, Action{ITransport}, TimeSpan, CancellationToken)"/>
    public static void Run(int size, Action<ITransport> body, CancellationToken cancellation = default) =>
        Run(InProcessWorld.Create(size), body, DefaultDeadlockTimeout, cancellation);

    /// <summary>
    /// Runs <paramref name="body"/> once on each rank and waits until all have ended. A rank's transport is disposed when its body
    /// ends. The first rank that fails aborts the run, and the others end.
    /// </summary>
    /// <param name="world">The ranks. A world is used for one run.</param>
    /// <param name="body">What each rank does.</param>
    /// <param name="deadlockTimeout">
    /// The run ends with a report of who waits for whom once every rank has waited this long; a rank that computes does not wait.
    /// <see cref="Timeout.InfiniteTimeSpan"/> never ends it, as a body needs that leaves another thread waiting in its transport.
    /// </param>
    /// <param name="cancellation">Aborts the run.</param>
    /// <exception cref="RankFailedException">A rank failed; the inner exception is the first failure.</exception>
    /// <exception cref="TransportException">The ranks wait for one another, or messages were left that nobody received.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static void Run(
        InProcessWorld world, Action<ITransport> body, TimeSpan deadlockTimeout, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (deadlockTimeout != Timeout.InfiniteTimeSpan)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(deadlockTimeout, TimeSpan.Zero);

        var failures = new List<(int Rank, Exception Cause)>();
        using var remaining = new CountdownEvent(world.Size);
        foreach (ITransport transport in world.Transports)
        {
            var thread = new Thread(() => RunRank(world, transport, body, failures, remaining), StackBytes)
            {
                Name = $"rank {transport.Rank}",
                IsBackground = true,
            };
            thread.Start();
        }

        using (cancellation.Register(() => world.Abort(null, new OperationCanceledException(cancellation))))
            Await(world, remaining, deadlockTimeout);

        ThrowFirst(world, failures, cancellation);
        if (world.FindUnreceived() is { } unreceived)
            throw new TransportException(TransportFailure.Deadlock, unreceived);
    }

    /// <summary>Runs <paramref name="body"/> on a thread like those of <see cref="Run(InProcessWorld, Action{ITransport}, TimeSpan, CancellationToken)"/>,
    /// where the other ranks are other processes that do the same. The transport stays open.</summary>
    /// <param name="transport">This process's end of the run.</param>
    /// <param name="body">What the rank does.</param>
    /// <param name="isShared">Whether every rank fails so, alike, and can go on together afterwards; any other failure aborts the run.</param>
    /// <exception cref="RankFailedException">The rank failed; the inner exception says how.</exception>
    public static void RunOwn(ITransport transport, Action<ITransport> body, Func<Exception, bool> isShared)
    {
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    body(transport);
                }
#pragma warning disable CA1031 // Whatever the rank throws is carried to the caller.
                catch (Exception cause)
#pragma warning restore CA1031
                {
                    failure = cause;
                    if (!isShared(cause))
                        transport.Abort(cause);
                }
            },
            StackBytes)
        {
            Name = $"rank {transport.Rank}",
            IsBackground = true,
        };
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new RankFailedException(transport.Rank, failure);
    }

    private static void RunRank(
        InProcessWorld world,
        ITransport transport,
        Action<ITransport> body,
        List<(int Rank, Exception Cause)> failures,
        CountdownEvent remaining)
    {
        try
        {
            body(transport);
        }
#pragma warning disable CA1031 // Whatever a rank throws is carried to the caller of Run.
        catch (Exception cause)
#pragma warning restore CA1031
        {
            lock (failures)
                failures.Add((transport.Rank, cause));
            world.Abort(transport.Rank, cause);
        }
        finally
        {
            transport.Dispose();
            remaining.Signal();
        }
    }

    private static void Await(InProcessWorld world, CountdownEvent remaining, TimeSpan deadlockTimeout)
    {
        if (deadlockTimeout == Timeout.InfiniteTimeSpan)
        {
            remaining.Wait();
            return;
        }

        var interval = TimeSpan.FromMilliseconds(Math.Clamp(deadlockTimeout.TotalMilliseconds / 4, 10, 1_000));
        while (!remaining.Wait(interval))
        {
            if (world.FindDeadlock(deadlockTimeout) is { } report)
                world.Abort(null, new TransportException(TransportFailure.Deadlock, report));
        }
    }

    /// <summary>Throws what went wrong first: a rank's own failure before the abortion, and that before its consequences.</summary>
    private static void ThrowFirst(
        InProcessWorld world, List<(int Rank, Exception Cause)> failures, CancellationToken cancellation)
    {
        foreach ((int rank, Exception cause) in failures)
        {
            if (cause is TransportException { IsConsequence: true })
                continue;
            if (cause is OperationCanceledException && cancellation.IsCancellationRequested)
                throw new OperationCanceledException(cause.Message, cause, cancellation);
            throw new RankFailedException(rank, cause);
        }

        if (world.Aborted is (int aborting, var reason) && !(reason is TransportException { IsConsequence: true }))
            throw new RankFailedException(aborting, reason);
        if (world.Aborted is (null, var ownReason))
            ExceptionDispatchInfo.Throw(ownReason);
        if (failures.Count > 0)
            throw new RankFailedException(failures[0].Rank, failures[0].Cause);
    }
}
