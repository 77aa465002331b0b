using CsCheck;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

/// <summary>What every transport promises, whatever its ranks are.</summary>
public abstract partial class TransportContractTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Gen<(int Capacity, (int Source, int Destination, int Tag, int Length)[] Messages)> Programs = Gen.Select(
        Gen.Int[1, 3],
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 2], Gen.Frequency((9, Gen.Int[0, 130]), (1, Gen.Int[30_000, 90_000]))).Array[0, 60]);

    /// <summary>How many random programs are run.</summary>
    protected virtual int Iterations => 25;

    [Fact]
    public void Send_is_buffered_and_its_data_may_be_reused()
    {
        using RankWorld world = Create(2);
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
        using RankWorld world = Create(2);
        for (int index = 0; index < 6; index++)
            world.Transports[0].Send(1, tag: index % 3, [index]);

        int[] order = [2, 0, 0, 1, 2, 1];
        float[] expected = [2, 0, 3, 1, 5, 4];
        Assert.Equal(expected, order.Select(tag => ReceiveOne(world.Transports[1], 0, tag)));
    }

    [Fact]
    public void A_rank_may_send_to_itself_and_waits_where_it_is_full()
    {
        using RankWorld world = Create(1, capacity: 1);
        ITransport transport = world.Transports[0];
        transport.Send(0, tag: 5, [7]);
        Assert.False(transport.TrySend(0, tag: 5, [8]));
        using var sent = new ManualResetEventSlim();
        var sender = new Thread(() =>
        {
            transport.Send(0, tag: 5, [8]);
            sent.Set();
        });
        sender.Start();
        Assert.False(sent.Wait(50));
        Assert.Equal(7, ReceiveOne(transport, 0, 5));
        Assert.Equal(8, ReceiveOne(transport, 0, 5));
        sender.Join();
        Assert.Equal((2, 8), (transport.MessagesSent, transport.BytesSent));
    }

    [Fact]
    public void Empty_and_large_messages_arrive_whole() => Run(2, 1, transport =>
    {
        foreach (int length in new[] { 0, 1, 63, 64, 65, 32_767, 32_768, 32_769, 1_000_003 })
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
    });

    [Fact]
    public void Send_blocks_only_while_the_channel_is_full()
    {
        using RankWorld world = Create(2, capacity: 2);
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
        using RankWorld world = Create(2, capacity: 1);
        Assert.True(world.Transports[0].TrySend(1, tag: 0, [1]));
        Assert.False(world.Transports[0].TrySend(1, tag: 0, [2]));
        Assert.Equal((1, 4), (world.Transports[0].MessagesSent, world.Transports[0].BytesSent));
        Assert.Equal(1, ReceiveOne(world.Transports[1], 0, 0));
        Assert.True(SpinWait.SpinUntil(() => world.Transports[0].TrySend(1, tag: 0, [3]), 10_000));
        Assert.Equal(3, ReceiveOne(world.Transports[1], 0, 0));
        Assert.Throws<TransportException>(() => world.Transports[0].TrySend(2, tag: 0, [4]));
    }

    [Fact]
    public void A_full_channel_does_not_block_the_message_that_the_receiver_waits_for() => Run(2, 1, transport =>
    {
        // Again and again: what was asked for once must not count twice.
        for (int round = 0; round < 50; round++)
        {
            if (transport.Rank == 0)
            {
                transport.Send(1, round, [1]);
                transport.Send(1, round + 1_000, [2]);
            }
            else
            {
                Assert.Equal(2, ReceiveOne(transport, 0, round + 1_000));
                Assert.Equal(1, ReceiveOne(transport, 0, round));
            }
        }
    });

    [Fact]
    public void A_long_message_of_one_tag_and_short_ones_of_others_keep_the_order_of_each_tag() => Run(2, 512, transport =>
    {
        const int Short = 20;
        float[] data = new float[200_000];
        if (transport.Rank == 0)
        {
            for (int index = 0; index < 12; index++)
            {
                for (int message = 0; message < Short; message++)
                    transport.Send(1, tag: 1, [message]);
                data.AsSpan().Fill(index);
                transport.Send(1, tag: 1, data);
                transport.Send(1, tag: 1, [index]);
                transport.Send(1, tag: 2, [index]);
            }
        }
        else
        {
            for (int index = 0; index < 12; index++)
                Assert.Equal(index, ReceiveOne(transport, 0, 2));
            for (int index = 0; index < 12; index++)
            {
                for (int message = 0; message < Short; message++)
                    Assert.Equal(message, ReceiveOne(transport, 0, 1));
                transport.Receive(0, 1, data);
                Assert.Equal(-1, data.AsSpan().IndexOfAnyExcept(index));
                Assert.Equal(index, ReceiveOne(transport, 0, 1));
            }
        }
    });

    [Fact]
    public void Messages_between_many_ranks_on_one_message_channels_keep_their_order() => Run(6, 1, transport =>
    {
        int next = (transport.Rank + 1) % transport.Size;
        int previous = (transport.Rank + transport.Size - 1) % transport.Size;
        for (int index = 0; index < 200; index++)
        {
            transport.Send(next, 3, [index, transport.Rank]);
            float[] received = new float[2];
            transport.Receive(previous, 3, received);
            Assert.Equal([index, previous], received);
        }
    });

    [Fact]
    public void All_ranks_may_send_long_messages_to_all_at_once() => Run(4, 4, transport =>
    {
        float[] data = new float[300_000];
        for (int peer = 0; peer < transport.Size; peer++)
        {
            data.AsSpan().Fill(transport.Rank);
            transport.Send(peer, peer, data);
        }

        for (int peer = 0; peer < transport.Size; peer++)
        {
            transport.Receive(peer, transport.Rank, data);
            Assert.Equal(-1, data.AsSpan().IndexOfAnyExcept(peer));
        }
    });

    [Fact]
    public void Random_programs_move_every_message_where_it_belongs() => Programs.Sample(
        program => Run(4, program.Capacity, transport =>
        {
            // Every rank walks through the same list of messages, sends its own and receives those for it.
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
        }),
        seed: "0000000000000", iter: Iterations, threads: 1);

    [Fact]
    public void Traffic_is_counted()
    {
        using RankWorld world = Create(2);
        world.Transports[0].Send(1, 0, new float[10]);
        world.Transports[0].Send(0, 0, []);
        Assert.Equal(40, world.Transports[0].BytesSent);
        Assert.Equal(2, world.Transports[0].MessagesSent);
        Assert.Equal(0, world.Transports[1].BytesSent);
    }

    [Fact]
    public void Messages_to_and_fro_allocate_nothing()
    {
        // Many more than the 8 KB by which a thread takes memory from the heap: less than a byte a message is nothing for each.
        const int Messages = 10_000;
        long[] allocated = new long[2];
        using RankWorld world = Create(2, capacity: 4);
        RunAll(world, Exchange);
        RunAll(world, Exchange);
        Assert.All(allocated, bytes => Assert.InRange(bytes, 0, Messages));

        void Exchange(ITransport transport)
        {
            float[] data = new float[50_000];
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int message = 0; message < Messages; message++)
            {
                int length = message % 1_000 == 0 ? data.Length : 32;
                if (transport.Rank == 0)
                    transport.Send(1, 0, data.AsSpan(0, length));
                transport.Receive(1 - transport.Rank, 0, data.AsSpan(0, length));
                if (transport.Rank == 1)
                    transport.Send(0, 0, data.AsSpan(0, length));
            }

            allocated[transport.Rank] = GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    protected abstract RankWorld Create(int size, int capacity = InProcessWorld.DefaultCapacity);

    protected static float ReceiveOne(ITransport transport, int source, int tag)
    {
        Span<float> value = stackalloc float[1];
        transport.Receive(source, tag, value);
        return value[0];
    }

    private void Run(int size, int capacity, Action<ITransport> body)
    {
        using RankWorld world = Create(size, capacity);
        Exception? failure = RunAll(world, body).OrderBy(cause => cause is TransportException { IsConsequence: true }).FirstOrDefault(cause => cause is not null);
        if (failure is not null)
            throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Runs each rank on a thread and returns what each ended with.</summary>
    protected static Exception[] RunAll(RankWorld world, Action<ITransport> body)
    {
        var failures = new Exception[world.Transports.Count];
        Thread[] threads = [.. world.Transports.Select(transport => new Thread(() =>
        {
            try
            {
                body(transport);
            }
            catch (Exception cause)
            {
                failures[transport.Rank] = cause;
                transport.Abort(cause);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(Patience), "A rank hangs.");
        return failures;
    }
}
