namespace ParallelDsl.Benchmarks.Measured;

/// <summary>The middle of measured times: what a few disturbed ones do not move.</summary>
internal static class Median
{
    public static long Of(IEnumerable<long> values)
    {
        long[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
