using System.Diagnostics;

namespace ParallelDsl.Benchmarks;

/// <summary>Seconds of two ways to do the same work, measured in turn so that both see the same disturbances.</summary>
/// <param name="First">Fastest and median time of the first.</param>
/// <param name="Second">Fastest and median time of the second.</param>
internal readonly record struct PairedTiming(Sample First, Sample Second)
{
    /// <summary>How much faster the first is, by the fastest rounds.</summary>
    public double Ratio => Second.Minimum / First.Minimum;

    /// <summary>How much faster the first is, by the median rounds.</summary>
    public double MedianRatio => Second.Median / First.Median;

    public static PairedTiming Measure(int rounds, Action first, Action second)
    {
        for (int i = 0; i < 3; i++)
        {
            first();
            second();
        }
        double[] firstSeconds = new double[rounds];
        double[] secondSeconds = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            firstSeconds[round] = Sample.Time(first);
            secondSeconds[round] = Sample.Time(second);
        }
        return new PairedTiming(Sample.Of(firstSeconds), Sample.Of(secondSeconds));
    }
}

/// <summary>The fastest and the median of several rounds, in seconds.</summary>
internal readonly record struct Sample(double Minimum, double Median)
{
    public static Sample Of(double[] seconds)
    {
        Array.Sort(seconds);
        return new Sample(seconds[0], seconds[seconds.Length / 2]);
    }

    public static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
