using System.Net.Sockets;

namespace ParallelDsl.Transports.Sockets;

/// <summary>
/// One rank's end of a run whose ranks are processes joined by TCP, a connection for each pair. One thread of each rank reads and writes for
/// all of its connections; in steady state nothing is allocated.
/// </summary>
/// <remarks>
/// A channel's capacity is kept by credits: a send beyond it waits until the receiver has consumed, unless the receiver says that it waits for
/// this very tag. Long messages travel in parts, with short ones in between. A rank whose connection ends without a farewell is lost, and with
/// it the run: every call on every rank ends with an error that names it. Deadlocks are not searched for.
/// </remarks>
public sealed class SocketTransport : ITransport
{
    private readonly SocketSender?[] _senders;
    private readonly Inbox[] _inboxes;
    private readonly SocketThread? _thread;
    private Abortion? _abortion;
    private int _disposed;
    private long _bytesSent;
    private long _messagesSent;

    private SocketTransport(int rank, int size, SocketOptions options, Socket?[] sockets)
    {
        (Rank, Size, Options) = (rank, size, options);
        _senders = new SocketSender?[size];
        _inboxes = new Inbox[size];
        var connections = new List<SocketConnection>(size);
        for (int peer = 0; peer < size; peer++)
        {
            if (sockets[peer] is { } socket)
            {
                SocketSender sender = new(this, peer, socket);
                _senders[peer] = sender;
                _inboxes[peer] = new Inbox(this, peer, sender);
                connections.Add(new SocketConnection(peer, socket, sender, new SocketReceiver(this, peer, socket, _inboxes[peer], sender), _inboxes[peer]));
            }
            else
            {
                _inboxes[peer] = new Inbox(this, peer, sender: null);
            }
        }

        if (connections.Count == 0)
            return;
        _thread = new SocketThread(this, connections);
        _thread.Start();
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <inheritdoc/>
    public long MessagesSent => Interlocked.Read(ref _messagesSent);

    /// <summary>How this rank joined.</summary>
    public SocketOptions Options { get; }

    internal MessagePool Messages { get; } = new();

    /// <summary>Whether no call moves anything any more.</summary>
    internal bool IsStopped => Volatile.Read(ref _abortion) is not null || IsDisposed;

    internal bool IsAborted => Volatile.Read(ref _abortion) is not null;

    internal bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>Bytes that the transport's own thread has allocated.</summary>
    internal long AllocatedByThread => _thread?.Allocated ?? 0;

    /// <summary>Joins the other ranks: returns once there is a connection to each.</summary>
    /// <param name="rank">This rank.</param>
    /// <param name="addresses">Where the ranks are, the same on every rank.</param>
    /// <param name="options">The same on every rank; null is the default.</param>
    /// <exception cref="TransportException">
    /// An address cannot be listened at, not all ranks came in time, or one that came belongs to another run.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank, or a number of the options, is out of range.</exception>
    public static SocketTransport Join(int rank, SocketAddresses addresses, SocketOptions? options = null)
    {
        options ??= new SocketOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, addresses.Size);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Capacity, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.JoinTimeout, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SilenceTimeout, TimeSpan.FromSeconds(2), nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.FarewellTimeout, TimeSpan.Zero, nameof(options));
        return new SocketTransport(rank, addresses.Size, options, new SocketJoining(rank, addresses, options).Run());
    }

    /// <inheritdoc/>
    public void Send(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(Rank, destination, destination, tag, data.Length, isReceive: false);
        if (_senders[destination] is { } sender)
            sender.Send(tag, data);
        else
            _inboxes[destination].SendToSelf(tag, data);
        Count(data.Length);
    }

    /// <inheritdoc/>
    public bool TrySend(int destination, int tag, ReadOnlySpan<float> data)
    {
        Check(Rank, destination, destination, tag, data.Length, isReceive: false);
        if (!(_senders[destination]?.TrySend(tag, data) ?? _inboxes[destination].TrySendToSelf(tag, data)))
            return false;
        Count(data.Length);
        return true;
    }

    /// <inheritdoc/>
    public void Receive(int source, int tag, Span<float> data)
    {
        Check(source, Rank, source, tag, data.Length, isReceive: true);
        _inboxes[source].Receive(tag, data);
    }

    /// <inheritdoc/>
    public void Abort(Exception cause) => Abort(new Abortion(Rank, cause, TransportFailure.Aborted, $"rank {Rank} aborted the run: {cause.Message}"), cause.Message);

    /// <summary>Ends this rank: what it has sent is delivered first, for at most <see cref="SocketOptions.FarewellTimeout"/>.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            foreach (Inbox inbox in _inboxes)
                inbox.Wake();
            foreach (SocketSender? sender in _senders)
                sender?.SendFarewell();
            _thread?.Wake();
        }

        _thread?.Join();
    }

    internal void WakeThread() => _thread?.Wake();

    /// <summary>The number of calls that wait to receive now.</summary>
    internal int CountWaiting() => _inboxes.Sum(inbox => inbox.CountWaiting());

    internal void AbortBy(int peer, string message) => Abort(
        new Abortion(peer, new RemoteFailureException(peer, message), TransportFailure.Aborted, $"rank {peer} aborted the run: {message}"), text: null);

    /// <summary>A connection has ended without a farewell: the run is over. The other ranks, which may reach that one still, are told.</summary>
    internal void Lose(int peer, Exception cause)
    {
        string description = $"rank {peer} is lost, its process has died or the network failed: {cause.Message}";
        Abort(new Abortion(peer, cause, TransportFailure.PeerLost, description), description);
    }

    internal void ThrowIfStopped(int source, int destination, int tag, int length, bool isReceive)
    {
        if (Volatile.Read(ref _abortion) is { } abortion)
        {
            throw new TransportException(
                abortion.Failure,
                $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: {abortion.Description}",
                abortion.Cause);
        }

        if (IsDisposed)
        {
            throw new TransportException(
                TransportFailure.Disposed,
                $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: the transport of rank {Rank} is disposed.");
        }
    }

    internal static TransportException Ended(int peer, int source, int destination, int tag, int length, bool isReceive) => new(
        TransportFailure.PeerDisposed,
        $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: rank {peer} has ended and disposed its transport.");

    /// <param name="abortion">What calls throw from now on.</param>
    /// <param name="text">What the other ranks are told; null where they know.</param>
    private void Abort(Abortion abortion, string? text)
    {
        if (Interlocked.CompareExchange(ref _abortion, abortion, null) is not null)
            return;
        foreach (Inbox inbox in _inboxes)
            inbox.Wake();
        foreach (SocketSender? sender in _senders)
        {
            if (text is not null)
                sender?.SendAbort(text);
            else
                sender?.Wake();
        }

        WakeThread();
    }

    private void Count(int length)
    {
        Interlocked.Add(ref _bytesSent, (long)length * sizeof(float));
        Interlocked.Increment(ref _messagesSent);
    }

    private void Check(int source, int destination, int peer, int tag, int length, bool isReceive)
    {
        string? problem = (uint)peer >= (uint)Size ? $"there are {Size} ranks, 0 to {Size - 1}"
            : (uint)tag >= MessageTags.Limit ? $"tags are from 0 to {MessageTags.Limit - 1}"
            : null;
        if (problem is not null)
        {
            throw new TransportException(
                TransportFailure.BadArgument,
                $"{InProcessWorld.DescribeCall(source, destination, tag, length, isReceive)}: {problem}.");
        }
    }

    private sealed record Abortion(int Rank, Exception Cause, TransportFailure Failure, string Description);
}
