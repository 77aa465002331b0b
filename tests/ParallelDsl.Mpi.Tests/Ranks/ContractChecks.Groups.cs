using ParallelDsl.Collectives;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Transports;

namespace ParallelDsl.Mpi.Tests.Ranks;

/// <content>Threads of a rank, and what is built on a transport.</content>
internal static partial class ContractChecks
{
    public static void Threads_of_a_rank_do_not_disturb_one_another(MpiJob job)
    {
        const int Threads = 4;
        const int Messages = 60;
        using MpiTransport transport = job.Open(capacity: 2, partFloats: 50);
        int next = (job.Rank + 1) % job.Size, previous = (job.Rank + job.Size - 1) % job.Size;
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(tag => new Thread(() =>
        {
            try
            {
                for (int index = 0; index < Messages; index++)
                {
                    int length = (37 * index) % 211;
                    float[] received = new float[length];
                    transport.Send(next, tag, [.. Enumerable.Repeat((float)(index + (1_000 * tag)), length)]);
                    transport.Receive(previous, tag, received);
                    Assert.All(received, value => Assert.Equal(index + (1_000 * tag), value));
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(failure);
    }

    public static void Two_threads_that_receive_with_one_tag_get_whole_messages(MpiJob job)
    {
        const int Messages = 40;
        using MpiTransport transport = job.Open(capacity: 64, partFloats: 10);
        if (transport.Rank == 0)
        {
            for (int index = 0; index < Messages; index++)
                transport.Send(1, 0, [.. Enumerable.Repeat((float)index, 35)]);
        }
        else if (transport.Rank == 1)
        {
            int[] seen = new int[Messages];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
            {
                float[] received = new float[35];
                for (int index = 0; index < Messages / 2; index++)
                {
                    transport.Receive(0, 0, received);
                    if (received.All(value => value == received[0]))
                        Interlocked.Increment(ref seen[(int)received[0]]);
                }
            }))];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();
            Assert.All(seen, count => Assert.Equal(1, count));
        }
    }

    /// <summary>The same program of collectives gives the same bits on threads of one process, with every algorithm.</summary>
    public static void Collectives_give_the_bits_of_the_in_process_transport(MpiJob job)
    {
        foreach (CollectivePlan plan in GroupPlans.All)
        {
            using MpiTransport transport = job.Open();
            float[][] expected = new float[job.Size][];
            RankThreads.Run(job.Size, other => expected[other.Rank] = Collect(other, plan));
            Assert.Equal(expected[job.Rank].Select(BitConverter.SingleToInt32Bits), Collect(transport, plan).Select(BitConverter.SingleToInt32Bits));
        }

        static float[] Collect(ITransport transport, CollectivePlan plan)
        {
            ProcessGroup all = new(transport, [.. Enumerable.Range(0, transport.Size)], plan: plan);
            ProcessGroup pair = new(transport, [transport.Rank & ~1, transport.Rank | 1], context: 1);
            Random random = new(transport.Rank);
            float[] sum = Values(300_001), part = Values(700), gathered = new float[700 * 4], own = new float[100], source = Values(400);
            all.AllReduce(sum);
            pair.AllReduce(part);
            all.AllGather(part, gathered);
            all.ReduceScatter(source, own);
            all.Broadcast(source, root: 2);
            all.Barrier();
            return [.. sum, .. part, .. gathered, .. own, .. source];

            float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * MathF.Pow(10, random.Next(-4, 5)))];
        }
    }

    /// <summary>One thread of a rank waits in a collective of the library for another rank, which waits for a message of another thread.</summary>
    public static void A_thread_sends_while_another_is_in_a_collective_of_the_library(MpiJob job)
    {
        using MpiTransport transport = job.Open();
        if (job.Rank == 0)
        {
            var sender = new Thread(() =>
            {
                Thread.Sleep(100);
                for (int message = 0; message < 3; message++)
                    transport.Send(1, 0, [message]);
            });
            sender.Start();
            job.World.Barrier();
            job.Split(0, job.Rank).Dispose();
            job.Open().Dispose();
            sender.Join();
        }
        else
        {
            if (job.Rank == 1)
                Assert.Equal(0, ReceiveOne(transport, 0, 0));
            job.World.Barrier();
            if (job.Rank == 1)
                Assert.Equal(1, ReceiveOne(transport, 0, 0));
            job.Split(0, job.Rank).Dispose();
            if (job.Rank == 1)
                Assert.Equal(2, ReceiveOne(transport, 0, 0));
            job.Open().Dispose();
        }
    }

    public static void A_communicator_for_each_axis_joins_the_ranks_along_it(MpiJob job)
    {
        var mesh = new Mesh(2, 1, 2, new[] { Axis.Pipeline, Axis.Sequence, Axis.Data }.ToEquatableArray());
        (MpiCommunicator data, MpiCommunicator sequence, MpiCommunicator pipeline) = job.SplitAlong(mesh);
        Coordinate own = mesh.CoordinateOf(job.Rank);
        Assert.Equal((2, 1, 2), (data.Size, sequence.Size, pipeline.Size));
        Assert.Equal((own.Data, own.Sequence, own.Pipeline), (data.Index, sequence.Index, pipeline.Index));

        float[] sum = [job.Rank], gathered = new float[2], scattered = new float[1], swapped = new float[2];
        data.AllReduce(sum);
        Assert.Equal(mesh.RankOf(own with { Data = 0 }) + mesh.RankOf(own with { Data = 1 }), sum[0]);
        pipeline.AllGather([job.Rank], gathered);
        Assert.Equal([mesh.RankOf(own with { Pipeline = 0 }), mesh.RankOf(own with { Pipeline = 1 })], gathered);
        data.ReduceScatter([1, 10], scattered);
        Assert.Equal(own.Data == 0 ? 2 : 20, scattered[0]);
        data.AllToAll([own.Data, own.Data + 10], swapped);
        Assert.Equal(own.Data == 0 ? [0, 1] : [10, 11], swapped);
        float[] root = [own.Data == 1 ? 7 : 0];
        data.Broadcast(root, root: 1);
        Assert.Equal(7, root[0]);
        sequence.AllReduce(root);
        Assert.Equal(7, root[0]);
        job.World.Barrier();
        Assert.Throws<ArgumentException>(() => data.AllGather([1], new float[3]));
        Assert.Throws<ArgumentException>(() => job.SplitAlong(mesh with { Sequence = 2 }));
        data.Dispose();
        sequence.Dispose();
        pipeline.Dispose();
        Assert.Throws<ObjectDisposedException>(() => data.Barrier());
    }

    public static void Transports_that_all_ranks_have_closed_are_freed(MpiJob job)
    {
        int before = job.CountOpen();
        for (int round = 0; round < 5; round++)
        {
            using MpiTransport transport = job.Open();
            transport.Send((job.Rank + 1) % job.Size, 0, [round]);
            Assert.Equal(round, ReceiveOne(transport, (job.Rank + job.Size - 1) % job.Size, 0));
        }

        Assert.True(SpinWait.SpinUntil(() => job.CountOpen() <= before, 20_000));
    }

    /// <summary>The library leaves the runtime's own handling of bad addresses alone.</summary>
    public static void A_null_reference_is_still_an_exception(MpiJob job)
    {
        string? nothing = job.Size < 0 ? "" : null;
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
    }
}
