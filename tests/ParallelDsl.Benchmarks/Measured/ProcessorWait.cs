using System.Globalization;

namespace ParallelDsl.Benchmarks.Measured;

/// <summary>What the kernel says about the calling thread and the machine; 0 where it says nothing.</summary>
internal static class ProcessorWait
{
    /// <summary>Nanoseconds that the calling thread was ready to run and had no processor, since its start.</summary>
    public static long OfThisThread()
    {
        const string Path = "/proc/thread-self/schedstat";
        return File.Exists(Path) ? long.Parse(File.ReadAllText(Path).Split(' ')[1], CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>The mean number of tasks that ran or were ready to over the last minute.</summary>
    public static double MachineLoad()
    {
        const string Path = "/proc/loadavg";
        return File.Exists(Path) ? double.Parse(File.ReadAllText(Path).Split(' ')[0], CultureInfo.InvariantCulture) : 0;
    }
}
