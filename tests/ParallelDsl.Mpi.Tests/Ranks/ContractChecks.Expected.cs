using ParallelDsl.Collectives;
using ParallelDsl.Memory;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <content>Messages whose place is told before they are received.</content>
internal static unsafe partial class ContractChecks
{
    public static void Expected_messages_arrive_in_their_places_and_in_their_order(MpiJob job)
    {
        using MpiTransport transport = job.Open(capacity: 4, partFloats: 10);
        int next = (job.Rank + 1) % job.Size, previous = (job.Rank + job.Size - 1) % job.Size;
        using NativeBuffer places = new(100);
        float* first = places.Pointer, second = first + 35, third = second + 20;
        transport.Expect(previous, 0, first, 35);
        transport.Expect(previous, 1, third, 30);
        transport.Expect(previous, 0, second, 20);
        foreach ((int tag, int length, float value) in new[] { (0, 35, 1f), (0, 20, 2f), (0, 5, 3f), (1, 30, 4f) })
            transport.Send(next, tag, [.. Enumerable.Repeat(value, length)]);

        transport.Receive(previous, 0, new Span<float>(first, 35));
        transport.Receive(previous, 1, new Span<float>(third, 30));
        transport.Receive(previous, 0, new Span<float>(second, 20));
        float[] rest = new float[5];
        transport.Receive(previous, 0, rest);
        Assert.Equal([.. Enumerable.Repeat(1f, 35), .. Enumerable.Repeat(2f, 20), .. Enumerable.Repeat(4f, 30)], places.Span[..85].ToArray());
        Assert.Equal([3, 3, 3, 3, 3], rest);
    }

    /// <summary>Rank 0 lets the others send one after the other, in no order that it asks in.</summary>
    public static void Whichever_of_the_expected_messages_comes_first_ends_a_wait_for_any(MpiJob job)
    {
        const int Length = 5_000;
        using MpiTransport transport = job.Open(capacity: 4, partFloats: 1_000);
        if (job.Rank != 0)
        {
            transport.Receive(0, 1, []);
            transport.Send(0, 0, [.. Enumerable.Repeat((float)job.Rank, Length)]);
            return;
        }

        using NativeBuffer places = new(Length * job.Size);
        List<(int Source, int Tag)> expected = [.. Enumerable.Range(1, job.Size - 1).Select(rank => (rank, 0))];
        foreach ((int rank, int tag) in expected)
            transport.Expect(rank, tag, places.Pointer + (rank * Length), Length);
        foreach (int rank in new[] { 2, 3, 1 })
        {
            transport.Send(rank, 1, []);
            int place = transport.WaitAny([.. expected]);
            Assert.Equal((rank, 0), expected[place]);
            expected.RemoveAt(place);
            Span<float> came = new(places.Pointer + (rank * Length), Length);
            transport.Receive(rank, 0, came);
            Assert.Equal(Length, came.Count(rank));
        }

        Assert.Throws<ArgumentException>(() => transport.WaitAny([]));
        Assert.Equal(TransportFailure.BadArgument, Assert.Throws<TransportException>(() => transport.WaitAny([(1, 0)])).Failure);
    }

    public static void What_is_received_otherwise_than_it_is_expected_is_an_error(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        using NativeBuffer place = new(4);
        transport.Expect(job.Rank, 0, place.Pointer, 4);
        float[] other = new float[4];
        Assert.Equal(TransportFailure.BadArgument, Assert.Throws<TransportException>(() => transport.Receive(job.Rank, 0, other)).Failure);
        Assert.Equal(
            TransportFailure.BadArgument,
            Assert.Throws<TransportException>(() => transport.Receive(job.Rank, 0, place.Span[..3])).Failure);
        transport.Send(job.Rank, 0, [1, 2, 3, 4]);
        transport.Receive(job.Rank, 0, place.Span);
        Assert.Equal([1, 2, 3, 4], place.Span.ToArray());
    }

    public static void What_is_forgotten_is_not_written_and_the_next_receive_gets_it(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        int next = (job.Rank + 1) % job.Size, previous = (job.Rank + job.Size - 1) % job.Size;
        using NativeBuffer place = new(8);
        transport.Expect(previous, 0, place.Pointer, 4);
        transport.Expect(previous, 0, place.Pointer + 4, 4);
        InvalidOperationException cause = new("no more");
        transport.Forget(previous, 0, cause);
        transport.Forget(previous, 7, cause);

        // The one before sends only when nothing is expected any more.
        transport.Send(previous, 1, [1]);
        transport.Receive(next, 1, new float[1]);
        transport.Send(next, 0, [1, 2, 3, 4]);
        float[] received = new float[4];
        transport.Receive(previous, 0, received);
        Assert.Equal([1, 2, 3, 4], received);
        Assert.All(place.Span.ToArray(), value => Assert.Equal(0, value));
    }

    public static void What_is_expected_of_a_rank_that_ends_is_an_error(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        if (job.Rank == 1)
            return;
        using NativeBuffer place = new(4);
        transport.Expect(1, 0, place.Pointer, 4);
        var failure = Assert.Throws<TransportException>(() => transport.Receive(1, 0, place.Span));
        Assert.Equal(TransportFailure.PeerDisposed, failure.Failure);
        transport.Expect(1, 0, place.Pointer, 4);
        transport.Forget(1, 0, failure);
    }

    /// <summary>Two blocks that arrive in turn, and for members that must keep their own term one more.</summary>
    public static void Sums_need_no_more_memory_than_is_said(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        ProcessGroup group = new(transport, [.. Enumerable.Range(0, job.Size)]);
        group.AllReduce(new float[(job.Size + 1) * (ProcessGroup.BlockBytes / sizeof(float))]);
        Assert.Equal((job.Rank > 1 ? 3 : 2) * ProcessGroup.BlockBytes, group.Bytes);
    }
}
