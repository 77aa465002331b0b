using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

/// <summary>All ends of one run, in this process.</summary>
public sealed class RankWorld(IReadOnlyList<ITransport> transports, Func<int> countWaiting) : IDisposable
{
    public IReadOnlyList<ITransport> Transports => transports;

    /// <summary>The calls that wait to receive.</summary>
    public int CountWaiting() => countWaiting();

    public void Dispose()
    {
        // At the same time, as ranks end: each waits until the others have read what it sent.
        Thread[] threads = [.. transports.Select(transport => new Thread(transport.Dispose))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
    }
}
