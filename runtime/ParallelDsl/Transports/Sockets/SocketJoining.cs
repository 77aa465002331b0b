using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ParallelDsl.Transports.Sockets;

/// <summary>Makes the connections of one rank: it listens for higher ranks and connects to lower ones, and each side says who it is.</summary>
internal sealed class SocketJoining(int rank, SocketAddresses addresses, SocketOptions options)
{
    private const uint Magic = 0x4C_53_44_50;
    private const int Version = 1;
    private const int HelloBytes = 32;

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(20);

    /// <summary>How long one that connects may take to say who it is. A rank does so at once, and tries again where it was not heard.</summary>
    private static readonly TimeSpan HelloPatience = TimeSpan.FromSeconds(1);

    private readonly long _deadline = Stopwatch.GetTimestamp() + (long)(options.JoinTimeout.TotalSeconds * Stopwatch.Frequency);
    private readonly Socket?[] _sockets = new Socket?[addresses.Size];

    /// <summary>The connections, null for the rank itself; blocking no more.</summary>
    public Socket?[] Run()
    {
        List<Socket> listeners = [];
        try
        {
            Listen(listeners);
            for (int peer = 0; peer < rank; peer++)
                _sockets[peer] = Connect(peer);
            Accept(listeners);
            foreach (Socket? socket in _sockets)
                Prepare(socket);
            return _sockets;
        }
        catch
        {
            foreach (Socket? socket in _sockets)
                socket?.Dispose();
            throw;
        }
        finally
        {
            foreach (Socket listener in listeners)
                listener.Dispose();
        }
    }

    private void Listen(List<Socket> listeners)
    {
        foreach (IPEndPoint address in Enumerable.Range(rank + 1, addresses.Size - rank - 1).Select(peer => addresses[rank, peer]).Distinct())
        {
            Socket listener = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            listeners.Add(listener);
            try
            {
                listener.Bind(address);
                listener.Listen(addresses.Size);
            }
            catch (SocketException exception)
            {
                throw Failed($"cannot listen at {address}: {exception.Message}; give it an address of this machine and a port that nobody uses", exception);
            }
        }
    }

