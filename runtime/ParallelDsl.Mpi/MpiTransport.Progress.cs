using System.Globalization;
using ParallelDsl.Mpi.Native;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi;

/// <content>What happens to operations under way, and word from other ranks. All of it under the lock of <see cref="MpiProgress"/>.</content>
public sealed unsafe partial class MpiTransport
{
    private static readonly long TakeBackMilliseconds = 1_000;

    /// <summary>Whether every other rank has said that it ends.</summary>
    internal bool HaveOthersEnded
    {
        get
        {
            for (int rank = 0; rank < Size; rank++)
            {
                if (rank != Rank && !_peers[rank].HasEnded)
                    return false;
            }

            return true;
        }
    }

    /// <summary>Whether a rank has said that it ends.</summary>
    internal bool HasEnded(int rank) => _peers[rank].HasEnded;

    /// <summary>A request of an operation is completed.</summary>
    internal void Complete(MpiOperation operation, in MpiStatus status, int error)
    {
        switch (operation.Kind)
        {
            case MpiOperationKind.Send:
                CompleteSend(operation, error);
                break;
            case MpiOperationKind.Receive:
                CompleteReceive(operation, status, error);
                break;
            case MpiOperationKind.ControlSend:
                _words--;
                _progress.Return(operation.Memory!);
                _progress.End(operation);
                break;
            case MpiOperationKind.ControlReceive:
                CompleteControl(operation, status);
                break;
        }
    }

    /// <summary>Takes back the receive of word from others, at the end of the job.</summary>
    internal void StopHearing()
    {
        if (!_progress.IsHalted && _hearing is { Request: not 0 and nint request })
            _ = LibMpi.Cancel(ref request);
    }

    /// <summary>Frees the communicator once nothing can come on it any more: this rank and all others have ended here, and what was sent is taken.
    /// To be asked again and again; where something was never received it stays until the job ends. Under the lock.</summary>
    /// <returns>Whether it is freed.</returns>
    internal bool TryRetire()
    {
        if (!_isClosed || _words > 0 || _receives is not null || _progress.IsHalted || _job.IsAborted || !HaveOthersEnded
            || Array.Exists(_peers, peer => peer.Outgoing > 0))
        {
            return false;
        }

        if (_hearing is { Request: not 0 })
        {
            StopHearing();
            return false;
        }

        _ = LibMpi.CommFree(ref _communicator);
        if (_hearing is { } hearing)
        {
            _progress.Return(hearing.Memory!);
            _progress.End(hearing);
        }

        _hearing = null;
        return true;
    }

    private void CompleteSend(MpiOperation operation, int error)
    {
        if (error != LibMpi.Success)
            _job.StopFor(Rank, $"Open MPI failed in a send of rank {Rank} to rank {operation.Peer}: {MpiException.Describe(error)}", _ => true);
        if (operation.Pending > 0)
            return;
        _peers[operation.Peer].Outgoing--;
        _peers[operation.Peer].Completed++;
        if (operation.IsLent)
        {
            CompleteLoan(operation);
            return;
        }

        _progress.Return(operation.Memory!);
        operation.Memory = null;
        LeaveRoom(operation);
        operation.IsDone = true;
        if (!operation.IsAwaited)
            _progress.End(operation);
    }

    /// <summary>Gives a message room in its channel, or puts it behind those that wait for room. It is on its way all the same: its receiver may
    /// wait for this very one.</summary>
    private void TakeRoom(MpiOperation operation)
    {
        ref Peer peer = ref _peers[operation.Peer];
        if (peer.Held < _capacity)
        {
            peer.Held++;
            operation.HasRoom = true;
        }
        else if (peer.LastWaiting is null)
        {
            peer.FirstWaiting = peer.LastWaiting = operation;
        }
        else
        {
            peer.LastWaiting = peer.LastWaiting.Next = operation;
        }
    }

    /// <summary>A message is taken: the first that waits gets its room, in the order of the calls, so that none waits for ever.</summary>
    private void LeaveRoom(MpiOperation operation)
    {
        ref Peer peer = ref _peers[operation.Peer];
        if (operation.HasRoom)
        {
            peer.Held--;
        }
        else
        {
            MpiOperation? previous = null;
            for (MpiOperation? waiting = peer.FirstWaiting; waiting != operation; waiting = waiting!.Next)
                previous = waiting;
            if (previous is null)
                peer.FirstWaiting = operation.Next;
            else
                previous.Next = operation.Next;
            if (peer.LastWaiting == operation)
                peer.LastWaiting = previous;
            operation.Next = null;
        }

        if (peer.FirstWaiting is not { } first || peer.Held >= _capacity)
            return;
        peer.FirstWaiting = first.Next;
        if (first.Next is null)
            peer.LastWaiting = null;
        first.Next = null;
        first.HasRoom = true;
        peer.Held++;
    }

