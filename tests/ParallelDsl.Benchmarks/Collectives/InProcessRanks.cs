using System.Collections.Concurrent;
using ParallelDsl.Collectives;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>The ranks of our side, threads of this process. Between cases they sleep.</summary>
internal sealed class InProcessRanks : IDisposable
{
    private readonly BlockingCollection<CollectiveCase>[] _cases;
    private readonly BlockingCollection<double> _seconds = [];
    private readonly Thread _run;

    /// <summary>Starts them.</summary>
    public InProcessRanks(int size)
    {
        _cases = [.. Enumerable.Range(0, size).Select(_ => new BlockingCollection<CollectiveCase>())];
        _run = new Thread(() => RankThreads.Run(
            InProcessWorld.Create(size),
            transport =>
            {
                Dictionary<CollectiveAlgorithm, ProcessGroup> groups = CollectiveVectors.Groups(transport);
                using CollectiveVectors vectors = new();
                foreach (CollectiveCase item in _cases[transport.Rank].GetConsumingEnumerable())
                    _seconds.Add(vectors.Time(item, timed => vectors.Run(groups[item.Algorithm], timed), groups[item.Algorithm].Barrier));
            },
            Timeout.InfiniteTimeSpan));
        _run.Start();
    }

    /// <summary>Seconds of one operation, on the slowest rank.</summary>
    public double Time(CollectiveCase item)
    {
        foreach (BlockingCollection<CollectiveCase> cases in _cases)
            cases.Add(item);
        return _cases.Max(_ => _seconds.Take());
    }

    public void Dispose()
    {
        foreach (BlockingCollection<CollectiveCase> cases in _cases)
            cases.CompleteAdding();
        _run.Join();
        _seconds.Dispose();
    }
}
