using System.Globalization;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Bytes of the interfaces of this process's network, as the system counts them.</summary>
internal static class InterfaceCounters
{
    /// <summary>Bytes out of and into each interface.</summary>
    public static Dictionary<string, (long Out, long In)> Read()
    {
        Dictionary<string, (long, long)> counters = [];
        foreach (string line in File.ReadAllLines("/proc/self/net/dev").Skip(2))
        {
            string[] halves = line.Split(':');
            string[] numbers = halves[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            counters[halves[0].Trim()] = (long.Parse(numbers[8], CultureInfo.InvariantCulture), long.Parse(numbers[0], CultureInfo.InvariantCulture));
        }

        return counters;
    }
}

/// <summary>How long interfaces were busy, seen by looking at their counters every few milliseconds on a thread of its own.</summary>
internal sealed class InterfaceWatch : IDisposable
{
    private const int PeriodMilliseconds = 5;

    private readonly LinkFabric _fabric;
    private readonly LinkEnd[] _links;
    private readonly Thread _thread;
    private readonly double[] _busy;
    private volatile bool _ends;

    public InterfaceWatch(LinkFabric fabric, int rank)
    {
        _fabric = fabric;
        _links = [.. fabric.Links().Where(link => link.Rank == rank)];
        _busy = new double[_links.Length];
        _thread = new Thread(Watch) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends it: seconds in which each link carried more than half of what it can.</summary>
    public Dictionary<string, double> End()
    {
        Dispose();
        return _links.Zip(_busy).ToDictionary(pair => pair.First.ToString(), pair => pair.Second);
    }

    public void Dispose()
    {
        _ends = true;
        _thread.Join();
    }

    private void Watch()
    {
        Dictionary<string, (long Out, long In)> before = InterfaceCounters.Read();
        long then = MonotonicClock.Now;
        while (!_ends)
        {
            Thread.Sleep(PeriodMilliseconds);
            Dictionary<string, (long Out, long In)> after = InterfaceCounters.Read();
            long now = MonotonicClock.Now;
            for (int i = 0; i < _links.Length; i++)
            {
                LinkEnd link = _links[i];
                long bytes = link.IsOut ? after[link.Interface].Out - before[link.Interface].Out : after[link.Interface].In - before[link.Interface].In;
                double possible = _fabric.MegabitsOf(link) * 1e6 / 8 * (now - then) / 1e9;
                if (bytes > possible / 2)
                    _busy[i] += (now - then) / 1e9;
            }

            (before, then) = (after, now);
        }
    }
}
