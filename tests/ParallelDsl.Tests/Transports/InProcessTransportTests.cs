using CsCheck;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

public sealed class InProcessTransportTests
{
    private static readonly Gen<(int Capacity, (int Source, int Destination, int Tag, int Length)[] Messages)> Programs = Gen.Select(
        Gen.Int[1, 3],
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4], Gen.Int[0, 2], Gen.Int[0, 130]).Array[0, 120]);

    [Fact]
    public void Send_is_buffered_and_its_data_may_be_reused()
    {
        var world = InProcessWorld.Create(2);
        float[] data = [1, 2, 3];
        world.Transports[0].Send(1, tag: 0, data);
        data.AsSpan().Fill(9);
        world.Transports[0].Send(1, tag: 0, data);

        float[] received = new float[3];
        world.Transports[1].Receive(0, tag: 0, received);
        Assert.Equal([1, 2, 3], received);
        world.Transports[1].Receive(0, tag: 0, received);
        Assert.Equal([9, 9, 9], received);
    }

    [Fact]
    public void Tags_are_received_in_any_order_and_each_in_its_own()
    {
        var world = InProcessWorld.Create(2);
        for (int index = 0; index < 6; index++)
            world.Transports[0].Send(1, tag: index % 3, [index]);

        int[] order = [2, 0, 0, 1, 2, 1];
        float[] expected = [2, 0, 3, 1, 5, 4];
        Assert.Equal(expected, order.Select(tag => ReceiveOne(world.Transports[1], 0, tag)));
        Assert.Null(world.FindUnreceived());
    }

    [Fact]
    public void A_rank_may_send_to_itself()
    {
        var world = InProcessWorld.Create(1, capacity: 1);
        world.Transports[0].Send(0, tag: 5, [7]);
        Assert.Equal(7, ReceiveOne(world.Transports[0], 0, 5));
    }

    [Fact]
    public void Empty_and_large_messages_arrive_whole()
    {
        var world = InProcessWorld.Create(2, capacity: 1);
        RankThreads.Run(world, Body, TimeSpan.FromSeconds(30));

        static void Body(ITransport transport)
        {
            foreach (int length in new[] { 0, 1, 63, 64, 65, 1_000_003 })
            {
                float[] data = new float[length];
                if (transport.Rank == 0)
                {
                    for (int index = 0; index < length; index++)
                        data[index] = index;
                    transport.Send(1, length, data);
                }
                else
                {
                    transport.Receive(0, length, data);
                    for (int index = 0; index < length; index++)
                        Assert.Equal(index, data[index]);
                }
            }
        }
    }

    [Fact]
    public void Send_blocks_only_while_the_channel_is_full()
    {
        var world = InProcessWorld.Create(2, capacity: 2);
        world.Transports[0].Send(1, 0, [0]);
        world.Transports[0].Send(1, 0, [1]);
        using var sent = new ManualResetEventSlim();
        var sender = new Thread(() =>
        {
            world.Transports[0].Send(1, 0, [2]);
            sent.Set();
        });
        sender.Start();
        Assert.False(sent.Wait(50));
        Assert.Equal(0, ReceiveOne(world.Transports[1], 0, 0));
        Assert.True(sent.Wait(10_000));
        sender.Join();
        Assert.Equal(1, ReceiveOne(world.Transports[1], 0, 0));
        Assert.Equal(2, ReceiveOne(world.Transports[1], 0, 0));
    }

    [Fact]
    public void A_send_that_would_wait_can_be_left_out()
    {
        var world = InProcessWorld.Create(2, capacity: 1);
        Assert.True(world.Transports[0].TrySend(1, tag: 0, [1]));
        Assert.False(world.Transports[0].TrySend(1, tag: 0, [2]));
        Assert.Equal((1, 4), (world.Transports[0].MessagesSent, world.Transports[0].BytesSent));
        Assert.Equal(1, ReceiveOne(world.Transports[1], 0, 0));
        Assert.True(world.Transports[0].TrySend(1, tag: 0, [3]));
        Assert.Equal(3, ReceiveOne(world.Transports[1], 0, 0));
        Assert.Throws<TransportException>(() => world.Transports[0].TrySend(2, tag: 0, [4]));
    }

    [Fact]
    public void A_full_channel_does_not_block_the_message_that_the_receiver_waits_for()
    {
        var world = InProcessWorld.Create(2, capacity: 1);
        RankThreads.Run(world, Body, TimeSpan.FromSeconds(10));

        static void Body(ITransport transport)
        {
            if (transport.Rank == 0)
            {
                transport.Send(1, tag: 1, [1]);
                transport.Send(1, tag: 2, [2]);
            }
            else
            {
                Assert.Equal(2, ReceiveOne(transport, 0, 2));
                Assert.Equal(1, ReceiveOne(transport, 0, 1));
            }
        }
    }

    [Fact]
    public void Messages_between_many_ranks_on_one_message_channels_keep_their_order()
    {
        const int Size = 8;
        const int Messages = 300;
        RankThreads.Run(InProcessWorld.Create(Size, capacity: 1), Body, TimeSpan.FromSeconds(30));

        static void Body(ITransport transport)
        {
            int next = (transport.Rank + 1) % Size;
            int previous = (transport.Rank + Size - 1) % Size;
            for (int index = 0; index < Messages; index++)
            {
                transport.Send(next, 3, [index, transport.Rank]);
                float[] received = new float[2];
                transport.Receive(previous, 3, received);
                Assert.Equal([index, previous], received);
            }
        }
    }

    [Fact]
    public void Random_programs_move_every_message_where_it_belongs() => Programs.Sample(
        program =>
        {
            // Every rank walks through the same list of messages, sends its own and receives those for it.
            RankThreads.Run(InProcessWorld.Create(5, program.Capacity), Body, TimeSpan.FromSeconds(20));

            void Body(ITransport transport)
            {
                for (int index = 0; index < program.Messages.Length; index++)
                {
                    (int source, int destination, int tag, int length) = program.Messages[index];
                    float[] payload = [.. Enumerable.Repeat((float)index, length)];
                    if (transport.Rank == source)
                        transport.Send(destination, tag, payload);
                    float[] received = new float[length];
                    if (transport.Rank == destination)
                    {
                        transport.Receive(source, tag, received);
                        Assert.Equal(payload, received);
                    }
                }
            }
        },
        seed: "0000000000000", iter: 100, threads: 1);

    [Theory]
    [InlineData(-1, 0, "rank -1")]
    [InlineData(2, 0, "rank 2")]
    [InlineData(int.MaxValue, 0, "0 to 1")]
    [InlineData(1, -1, "tag -1")]
    [InlineData(1, MessageTags.Limit, "tags are from 0 to 8388607")]
    public void A_bad_rank_or_tag_is_named(int peer, int tag, string expected)
    {
        var world = InProcessWorld.Create(2);
        TransportException send = Assert.Throws<TransportException>(() => world.Transports[0].Send(peer, tag, [1, 2]));
        Assert.Equal(TransportFailure.BadArgument, send.Failure);
        Assert.Contains(expected, send.Message);
        Assert.Contains("Rank 0 cannot send 2 floats", send.Message);
        TransportException receive = Assert.Throws<TransportException>(() => world.Transports[0].Receive(peer, tag, new float[3]));
        Assert.Contains(expected, receive.Message);
        Assert.Contains("Rank 0 cannot receive 3 floats", receive.Message);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-3, 1)]
    [InlineData(1_025, 1)]
    [InlineData(2, 0)]
    [InlineData(2, -1)]
    public void A_world_of_a_bad_size_is_refused(int size, int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => InProcessWorld.Create(size, capacity));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Another_length_is_reported_to_the_receiver(bool receiverWaits)
    {
        var world = InProcessWorld.Create(2);
        if (!receiverWaits)
            world.Transports[0].Send(1, 4, [1, 2, 3]);
        Task<TransportException> receive = Task.Run(
            () => Assert.Throws<TransportException>(() => world.Transports[1].Receive(0, 4, new float[2])));
        if (receiverWaits)
        {
            WaitUntilWaiting(world, calls: 1);
            world.Transports[0].Send(1, 4, [1, 2, 3]);
        }

        TransportException exception = await receive;
        Assert.Equal(TransportFailure.LengthMismatch, exception.Failure);
        Assert.Equal("Rank 1 expects 2 floats from rank 0 (tag 4), but 3 were sent.", exception.Message);
    }

    [Fact]
    public void A_disposed_transport_refuses_and_its_last_messages_are_delivered()
    {
        var world = InProcessWorld.Create(2);
        world.Transports[0].Send(1, 0, [5]);
        world.Transports[0].Dispose();
        world.Transports[0].Dispose();

        TransportException own = Assert.Throws<TransportException>(() => world.Transports[0].Send(1, 0, [1]));
        Assert.Equal(TransportFailure.Disposed, own.Failure);
        Assert.Equal(5, ReceiveOne(world.Transports[1], 0, 0));
        TransportException peer = Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[1], 0, 0));
        Assert.Equal(TransportFailure.PeerDisposed, peer.Failure);
        Assert.Contains("rank 0 has ended", peer.Message);
        Assert.Throws<TransportException>(() => world.Transports[1].Send(0, 0, [1]));
    }

    [Fact]
    public async Task Abort_ends_pending_and_future_calls_and_the_first_cause_stays()
    {
        var world = InProcessWorld.Create(3, capacity: 1);
        world.Transports[1].Send(2, 0, [1]);
        Task<TransportException>[] pending =
        [
            Task.Run(() => Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[0], 1, 0))),
            Task.Run(() => Assert.Throws<TransportException>(() => world.Transports[1].Send(2, 0, [2]))),
        ];
        WaitUntilWaiting(world, calls: 2);
        var cause = new InvalidOperationException("the loss is not a number");
        world.Transports[2].Abort(cause);
        world.Transports[0].Abort(new InvalidOperationException("too late"));

        foreach (Task<TransportException> call in pending)
        {
            TransportException exception = await call;
            Assert.Equal(TransportFailure.Aborted, exception.Failure);
            Assert.Same(cause, exception.InnerException);
            Assert.Contains("rank 2 aborted the run: the loss is not a number", exception.Message);
        }

        // Even a message that is there is not delivered any more.
        Assert.Throws<TransportException>(() => ReceiveOne(world.Transports[2], 1, 0));
        Assert.Throws<TransportException>(() => world.Transports[0].Send(0, 0, []));
    }

    [Fact]
    public void Traffic_is_counted()
    {
        var world = InProcessWorld.Create(2);
        world.Transports[0].Send(1, 0, new float[10]);
        world.Transports[0].Send(0, 0, []);
        Assert.Equal(40, world.Transports[0].BytesSent);
        Assert.Equal(2, world.Transports[0].MessagesSent);
        Assert.Equal(0, world.Transports[1].BytesSent);
    }

    [Fact]
    public void Steady_buffered_traffic_allocates_nothing()
    {
        var world = InProcessWorld.Create(2, capacity: 4);
        float[] data = new float[5_000];
        Exchange();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exchange();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Exchange()
        {
            for (int length = 0; length <= data.Length; length += 100)
            {
                for (int tag = 0; tag < 4; tag++)
                    world.Transports[0].Send(1, tag, data.AsSpan(0, length));
                for (int tag = 3; tag >= 0; tag--)
                    world.Transports[1].Receive(0, tag, data.AsSpan(0, length));
            }
        }
    }

    [Fact]
    public void Waiting_allocates_nothing_for_each_message()
    {
        // Many more than the 8 KB by which a thread takes memory from the heap: less than a byte a message is nothing for each.
        const int Messages = 50_000;
        long[] allocated = new long[2];
        RankThreads.Run(2, Body);
        Assert.All(allocated, bytes => Assert.InRange(bytes, 0, Messages));

        void Body(ITransport transport)
        {
            float[] data = new float[32];
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int message = 0; message < Messages; message++)
            {
                if (transport.Rank == 0)
                    transport.Send(1, 0, data);
                transport.Receive(1 - transport.Rank, 0, data);
                if (transport.Rank == 1)
                    transport.Send(0, 0, data);
            }

            allocated[transport.Rank] = GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static float ReceiveOne(ITransport transport, int source, int tag)
    {
        Span<float> value = stackalloc float[1];
        transport.Receive(source, tag, value);
        return value[0];
    }

    private static void WaitUntilWaiting(InProcessWorld world, int calls) =>
        Assert.True(SpinWait.SpinUntil(() => world.CountWaiting() == calls, 10_000));
}
