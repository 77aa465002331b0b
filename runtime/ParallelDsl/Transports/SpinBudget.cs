using System.Diagnostics;

namespace ParallelDsl.Transports;

/// <summary>How long a call looks again and again for what another rank is about to do, before it sleeps. To wake a sleeping thread takes longer
/// than the other rank's part of a short collective.</summary>
/// <param name="yields">Whether to let other threads run in between: there are more ranks than processors.</param>
internal struct SpinBudget(bool yields)
{
    private static readonly long Limit = Stopwatch.Frequency / 10_000;
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Whether it is time to sleep.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Lets a moment pass; false when it is time to sleep.</summary>
    public bool Once()
    {
        if (!yields)
            Thread.SpinWait(2);
        else
            Thread.Yield();
        IsOver = Stopwatch.GetTimestamp() - _start > Limit;
        return !IsOver;
    }
}