    private Socket Connect(int peer)
    {
        IPEndPoint address = addresses[peer, rank];
        while (true)
        {
            Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                IPEndPoint own = addresses[rank, peer];
                if (!own.Address.Equals(IPAddress.Any) && !own.Address.Equals(IPAddress.IPv6Any))
                    socket.Bind(new IPEndPoint(own.Address, 0));
                using (CancellationTokenSource patience = new(Remaining(peer, null)))
                    socket.ConnectAsync(address, patience.Token).AsTask().GetAwaiter().GetResult();
                SetTimeouts(socket, Remaining(peer, null));
                Span<byte> hello = stackalloc byte[HelloBytes];
                WriteHello(hello, peer);
                socket.Send(hello);
                if (!TryReceive(socket, hello))
                    throw new SocketException((int)SocketError.ConnectionReset);
                if (Problem(hello, peer) is { } problem)
                    throw Failed($"rank {peer} at {address} does not fit: {problem}");
                return socket;
            }
            catch (TransportException)
            {
                socket.Dispose();
                throw;
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                // It may not listen yet.
                socket.Dispose();
                Remaining(peer, exception);
                Thread.Sleep(Retry);
            }
        }
    }

    private void Accept(List<Socket> listeners)
    {
        List<Socket> ready = [];
        Span<byte> hello = stackalloc byte[HelloBytes];
        while (Array.FindIndex(_sockets, rank + 1, socket => socket is null) is var missing and >= 0)
        {
            TimeSpan remaining = Remaining(missing, null);
            ready.Clear();
            ready.AddRange(listeners);
            Socket.Select(ready, null, null, (int)Math.Min(remaining.TotalMicroseconds, 100_000));
            foreach (Socket listener in ready)
            {
                Socket socket = listener.Accept();
                SetTimeouts(socket, remaining < HelloPatience ? remaining : HelloPatience);
                if (!TryReceive(socket, hello) || BinaryPrimitives.ReadUInt32LittleEndian(hello) != Magic)
                {
                    // No rank: anybody may connect to a port.
                    socket.Dispose();
                    continue;
                }

                int peer = BinaryPrimitives.ReadInt32LittleEndian(hello[20..]);
                string? problem = Problem(hello, peer);
                problem ??= peer <= rank || peer >= addresses.Size ? $"it says that it is rank {peer} and connects to rank {rank}"
                    : _sockets[peer] is not null ? $"there are two ranks {peer}"
                    : null;
                // It is told who is here, and sees for itself what does not fit.
                WriteHello(hello, peer);
                socket.Send(hello, SocketFlags.None, out SocketError failure);
                if (problem is not null)
                {
                    EndPoint? from = socket.RemoteEndPoint;
                    socket.Dispose();
                    throw Failed($"a rank at {from} does not fit: {problem}");
                }

                if (failure == SocketError.Success)
                    _sockets[peer] = socket;
                else
                    socket.Dispose();
            }
        }
    }

    private void WriteHello(Span<byte> hello, int peer)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(hello, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(hello[4..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(hello[8..], options.Run);
        BinaryPrimitives.WriteInt32LittleEndian(hello[16..], addresses.Size);
        BinaryPrimitives.WriteInt32LittleEndian(hello[20..], rank);
        BinaryPrimitives.WriteInt32LittleEndian(hello[24..], peer);
        BinaryPrimitives.WriteInt32LittleEndian(hello[28..], options.Capacity);
    }

    private string? Problem(ReadOnlySpan<byte> hello, int peer)
    {
        int version = BinaryPrimitives.ReadInt32LittleEndian(hello[4..]);
        long run = BinaryPrimitives.ReadInt64LittleEndian(hello[8..]);
        int size = BinaryPrimitives.ReadInt32LittleEndian(hello[16..]);
        int from = BinaryPrimitives.ReadInt32LittleEndian(hello[20..]);
        int to = BinaryPrimitives.ReadInt32LittleEndian(hello[24..]);
        int capacity = BinaryPrimitives.ReadInt32LittleEndian(hello[28..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(hello) != Magic ? "another program answers"
            : version != Version ? $"its transport has version {version}, this one {Version}: build all ranks from the same sources"
            : run != options.Run ? $"it belongs to run {run}, this is run {options.Run}: end the other run, or use other ports"
            : size != addresses.Size ? $"it counts {size} ranks, this one {addresses.Size}: give all ranks the same addresses"
            : from != peer || to != rank ? $"it is rank {from} and takes this for rank {to}: give all ranks the same addresses"
            : capacity != options.Capacity ? $"its channels hold {capacity} messages, here {options.Capacity}: give all ranks the same options"
            : null;
    }

    private TimeSpan Remaining(int peer, Exception? cause)
    {
        TimeSpan remaining = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _deadline);
        if (remaining > TimeSpan.Zero)
            return remaining;
        IPEndPoint address = peer < rank ? addresses[peer, rank] : addresses[rank, peer];
        string where = peer < rank ? $"cannot connect to rank {peer} at {address}" : $"rank {peer} has not connected to {address}";
        throw Failed($"{where} within {options.JoinTimeout.TotalSeconds:0.#} s{(cause is null ? "" : $": {cause.Message}")}; check that it was started and can reach this machine", cause);
    }

    private TransportException Failed(string problem, Exception? cause = null) =>
        new(TransportFailure.PeerLost, FormattableString.Invariant($"Rank {rank} cannot join the others: {problem}."), cause);

    private static bool TryReceive(Socket socket, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = socket.Receive(bytes, SocketFlags.None, out SocketError error);
            if (error != SocketError.Success || count <= 0)
                return false;
            bytes = bytes[count..];
        }

        return true;
    }

    private static void SetTimeouts(Socket socket, TimeSpan remaining)
    {
        int milliseconds = (int)Math.Clamp(remaining.TotalMilliseconds, 1, int.MaxValue);
        (socket.SendTimeout, socket.ReceiveTimeout) = (milliseconds, milliseconds);
    }

    private void Prepare(Socket? socket)
    {
        // Of the system's sockets: how long sent data may stay unacknowledged, and how much may wait in the system before it is sent, so that a
        // short message soon finds its way between the parts of a long one.
        const int Tcp = 6, UserTimeout = 18, UnsentLimit = 25;
        if (socket is null)
            return;
        socket.NoDelay = true;
        int seconds = (int)options.SilenceTimeout.TotalSeconds;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Math.Max(1, seconds / 2));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Math.Max(1, seconds / 8));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 4);
        if (OperatingSystem.IsLinux())
        {
            Span<byte> value = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(value, seconds * 1_000);
            socket.SetRawSocketOption(Tcp, UserTimeout, value);
            BinaryPrimitives.WriteInt32LittleEndian(value, SocketFrame.PartBytes);
            socket.SetRawSocketOption(Tcp, UnsentLimit, value);
        }

        socket.Blocking = false;
    }
}
