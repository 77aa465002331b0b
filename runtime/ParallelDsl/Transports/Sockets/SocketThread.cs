using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ParallelDsl.Transports.Sockets;

/// <summary>A connection to one other rank.</summary>
internal sealed record SocketConnection(int Peer, Socket Socket, SocketSender Sender, SocketReceiver Receiver, Inbox Inbox)
{
    /// <summary>Whether the socket is closed.</summary>
    public bool IsClosed { get; set; }
}

/// <summary>The thread that reads and writes for all connections of one rank; it alone closes them.</summary>
internal sealed class SocketThread
{
    private readonly SocketTransport _transport;
    private readonly List<SocketConnection> _connections;
    private readonly List<Socket> _readable;
    private readonly List<Socket> _writable;
    private readonly Socket _wakeSource;
    private readonly Socket _wakeTarget;
    private readonly byte[] _wakeBytes = new byte[64];
    private readonly Thread _thread;
    private int _isAwake;
    private long _allocated;

    public SocketThread(SocketTransport transport, List<SocketConnection> connections)
    {
        (_transport, _connections) = (transport, connections);
        (_readable, _writable) = (new List<Socket>(connections.Count + 1), new List<Socket>(connections.Count));
        (_wakeSource, _wakeTarget) = Pair();
        _thread = new Thread(Run) { Name = $"sockets of rank {transport.Rank}", IsBackground = true };
    }

    /// <summary>Bytes that the thread has allocated.</summary>
    public long Allocated => Volatile.Read(ref _allocated);

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    /// <summary>Makes the thread look at the connections again.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _isAwake, 1) != 0)
            return;
        try
        {
            _wakeSource.Send(_wakeBytes.AsSpan(0, 1), SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            // The thread has ended: there is nothing to wake.
        }
    }

    private void Run()
    {
        long deadline = long.MaxValue;
        while (true)
        {
            if (_transport.IsStopped)
            {
                foreach (SocketConnection connection in _connections)
                    connection.Receiver.Abandon();
            }

            if (_transport.IsDisposed)
            {
                if (deadline == long.MaxValue)
                    deadline = Stopwatch.GetTimestamp() + (long)(_transport.Options.FarewellTimeout.TotalSeconds * Stopwatch.Frequency);
                if (_connections.TrueForAll(IsDone) || Stopwatch.GetTimestamp() >= deadline)
                    break;
            }

            Await(deadline);
            Serve();
            Volatile.Write(ref _allocated, GC.GetAllocatedBytesForCurrentThread());
        }

        foreach (SocketConnection connection in _connections)
            Close(connection);
        _wakeSource.Dispose();
        _wakeTarget.Dispose();
    }

    private static bool IsDone(SocketConnection connection) =>
        connection.IsClosed || ((connection.Receiver.HasReceipt || connection.Receiver.HasEnded) && !connection.Sender.IsBlocked);

    private void Await(long deadline)
    {
        _readable.Clear();
        _writable.Clear();
        _readable.Add(_wakeTarget);
        foreach (SocketConnection connection in _connections)
        {
            if (connection.IsClosed)
                continue;
            _readable.Add(connection.Socket);
            if (connection.Sender.IsBlocked)
                _writable.Add(connection.Socket);
        }

        int microseconds = -1;
        if (deadline != long.MaxValue)
            microseconds = (int)Math.Clamp(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline).TotalMicroseconds, 0, 1_000_000);
        Socket.Select(_readable, _writable, null, microseconds);
    }

    private void Serve()
    {
        // What is ready is in the order in which it was asked for.
        int readable = 0;
        int writable = 0;
        if (_readable.Count > 0 && _readable[0] == _wakeTarget)
        {
            readable++;
            _wakeTarget.Receive(_wakeBytes, SocketFlags.None, out _);
            // Whoever has something to say from now on wakes the thread again; what was said before is seen by the next look.
            Interlocked.Exchange(ref _isAwake, 0);
        }

        foreach (SocketConnection connection in _connections)
        {
            if (connection.IsClosed)
                continue;
            bool canRead = readable < _readable.Count && _readable[readable] == connection.Socket;
            bool canWrite = writable < _writable.Count && _writable[writable] == connection.Socket;
            readable += canRead ? 1 : 0;
            writable += canWrite ? 1 : 0;
            try
            {
                if (canWrite)
                    connection.Sender.WriteMore();
                if (canRead && !connection.Receiver.Read(out SocketError failure))
                    End(connection, failure);
                else if (connection.Sender.Failure is { } broken)
                    End(connection, broken);
            }
#pragma warning disable CA1031 // Whatever happens on this thread ends the run with its cause, not the process.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _transport.Lose(connection.Peer, exception);
                Close(connection);
            }
        }
    }

    private void End(SocketConnection connection, SocketError failure)
    {
        // After a failed write, what came before it may still be there to read, and a farewell among it.
        if (connection.Sender.Failure is not null)
        {
            while (connection.Receiver.Read(out SocketError rest) && rest == SocketError.Success)
            {
            }
        }

        // Of a rank that has disposed its transport nobody waits for more; and an aborted run has its cause already.
        if (!connection.Receiver.HasEnded && !_transport.IsDisposed)
        {
            string how = failure == SocketError.Success ? "its connection was closed without a farewell" : new SocketException((int)failure).Message;
            _transport.Lose(connection.Peer, new IOException(how));
        }

        Close(connection);
    }

    private static void Close(SocketConnection connection)
    {
        if (connection.IsClosed)
            return;
        connection.IsClosed = true;
        connection.Receiver.Abandon();
        connection.Inbox.End();
        connection.Sender.End();
        connection.Sender.Release();
        connection.Socket.Dispose();
    }

    /// <summary>Two ends of a connection of this process with itself.</summary>
    private static (Socket Source, Socket Target) Pair()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Socket source = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        source.Connect(listener.LocalEndPoint!);
        while (true)
        {
            Socket target = listener.Accept();
            if (target.RemoteEndPoint!.Equals(source.LocalEndPoint))
            {
                (source.NoDelay, source.Blocking, target.Blocking) = (true, false, false);
                return (source, target);
            }

            // Somebody else was faster.
            target.Dispose();
        }
    }
}
