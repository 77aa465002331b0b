namespace ParallelDsl.Mpi;

/// <content>Messages whose memory stays the sender's: the library reads it where it is, and nothing is copied before.</content>
public sealed unsafe partial class MpiTransport
{
    /// <summary>How long what is lent may still be read after a failure, of all messages together: much longer than the others need to hear of it
    /// (<see cref="MpiProgress"/>).</summary>
    private const long WithdrawMilliseconds = 200;

    private MpiOperation? _loans;
    private long _withdrawBy;

    /// <inheritdoc/>
    public bool LendsInPlace => true;

    /// <inheritdoc/>
    public void Lend(int destination, int tag, float* data, int length)
    {
        Check(destination, tag, length, isReceive: false);
        lock (_progress.Gate)
        {
            ThrowIfStopped(destination, tag, length, isReceive: false);
            MpiOperation loan = _progress.Begin(MpiOperationKind.Send, this, destination, tag, length);
            loan.IsLent = true;
            loan.Next = _loans;
            _loans = loan;
            PostParts(loan, data);
        }

        Count(length);
    }

    /// <inheritdoc/>
    public void TakeBack(int destination, int tag)
    {
        lock (_progress.Gate)
        {
            Backoff backoff = _progress.BeginWait();
            try
            {
                while (DropDone(destination, tag) is { } open)
                {
                    ThrowIfStopped(destination, tag, open.Length, isReceive: false);
                    _progress.Await(ref backoff);
                }
            }
            finally
            {
                _progress.Leave();
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>The library cannot take a send back. So the run is aborted, and the others hear of it before the memory is given up: a receive of
    /// theirs that ends later throws, whatever has come. If that does not end the send, the library is not called any more.</remarks>
    public void Withdraw(int destination, int tag, Exception cause)
    {
        lock (_progress.Gate)
        {
            if (DropDone(destination, tag) is null)
                return;
            if (_withdrawBy == 0)
                _withdrawBy = Environment.TickCount64 + WithdrawMilliseconds;
            Backoff backoff = _progress.BeginWait();
            try
            {
                Abort(cause);
                while (DropDone(destination, tag) is not null && Environment.TickCount64 < _withdrawBy)
                    _progress.Await(ref backoff);
            }
            catch (MpiException)
            {
                // The library has failed: it reads nothing more.
            }

            if (DropDone(destination, tag) is not null)
            {
                // The library would go on to send from the memory, piece by piece.
                DropDone(destination, tag, abandons: true);
                _progress.GiveUp();
            }

            _progress.Leave();
        }
    }

    private void CompleteLoan(MpiOperation loan)
    {
        loan.IsDone = true;
        if (loan.IsAbandoned)
            _progress.End(loan);
    }

    /// <summary>Drops the loans to a rank with a tag whose memory the library needs no more, and finds one that it needs; or gives up those.</summary>
    private MpiOperation? DropDone(int destination, int tag, bool abandons = false)
    {
        MpiOperation? open = null, previous = null;
        for (MpiOperation? loan = _loans; loan is not null;)
        {
            MpiOperation? next = loan.Next;
            bool isMeant = loan.Peer == destination && loan.Tag == tag;
            if (!isMeant || !(loan.IsDone || abandons))
            {
                open = isMeant ? loan : open;
                previous = loan;
            }
            else
            {
                if (previous is null)
                    _loans = next;
                else
                    previous.Next = next;
                loan.Next = null;
                if (loan.IsDone)
                    _progress.End(loan);
                else
                    loan.IsAbandoned = true;
            }

            loan = next;
        }

        return open;
    }
}
