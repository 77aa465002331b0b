using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace ParallelDsl.Kernels;

/// <summary>
/// A fixed team of threads that does the parts of a kernel. The caller is one of the team. Idle workers spin briefly and then block, so
/// that the teams of many ranks can share the cores. A team serves one caller at a time.
/// </summary>
public sealed unsafe class ThreadTeam : IDisposable
{
    // About 20 microseconds of spinning and yielding: longer than the gap between two kernels, shorter than what a scheduler minds.
    private const int SpinsBeforeBlocking = 30;

    // About 10 microseconds of one thread.
    private const long SmallestSharedWork = 1024 * 1024;

    private readonly Thread[] _workers;
    private readonly object _gate = new();

    // The job: the work and how to call it. Read only after a part was claimed, for until that part is done the job cannot change.
    private void* _work;
    private delegate*<void*, int, void> _invoke;
    private int _parts;

    // Low half: parts nobody claimed yet. High half: number of the job, so that a claim never succeeds on a later job by accident.
    private long _claims;
    private int _unfinished;
    private int _busy;
    private volatile bool _callerBlocks;
    private volatile bool _disposed;
    private Exception? _failure;

    /// <summary>Starts a team.</summary>
    /// <param name="threads">Number of threads, the caller included; 1 starts none and runs every part inline.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is less than 1.</exception>
    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(WorkUntilDisposed) { IsBackground = true, Name = $"ParallelDsl kernel thread {i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Number of threads, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Calls <c>work.Run(part)</c> once for every part from 0 to <paramref name="parts"/> - 1 and returns when all are done.</summary>
    /// <typeparam name="TWork">The work; a struct, so that nothing is allocated.</typeparam>
    /// <param name="work">The work. Every part sees one shared copy of it.</param>
    /// <param name="parts">Number of parts; zero does nothing.</param>
    /// <exception cref="InvalidOperationException">The team is already running work: from another thread, or from inside a part.</exception>
    /// <exception cref="ObjectDisposedException">The team was disposed.</exception>
    /// <remarks>The first exception of a part is thrown to the caller after the other parts have run.</remarks>
    public void Run<TWork>(in TWork work, int parts)
        where TWork : struct, ITeamWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parts);
        ObjectDisposedException.ThrowIf(_disposed, this);
        TWork shared = work;
        if (Threads == 1 || parts <= 1)
        {
            for (int part = 0; part < parts; part++)
                shared.Run(part);
            return;
        }
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("This team of threads is already running work: a team serves one caller at a time.");
        // A local lives on this stack frame, which stays where it is until the last part is done.
        _work = Unsafe.AsPointer(ref shared);
        _invoke = &Invoke<TWork>;
        _parts = parts;
        _failure = null;
        Volatile.Write(ref _unfinished, parts);
        long job = (_claims >> 32) + 1;
        Interlocked.Exchange(ref _claims, (job << 32) | (uint)parts);
        lock (_gate)
            Monitor.PulseAll(_gate);

        ClaimAndRun();
        AwaitParts();
        Exception? failure = _failure;
        Volatile.Write(ref _busy, 0);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>As <see cref="Run"/>, but inline when waking the workers would cost more than they bring.</summary>
    /// <param name="work">The work.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="operations">Floating-point operations of all parts together.</param>
    internal void RunIfWorthwhile<TWork>(in TWork work, int parts, long operations)
        where TWork : struct, ITeamWork
    {
        if (operations >= SmallestSharedWork)
        {
            Run(work, parts);
            return;
        }
        ObjectDisposedException.ThrowIf(_disposed, this);
        TWork inline = work;
        for (int part = 0; part < parts; part++)
            inline.Run(part);
    }

    /// <summary>Ends the threads of the team.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
        foreach (Thread worker in _workers)
            worker.Join();
    }

    private static void Invoke<TWork>(void* work, int part)
        where TWork : struct, ITeamWork => Unsafe.AsRef<TWork>(work).Run(part);

    private bool HasUnclaimedParts => (uint)Volatile.Read(ref _claims) != 0;

    private void ClaimAndRun()
    {
        while (true)
        {
            long seen = Volatile.Read(ref _claims);
            uint unclaimed = (uint)seen;
            if (unclaimed == 0)
                return;
            if (Interlocked.CompareExchange(ref _claims, seen - 1, seen) != seen)
                continue;
            try
            {
                _invoke(_work, _parts - (int)unclaimed);
            }
#pragma warning disable CA1031 // Whatever a part throws goes to the caller of Run.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref _failure, exception, null);
            }
            if (Interlocked.Decrement(ref _unfinished) == 0 && _callerBlocks)
            {
                lock (_gate)
                    Monitor.PulseAll(_gate);
            }
        }
    }

    private void AwaitParts()
    {
        SpinWait spin = default;
        for (int i = 0; i < SpinsBeforeBlocking && Volatile.Read(ref _unfinished) != 0; i++)
            spin.SpinOnce(sleep1Threshold: -1);
        if (Volatile.Read(ref _unfinished) == 0)
            return;
        lock (_gate)
        {
            _callerBlocks = true;
            // The flag must be visible before the count is read: whoever ends the last part reads them in the other order.
            Interlocked.MemoryBarrier();
            while (Volatile.Read(ref _unfinished) != 0)
                Monitor.Wait(_gate);
            _callerBlocks = false;
        }
    }

    private void WorkUntilDisposed()
    {
        while (!_disposed)
        {
            ClaimAndRun();
            SpinWait spin = default;
            for (int i = 0; i < SpinsBeforeBlocking && !HasUnclaimedParts; i++)
                spin.SpinOnce(sleep1Threshold: -1);
            lock (_gate)
            {
                while (!_disposed && !HasUnclaimedParts)
                    Monitor.Wait(_gate);
            }
        }
    }
}
