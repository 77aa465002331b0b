using System.Globalization;
using System.Runtime.InteropServices;
using ParallelDsl.Mpi.Native;

namespace ParallelDsl.Mpi;

/// <content>How a job ends, well or badly. A run that was aborted ends in time: calls that wait throw at once, and a rank that does not hear of
/// it, because it computes or hangs, is ended by Open MPI after <see cref="EndMilliseconds"/>.</content>
public sealed partial class MpiJob
{
    /// <summary>How long an ended rank waits for the others after an abortion, so that each can say what it was doing.</summary>
    private const int FarewellMilliseconds = 2_000;

    private const int WatchMilliseconds = 100;

    /// <summary>Set by <c>paralleldsl launch</c> where it asks the ranks itself: seconds that a program has to end well.</summary>
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
        foreach (MpiTransport transport in _transports)
            transport.Dispose();

        // The library waits for the others in a busy loop; others may still have much to do.
        bool finalize = AwaitOthers();
        Progress.Dispose();
        _termination.Dispose();
        if (finalize)
            _ = LibMpi.Finalize();
    }

    /// <summary>From now on the run has to end.</summary>
    internal void EndSoon()
    {
        if (_endAt == long.MaxValue)
            _endAt = Environment.TickCount64 + EndMilliseconds;
    }

    /// <summary>Open MPI failed: every call ends.</summary>
    internal void Fail(MpiException exception)
    {
        foreach (MpiTransport transport in _transports)
            transport.StopFor(Rank, $"rank {Rank} aborted the run: {exception.Message}", _ => false);
        EndSoon();
    }

    /// <summary>Looks at what no message tells. Under the lock.</summary>
    internal void Watch()
    {
        long now = Environment.TickCount64;
        if (now >= _endAt)
            Kill();
        if (now >= _terminateAt)
            Terminate();
        if (now < _nextWatch)
            return;
        _nextWatch = now + WatchMilliseconds;
        RankProcess own = _processes[Rank];
        for (int rank = 0; rank < Size; rank++)
        {
            RankProcess process = _processes[rank];
            if (rank == Rank || process.Machine != own.Machine || process.Exists)
                continue;
            foreach (MpiTransport transport in _transports)
            {
                if (transport.HasEnded(rank))
                    continue;
                _hasDeadRank = true;
                transport.StopFor(
                    rank,
                    string.Create(CultureInfo.InvariantCulture, $"rank {rank} has died: its process {process.Id} is gone, and it did not say why"),
                    other => _processes[other].Machine != own.Machine);
            }
        }
    }

    /// <summary>Waits until every rank has ended.</summary>
    /// <returns>Whether the library can be left in order: no rank is missing.</returns>
    private bool AwaitOthers()
    {
        lock (Progress.Gate)
        {
            long farewell = Environment.TickCount64 + FarewellMilliseconds;
            var backoff = new Backoff(Progress.IsCrowded);
            while (!_transports.TrueForAll(transport => transport.HaveOthersEnded))
            {
                bool aborted = _transports.Exists(transport => transport.IsAborted);
                if (_hasDeadRank || (aborted && Environment.TickCount64 > farewell))
                    return false;
                Progress.Await(ref backoff);
            }

            Progress.Leave();
            foreach (MpiTransport transport in _transports)
                transport.StopHearing();
            return true;
        }
    }

    /// <summary>A launcher asks every rank to end when one has died, and when its user stops the run. What the program does about the latter is its
    /// own affair and may take its time; a rank that waits for one that is gone must not.</summary>
    private void AskToEnd(PosixSignalContext context)
    {
        context.Cancel = true;
        bool isGiven = int.TryParse(Environment.GetEnvironmentVariable(GraceVariable), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds);
        long grace = isGiven ? seconds * 1_000L : DefaultGraceMilliseconds;
        lock (Progress.Gate)
            _terminateAt = Math.Min(_terminateAt, Environment.TickCount64 + grace);
    }

    private void Terminate()
    {
        _terminateAt = long.MaxValue;
        string text = $"rank {Rank} was asked to end (SIGTERM), as the launcher does when another rank has died or the run is stopped";
        foreach (MpiTransport transport in _transports)
            transport.StopFor(Rank, text, _ => false);
        EndSoon();
    }

    private void Kill()
    {
        _endAt = long.MaxValue;
        Console.Error.WriteLine($"Rank {Rank} has not ended {EndMilliseconds} ms after the run was aborted: Open MPI ends the job.");
        _ = LibMpi.Abort(_world, 1);
        Environment.Exit(1);
    }
}
