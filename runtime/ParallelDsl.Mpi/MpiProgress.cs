using System.Runtime.InteropServices;
using ParallelDsl.Mpi.Native;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <summary>All calls of the library that a job makes, under one lock, so that <c>MPI_THREAD_SERIALIZED</c> is enough. Requests under way stand
/// in one table; whoever waits looks for completed ones, one thread at a time while the others sleep. A thread of its own looks when nobody
/// does: messages move on while the rank computes, and word from other ranks is heard.</summary>
internal sealed unsafe class MpiProgress : IDisposable
{
    private const int QuietMilliseconds = 10;
    private const int BusyMilliseconds = 100;
    private const uint LongestPause = 1_000;

    /// <summary>How long word to others may take before the library is not called any more.</summary>
    private const int WordMilliseconds = 250;

    private readonly MessageMemoryPool _memory = new();
    private readonly ManualResetEventSlim _wake = new(initialState: false, spinCount: 0);
    private readonly MpiJob _job;
    private readonly Thread _thread;
    private readonly uint _shortestPause;
    private readonly int _patience;
    private nint* _requests;
    private int* _indices;
    private MpiStatus* _statuses;
    private MpiOperation?[] _operations = [];
    private MpiOperation[] _completed = [];
    private int _count;
    private int _transfers;
    private int _words;
    private int _waiting;
    private long _busyUntil;
    private long _looks;
    private bool _isLooking;
    private bool _isQuiet;
    private bool _isEnded;
    private MpiOperation? _idle;

    /// <summary>Starts the thread.</summary>
    /// <param name="job">The job, asked now and then to look at what no message tells: processes that have died, requests to end.</param>
    public MpiProgress(MpiJob job)
    {
        IsCrowded = job.IsCrowded;
        _shortestPause = IsCrowded ? 500u : 200u;

        // Where the library gives way whenever it has looked in vain, a wait need not do so as well, only let other threads of the rank have the
        // lock now and then.
        _patience = !IsCrowded ? 50 : job.GivesWay ? 100 : 0;
        _job = job;
        Grow(64);
        _thread = new Thread(Run) { Name = $"progress of rank {job.Rank}", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The lock.</summary>
    public object Gate { get; } = new();

    /// <summary>Whether a rank has less than a processor.</summary>
    public bool IsCrowded { get; }

    /// <summary>The beginning of a wait.</summary>
    public Backoff BeginWait() => new(_patience);

    /// <summary>Memory for a message of so many floats.</summary>
    public MessageMemory Rent(long floats) => _memory.Rent(floats);

    /// <summary>Takes memory back.</summary>
    public void Return(MessageMemory memory) => _memory.Return(memory);

    /// <summary>A new operation.</summary>
    public MpiOperation Begin(MpiOperationKind kind, MpiTransport owner, int peer, int tag, int length)
    {
        MpiOperation operation = _idle ?? new MpiOperation();
        _idle = operation.Next;
        operation.Reset();
        (operation.Kind, operation.Owner, operation.Peer, operation.Tag, operation.Length) = (kind, owner, peer, tag, length);
        return operation;
    }

    /// <summary>Takes back an operation that nobody refers to any more.</summary>
    public void End(MpiOperation operation)
    {
        operation.Next = _idle;
        _idle = operation;
    }

    /// <summary>Adds a request under way; its operation is told of its completion.</summary>
    public void Add(nint request, MpiOperation operation)
    {
        if (_count == _operations.Length)
            Grow(2 * _count);
        _requests[_count] = request;
        _operations[_count++] = operation;
        operation.Pending++;
        if (operation.Kind is MpiOperationKind.ControlReceive or MpiOperationKind.Collective)
            return;
        _transfers++;
        if (operation.Kind == MpiOperationKind.ControlSend)
            _words++;
        _busyUntil = Environment.TickCount64 + BusyMilliseconds;
        if (_isQuiet)
            _wake.Set();
    }

    /// <summary>Completes what can be completed.</summary>
    /// <exception cref="MpiException">The library failed.</exception>
    public void Look()
    {
        if (IsHalted || _count == 0)
            return;
        int result = LibMpi.Testsome(_count, _requests, out int completed, _indices, _statuses);
        if (result is not (LibMpi.Success or LibMpi.ErrorInStatus))
            MpiException.ThrowIfFailed(result, nameof(LibMpi.Testsome));

        // A negative number says that there is nothing under way.
        if (completed <= 0)
            return;
        for (int i = 0; i < completed; i++)
        {
            int slot = _indices[i];
            _completed[i] = _operations[slot]!;

            // The library uses requests again: none that it has completed may be cancelled by what the others bring about.
            _completed[i].Request = 0;
            _operations[slot] = null;
            if (_requests[slot] != MpiHandles.NoRequest)
                _ = LibMpi.RequestFree(ref _requests[slot]);
        }

        int kept = 0;
        for (int slot = 0; slot < _count; slot++)
        {
            if (_operations[slot] is not { } operation)
                continue;
            _operations[slot] = null;
            _requests[kept] = _requests[slot];
            _operations[kept++] = operation;
        }

        _count = kept;
        bool failed = result == LibMpi.ErrorInStatus;
        for (int i = 0; i < completed; i++)
        {
            MpiOperation operation = _completed[i];
            MpiStatus status = _statuses[i];
            operation.Pending--;
            if (operation.Kind is not (MpiOperationKind.ControlReceive or MpiOperationKind.Collective))
                _transfers--;
            if (operation.Kind == MpiOperationKind.ControlSend)
                _words--;
            int error = failed ? status.Error : LibMpi.Success;
            if (operation.Kind == MpiOperationKind.Collective)
                (operation.Error, operation.IsDone) = (error, true);
            else
                operation.Owner.Complete(operation, status, error);
        }

        if (_waiting > 0)
            Monitor.PulseAll(Gate);
    }

    /// <summary>Waits a little, with the lock released meanwhile, for anything to change. Call it under the lock, again and again until what is
    /// waited for is there, then <see cref="Leave"/>.</summary>
    public void Await(ref Backoff backoff)
    {
        if (_isLooking)
        {
            _waiting++;
            Monitor.Wait(Gate);
            _waiting--;
            return;
        }

        _isLooking = true;
        try
        {
            if (backoff.HasLooked)
            {
                Monitor.Exit(Gate);
                backoff.Pause();
                Monitor.Enter(Gate);
            }

            backoff.HasLooked = true;
            _looks++;
            Look();
        }
        finally
        {
            _isLooking = false;
        }
    }

    /// <summary>Waits for a collective of the library, with the lock released meanwhile: other threads may have to send what others need before
    /// they enter it. Call it under the lock.</summary>
    /// <param name="request">Its request.</param>
    /// <param name="call">Its name, for errors.</param>
    /// <exception cref="TransportException">The run was aborted.</exception>
    /// <exception cref="MpiException">The library failed.</exception>
    public void Complete(nint request, string call)
    {
        MpiOperation operation = Begin(MpiOperationKind.Collective, null!, 0, 0, 0);
        Add(request, operation);
        Backoff backoff = BeginWait();
        try
        {
            while (!operation.IsDone && !_job.IsAborted)
                Await(ref backoff);
            if (!operation.IsDone)
                GiveUp();
        }
        finally
        {
            Leave();
        }

        _job.ThrowIfAborted(call);
        int error = operation.Error;
        End(operation);
        MpiException.ThrowIfFailed(error, call);
    }

    /// <summary>What the library reads or writes cannot be taken back, and its owner is about to use it otherwise: once the others are told of the
    /// abortion, the library is not called any more. Call it under the lock; it lets others have it meanwhile. It throws nothing.</summary>
    public void GiveUp()
    {
        long end = Environment.TickCount64 + WordMilliseconds;
        Backoff backoff = BeginWait();
        try
        {
            while (!IsHalted && _words > 0 && Environment.TickCount64 < end)
                Await(ref backoff);
        }
        catch (MpiException)
        {
            // Then the others are not told any more.
        }

        IsHalted = true;
        Leave();
    }

    /// <summary>Lets another waiting thread look, and all see that something has changed.</summary>
    public void Leave()
    {
        if (_waiting > 0)
            Monitor.PulseAll(Gate);
    }

    /// <summary>Whether the library may not be called any more.</summary>
    public bool IsHalted { get; private set; }

    /// <summary>Ends the run and makes no further call of the library: a receive that cannot be taken back must not write into memory that is used
    /// otherwise.</summary>
    /// <param name="why">What others are told, the last that this rank says.</param>
    public void Halt(string why)
    {
        _job.Fail(why);
        GiveUp();
    }

    /// <summary>Ends the thread. The memory stays: the library may still refer to it.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            _isEnded = true;
            IsHalted = true;
            _wake.Set();
        }

        _thread.Join();
        _wake.Dispose();
    }

