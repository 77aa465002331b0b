using ParallelDsl.Transports;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <summary>The contract of <see cref="ITransport"/>, as the tests of the in-process transport check it. Every rank of a job of four runs each of
/// these, with transports of its own.</summary>
internal static partial class ContractChecks
{
    public static void Send_is_buffered_and_its_data_may_be_reused(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        if (transport.Rank == 0)
        {
            float[] data = [1, 2, 3];
            transport.Send(1, tag: 0, data);
            data.AsSpan().Fill(9);
            transport.Send(1, tag: 0, data);
            transport.Send(1, tag: 1, []);
        }
        else if (transport.Rank == 1)
        {
            // The last one is there first.
            transport.Receive(0, tag: 1, []);
            float[] received = new float[3];
            transport.Receive(0, tag: 0, received);
            Assert.Equal([1, 2, 3], received);
            transport.Receive(0, tag: 0, received);
            Assert.Equal([9, 9, 9], received);
        }
    }

    public static void Tags_are_received_in_any_order_and_each_in_its_own(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        if (transport.Rank == 0)
        {
            for (int index = 0; index < 6; index++)
                transport.Send(1, tag: index % 3, [index]);
        }
        else if (transport.Rank == 1)
        {
            int[] order = [2, 0, 0, 1, 2, 1];
            float[] expected = [2, 0, 3, 1, 5, 4];
            Assert.Equal(expected, order.Select(tag => ReceiveOne(transport, 0, tag)));
        }
    }

