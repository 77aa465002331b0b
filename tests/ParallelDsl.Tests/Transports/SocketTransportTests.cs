using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ParallelDsl.Transports;
using ParallelDsl.Transports.Sockets;

namespace ParallelDsl.Tests.Transports;

public sealed class SocketTransportTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Every_pair_may_have_addresses_of_its_own()
    {
        SocketAddresses ranks = SocketWorld.Addresses(9);
        SocketAddresses pairs = SocketAddresses.OfPairs(3, (rank, peer) => ranks[(rank * 3) + peer, (rank * 3) + peer == 8 ? 0 : 8]);
        SocketTransport[] transports = SocketWorld.Join(pairs, new SocketOptions());
        using RankWorld world = new(transports, () => 0);
        for (int source = 0; source < 3; source++)
        {
            for (int destination = 0; destination < 3; destination++)
            {
                transports[source].Send(destination, source, [destination]);
                float[] data = new float[1];
                transports[destination].Receive(source, source, data);
                Assert.Equal([destination], data);
            }
        }
    }

    [Fact]
    public void A_rank_that_does_not_come_is_named()
    {
        SocketOptions options = new() { JoinTimeout = TimeSpan.FromMilliseconds(300) };
        TransportException above = Assert.Throws<TransportException>(() => SocketTransport.Join(0, SocketWorld.Addresses(2), options));
        Assert.Equal(TransportFailure.PeerLost, above.Failure);
        Assert.Contains("Rank 0 cannot join the others: rank 1 has not connected to 127.", above.Message);
        TransportException below = Assert.Throws<TransportException>(() => SocketTransport.Join(1, SocketWorld.Addresses(2), options));
        Assert.Contains("Rank 1 cannot join the others: cannot connect to rank 0 at 127.", below.Message);
        Assert.Contains("within 0.3 s", below.Message);
    }

    [Fact]
    public void An_address_that_is_not_of_this_machine_is_named()
    {
        SocketAddresses addresses = SocketAddresses.OfRanks([IPEndPoint.Parse("198.51.100.7:7000"), IPEndPoint.Parse("127.0.0.1:7000")]);
        TransportException exception = Assert.Throws<TransportException>(() => SocketTransport.Join(0, addresses));
        Assert.Contains("cannot listen at 198.51.100.7:7000", exception.Message);
    }

    [Fact]
    public async Task Ranks_of_different_runs_refuse_each_other_on_both_sides()
    {
        SocketAddresses addresses = SocketWorld.Addresses(2);
        Task<TransportException> first = Join(0, new SocketOptions { Run = 4 });
        Task<TransportException> second = Join(1, new SocketOptions { Run = 5 });
        Assert.Contains("it belongs to run 5, this is run 4", (await first).Message);
        Assert.Contains("it belongs to run 4, this is run 5", (await second).Message);

        Task<TransportException> Join(int rank, SocketOptions options) => Task.Factory.StartNew(
            () => Assert.Throws<TransportException>(() => SocketTransport.Join(rank, addresses, options)), TaskCreationOptions.LongRunning);
    }

    [Fact]
    public async Task A_stranger_at_the_port_does_not_disturb()
    {
        SocketAddresses addresses = SocketWorld.Addresses(2);
        Task<SocketTransport> first = Task.Factory.StartNew(() => SocketTransport.Join(0, addresses), TaskCreationOptions.LongRunning);
        using (Socket stranger = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            Assert.True(SpinWait.SpinUntil(() => TryConnect(stranger, addresses[0, 1]), Patience));
            stranger.Send("GET / HTTP/1.1\r\nHost: somewhere.example\r\n\r\n"u8);
        }

        using SocketTransport second = SocketTransport.Join(1, addresses);
        second.Send(0, 1, [3]);
        float[] data = new float[1];
        (await first).Receive(1, 1, data);
        Assert.Equal([3], data);
        second.Dispose();
        (await first).Dispose();
    }

    [Fact]
    public async Task A_stranger_that_says_nothing_does_not_hold_the_others_up()
    {
        SocketAddresses addresses = SocketWorld.Addresses(2);
        SocketOptions options = new() { JoinTimeout = TimeSpan.FromMinutes(2) };
        Task<SocketTransport> first = Task.Factory.StartNew(() => SocketTransport.Join(0, addresses, options), TaskCreationOptions.LongRunning);
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(SpinWait.SpinUntil(() => TryConnect(stranger, addresses[0, 1]), Patience));
        using Socket halting = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(SpinWait.SpinUntil(() => TryConnect(halting, addresses[0, 1]), Patience));
        halting.Send(new byte[3]);

        using SocketTransport second = await Task.Factory.StartNew(() => SocketTransport.Join(1, addresses, options), TaskCreationOptions.LongRunning).WaitAsync(Patience);
        using SocketTransport joined = await first.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(9, 0, 0, 0)]
    [InlineData((int)FrameKind.Whole, -1, 1, 4)]
    [InlineData((int)FrameKind.Whole, 1, 2, 4)]
    [InlineData((int)FrameKind.First, 1, 2, 8)]
    [InlineData((int)FrameKind.Next, 1, 2, 4)]
    [InlineData((int)FrameKind.Abort, 0, 0, 100_000)]
    [InlineData((int)FrameKind.Want, MessageTags.Limit, 0, 0)]
    public async Task What_is_no_frame_ends_the_run_and_names_the_rank(int kind, int tag, int length, int bytes)
    {
        SocketAddresses addresses = SocketWorld.Addresses(2);
        Task<SocketTransport> first = Task.Factory.StartNew(() => SocketTransport.Join(0, addresses), TaskCreationOptions.LongRunning);
        Socket[] sockets = await Task.Factory.StartNew(() => new SocketJoining(1, addresses, new SocketOptions()).Run(), TaskCreationOptions.LongRunning) is var joined
            ? [.. joined.OfType<Socket>()]
            : [];
        using Socket socket = Assert.Single(sockets);
        using SocketTransport transport = await first;
        byte[] header = new byte[SocketFrame.HeaderBytes];
        new SocketFrame((FrameKind)kind, tag, length, bytes).Write(header);
        socket.Send(header);
        TransportException exception = Assert.Throws<TransportException>(() => transport.Receive(1, 1, new float[2]));
        Assert.Equal(TransportFailure.PeerLost, exception.Failure);
        Assert.Contains("rank 1 is lost", exception.Message);
        Assert.Contains("something else than messages", exception.Message);
    }

    /// <summary>The other side reads nothing until all is sent: a long message then waits behind many short ones, of its tag and of others.</summary>
    [Fact]
    public async Task A_slow_connection_keeps_the_order_of_each_tag()
    {
        const int Short = 20, Long = 50_000;
        SocketAddresses addresses = SocketWorld.Addresses(2);
        SocketOptions options = new() { Capacity = 1_000 };
        Task<SocketTransport> first = Task.Factory.StartNew(() => SocketTransport.Join(0, addresses, options), TaskCreationOptions.LongRunning);
        Socket?[] sockets = await Task.Factory.StartNew(() => new SocketJoining(1, addresses, options).Run(), TaskCreationOptions.LongRunning);
        using Socket socket = Assert.Single(sockets.OfType<Socket>());
        SocketTransport transport = await first;

        // More than any connection takes, so that what follows is queued.
        float[] data = new float[25_000];
        for (int message = 0; message < 200; message++)
            transport.Send(1, 1, data);
        for (int message = 0; message < Short; message++)
            transport.Send(1, 2, [message]);
        transport.Send(1, 2, new float[Long]);
        transport.Send(1, 2, [Short]);
        transport.Send(1, 3, new float[Long]);
        transport.Send(1, 1, [1]);
        Task end = Task.Factory.StartNew(transport.Dispose, TaskCreationOptions.LongRunning);

        SocketFrame[] frames = Read(socket);
        await end;
        Assert.Equal(201, frames.Count(frame => frame.Tag == 1));
        Assert.Equal(
            [.. Enumerable.Repeat((FrameKind.Whole, 1), Short), (FrameKind.First, Long), (FrameKind.Next, Long), (FrameKind.Whole, 1)],
            frames.Where(frame => frame.Tag == 2).Select(frame => (frame.Kind, frame.Length)));
        Assert.Equal([FrameKind.First, FrameKind.Next], frames.Where(frame => frame.Tag == 3).Select(frame => frame.Kind));

        // The frames of messages, up to the farewell, which is answered.
        static SocketFrame[] Read(Socket socket)
        {
            socket.Blocking = true;
            List<SocketFrame> frames = [];
            byte[] bytes = new byte[SocketFrame.HeaderBytes + SocketFrame.PartBytes];
            while (true)
            {
                Fill(bytes.AsSpan(0, SocketFrame.HeaderBytes));
                var frame = SocketFrame.Read(bytes);
                if (frame.Kind == FrameKind.Farewell)
                    break;
                Fill(bytes.AsSpan(0, frame.Bytes));
                frames.Add(frame);
            }

            new SocketFrame(FrameKind.Receipt, 0, 0, 0).Write(bytes);
            socket.Send(bytes.AsSpan(0, SocketFrame.HeaderBytes));
            return [.. frames];

            void Fill(Span<byte> target)
            {
                for (int count; target.Length > 0; target = target[count..])
                    Assert.True((count = socket.Receive(target)) > 0);
            }
        }
    }

    [Fact]
    public void Frames_are_read_as_they_were_written()
    {
        byte[] header = new byte[SocketFrame.HeaderBytes];
        foreach (long count in new[] { 0, 1, int.MaxValue, uint.MaxValue, 1L << 40, long.MaxValue })
        {
            SocketFrame.Credit(count).Write(header);
            Assert.Equal(count, SocketFrame.Read(header).Count);
        }
    }

    [Fact]
    public void Addresses_and_options_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketAddresses.OfRanks([]));
        ArgumentException port = Assert.Throws<ArgumentException>(
            () => SocketAddresses.OfRanks([new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Loopback, 1)]));
        Assert.Contains("Rank 0 listens for rank 1", port.Message);
        SocketAddresses addresses = SocketWorld.Addresses(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketTransport.Join(2, addresses));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketTransport.Join(0, addresses, new SocketOptions { Capacity = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketTransport.Join(0, addresses, new SocketOptions { SilenceTimeout = TimeSpan.Zero }));
    }

    [Fact]
    public void Ranks_that_are_processes_exchange_and_end()
    {
        using RankProcesses processes = new("exchange", 3);
        Assert.All(processes.End(Patience), end => Assert.Equal((0, "done"), end));
    }

    [Fact]
    public void A_process_allocates_nothing_for_its_messages()
    {
        using RankProcesses processes = new("allocate", 2);
        // 400 messages each way, of up to 240 KB; the runtime itself allocates a little now and then.
        Assert.All(processes.End(Patience), end => Assert.InRange(long.Parse(end.Output, System.Globalization.CultureInfo.InvariantCulture), 0, 10_000));
    }

    [Fact]
    public void A_killed_process_ends_all_others_with_its_rank_and_the_operation()
    {
        using RankProcesses processes = new("forever", 4);
        processes.AwaitLines("ready");
        processes.Kill(2);
        (int Code, string Output)[] ends = processes.End(Patience);
        foreach (int rank in new[] { 0, 1, 3 })
        {
            Assert.Equal(1, ends[rank].Code);
            Assert.Contains("TransportException: Rank ", ends[rank].Output);
            Assert.Matches("cannot (send|receive) [0-9]+ floats (to|from) rank", ends[rank].Output);
            Assert.Contains("rank 2 is lost, its process has died", ends[rank].Output);
        }
    }

    [Fact]
    public void An_abort_reaches_every_process_with_its_cause()
    {
        using RankProcesses processes = new("fail", 3);
        (int Code, string Output)[] ends = processes.End(Patience);
        Assert.Equal(3, ends[1].Code);
        foreach (int rank in new[] { 0, 2 })
            Assert.Contains("rank 1 aborted the run: the disk is full", ends[rank].Output);
    }

    private static bool TryConnect(Socket socket, IPEndPoint address)
    {
        try
        {
            socket.Connect(address);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Ranks that are processes of this assembly; killed with the test.</summary>
    private sealed class RankProcesses : IDisposable
    {
        private readonly Process[] _processes;
        private readonly List<string>[] _lines;

        public RankProcesses(string program, int size)
        {
            SocketAddresses addresses = SocketWorld.Addresses(size);
            _lines = [.. Enumerable.Range(0, size).Select(_ => new List<string>())];
            _processes = [.. Enumerable.Range(0, size).Select(rank => Start(program, rank, addresses))];
        }

        public void AwaitLines(string line)
        {
            foreach (List<string> lines in _lines)
                Assert.True(SpinWait.SpinUntil(() => { lock (lines) return lines.Contains(line); }, Patience));
        }

        public void Kill(int rank) => _processes[rank].Kill();

        public (int Code, string Output)[] End(TimeSpan patience) => [.. _processes.Select((process, rank) =>
        {
            Assert.True(process.WaitForExit(patience), $"Rank {rank} hangs.");
            process.WaitForExit();
            lock (_lines[rank])
                return (process.ExitCode, _lines[rank].Count == 0 ? "" : _lines[rank][^1]);
        })];

        public void Dispose()
        {
            foreach (Process process in _processes)
            {
                if (!process.HasExited)
                    process.Kill();
                process.Dispose();
            }
        }

        private Process Start(string program, int rank, SocketAddresses addresses)
        {
            string host = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
            ProcessStartInfo start = new(host) { RedirectStandardOutput = true, UseShellExecute = false };
            start.ArgumentList.Add(typeof(SocketRank).Assembly.Location);
            start.ArgumentList.Add(program);
            start.ArgumentList.Add(rank.ToString(System.Globalization.CultureInfo.InvariantCulture));
            for (int peer = 0; peer < addresses.Size; peer++)
                start.ArgumentList.Add(addresses[peer, peer == 0 ? addresses.Size - 1 : 0].ToString());
            var process = Process.Start(start)!;
            process.OutputDataReceived += (_, line) =>
            {
                lock (_lines[rank])
                {
                    if (line.Data is not null)
                        _lines[rank].Add(line.Data);
                }
            };
            process.BeginOutputReadLine();
            return process;
        }
    }
}
