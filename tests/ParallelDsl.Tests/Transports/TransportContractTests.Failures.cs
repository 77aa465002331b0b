using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

/// <content>Wrong calls, ends and abortions.</content>
public abstract partial class TransportContractTests
{
    [Theory]
    [InlineData(-1, 0, "rank -1")]
    [InlineData(2, 0, "rank 2")]
    [InlineData(int.MaxValue, 0, "0 to 1")]
    [InlineData(1, -1, "tag -1")]
    [InlineData(1, MessageTags.Limit, "tags are from 0 to 8388607")]
    public void A_bad_rank_or_tag_is_named(int peer, int tag, string expected)
    {
        using RankWorld world = Create(2);
        TransportException send = Assert.Throws<TransportException>(() => world.Transports[0].Send(peer, tag, [1, 2]));
        Assert.Equal(TransportFailure.BadArgument, send.Failure);
        Assert.Contains(expected, send.Message);
        Assert.Contains("Rank 0 cannot send 2 floats", send.Message);
        TransportException receive = Assert.Throws<TransportException>(() => world.Transports[0].Receive(peer, tag, new float[3]));
        Assert.Contains(expected, receive.Message);
        Assert.Contains("Rank 0 cannot receive 3 floats", receive.Message);
    }

    [Theory]
    [InlineData(false, 3)]
    [InlineData(true, 3)]
    [InlineData(false, 100_000)]
    [InlineData(true, 100_000)]
    public async Task Another_length_is_reported_to_the_receiver_and_nothing_else_is_lost(bool receiverWaits, int offered)
    {
        using RankWorld world = Create(2);
        if (!receiverWaits)
            world.Transports[0].Send(1, 4, new float[offered]);
        Task<TransportException> receive = Task.Factory.StartNew(
            () => Assert.Throws<TransportException>(() => world.Transports[1].Receive(0, 4, new float[2])), TaskCreationOptions.LongRunning);
        if (receiverWaits)
        {
            Assert.True(SpinWait.SpinUntil(() => world.CountWaiting() == 1, 10_000));
            world.Transports[0].Send(1, 4, new float[offered]);
        }

        TransportException exception = await receive;
        Assert.Equal(TransportFailure.LengthMismatch, exception.Failure);
        Assert.Equal($"Rank 1 expects 2 floats from rank 0 (tag 4), but {offered} were sent.", exception.Message);
        world.Transports[0].Send(1, 4, [5]);
        Assert.Equal(5, ReceiveOne(world.Transports[1], 0, 4));
    }

    [Fact]
    public void A_disposed_transport_refuses_and_its_last_messages_are_delivered()
    {
        using RankWorld world = Create(2);
        float[] data = new float[500_000];
        data.AsSpan().Fill(5);
        world.Transports[0].Send(1, 0, data);
        world.Transports[0].Send(1, 0, [6]);
        world.Transports[0].Dispose();
        world.Transports[0].Dispose();

        TransportException own = Assert.Throws<TransportException>(() => world.Transports[0].Send(1, 0, [1]));
        Assert.Equal(TransportFailure.Disposed, own.Failure);
        data.AsSpan().Clear();
        world.Transports[1].Receive(0, 0, data);
        Assert.Equal(-1, data.AsSpan().IndexOfAnyExcept(5));
        Assert.Equal(6, ReceiveOne(world.Transports[1], 0, 0));
        TransportException peer = Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[1], 0, 0));
        Assert.Equal(TransportFailure.PeerDisposed, peer.Failure);
        Assert.Contains("rank 0 has ended", peer.Message);
        Assert.Throws<TransportException>(() => world.Transports[1].Send(0, 0, [1]));
    }

    [Fact]
    public async Task Disposing_ends_the_own_calls_that_wait()
    {
        using RankWorld world = Create(2);
        Task<TransportException> receive = Task.Factory.StartNew(
            () => Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[0], 1, 0)), TaskCreationOptions.LongRunning);
        Assert.True(SpinWait.SpinUntil(() => world.CountWaiting() == 1, 10_000));
        world.Transports[0].Dispose();
        Assert.Equal(TransportFailure.Disposed, (await receive).Failure);
    }

    [Fact]
    public async Task Abort_ends_pending_and_future_calls_on_every_rank_and_the_first_cause_stays()
    {
        using RankWorld world = Create(3, capacity: 1);
        world.Transports[1].Send(2, 0, [1]);
        using var started = new CountdownEvent(2);
        Task<TransportException>[] pending =
        [
            Pending(() => ReceiveOne(world.Transports[0], 1, 0)),
            Pending(() => world.Transports[1].Send(2, 0, [2])),
        ];
        Assert.True(started.Wait(10_000));
        Assert.True(SpinWait.SpinUntil(() => world.CountWaiting() >= 1, 10_000));
        world.Transports[2].Abort(new InvalidOperationException("the loss is not a number"));

        foreach (Task<TransportException> call in pending)
        {
            TransportException exception = await call;
            Assert.Equal(TransportFailure.Aborted, exception.Failure);
            Assert.Equal("the loss is not a number", exception.InnerException!.Message);
            Assert.Contains("rank 2 aborted the run: the loss is not a number", exception.Message);
        }

        world.Transports[0].Abort(new InvalidOperationException("too late"));
        // Even a message that is there is not delivered any more.
        Assert.Contains("not a number", Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[2], 1, 0)).Message);
        Assert.Contains("not a number", Assert.Throws<TransportException>(() => world.Transports[0].Send(0, 0, [])).Message);

        Task<TransportException> Pending(Action call) => Task.Factory.StartNew(
            () =>
            {
                started.Signal();
                return Assert.Throws<TransportException>(call);
            },
            TaskCreationOptions.LongRunning);
    }

    [Fact]
    public void A_failing_rank_ends_ranks_that_compute_send_and_receive()
    {
        using RankWorld world = Create(4, capacity: 2);
        Exception[] failures = RunAll(world, transport =>
        {
            float[] data = new float[50_000];
            for (int round = 0; round < 1_000; round++)
            {
                if (transport.Rank == 3 && round == 20)
                    throw new InvalidOperationException("out of luck");
                transport.Send((transport.Rank + 1) % 4, 0, data);
                transport.Receive((transport.Rank + 3) % 4, 0, data);
            }
        });
        Assert.All(failures[..3], failure => Assert.Contains("rank 3 aborted the run: out of luck", Assert.IsType<TransportException>(failure).Message));
        Assert.IsType<InvalidOperationException>(failures[3]);
    }
}
