using System.Globalization;
using System.Runtime.InteropServices;
using ParallelDsl.Mpi.Native;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <content>How a job ends, well or badly. A run that was aborted ends in time: calls that wait throw at once, and a rank that does not hear of
/// it, because it computes or hangs, is ended by Open MPI after <see cref="EndMilliseconds"/>.</content>
public sealed partial class MpiJob
{
    /// <summary>How long an ended rank waits for the others after an abortion, so that each can say what it was doing.</summary>
    private const int FarewellMilliseconds = 2_000;

    private const int WatchMilliseconds = 100;

    /// <summary>How long a call of the library may have the lock before it counts as stuck.</summary>
    private const int StuckMilliseconds = 250;

    /// <summary>Set by <c>paralleldsl launch</c> where it asks the ranks itself, and in its scripts for Slurm: seconds that a program has to end
    /// well.</summary>
    private const string GraceVariable = "PARALLELDSL_GRACE_SECONDS";

    /// <summary>Half of the second that mpirun leaves between asking and killing.</summary>
    private const int DefaultGraceMilliseconds = 500;

    private long _nextWatch;
    private long _endAt = long.MaxValue;
    private long _terminateAt = long.MaxValue;
    private bool _hasDeadRank;

    /// <summary>How long after an abortion ranks may live.</summary>
    internal int EndMilliseconds { get; set; } = 10_000;

    /// <summary>Closes the transports, waits for the other ranks and leaves the job.</summary>
    public void Dispose()
    {
        if (_isEnded)
            return;
        _isEnded = true;
        MpiTransport[] open;
        lock (Progress.Gate)
            open = _transports;
        foreach (MpiTransport transport in open)
            transport.Dispose();

        // The library waits for the others in a busy loop; others may still have much to do.
        bool finalize = AwaitOthers();
        Progress.Dispose();
        _termination.Dispose();
        if (finalize)
            _ = LibMpi.Finalize();
    }

    /// <summary>Why the run was aborted, by this rank or another one; null where it was not.</summary>
    internal Abortion? Abortion { get; private set; }

    /// <summary>Whether it was.</summary>
    internal bool IsAborted => Abortion is not null;

    /// <summary>Transports whose communicators are not freed.</summary>
    internal int CountOpen()
    {
        lock (Progress.Gate)
            return _transports.Length;
    }

    /// <summary>Throws where the run was aborted.</summary>
    /// <param name="call">What this rank was doing.</param>
    /// <exception cref="TransportException">It was.</exception>
    internal void ThrowIfAborted(string call)
    {
        if (Abortion is { } abortion)
            throw new TransportException(TransportFailure.Aborted, $"Rank {Rank} cannot end its {call}: {abortion.Text}", abortion.Cause);
    }

    /// <summary>Ends every call on every transport of this rank. The first abortion stays. Under the lock.</summary>
    /// <param name="abortion">What calls throw from now on.</param>
    /// <param name="isToTell">The ranks that cannot know of it by themselves.</param>
    internal void Stop(Abortion abortion, Func<int, bool> isToTell)
    {
        if (Abortion is not null)
            return;
        Abortion = abortion;
        _endAt = Environment.TickCount64 + EndMilliseconds;
        foreach (MpiTransport transport in _transports)
            transport.Tell(new ControlMessage(IsAbort: true, abortion.Rank, abortion.Text), isToTell);
        Progress.Leave();
    }

    /// <summary>The same, because of another rank or of what is outside the job.</summary>
    internal void StopFor(int rank, string text, Func<int, bool> isToTell) => Stop(new Abortion(rank, text, Cause: null), isToTell);

    /// <summary>Open MPI failed, or may not be called any more.</summary>
    internal void Fail(string text) => StopFor(Rank, $"rank {Rank} aborted the run: {text}", _ => true);

    /// <summary>Looks at what no message tells. Under the lock.</summary>
    internal void Watch()
    {
        long now = Environment.TickCount64;
        if (now >= _endAt)
            Kill();
        if (now >= Interlocked.Read(ref _terminateAt))
            Terminate();
        if (now < _nextWatch)
            return;
        _nextWatch = now + WatchMilliseconds;
        foreach (MpiTransport transport in _transports)
        {
            if (transport.TryRetire())
                _transports = Array.FindAll(_transports, other => other != transport);
        }

        StopForDead();
    }

    private void StopForDead()
    {
        if (FindDead() is not { } dead)
            return;
        _hasDeadRank = true;
        StopFor(dead.Rank, dead.Text, other => _processes[other].Machine != _processes[Rank].Machine);
    }

