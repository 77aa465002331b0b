using System.Diagnostics;
using ParallelDsl.Mpi.Native;

namespace ParallelDsl.Mpi;

/// <summary>How a call that waits spends the time between two looks. The library can only be asked, not waited for without a busy loop, so:
/// a moment without a pause, then giving way to others, then sleeping, longer the longer it lasts.</summary>
/// <param name="patience">The moment, in microseconds.</param>
internal struct Backoff(int patience)
{
    private static readonly long TicksPerMicrosecond = Math.Max(1, Stopwatch.Frequency / 1_000_000);

    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Whether it was already looked once.</summary>
    public bool HasLooked { get; set; }

    /// <summary>Lets some time pass.</summary>
    public readonly void Pause()
    {
        long microseconds = (Stopwatch.GetTimestamp() - _start) / TicksPerMicrosecond;
        if (microseconds < patience)
            return;
        if (microseconds < 500)
            Thread.Yield();
        else
            LibC.SleepMicroseconds(microseconds < 10_000 ? 50u : microseconds < 100_000 ? 100u : 250u);
    }
}