    private void CompleteReceive(MpiOperation operation, in MpiStatus status, int error)
    {
        if (status.Cancelled != 0)
        {
            operation.IsCancelled = true;
            operation.IsDone = true;
            return;
        }

        if (error is not (LibMpi.Success or LibMpi.ErrorTruncated))
        {
            operation.Error = error;
            operation.IsDone = true;
            return;
        }

        long floats = (long)status.Bytes / sizeof(float);
        operation.Offered += floats;
        if (floats == PartFloats)
        {
            PostPart(operation);
            return;
        }

        operation.IsDone = true;
        _peers[operation.Peer].Taken++;
    }

    /// <summary>Puts a receive behind those that are active, and posts it unless one of them has the same source and tag: two threads get
    /// messages in the order of their calls, and nothing comes between the parts of one.</summary>
    private void Enlist(MpiOperation operation)
    {
        if (_receives is null)
        {
            _receives = operation;
        }
        else
        {
            MpiOperation last = _receives;
            while (true)
            {
                operation.IsQueued |= last.Peer == operation.Peer && last.Tag == operation.Tag;
                if (last.Next is null)
                    break;
                last = last.Next;
            }

            last.Next = operation;
        }

        if (!operation.IsQueued)
            PostPart(operation);
    }

    private void Dismiss(MpiOperation operation, Exception? cause = null)
    {
        if (!operation.IsDone && operation.Request != 0)
            TakeBack(operation, cause);
        if (_receives == operation)
        {
            _receives = operation.Next;
        }
        else
        {
            MpiOperation previous = _receives!;
            while (previous.Next != operation)
                previous = previous.Next!;
            previous.Next = operation.Next;
        }

        for (MpiOperation? next = operation.Next; next is not null; next = next.Next)
        {
            if (next.Peer != operation.Peer || next.Tag != operation.Tag)
                continue;
            next.IsQueued = false;
            if (!_job.IsAborted && !_isClosed)
                PostPart(next);
            break;
        }

        operation.Next = null;
    }

    private void PostPart(MpiOperation operation)
    {
        // Behind its word that it ends nothing comes; what was before is here, in full or by its header.
        if (_peers[operation.Peer].HasEnded && !IsThere(operation.Peer, operation.Tag))
        {
            operation.IsCancelled = true;
            operation.IsDone = true;
            return;
        }

        // Of a message that is longer than expected the rest is received into nothing.
        long rest = Math.Max(0, operation.Length - operation.Offered);
        float* target = rest == 0 ? null : operation.Target + operation.Offered;
        int count = (int)Math.Min(PartFloats, rest);
        MpiException.ThrowIfFailed(LibMpi.Irecv(target, count, MpiHandles.Float, operation.Peer, operation.Tag, _communicator, out nint request));
        operation.Request = request;
        _progress.Add(request, operation);
    }

    private bool IsThere(int source, int tag)
    {
        MpiException.ThrowIfFailed(LibMpi.Iprobe(source, tag, _communicator, out int found, out _));
        return found != 0;
    }

    /// <summary>Takes back a receive whose caller's memory is about to go. One that has begun to arrive must end first; where it does not, because
    /// its sender is gone, the library is not called any more.</summary>
    /// <param name="operation">The receive.</param>
    /// <param name="cause">Of a failure that nobody has told yet: what the others hear then.</param>
    private void TakeBack(MpiOperation operation, Exception? cause)
    {
        if (_progress.IsHalted)
            return;
        nint request = operation.Request;
        _ = LibMpi.Cancel(ref request);
        long end = Environment.TickCount64 + TakeBackMilliseconds;
        try
        {
            while (!operation.IsDone && operation.Request != 0)
            {
                _progress.Look();
                if (operation.IsDone)
                    break;
                if (Environment.TickCount64 > end)
                {
                    if (cause is not null)
                        Abort(cause);
                    _progress.Halt($"a receive from rank {operation.Peer} has begun and does not end");
                    break;
                }

                // Not under the lock: so long it would look as if the library did not return.
                Monitor.Exit(_progress.Gate);
                LibC.SleepMicroseconds(50);
                Monitor.Enter(_progress.Gate);
            }
        }
        catch (MpiException exception)
        {
            _progress.Halt(exception.Message);
        }
    }

