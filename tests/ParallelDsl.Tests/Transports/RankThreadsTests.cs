using System.Collections.Concurrent;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Transports;

public sealed class RankThreadsTests
{
    [Fact]
    public void Every_rank_runs_once_on_its_own_named_thread()
    {
        var ranks = new ConcurrentDictionary<int, string?>();
        RankThreads.Run(8, transport => Assert.True(ranks.TryAdd(transport.Rank, Thread.CurrentThread.Name)));
        Assert.Equal(Enumerable.Range(0, 8).Select(rank => $"rank {rank}"), ranks.OrderBy(pair => pair.Key).Select(pair => pair.Value));
    }

    [Fact]
    public void The_first_failing_rank_is_named_and_the_others_end()
    {
        var cause = new InvalidOperationException("boom");
        RankFailedException exception = Assert.Throws<RankFailedException>(() => RankThreads.Run(8, transport =>
        {
            if (transport.Rank == 5)
                throw cause;
            transport.Receive((transport.Rank + 1) % 8, 0, new float[1]);
        }));
        Assert.Equal(5, exception.Rank);
        Assert.Same(cause, exception.InnerException);
        Assert.Equal("Rank 5 failed: boom", exception.Message);
    }

    [Fact]
    public void A_failure_is_not_hidden_by_peers_that_saw_the_rank_end()
    {
        using var peerSaw = new ManualResetEventSlim();
        RankFailedException exception = Assert.Throws<RankFailedException>(() => RankThreads.Run(2, transport =>
        {
            if (transport.Rank == 1)
            {
                transport.Dispose();
                peerSaw.Wait(10_000);
                throw new InvalidOperationException("boom");
            }

            try
            {
                transport.Receive(1, 0, new float[1]);
            }
            finally
            {
                peerSaw.Set();
            }
        }));
        Assert.Equal(1, exception.Rank);
        Assert.IsType<InvalidOperationException>(exception.InnerException);
    }

    [Fact]
    public void A_rank_that_ends_too_early_fails_the_one_that_waits_for_it()
    {
        RankFailedException exception = Assert.Throws<RankFailedException>(() => RankThreads.Run(2, transport =>
        {
            if (transport.Rank == 0)
                transport.Receive(1, 9, new float[4]);
        }));
        Assert.Equal(0, exception.Rank);
        Assert.Contains("Rank 0 cannot receive 4 floats from rank 1 (tag 9): rank 1 has ended", exception.Message);
    }

    [Fact]
    public void An_abort_by_a_rank_names_it_and_its_cause()
    {
        RankFailedException exception = Assert.Throws<RankFailedException>(() => RankThreads.Run(3, transport =>
        {
            if (transport.Rank == 2)
                transport.Abort(new InvalidOperationException("gave up"));
            transport.Receive(0, 0, new float[1]);
        }));
        Assert.Equal(2, exception.Rank);
        Assert.Equal("gave up", exception.InnerException!.Message);
    }

    [Fact]
    public void A_deadlock_ends_with_a_report_of_who_waits_for_whom()
    {
        var world = InProcessWorld.Create(3, capacity: 1);
        TransportException exception = Assert.Throws<TransportException>(
            () => RankThreads.Run(world, Body, TimeSpan.FromMilliseconds(50)));
        Assert.Equal(TransportFailure.Deadlock, exception.Failure);
        Assert.Contains("rank 0 waits to receive 2 floats from rank 1 (tag 7); 1 queued (tag 6)", exception.Message);
        Assert.Contains("rank 1 waits to send 3 floats to rank 0, whose channel is full (tag 6); 1 queued (tag 6)", exception.Message);
        Assert.DoesNotContain("rank 2", exception.Message);

        static void Body(ITransport transport)
        {
            if (transport.Rank == 0)
                transport.Receive(1, 7, new float[2]);
            else if (transport.Rank == 1)
                SendTwice(transport);
        }

        static void SendTwice(ITransport transport)
        {
            transport.Send(0, 6, [1]);
            transport.Send(0, 6, [1, 2, 3]);
        }
    }

    [Fact]
    public void A_rank_that_computes_is_no_deadlock()
    {
        RankThreads.Run(InProcessWorld.Create(2), Body, TimeSpan.FromMilliseconds(20));

        static void Body(ITransport transport)
        {
            if (transport.Rank == 0)
            {
                Thread.Sleep(200);
                transport.Send(1, 0, [1]);
            }
            else
            {
                transport.Receive(0, 0, new float[1]);
            }
        }
    }

    [Fact]
    public void Messages_that_nobody_received_are_reported()
    {
        TransportException exception = Assert.Throws<TransportException>(() => RankThreads.Run(2, transport =>
        {
            if (transport.Rank == 0)
                transport.Send(0, 3, [1]);
        }));
        Assert.Contains("from rank 0 to rank 0: 1 queued (tag 3)", exception.Message);
    }

    [Fact]
    public void Cancellation_ends_the_run()
    {
        using var source = new CancellationTokenSource();
        OperationCanceledException exception = Assert.Throws<OperationCanceledException>(() => RankThreads.Run(
            2,
            transport =>
            {
                if (transport.Rank == 0)
                    source.Cancel();
                transport.Receive(1 - transport.Rank, 0, new float[1]);
            },
            source.Token));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.Throws<OperationCanceledException>(() => RankThreads.Run(2, _ => Assert.Fail("must not start"), source.Token));
    }

    [Fact]
    public void A_deadlock_timeout_that_is_not_positive_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RankThreads.Run(InProcessWorld.Create(1), _ => { }, TimeSpan.Zero));
}
