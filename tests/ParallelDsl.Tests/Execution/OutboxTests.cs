using ParallelDsl.Execution;
using ParallelDsl.Memory;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Sends run beside computation, in order, in bounded memory; what goes wrong with one reaches the rank.</summary>
public sealed class OutboxTests
{
    private const int Length = 100;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public void AFullChannelHoldsUpNoComputation()
    {
        // Rank 1 receives only when rank 0 has given four messages to a channel that holds one: with sends of its own, rank 0 would wait for ever.
        using ManualResetEventSlim given = new();
        RankThreads.Run(InProcessWorld.Create(2, capacity: 1), transport =>
        {
            if (transport.Rank == 0)
            {
                using Outbox outbox = new(transport, Length);
                for (int message = 0; message < Outbox.Buffers; message++)
                    Give(outbox, message);
                given.Set();
                outbox.Flush();
            }
            else
            {
                Assert.True(given.Wait(Limit));
                for (int message = 0; message < Outbox.Buffers; message++)
                    Take(transport, message);
            }
        }, Limit);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public void MessagesKeepTheirOrderInBoundedMemory(int capacity)
    {
        const int Messages = 500;
        RankThreads.Run(InProcessWorld.Create(2, capacity), transport =>
        {
            if (transport.Rank == 0)
            {
                using Outbox outbox = new(transport, Length);
                for (int message = 0; message < Messages; message++)
                    Give(outbox, message);
                outbox.Flush();
                Assert.Equal(Messages, transport.MessagesSent);
                Assert.InRange(outbox.Bytes, Length * sizeof(float), Outbox.Buffers * Length * sizeof(float));
            }
            else
            {
                for (int message = 0; message < Messages; message++)
                    Take(transport, message);
            }
        }, Limit);
    }

    [Fact]
    public void AProgramThatHoldsMoreBeforeItSendsGetsMore()
    {
        RankThreads.Run(InProcessWorld.Create(1, capacity: 64), transport =>
        {
            using Outbox outbox = new(transport, Length);
            NativeBuffer?[] held = [.. Enumerable.Range(0, 2 * Outbox.Buffers).Select(_ => outbox.Rent())];
            for (int i = 0; i < held.Length - 1; i++)
            {
                held[i]!.Span.Fill(i);
                outbox.Send(0, i, ref held[i], Length);
            }

            outbox.Return(ref held[^1]);
            Assert.All(held, Assert.Null);
            outbox.Flush();
            Assert.Equal(2 * Outbox.Buffers * Length * sizeof(float), outbox.Bytes);
            for (int i = 0; i < held.Length - 1; i++)
            {
                float[] taken = new float[Length];
                transport.Receive(0, i, taken);
                Assert.All(taken, value => Assert.Equal(i, value));
            }
        }, Limit);
    }

    [Fact]
    public void AFailedSendReachesTheRankWhereverItWaits()
    {
        // A tag out of range fails on the sending thread, while the rank waits for a message that never comes.
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RankThreads.Run(InProcessWorld.Create(2, capacity: 1), transport =>
        {
            using Outbox outbox = new(transport, Length);
            if (transport.Rank == 0)
            {
                NativeBuffer? buffer = outbox.Rent();
                outbox.Send(1, -1, ref buffer, Length);
            }

            transport.Receive(1 - transport.Rank, 5, new float[1]);
        }, Limit));
        Assert.Equal(0, failed.Rank);
        Assert.Equal(TransportFailure.BadArgument, Assert.IsType<TransportException>(failed.InnerException).Failure);
    }

    [Fact]
    public void AfterAFailureNothingIsTakenAnyMore()
    {
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RankThreads.Run(InProcessWorld.Create(1, capacity: 1), transport =>
        {
            using Outbox outbox = new(transport, Length);
            NativeBuffer? buffer = outbox.Rent(), second = outbox.Rent();
            outbox.Send(7, 0, ref buffer, Length);
            Assert.Throws<TransportException>(outbox.Flush);
            Assert.Throws<TransportException>(() => outbox.Send(0, 0, ref second, Length));
            Assert.Throws<TransportException>(() => outbox.Rent().Dispose());
            outbox.Return(ref second);
        }, Limit));
        Assert.Contains("rank 7", Assert.IsType<TransportException>(failed.InnerException).Message, StringComparison.Ordinal);
    }

    private static void Give(Outbox outbox, int message)
    {
        NativeBuffer? buffer = outbox.Rent();
        buffer.Span.Fill(message);
        outbox.Send(1, 3, ref buffer, Length - (message % 7));
        Assert.Null(buffer);
    }

    private static void Take(ITransport transport, int message)
    {
        float[] taken = new float[Length - (message % 7)];
        transport.Receive(0, 3, taken);
        Assert.All(taken, value => Assert.Equal(message, value));
    }
}