    /// <summary>A rank of this machine that is gone without a word.</summary>
    private (int Rank, string Text)? FindDead()
    {
        for (int rank = 0; rank < Size; rank++)
        {
            RankProcess process = _processes[rank];
            if (rank == Rank || process.Machine != _processes[Rank].Machine || process.Exists)
                continue;
            if (_transports.Length == 0 || !Array.TrueForAll(_transports, transport => transport.HasEnded(rank)))
                return (rank, string.Create(CultureInfo.InvariantCulture, $"rank {rank} has died: its process {process.Id} is gone, and it did not say why"));
        }

        return null;
    }

    /// <summary>Waits until every rank has ended.</summary>
    /// <returns>Whether the library can be left in order: no rank is missing.</returns>
    private bool AwaitOthers()
    {
        lock (Progress.Gate)
        {
            long farewell = Environment.TickCount64 + FarewellMilliseconds;
            Backoff backoff = Progress.BeginWait();
            while (!Array.TrueForAll(_transports, transport => transport.HaveOthersEnded))
            {
                if (_hasDeadRank || (IsAborted && Environment.TickCount64 > farewell))
                    return false;
                Progress.Await(ref backoff);
            }

            Progress.Leave();
            foreach (MpiTransport transport in _transports)
                transport.StopHearing();
            return !_hasDeadRank && !Progress.IsHalted;
        }
    }

    /// <summary>A launcher asks every rank to end when one has died, and when its user stops the run. What the program does about the latter is its
    /// own affair and may take its time; a rank that waits for one that is gone must not.</summary>
    private void AskToEnd(PosixSignalContext context)
    {
        context.Cancel = true;
        bool isGiven = int.TryParse(Environment.GetEnvironmentVariable(GraceVariable), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds);
        long grace = isGiven ? seconds * 1_000L : DefaultGraceMilliseconds;

        // The first counts. Without the lock: this must not wait for a call of the library.
        if (Interlocked.CompareExchange(ref _terminateAt, Environment.TickCount64 + grace, long.MaxValue) != long.MaxValue)
            return;
        Thread watch = new(() => EndIfStuck(grace)) { Name = $"end of rank {Rank}", IsBackground = true };
        watch.Start();
    }

    /// <summary>The library may not return from a call: over TCP it reports a connection that broke to the launcher, which may not answer while it
    /// ends the job. Then the last word is said without the lock that the call has, and soon, before the launcher kills. The process goes on, for the
    /// program may have something to save, until its time is over as after any abortion.</summary>
    private void EndIfStuck(long grace)
    {
        long end = Environment.TickCount64 + Math.Max(grace, EndMilliseconds);
        bool isSaid = false;

        // Looked for at once: soon other ranks end so too.
        (int Rank, string Text)? dead = FindDead();
        while (true)
        {
            if (Monitor.TryEnter(Progress.Gate, StuckMilliseconds))
            {
                Monitor.Exit(Progress.Gate);
            }
            else
            {
                dead ??= FindDead();
                bool isOver = Environment.TickCount64 > end;
                if (!isSaid && (isOver || IsAborted || dead is not null))
                {
                    SayLastWord(dead);
                    isSaid = true;
                }

                if (isOver)
                    LibC.ExitNow(1);
            }

            Thread.Sleep(WatchMilliseconds);
        }
    }

    private void SayLastWord((int Rank, string Text)? dead)
    {
        string? what = _transports.Select(transport => transport.DescribeWaiting()).FirstOrDefault(call => call is not null);

        // Of what has thrown already the program has said why.
        if (what is not null || !IsAborted)
            Console.Error.WriteLine($"{what ?? $"Rank {Rank} cannot go on"}: {Abortion?.Text ?? dead?.Text ?? $"Open MPI does not return from a call, and rank {Rank} was asked to end (SIGTERM)"}");
    }

    private void Terminate()
    {
        Interlocked.Exchange(ref _terminateAt, long.MaxValue);
        StopForDead();
        StopFor(Rank, $"rank {Rank} was asked to end (SIGTERM), as the launcher does when another rank has died or the run is stopped", _ => false);
    }

    private void Kill()
    {
        _endAt = long.MaxValue;
        Console.Error.WriteLine($"Rank {Rank} has not ended {EndMilliseconds} ms after the run was aborted: Open MPI ends the job.");
        _ = LibMpi.Abort(_world, 1);
        Environment.Exit(1);
    }
}
