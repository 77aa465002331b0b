using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Takes the measures of a <see cref="Timeline"/> from timed programs.</summary>
internal static class TimelineMeasures
{
    /// <summary>The timeline of <paramref name="timed"/>, which it keeps.</summary>
    /// <param name="timed">For each device its actions, those that compute in order of time and one after another.</param>
    /// <param name="peakUnitsInFlight">What each device holds at most.</param>
    /// <exception cref="OverflowException">A sum leaves 64 bits.</exception>
    public static Timeline Of(TimedAction[][] timed, int[] peakUnitsInFlight)
    {
        int devices = timed.Length;
        long[] work = new long[devices], warmUp = new long[devices], residual = new long[devices], coolDown = new long[devices];
        long makespan = 0, span = 0, firstBackward = long.MaxValue, lastForward = 0;
        for (int device = 0; device < devices; device++)
        {
            long first = -1, last = 0, sum = 0;
            foreach (TimedAction each in timed[device])
            {
                if (!each.Action.IsCompute)
                    continue;
                if (first < 0)
                    first = each.Start;
                last = each.End;
                sum += each.End - each.Start;
                if (each.Action.Kind == ActionKind.Forward)
                    lastForward = Math.Max(lastForward, each.End);
                else
                    firstBackward = Math.Min(firstBackward, each.Start);
            }

            work[device] = sum;
            makespan = Math.Max(makespan, last);
            span = Math.Max(span, last - Math.Max(first, 0));
        }

        // So that the three parts do not overlap, whatever is missing.
        firstBackward = Math.Min(firstBackward, makespan);
        lastForward = Math.Max(lastForward, firstBackward);
        for (int device = 0; device < devices; device++)
        {
            warmUp[device] = firstBackward - WorkBefore(timed[device], firstBackward);
            coolDown[device] = makespan - lastForward - WorkAfter(timed[device], lastForward);
            residual[device] = makespan - work[device] - warmUp[device] - coolDown[device];
        }

        return new Timeline(
            makespan, span, Devices(timed), new(work), new(warmUp), new(residual), new(coolDown), new(peakUnitsInFlight));
    }

    private static long WorkBefore(TimedAction[] timed, long tick)
    {
        long work = 0;
        for (int i = 0; i < timed.Length; i++)
        {
            if (!timed[i].Action.IsCompute)
                continue;
            if (timed[i].Start >= tick)
                break;
            work += Math.Min(timed[i].End, tick) - timed[i].Start;
        }

        return work;
    }

    private static long WorkAfter(TimedAction[] timed, long tick)
    {
        long work = 0;
        for (int i = timed.Length - 1; i >= 0; i--)
        {
            if (!timed[i].Action.IsCompute)
                continue;
            if (timed[i].End <= tick)
                break;
            work += timed[i].End - Math.Max(timed[i].Start, tick);
        }

        return work;
    }

    private static EquatableArray<EquatableArray<TimedAction>> Devices(TimedAction[][] timed)
    {
        var devices = new EquatableArray<TimedAction>[timed.Length];
        for (int device = 0; device < devices.Length; device++)
            devices[device] = new(timed[device]);
        return new(devices);
    }
}
