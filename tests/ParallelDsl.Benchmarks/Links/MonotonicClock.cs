using System.ComponentModel;
using System.Runtime.InteropServices;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>The machine's monotonic clock in nanoseconds, the same for all processes; waiting for it uses no processor.</summary>
internal static partial class MonotonicClock
{
    private const int Monotonic = 1;
    private const int Absolute = 1;
    private const int Interrupted = 4;
    private const long Second = 1_000_000_000;

    public static long Now => GetTime(Monotonic, out TimeSpecification time) == 0
        ? (time.Seconds * Second) + time.Nanoseconds
        : throw new Win32Exception();

    public static void WaitUntil(long nanoseconds)
    {
        TimeSpecification time = new() { Seconds = nanoseconds / Second, Nanoseconds = nanoseconds % Second };
        int error;
        while ((error = Sleep(Monotonic, Absolute, time, IntPtr.Zero)) == Interrupted)
        {
        }

        if (error != 0)
            throw new Win32Exception(error);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpecification time);

    [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
    private static partial int Sleep(int clock, int flags, in TimeSpecification time, IntPtr remaining);

    private struct TimeSpecification
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