    private void Run()
    {
        long watched = 0, looks = 0;
        uint pause = _shortestPause;
        while (true)
        {
            // Calls that look leave nothing to do here, and to be interrupted costs them a good part of their time: so this thread does it less often
            // while they go on. It looks itself as soon as none has looked for a short pause.
            bool isLookedAfter = Volatile.Read(ref _looks) != looks;
            looks = Volatile.Read(ref _looks);
            pause = isLookedAfter && Volatile.Read(ref _isLooking) ? Math.Min(2 * pause, LongestPause) : _shortestPause;
            if (isLookedAfter && Environment.TickCount64 - watched < QuietMilliseconds)
            {
                LibC.SleepMicroseconds(pause);
                continue;
            }

            bool busy;
            lock (Gate)
            {
                if (_isEnded)
                    return;
                try
                {
                    if (!_isLooking)
                        Look();
                    if (Environment.TickCount64 - watched >= QuietMilliseconds)
                    {
                        _job.Watch();
                        watched = Environment.TickCount64;
                    }
                }
                catch (MpiException exception)
                {
                    // The calls that wait must hear of it, without the library.
                    IsHalted = true;
                    _job.Fail(exception.Message);
                }

                busy = _transfers > 0 || Environment.TickCount64 < _busyUntil;
                _isQuiet = !busy;
                if (!busy)
                    _wake.Reset();
            }

            // While messages are under way a sleep is short; the others wait for what this rank has to answer.
            if (busy)
                LibC.SleepMicroseconds(_shortestPause);
            else
                _wake.Wait(QuietMilliseconds);
        }
    }

    private void Grow(int capacity)
    {
        _requests = (nint*)NativeMemory.Realloc(_requests, (nuint)(capacity * sizeof(nint)));
        _indices = (int*)NativeMemory.Realloc(_indices, (nuint)(capacity * sizeof(int)));
        _statuses = (MpiStatus*)NativeMemory.Realloc(_statuses, (nuint)(capacity * sizeof(MpiStatus)));
        Array.Resize(ref _operations, capacity);
        Array.Resize(ref _completed, capacity);
    }
}
