using ParallelDsl.Mpi.Native;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <summary>Some ranks of a job and the library's own collectives among them. All members must call them in the same order. What a
/// model does goes over <see cref="MpiTransport"/>; these are for programs of one's own, and to compare with.</summary>
public sealed unsafe class MpiCommunicator : IDisposable
{
    private readonly MpiJob _job;
    private readonly MpiProgress _progress;
    private readonly bool _isOwned;
    private nint _handle;

    /// <param name="job">The job.</param>
    /// <param name="handle">The library's handle.</param>
    /// <param name="isOwned">Whether it is to be freed: the job needs its own to the end.</param>
    internal MpiCommunicator(MpiJob job, nint handle, bool isOwned)
    {
        _isOwned = isOwned;
        _job = job;
        _progress = job.Progress;
        _handle = handle;
        MpiException.ThrowIfFailed(LibMpi.CommRank(handle, out int index));
        MpiException.ThrowIfFailed(LibMpi.CommSize(handle, out int size));
        (Index, Size) = (index, size);
    }

    /// <summary>The own position among the members.</summary>
    public int Index { get; }

    /// <summary>The number of members.</summary>
    public int Size { get; }

    /// <summary>Returns once every member has called it.</summary>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void Barrier()
    {
        lock (_progress.Gate)
        {
            MpiException.ThrowIfFailed(LibMpi.Ibarrier(Enter("MPI barrier"), out nint request));
            _progress.Complete(request, "MPI barrier");
        }
    }

    /// <summary>Copies the data of the member <paramref name="root"/> to all.</summary>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void Broadcast(Span<float> data, int root)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        fixed (float* pointer = data)
        {
            lock (_progress.Gate)
            {
                MpiException.ThrowIfFailed(LibMpi.Ibcast(pointer, data.Length, MpiHandles.Float, root, Enter("MPI broadcast"), out nint request));
                _progress.Complete(request, "MPI broadcast");
            }
        }
    }

    /// <summary>Replaces the data, on every member, by the sum over the members, in an order that the library chooses.</summary>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void AllReduce(Span<float> data)
    {
        fixed (float* pointer = data)
        {
            lock (_progress.Gate)
            {
                MpiException.ThrowIfFailed(LibMpi.Iallreduce(InPlace, pointer, data.Length, MpiHandles.Float, MpiHandles.Sum, Enter("MPI all-reduce"), out nint request));
                _progress.Complete(request, "MPI all-reduce");
            }
        }
    }

    /// <summary>Collects every member's part on every member.</summary>
    /// <param name="own">The own part.</param>
    /// <param name="all">The parts of all members one after the other; <paramref name="own"/> must not overlap it.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void AllGather(ReadOnlySpan<float> own, Span<float> all)
    {
        CheckLength(all.Length, own.Length, nameof(all));
        fixed (float* send = own, receive = all)
        {
            lock (_progress.Gate)
            {
                MpiException.ThrowIfFailed(LibMpi.Iallgather(send, own.Length, MpiHandles.Float, receive, own.Length, MpiHandles.Float, Enter("MPI all-gather"), out nint request));
                _progress.Complete(request, "MPI all-gather");
            }
        }
    }

    /// <summary>Sums the members' sources and leaves each member the part at its index.</summary>
    /// <param name="source">The parts for all members one after the other.</param>
    /// <param name="own">The sum of the own part; it must not overlap <paramref name="source"/>.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void ReduceScatter(ReadOnlySpan<float> source, Span<float> own)
    {
        CheckLength(source.Length, own.Length, nameof(source));
        fixed (float* send = source, receive = own)
        {
            lock (_progress.Gate)
            {
                MpiException.ThrowIfFailed(LibMpi.IreduceScatterBlock(send, receive, own.Length, MpiHandles.Float, MpiHandles.Sum, Enter("MPI reduce-scatter"), out nint request));
                _progress.Complete(request, "MPI reduce-scatter");
            }
        }
    }

    /// <summary>Sends a part to every member and receives one from each.</summary>
    /// <param name="send">The parts for all members one after the other, all of one length.</param>
    /// <param name="receive">The parts from all members; it must not overlap <paramref name="send"/>.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    /// <exception cref="MpiException">The library failed.</exception>
    /// <exception cref="TransportException">The run was aborted.</exception>
    public void AllToAll(ReadOnlySpan<float> send, Span<float> receive)
    {
        int part = send.Length / Size;
        CheckLength(send.Length, part, nameof(send));
        CheckLength(receive.Length, part, nameof(receive));
        fixed (float* from = send, to = receive)
        {
            lock (_progress.Gate)
            {
                MpiException.ThrowIfFailed(LibMpi.Ialltoall(from, part, MpiHandles.Float, to, part, MpiHandles.Float, Enter("MPI all-to-all"), out nint request));
                _progress.Complete(request, "MPI all-to-all");
            }
        }
    }

    /// <summary>Frees it; every member must.</summary>
    public void Dispose()
    {
        lock (_progress.Gate)
        {
            if (_handle != 0 && _isOwned && !_progress.IsHalted)
                _ = LibMpi.CommFree(ref _handle);
            _handle = 0;
        }
    }

    private static void* InPlace => (void*)1;

    /// <summary>The handle, for a call that may be made.</summary>
    private nint Enter(string call)
    {
        ObjectDisposedException.ThrowIf(_handle == 0 || _job.IsEnded, this);
        _job.ThrowIfAborted(call);
        return _handle;
    }

    private void CheckLength(int length, int part, string name)
    {
        if (length != (long)part * Size)
            throw new ArgumentException($"The length is {length}, but must be {(long)part * Size}: {Size} members times {part}.", name);
    }
}
