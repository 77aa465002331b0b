using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Plans;

/// <summary>A simulated step cut into equal spans of time, for drawings that have fewer places than the step has actions.</summary>
public static class TimelineSpans
{
    /// <summary>What a device computes in each span: the action that fills most of it, or null where it is idle for more than half.</summary>
    /// <param name="actions">The actions of one device in order of time.</param>
    /// <param name="makespan">Ticks of the whole step, over 0.</param>
    /// <param name="count">How many spans, over 0 and at most <paramref name="makespan"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not in that range.</exception>
    public static IReadOnlyList<PipelineAction?> Of(EquatableArray<TimedAction> actions, long makespan, int count)
    {
        if (count <= 0 || count > makespan)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"Between 1 and the makespan, {makespan}.");

        var busy = new long[count];
        var longest = new long[count];
        var spans = new PipelineAction?[count];
        int first = 0;
        foreach (TimedAction timed in actions)
        {
            if (!timed.Action.IsCompute || timed.End <= timed.Start)
                continue;
            while (first < count - 1 && Boundary(first + 1) <= timed.Start)
                first++;
            for (int i = first; i < count && Boundary(i) < timed.End; i++)
            {
                long overlap = Math.Min(timed.End, Boundary(i + 1)) - Math.Max(timed.Start, Boundary(i));
                busy[i] += overlap;
                if (overlap <= longest[i])
                    continue;
                longest[i] = overlap;
                spans[i] = timed.Action;
            }
        }

        for (int i = 0; i < count; i++)
        {
            if (busy[i] < Boundary(i + 1) - Boundary(i) - busy[i])
                spans[i] = null;
        }

        return spans;

        // makespan * index / count without leaving 64 bits.
        long Boundary(int index) => (makespan / count * index) + (makespan % count * index / count);
    }
}
