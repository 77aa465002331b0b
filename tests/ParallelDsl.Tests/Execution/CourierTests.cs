using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Messages between attention ranks keep their order, hold up no computation, and are free when all have let go of them.</summary>
public sealed class CourierTests
{
    private const int Length = 100;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void MessagesKeepTheirOrderAndHoldUpNothing(int capacity)
    {
        const int Messages = 200;
        using ManualResetEventSlim given = new();
        RankThreads.Run(InProcessWorld.Create(2, capacity), transport =>
        {
            if (transport.Rank == 0)
            {
                using Courier courier = new(transport);
                for (int message = 0; message < Messages; message++)
                {
                    Parcel parcel = courier.Rent(Length);
                    parcel.Buffer.Span.Fill(message);
                    courier.Send(1, 3, parcel, Length - (message % 7));
                    courier.Release(parcel);
                }

                given.Set();
                courier.Flush();
                Assert.Equal(Messages, transport.MessagesSent);
            }
            else
            {
                // Nothing is taken before all is given.
                Assert.True(given.Wait(Limit));
                for (int message = 0; message < Messages; message++)
                {
                    float[] taken = new float[Length - (message % 7)];
                    transport.Receive(0, 3, taken);
                    Assert.All(taken, value => Assert.Equal(message, value));
                }
            }
        }, Limit);
    }

    /// <summary>The place of rows in a parcel is counted in 64 bits: what leaves a short parcel is told to, not that a number overflows.</summary>
    [Fact]
    public void RowsMayLieBeyond32Bits() => RankThreads.Run(InProcessWorld.Create(1), transport =>
    {
        using Courier courier = new(transport);
        HopTransfers hops = new(transport, courier, [0], routes: null);
        Parcel parcel = courier.Rent(Length);
        Matrix rows = new(parcel.Buffer, 2, 8);
        ArgumentOutOfRangeException outside = Assert.Throws<ArgumentOutOfRangeException>(() => hops.Send(0, 1, parcel, rows, first: 1 << 30));
        Assert.Contains("16 floats from 8589934592 on leave a parcel of", outside.Message, StringComparison.Ordinal);
        courier.Release(parcel);
    }, Limit);

    [Fact]
    public void AParcelIsFreeOnceAllHaveLetGo()
    {
        RankThreads.Run(InProcessWorld.Create(1), transport =>
        {
            using Courier courier = new(transport);
            Parcel first = courier.Rent(Length);
            courier.Send(0, 1, first, Length);
            courier.Flush();
            Assert.NotSame(first, courier.Rent(Length));
            courier.Release(first);

            // The shortest that is long enough is taken; where none is, one grows.
            Parcel same = courier.Rent(Length / 2);
            Assert.Same(first, same);
            courier.Release(same);
            Assert.Equal(2 * Length, courier.Rent(2 * Length).Buffer.Length);
            Assert.Equal(3 * Length * sizeof(float), courier.Bytes);
            transport.Receive(0, 1, new float[Length]);
        }, Limit);
    }

    /// <summary>What waits to be sent, and what whoever rented it never let go of, is freed with the courier.</summary>
    [Fact]
    public void DisposalFreesWhatIsQueuedAndWhatIsHeld()
    {
        InProcessWorld world = InProcessWorld.Create(2, capacity: 1);
        Parcel[] parcels = [];
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RankThreads.Run(world, transport =>
        {
            if (transport.Rank != 0)
                return;
            using Courier courier = new(transport);
            parcels = [.. Enumerable.Range(0, 5).Select(_ => courier.Rent(Length))];
            foreach (Parcel parcel in parcels[..4])
                courier.Send(1, 3, parcel, Length);
            transport.Abort(new InvalidOperationException("the run has failed"));
        }, Limit));
        Assert.NotNull(failed);
        Assert.Equal(5, parcels.Length);
        Assert.All(parcels, parcel => Assert.Throws<ObjectDisposedException>(parcel.Buffer.Clear));
    }

    [Fact]
    public void AFailedSendReachesTheRankWhereverItWaits()
    {
        // The channel is full, so the courier's own thread sends; the other rank is gone before it can.
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RankThreads.Run(InProcessWorld.Create(2, capacity: 1), transport =>
        {
            if (transport.Rank == 1)
                return;
            using Courier courier = new(transport);
            Parcel parcel = courier.Rent(Length);
            for (int message = 0; message < 3; message++)
                courier.Send(1, 3, parcel, Length);
            transport.Receive(0, 5, new float[1]);
        }, Limit));
        Assert.Equal(0, failed.Rank);
        Assert.IsType<TransportException>(failed.InnerException);
    }
}
