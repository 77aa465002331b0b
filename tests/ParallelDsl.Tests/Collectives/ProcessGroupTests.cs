using System.Numerics;
using System.Runtime.InteropServices;
using CsCheck;
using ParallelDsl.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Collectives;

public sealed class ProcessGroupTests
{
    /// <summary>More than one block a member, and not a multiple of anything.</summary>
    private const int LongLength = 2 * (ProcessGroup.BlockBytes / sizeof(float)) + 12_347;

    private static readonly Gen<(int Size, int Capacity, int Length, uint Seed)> Runs =
        Gen.Select(Gen.Int[1, 8], Gen.Int[1, 2], Gen.Int[0, 70], Gen.UInt);

    [Fact]
    public void All_reduce_is_the_ordered_sum_bit_for_bit_on_every_member() =>
        Runs.Sample(run => CheckAllReduce(run.Size, run.Capacity, run.Length, run.Seed), seed: "0000000000000", iter: 60, threads: 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Long_vectors_travel_in_blocks(int size) => CheckAllReduce(size, capacity: 1, LongLength * size, seed: 7);

    [Fact]
    public void All_reduce_of_doubles_is_exact()
    {
        double[][] inputs = [.. Enumerable.Range(0, 5).Select(rank => Doubles(257, (uint)rank))];
        double[] expected = OrderedSum(inputs);
        double[][] outputs = Run(5, group =>
        {
            double[] data = [.. inputs[group.Index]];
            group.AllReduce(data);
            double scalar = group.AllReduce(inputs[group.Index][3]);
            Assert.Equal(Bits(expected[3]), Bits(scalar));
            return data;
        });
        Assert.All(outputs, output => Assert.Equal(expected.Select(Bits), output.Select(Bits)));
    }

    [Fact]
    public void Special_values_travel()
    {
        float[][] inputs = [[float.PositiveInfinity, float.NaN, -0f, float.Epsilon], [float.NegativeInfinity, 1, -0f, float.Epsilon]];
        float[][] outputs = Run(2, group =>
        {
            float[] data = [.. inputs[group.Index]];
            group.AllReduce(data);
            return data;
        });
        Assert.All(outputs, output =>
        {
            Assert.True(float.IsNaN(output[0]));
            Assert.True(float.IsNaN(output[1]));
            Assert.True(float.IsNegative(output[2]) && output[2] == 0);
            Assert.Equal(2 * float.Epsilon, output[3]);
        });
        Assert.Equal(outputs[0].Select(Bits), outputs[1].Select(Bits));
    }

    [Fact]
    public void Reduce_scatter_leaves_each_member_its_part_of_the_ordered_sum() => Runs.Sample(
        run =>
        {
            int[] counts = Counts(run.Size, run.Length, run.Seed);
            float[][] inputs = [.. Enumerable.Range(0, run.Size).Select(rank => Floats(counts.Sum(), run.Seed + (uint)rank))];
            float[] expected = OrderedSum(inputs);
            Run(run.Size, run.Capacity, group =>
            {
                int offset = counts.Take(group.Index).Sum();
                float[] own = new float[counts[group.Index]];
                float[] source = [.. inputs[group.Index]];
                group.ReduceScatter(source, counts, own);
                Assert.Equal(inputs[group.Index], source);
                AssertSameBits(expected.AsSpan(offset, own.Length), own);

                group.ReduceScatter(source, counts, source.AsSpan(offset, own.Length));
                AssertSameBits(expected.AsSpan(offset, own.Length), source.AsSpan(offset, own.Length));
                return 0;
            });
        },
        seed: "0000000000001", iter: 60, threads: 1);

    [Fact]
    public void All_gather_collects_in_group_order() => Runs.Sample(
        run =>
        {
            int[] counts = Counts(run.Size, run.Length, run.Seed);
            float[] expected = Floats(counts.Sum(), run.Seed);
            Run(run.Size, run.Capacity, group =>
            {
                int offset = counts.Take(group.Index).Sum();
                float[] all = new float[expected.Length];
                group.AllGather(expected.AsSpan(offset, counts[group.Index]), counts, all);
                AssertSameBits(expected, all);

                float[] inPlace = new float[expected.Length];
                expected.AsSpan(offset, counts[group.Index]).CopyTo(inPlace.AsSpan(offset));
                group.AllGather(inPlace.AsSpan(offset, counts[group.Index]), counts, inPlace);
                AssertSameBits(expected, inPlace);
                return 0;
            });
        },
        seed: "0000000000002", iter: 60, threads: 1);

    [Fact]
    public void All_to_all_transposes_the_parts() => Runs.Sample(
        run =>
        {
            // counts[i][j]: what member i sends to member j; the payload is its own description.
            int[][] counts = [.. Enumerable.Range(0, run.Size).Select(rank => Counts(run.Size, run.Length, run.Seed + (uint)rank))];
            Run(run.Size, run.Capacity, group =>
            {
                float[] send = [.. Enumerable.Range(0, run.Size).SelectMany(to => Payload(group.Index, to))];
                float[] expected = [.. Enumerable.Range(0, run.Size).SelectMany(from => Payload(from, group.Index))];
                float[] receive = new float[expected.Length];
                group.AllToAll(send, counts[group.Index], receive, [.. counts.Select(row => row[group.Index])]);
                Assert.Equal(expected, receive);
                return 0;
            });

            IEnumerable<float> Payload(int from, int to) =>
                Enumerable.Range(0, counts[from][to]).Select(index => (from * 8f + to) * 1_000 + index);
        },
        seed: "0000000000003", iter: 60, threads: 1);

    [Fact]
    public void Long_all_to_all_broadcast_and_gather()
    {
        float[] data = Floats(LongLength, 3);
        Run(2, 1, group =>
        {
            float[] copy = group.Index == 1 ? [.. data] : new float[LongLength];
            group.Broadcast(copy, root: 1);
            AssertSameBits(data, copy);

            float[] all = new float[LongLength];
            int[] counts = [LongLength - 5, 5];
            group.AllGather(group.Index == 0 ? data.AsSpan(0, LongLength - 5) : data.AsSpan(LongLength - 5), counts, all);
            AssertSameBits(data, all);

            float[] own = new float[counts[group.Index]];
            group.ReduceScatter(data, counts, own);
            Assert.Equal(data[group.Index * (LongLength - 5)] * 2, own[0]);
            Assert.Equal(data[(group.Index * 5) + LongLength - 6] * 2, own[^1]);

            float[] received = new float[LongLength];
            if (group.Index == 0)
                group.AllToAll(data, [0, LongLength], [], [0, 0]);
            else
                group.AllToAll([], [0, 0], received, [LongLength, 0]);
            if (group.Index == 1)
                AssertSameBits(data, received);
            return 0;
        });
    }

    [Fact]
    public void Broadcast_copies_from_any_root() => Runs.Sample(
        run =>
        {
            float[] data = Floats(run.Length, run.Seed);
            Run(run.Size, run.Capacity, group =>
            {
                for (int root = 0; root < run.Size; root++)
                {
                    float[] copy = group.Index == root ? [.. data] : new float[run.Length];
                    group.Broadcast(copy, root);
                    AssertSameBits(data, copy);
                }

                return 0;
            });
        },
        seed: "0000000000004", iter: 30, threads: 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(8)]
    public void Nobody_leaves_a_barrier_before_all_have_come(int size)
    {
        int come = 0;
        Run(size, 1, group =>
        {
            for (int round = 1; round <= 50; round++)
            {
                Interlocked.Increment(ref come);
                group.Barrier();
                Assert.True(Volatile.Read(ref come) >= round * size);
                group.Barrier();
            }

            return 0;
        });
    }

    [Fact]
    public void Groups_in_any_order_of_ranks_and_of_several_axes_do_not_mix()
    {
        // A 2 x 2 mesh whose rows and columns reduce at once, with point-to-point messages waiting in between.
        RankThreads.Run(InProcessWorld.Create(4), Body, TimeSpan.FromSeconds(20));

        static void Body(ITransport transport)
        {
            int row = transport.Rank / 2;
            int column = transport.Rank % 2;
            var rows = new ProcessGroup(transport, [row * 2 + 1, row * 2], context: 0);
            var columns = new ProcessGroup(transport, [column, column + 2], context: 1);
            var all = new ProcessGroup(transport, [3, 1, 0, 2], context: 2);
            Assert.Equal(1 - column, rows.Index);
            Assert.Equal(new[] { 2, 1, 3, 0 }[transport.Rank], all.Index);

            all.Send((all.Index + 1) % 4, tag: 0, [transport.Rank]);
            float[] value = [1 << transport.Rank];
            rows.AllReduce(value);
            columns.AllReduce(value);
            Assert.Equal(15, value[0]);
            all.AllReduce(value);
            Assert.Equal(60, value[0]);
            all.Receive((all.Index + 3) % 4, tag: 0, value);
            Assert.Equal(all.Ranks[(all.Index + 3) % 4], value[0]);
        }
    }

    [Fact]
    public void Different_collectives_on_two_members_stop_with_a_report()
    {
        TransportException exception = Assert.Throws<TransportException>(() => RankThreads.Run(
            InProcessWorld.Create(2),
            transport =>
            {
                var group = new ProcessGroup(transport, [0, 1], context: 4);
                if (group.Index == 0)
                    group.AllReduce(new float[8]);
                else
                    group.AllGather(new float[4], new float[8]);
            },
            TimeSpan.FromMilliseconds(100)));
        Assert.Contains("all-gather of context 4", exception.Message);
        Assert.Contains("reduce-scatter of context 4", exception.Message);
    }

    [Fact]
    public void Different_lengths_on_two_members_are_reported()
    {
        RankFailedException exception = Assert.Throws<RankFailedException>(() => RankThreads.Run(2, transport =>
            new ProcessGroup(transport, [0, 1]).AllReduce(new float[transport.Rank == 0 ? 8 : 12])));
        Assert.Contains("floats from rank", exception.Message);
        Assert.Contains("reduce-scatter", exception.Message);
    }

    [Fact]
    public void A_bad_group_is_refused()
    {
        ITransport transport = InProcessWorld.Create(4).Transports[1];
        Assert.Contains("not a member of: []", Refusal());
        Assert.Contains("not a member of: [0, 2]", Refusal(0, 2));
        Assert.Contains("Rank 1 is in the group twice", Refusal(1, 0, 1));
        Assert.Contains("Rank 4 of the group does not exist", Refusal(1, 4));
        Assert.Contains("Rank -1", Refusal(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessGroup(transport, [1], context: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessGroup(transport, [1], MessageTags.ContextLimit));

        string Refusal(params int[] ranks) => Assert.Throws<ArgumentException>(() => new ProcessGroup(transport, ranks)).Message;
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused_before_anything_is_sent()
    {
        ITransport transport = InProcessWorld.Create(2).Transports[0];
        var group = new ProcessGroup(transport, [0, 1]);
        float[] data = new float[8];
        Assert.Throws<ArgumentException>(() => group.ReduceScatter(data, new float[3]));
        Assert.Throws<ArgumentException>(() => group.ReduceScatter(data, [4, 4, 0], new float[4]));
        Assert.Throws<ArgumentException>(() => group.ReduceScatter(data, [9, -1], new float[9]));
        Assert.Throws<ArgumentException>(() => group.ReduceScatter(data, [int.MaxValue, int.MaxValue], new float[4]));
        Assert.Throws<ArgumentException>(() => group.ReduceScatter(data, data.AsSpan(2, 4)));
        Assert.Throws<ArgumentException>(() => group.AllGather(new float[4], new float[7]));
        Assert.Throws<ArgumentException>(() => group.AllGather(data.AsSpan(4, 4), data));
        Assert.Throws<ArgumentException>(() => group.AllGather(new float[4], [3, 5], data));
        Assert.Throws<ArgumentException>(() => group.AllToAll(data, [4, 4], data, [4, 4]));
        Assert.Throws<ArgumentException>(() => group.AllToAll(data, [4, 4], new float[5], [3, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Broadcast(data, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Send(2, 0, data));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Receive(1, MessageTags.PointToPointLimit, data));
        Assert.Equal(0, transport.MessagesSent);
    }

    [Fact]
    public void All_reduce_sends_no_more_than_the_bandwidth_bound()
    {
        RankThreads.Run(4, transport =>
        {
            new ProcessGroup(transport, [0, 1, 2, 3]).AllReduce(new float[10_000]);
            Assert.Equal(2 * 3 * 2_500 * sizeof(float), transport.BytesSent);
        });
    }

    [Fact]
    public void Steady_collectives_allocate_nothing()
    {
        Run(4, 64, group =>
        {
            float[] data = new float[1_003];
            float[] all = new float[4_012];
            Exchange(200);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exchange(200);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

            // A member sends 5,000 messages here. The pool grows to the most that were ever on their way at the same time, which
            // threads reach by chance: now and then there is one more, but far from one object a message.
            Assert.InRange(allocated, 0, 64 << 10);
            return 0;

            void Exchange(int rounds)
            {
                for (int round = 0; round < rounds; round++)
                {
                    group.AllReduce(data);
                    group.AllGather(data, all);
                    group.ReduceScatter(all, data);
                    group.Broadcast(data, 2);
                    group.AllReduce(1.5);
                    group.Barrier();
                }
            }
        });
    }

    private static void CheckAllReduce(int size, int capacity, int length, uint seed)
    {
        float[][] inputs = [.. Enumerable.Range(0, size).Select(rank => Floats(length, seed + (uint)rank))];
        float[] expected = OrderedSum(inputs);
        Run(size, capacity, group =>
        {
            float[] data = [.. inputs[group.Index]];
            group.AllReduce(data);
            AssertSameBits(expected, data);
            return 0;
        });
    }

    private static T[] Run<T>(int size, Func<ProcessGroup, T> body) => Run(size, InProcessWorld.DefaultCapacity, body);

    private static T[] Run<T>(int size, int capacity, Func<ProcessGroup, T> body)
    {
        var results = new T[size];
        int[] ranks = [.. Enumerable.Range(0, size)];
        RankThreads.Run(
            InProcessWorld.Create(size, capacity),
            transport => results[transport.Rank] = body(new ProcessGroup(transport, ranks)),
            TimeSpan.FromSeconds(20));
        return results;
    }

    private static T[] OrderedSum<T>(T[][] inputs)
        where T : INumberBase<T>
    {
        T[] sum = [.. inputs[0]];
        foreach (T[] input in inputs.Skip(1))
        {
            for (int index = 0; index < sum.Length; index++)
                sum[index] += input[index];
        }

        return sum;
    }

    /// <summary>Values of very different sizes, whose sum depends on the order.</summary>
    private static float[] Floats(int length, uint seed) => [.. Doubles(length, seed).Select(value => (float)value)];

    private static double[] Doubles(int length, uint seed)
    {
        var random = new Random((int)seed);
        return [.. Enumerable.Range(0, length).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 7)))];
    }

    private static int[] Counts(int size, int longest, uint seed)
    {
        var random = new Random((int)seed);
        return [.. Enumerable.Range(0, size).Select(_ => random.Next(longest + 1))];
    }

    private static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)));

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);
}