    public static void A_rank_may_send_to_itself(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 1);
        transport.Send(job.Rank, tag: 5, [7]);
        Assert.Equal(7, ReceiveOne(transport, job.Rank, 5));
    }

    public static void Empty_and_large_messages_arrive_whole(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 1);
        foreach (int length in new[] { 0, 1, 63, 64, 65, 1_023, 1_024, 1_025, 16_384, 1_000_003 })
        {
            float[] data = new float[length];
            if (transport.Rank == 0)
                transport.Send(3, length, [.. Enumerable.Range(0, length).Select(index => (float)index)]);
            if (transport.Rank != 3)
                continue;
            transport.Receive(0, length, data);
            for (int index = 0; index < length; index++)
                Assert.Equal(index, data[index]);
        }
    }

    public static void Send_waits_only_while_the_channel_is_full(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 2), signals = job.Open();
        if (transport.Rank == 0)
        {
            transport.Send(1, 0, [0]);
            transport.Send(1, 0, [1]);
            using var sent = new ManualResetEventSlim();
            var sender = new Thread(() =>
            {
                transport.Send(1, 0, [2]);
                sent.Set();
            });
            sender.Start();
            Assert.False(sent.Wait(50));
            signals.Send(1, 0, []);
            sender.Join();
            signals.Send(1, 1, []);
        }
        else if (transport.Rank == 1)
        {
            signals.Receive(0, 0, []);
            Assert.Equal(0, ReceiveOne(transport, 0, 0));
            signals.Receive(0, 1, []);
            Assert.Equal(1, ReceiveOne(transport, 0, 0));
            Assert.Equal(2, ReceiveOne(transport, 0, 0));
        }
    }

    public static void A_send_that_would_wait_can_be_left_out(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 1), signals = job.Open();
        if (transport.Rank == 0)
        {
            Assert.True(transport.TrySend(1, tag: 0, [1]));
            Assert.False(transport.TrySend(1, tag: 0, [2]));
            Assert.Equal((1, 4), (transport.MessagesSent, transport.BytesSent));
            signals.Send(1, 0, []);
            Assert.True(SpinWait.SpinUntil(() => transport.TrySend(1, tag: 0, [3]), 20_000));
            Assert.Throws<TransportException>(() => transport.TrySend(4, tag: 0, [4]));
        }
        else if (transport.Rank == 1)
        {
            signals.Receive(0, 0, []);
            Assert.Equal(1, ReceiveOne(transport, 0, 0));
            Assert.Equal(3, ReceiveOne(transport, 0, 0));
        }
    }

    public static void A_full_channel_does_not_block_the_message_that_the_receiver_waits_for(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 1);
        if (transport.Rank == 0)
        {
            transport.Send(1, tag: 1, [1]);
            transport.Send(1, tag: 2, [2]);
        }
        else if (transport.Rank == 1)
        {
            Assert.Equal(2, ReceiveOne(transport, 0, 2));
            Assert.Equal(1, ReceiveOne(transport, 0, 1));
        }
    }

    public static void Messages_between_ranks_on_one_message_channels_keep_their_order(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 1);
        int next = (job.Rank + 1) % job.Size;
        int previous = (job.Rank + job.Size - 1) % job.Size;
        float[] received = new float[2];
        for (int index = 0; index < 300; index++)
        {
            transport.Send(next, 3, [index, transport.Rank]);
            transport.Receive(previous, 3, received);
            Assert.Equal([index, previous], received);
        }
    }

    /// <summary>Every rank makes the same programs and walks through the same list of messages, sends its own and receives those for it.</summary>
    public static void Random_programs_move_every_message_where_it_belongs(MpiJob job)
    {
        int[] partFloats = [7, 64, 1 << 28];
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            using MpiTransport transport = job.Open(capacity: random.Next(1, 4), partFloats[random.Next(partFloats.Length)]);
            int messages = random.Next(80);
            for (int index = 0; index < messages; index++)
            {
                (int source, int destination, int tag, int length) = (random.Next(4), random.Next(4), random.Next(3), random.Next(130));
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
    }

    public static void A_bad_rank_or_tag_is_named(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        foreach ((int peer, int tag, string expected) in new[]
        {
            (-1, 0, "rank -1"), (4, 0, "rank 4"), (int.MaxValue, 0, "0 to 3"), (1, -1, "tag -1"),
            (1, MessageTags.Limit, "tags are from 0 to 8388607"), (1, MessageTags.Limit - 1, "the transport's own"),
        })
        {
            TransportException send = Assert.Throws<TransportException>(() => transport.Send(peer, tag, [1, 2]));
            Assert.Equal(TransportFailure.BadArgument, send.Failure);
            Assert.Contains(expected, send.Message);
            Assert.Contains($"Rank {job.Rank} cannot send 2 floats", send.Message);
            TransportException receive = Assert.Throws<TransportException>(() => transport.Receive(peer, tag, new float[3]));
            Assert.Contains(expected, receive.Message);
            Assert.Contains($"Rank {job.Rank} cannot receive 3 floats", receive.Message);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => job.Open(0));
        Assert.Throws<InvalidOperationException>(MpiJob.Join);
        Assert.Contains("-n 5", Assert.Throws<ArgumentException>(() => job.CheckSize(5)).Message);
    }

    public static void Another_length_is_reported_to_the_receiver(MpiJob job)
    {
        foreach (int partFloats in new[] { 2, 3, 4, 1 << 20 })
        {
            foreach ((int sent, int expected) in new[] { (3, 2), (2, 3), (0, 3), (3, 0), (100, 6), (6, 100) })
            {
                using MpiTransport transport = job.Open(MpiTransport.DefaultCapacity, partFloats);
                if (transport.Rank == 0)
                {
                    transport.Send(1, 4, new float[sent]);
                    transport.Send(1, 4, [5]);
                }
                else if (transport.Rank == 1)
                {
                    TransportException exception = Assert.Throws<TransportException>(() => transport.Receive(0, 4, new float[expected]));
                    Assert.Equal(TransportFailure.LengthMismatch, exception.Failure);
                    Assert.Equal($"Rank 1 expects {expected} floats from rank 0 (tag 4), but {sent} were sent.", exception.Message);
                    Assert.Equal(5, ReceiveOne(transport, 0, 4));
                }
            }
        }
    }

    public static void A_disposed_transport_refuses_and_its_last_messages_are_delivered(MpiJob job)
    {
        MpiTransport transport = job.Open(), signals = job.Open();
        if (transport.Rank == 0)
        {
            transport.Send(1, 0, [5]);
            transport.Dispose();
            transport.Dispose();
            TransportException own = Assert.Throws<TransportException>(() => transport.Send(1, 0, [1]));
            Assert.Equal(TransportFailure.Disposed, own.Failure);
        }
        else if (transport.Rank == 1)
        {
            Assert.Equal(5, ReceiveOne(transport, 0, 0));
            TransportException peer = Assert.Throws<TransportException>(() => ReceiveOne(transport, 0, 0));
            Assert.Equal(TransportFailure.PeerDisposed, peer.Failure);
            Assert.Contains("rank 0 has ended", peer.Message);
            Assert.Throws<TransportException>(() => transport.Send(0, 0, [1]));
            Assert.Throws<TransportException>(() => ReceiveOne(transport, 0, 7));
        }

        signals.Dispose();
        transport.Dispose();
    }

    public static void Traffic_is_counted(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        if (transport.Rank == 0)
        {
            transport.Send(1, 0, new float[10]);
            transport.Send(0, 0, []);
            transport.Receive(0, 0, []);
            Assert.Equal((40, 2), (transport.BytesSent, transport.MessagesSent));
        }
        else if (transport.Rank == 1)
        {
            transport.Receive(0, 0, new float[10]);
            Assert.Equal((0, 0), (transport.BytesSent, transport.MessagesSent));
        }
    }

    public static void Steady_traffic_allocates_nothing(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 4);
        float[] data = new float[5_000];
        int next = (job.Rank + 1) % job.Size, previous = (job.Rank + job.Size - 1) % job.Size;
        Exchange();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 20; round++)
            Exchange();

        // A thread takes memory from the heap by 8 KB: less than a byte a message is nothing for each.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20 * 51 * 4);

        void Exchange()
        {
            for (int length = 0; length <= data.Length; length += 100)
            {
                for (int tag = 0; tag < 4; tag++)
                    transport.Send(next, tag, data.AsSpan(0, length));
                for (int tag = 3; tag >= 0; tag--)
                    transport.Receive(previous, tag, data.AsSpan(0, length));
            }
        }
    }

    private static float ReceiveOne(MpiTransport transport, int source, int tag)
    {
        Span<float> value = stackalloc float[1];
        transport.Receive(source, tag, value);
        return value[0];
    }
}
