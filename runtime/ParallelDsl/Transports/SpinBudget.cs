using System.Diagnostics;

namespace ParallelDsl.Transports;

/// <summary>How long a call looks again and again for what another rank is about to do, before it sleeps. To wake a sleeping thread takes longer
/// than the other rank's part of a short collective.</summary>
/// <remarks>At first it keeps its processor, where each rank may have one; then it lets other threads run in between.</remarks>
/// <param name="yields">Whether to let other threads run from the start: there are more ranks than processors.</param>
internal struct SpinBudget(bool yields)
{
    private static readonly long Limit = Stopwatch.Frequency / 10_000;
    private static readonly long Alone = Stopwatch.Frequency / 200_000;
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Whether it is time to sleep.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Lets a moment pass; false when it is time to sleep.</summary>
    public bool Once()
    {
        long elapsed = Stopwatch.GetTimestamp() - _start;
        if (yields || elapsed > Alone)
            Thread.Yield();
        else
            Thread.SpinWait(2);
        IsOver = elapsed > Limit;
        return !IsOver;
    }
}
