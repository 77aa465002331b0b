using System.Globalization;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>What all processors of the machine did since it started, in ticks of the system.</summary>
/// <param name="Busy">Anything: programs, the system, the network's interrupts, other guests.</param>
/// <param name="Total">And nothing.</param>
internal readonly record struct MachineTime(long Busy, long Total)
{
    public static MachineTime Now()
    {
        long[] ticks = [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8)
            .Select(text => long.Parse(text, CultureInfo.InvariantCulture))];
        // The fourth is idle, the fifth waits for disks.
        return new(ticks.Sum() - ticks[3] - ticks[4], ticks.Sum());
    }

    public double ShareSince(MachineTime before) => (Busy - before.Busy) / (double)Math.Max(1, Total - before.Total);
}