    private void TakeBackReceives(Func<MpiOperation, bool> isMeant)
    {
        for (MpiOperation? operation = _receives; operation is not null; operation = operation.Next)
        {
            if (!_progress.IsHalted && !operation.IsDone && operation.Request != 0 && isMeant(operation))
            {
                nint request = operation.Request;
                _ = LibMpi.Cancel(ref request);
            }
        }
    }

    /// <summary>Receives the next word of another rank.</summary>
    private void Hear()
    {
        MpiOperation operation = _hearing ??= _progress.Begin(MpiOperationKind.ControlReceive, this, LibMpi.AnySource, ControlTag, 0);
        operation.Memory ??= _progress.Rent(ControlMessage.LongestBytes / sizeof(float));
        MpiException.ThrowIfFailed(LibMpi.Irecv(
            operation.Memory.Pointer, ControlMessage.LongestBytes, MpiHandles.Byte, LibMpi.AnySource, ControlTag, _communicator, out nint request));
        operation.Request = request;
        _progress.Add(request, operation);
    }

    private void CompleteControl(MpiOperation operation, in MpiStatus status)
    {
        if (status.Cancelled != 0)
            return;
        ControlMessage message = ControlMessage.Read(new ReadOnlySpan<byte>(operation.Memory!.Pointer, (int)status.Bytes));
        int source = status.Source;
        Hear();
        if (message.IsAbort)
        {
            _job.StopFor(message.Rank, message.Text, _ => false);
            return;
        }

        _peers[source].HasEnded = true;
        _peers[source].TakenAtEnd = message.Taken;
        TakeBackReceives(receive => receive.Peer == source);
        _progress.Leave();
    }

    /// <summary>Sends word to the transports of other ranks, as long as the library may be called.</summary>
    internal void Tell(ControlMessage message, Func<int, bool> isToTell)
    {
        for (int rank = 0; rank < Size && !_progress.IsHalted; rank++)
        {
            if (rank == Rank || !isToTell(rank))
                continue;
            MpiOperation operation = _progress.Begin(MpiOperationKind.ControlSend, this, rank, ControlTag, 0);
            operation.Memory = _progress.Rent(ControlMessage.LongestBytes / sizeof(float));
            int bytes = (message with { Taken = _peers[rank].Taken }).Write(new Span<byte>(operation.Memory.Pointer, ControlMessage.LongestBytes));
            MpiException.ThrowIfFailed(LibMpi.Isend(operation.Memory.Pointer, bytes, MpiHandles.Byte, rank, ControlTag, _communicator, out nint request));
            _progress.Add(request, operation);
            _words++;
        }
    }

    /// <summary>A call that waits, or else one that is about to: in words; null where there is none.</summary>
    internal string? DescribeWaiting()
    {
        MpiOperation? expected = null;
        for (MpiOperation? operation = _receives; operation is not null; operation = operation.Next)
        {
            if (operation.IsDone)
                continue;
            if (operation.IsAwaited)
                return DescribeCall(operation.Peer, operation.Tag, operation.Length, isReceive: true);
            expected ??= operation;
        }

        if (expected is not null)
            return DescribeCall(expected.Peer, expected.Tag, expected.Length, isReceive: true);
        for (MpiOperation? loan = _loans; loan is not null; loan = loan.Next)
        {
            if (!loan.IsDone)
                return DescribeCall(loan.Peer, loan.Tag, loan.Length, isReceive: false);
        }

        return null;
    }

    private void ThrowIfStopped(int peer, int tag, int length, bool isReceive)
    {
        if (_job.Abortion is { } abortion)
            throw new TransportException(TransportFailure.Aborted, $"{DescribeCall(peer, tag, length, isReceive)}: {abortion.Text}", abortion.Cause);
        if (_isClosed)
        {
            throw new TransportException(
                TransportFailure.Disposed,
                string.Create(CultureInfo.InvariantCulture, $"{DescribeCall(peer, tag, length, isReceive)}: the transport of rank {Rank} is disposed."));
        }

        if (!isReceive && _peers[peer].HasTakenAll)
            throw Ended(peer, tag, length, isReceive);
    }

    private TransportException Ended(int peer, int tag, int length, bool isReceive) => new(
        TransportFailure.PeerDisposed,
        string.Create(CultureInfo.InvariantCulture, $"{DescribeCall(peer, tag, length, isReceive)}: rank {peer} has ended and disposed its transport."));
}
