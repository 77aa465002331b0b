using System.Runtime.InteropServices;
using CsCheck;
using ParallelDsl.Collectives;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Collectives;

/// <summary>Every algorithm against the order of sums that it is said to have, where ranks share memory and where messages are copied.</summary>
public sealed class AlgorithmTests
{
    private static readonly Gen<(int Size, bool Shares, int Length, int Seed)> Runs =
        Gen.Select(Gen.Int[1, 9], Gen.Bool, Gen.Int[0, 40], Gen.Int[0, 1_000_000]);

    [Fact]
    public void All_reduce_sums_in_the_order_of_its_algorithm_on_every_member() => Runs.Sample(
        run =>
        {
            foreach (CollectivePlan plan in SumOrders.Plans(run.Size, run.Seed))
            {
                CheckAllReduce(plan, run.Size, run.Shares, Floats(run), (a, b) => a + b, (group, data) => group.AllReduce(data));
                double[][] doubles = [.. Enumerable.Range(0, run.Size).Select(rank => Doubles(run.Length, run.Seed + rank))];
                CheckAllReduce(plan, run.Size, run.Shares, doubles, (a, b) => a + b, (group, data) => group.AllReduce(data));
            }
        },
        seed: "0000000000000", iter: 60, threads: 1);

    [Fact]
    public void Reduce_scatter_leaves_the_source_alone_and_sums_in_the_order_of_its_algorithm() => Runs.Sample(
        run =>
        {
            int[] counts = Counts(run);
            float[][] inputs = [.. Enumerable.Range(0, run.Size).Select(rank => Singles(counts.Sum(), run.Seed + rank))];
            foreach (CollectivePlan plan in SumOrders.Plans(run.Size, run.Seed))
            {
                Run(run.Size, run.Shares, plan, group =>
                {
                    int start = counts.Take(group.Index).Sum();
                    float[] expected = Expected(plan, inputs, group.Index, start, counts[group.Index], (a, b) => a + b);
                    float[] own = new float[expected.Length];
                    float[] source = [.. inputs[group.Index]];
                    group.ReduceScatter(source, counts, own);
                    Assert.Equal(inputs[group.Index], source);
                    AssertSameBits<float>(expected, own, plan);

                    group.ReduceScatter(source, counts, source.AsSpan(start, own.Length));
                    AssertSameBits<float>(expected, source.AsSpan(start, own.Length), plan);
                    Assert.Equal(inputs[group.Index].AsSpan(0, start), source.AsSpan(0, start));
                });
            }
        },
        seed: "0000000000001", iter: 60, threads: 1);

    [Fact]
    public void All_gather_collects_in_group_order_with_every_algorithm() => Runs.Sample(
        run =>
        {
            int[] counts = Counts(run);
            float[] expected = Singles(counts.Sum(), run.Seed);
            foreach (CollectivePlan plan in SumOrders.Plans(run.Size, run.Seed))
            {
                Run(run.Size, run.Shares, plan, group =>
                {
                    int start = counts.Take(group.Index).Sum();
                    float[] all = new float[expected.Length];
                    group.AllGather(expected.AsSpan(start, counts[group.Index]), counts, all);
                    AssertSameBits<float>(expected, all, plan);

                    all.AsSpan(0, start).Clear();
                    all.AsSpan(start + counts[group.Index]).Clear();
                    group.AllGather(all.AsSpan(start, counts[group.Index]), counts, all);
                    AssertSameBits<float>(expected, all, plan);
                });
            }
        },
        seed: "0000000000002", iter: 60, threads: 1);

    /// <summary>The planner predicts from the messages of each round: they are those that are sent.</summary>
    [Fact]
    public void Every_member_sends_what_the_planner_predicts() => Runs.Sample(
        run =>
        {
            foreach (CollectivePlan plan in SumOrders.Plans(run.Size, run.Seed))
            {
                CollectiveMessage[] predicted = [.. CollectiveRounds.AllReduce(plan, run.Size, run.Length).SelectMany(round => round)];
                Run(run.Size, run.Shares, plan, group => group.AllReduce(new float[run.Length]), (group, transport) =>
                {
                    CollectiveMessage[] own = [.. predicted.Where(message => message.Source == group.Index)];
                    Assert.Equal((own.Length, own.Sum(message => message.Bytes)), (transport.MessagesSent, transport.BytesSent));
                });
            }
        },
        seed: "0000000000003", iter: 40, threads: 1);

    /// <summary>Several segments, of parts of several blocks, over channels of one message.</summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    public void Long_vectors_have_the_same_bits_over_every_transport(int size, bool swapped)
    {
        int length = (size * (ProcessGroup.BlockBytes / sizeof(float))) + 12_347;
        float[][] inputs = [.. Enumerable.Range(0, size).Select(rank => Fast(length, rank))];
        foreach (CollectivePlan plan in SumOrders.Plans(size, seed: 3))
        {
            var shared = new float[size][];
            Run(size, !swapped, plan, group => group.AllReduce(shared[group.Index] = [.. inputs[group.Index]]));
            Run(size, swapped, plan, group =>
            {
                float[] data = [.. inputs[group.Index]];
                group.AllReduce(data);
                AssertSameBits<float>(shared[0], data, plan);
                AssertSameBits<float>(shared[0], shared[group.Index], plan);
                float[] own = new float[length / size];
                group.ReduceScatter(inputs[group.Index].AsSpan(0, own.Length * size), own);
                float[] sum = new float[own.Length * size];
                group.AllGather(own, sum);
                for (int element = 0; element < sum.Length; element += 1_009)
                {
                    float[] values = [.. inputs.Select(input => input[element])];
                    float expected = SumOrders.Sum(plan, values, element / own.Length, WithinBlock(element, own.Length, out int block), block, (a, b) => a + b);
                    Assert.Equal(expected, sum[element]);
                }
            });
        }
    }

    [Fact]
    public void Two_members_get_the_same_bits_from_every_algorithm()
    {
        float[][] inputs = [Singles(77, 1), Singles(77, 2)];
        foreach (CollectivePlan plan in SumOrders.Plans(2, 5))
        {
            Run(2, shares: true, plan, group =>
            {
                float[] data = [.. inputs[group.Index]];
                group.AllReduce(data);
                Assert.Equal(inputs[0].Zip(inputs[1], (a, b) => a + b), data);
            });
        }
    }

    [Fact]
    public void Rings_and_nodes_that_do_not_fit_the_group_are_refused()
    {
        ITransport transport = InProcessWorld.Create(3).Transports[0];
        Assert.Contains("there are no rings", Refusal(new(CollectiveAlgorithm.MultiRing)));
        Assert.Contains("ring 1 visits 2 devices, where there are 3", Refusal(Rings([0, 1, 2], [0, 1])));
        Assert.Contains("ring 0 has device 1 twice", Refusal(Rings([0, 1, 1])));
        Assert.Contains("ring 0 has device 3 of 3", Refusal(Rings([0, 1, 3])));
        Assert.Contains("ring 1 sends from 1 to 2, as ring 0 does", Refusal(Rings([0, 1, 2], [1, 2, 0])));
        Assert.Contains("2 nodes for 3 members", Refusal(new(CollectiveAlgorithm.TwoLevel, Nodes: [0, 1])));
        Assert.Contains("algorithm 9", Refusal(new((CollectiveAlgorithm)9)));

        string Refusal(CollectivePlan plan) =>
            Assert.Throws<ArgumentException>(() => new ProcessGroup(transport, [0, 1, 2], 0, plan)).Message;

        static CollectivePlan Rings(params int[][] rings) =>
            new(CollectiveAlgorithm.MultiRing, Rings: [.. rings.Select(ring => new EquatableArray<int>(ring))]);
    }

    /// <summary>What the plan's memory leaves out: of long vectors nothing where memory is shared, else two blocks at most, of two members one; and
    /// room for a short vector, as far as those go that are summed in one round.</summary>
    [Theory]
    [InlineData(2, false, ProcessGroup.BlockBytes + CollectivePlan.ShortBytes)]
    [InlineData(4, false, (2 * ProcessGroup.BlockBytes) + (CollectivePlan.ShortBytes / 2))]
    [InlineData(2, true, CollectivePlan.ShortBytes)]
    [InlineData(4, true, CollectivePlan.ShortBytes / 2)]
    public void Sums_in_place_need_no_more_memory_than_is_said(int size, bool shares, int most)
    {
        long all = 0;
        foreach (CollectivePlan plan in SumOrders.Plans(size, 1))
        {
            Run(size, shares, plan, group =>
            {
                group.AllReduce(new float[(size + 1) * (ProcessGroup.BlockBytes / sizeof(float))]);
                group.AllReduce(new float[CollectivePlan.ShortBytes / (size - 1) / sizeof(float)]);
                Assert.InRange(group.Bytes, 0, most);
                InterlockedMax(ref all, group.Bytes);
            });
        }

        Assert.Equal(most, all);

        static void InterlockedMax(ref long all, long value)
        {
            for (long known = Volatile.Read(ref all); known < value; known = Volatile.Read(ref all))
                Interlocked.CompareExchange(ref all, value, known);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Steady_collectives_of_every_algorithm_allocate_nothing(bool shares)
    {
        foreach (CollectivePlan plan in SumOrders.Plans(4, 1))
        {
            Run(4, shares, plan, group =>
            {
                float[] data = new float[1_003];
                float[] all = new float[4_012];
                // The pool grows to the most messages that were ever on their way at the same time, which threads reach by chance, and a
                // collection takes from a thread what is left of its own memory: some window is without either.
                long least = long.MaxValue;
                for (int window = 0; window < 10; window++)
                {
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    Exchange(50);
                    least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
                }

                Assert.Equal(0, least);

                void Exchange(int rounds)
                {
                    for (int round = 0; round < rounds; round++)
                    {
                        group.AllReduce(data);
                        group.AllGather(data, all);
                        group.ReduceScatter(all, data);
                    }
                }
            });
        }
    }

    private static void CheckAllReduce<T>(
        CollectivePlan plan, int size, bool shares, T[][] inputs, Func<T, T, T> add, Action<ProcessGroup, T[]> reduce)
        where T : unmanaged
    {
        int length = inputs[0].Length;
        var expected = new List<T>();
        for (int part = 0, start = 0; part < size; part++)
        {
            int count = (length / size) + (part < length % size ? 1 : 0);
            expected.AddRange(Expected(plan, inputs, part, start, count, add));
            start += count;
        }

        Run(size, shares, plan, group =>
        {
            T[] data = [.. inputs[group.Index]];
            reduce(group, data);
            AssertSameBits<T>([.. expected], data, plan);
        });
    }

    private static T[] Expected<T>(CollectivePlan plan, T[][] inputs, int part, int start, int count, Func<T, T, T> add) =>
        [.. Enumerable.Range(0, count).Select(index =>
            SumOrders.Sum(plan, [.. inputs.Select(input => input[start + index])], part, index, count, add))];

    /// <summary>Long parts are summed a block at a time, and each block is shared out over the rings.</summary>
    private static int WithinBlock(int element, int part, out int block)
    {
        const int Most = ProcessGroup.BlockBytes / sizeof(float);
        int index = element % part;
        block = Math.Min(Most, part - (index / Most * Most));
        return index % Most;
    }

    private static void Run(
        int size, bool shares, CollectivePlan plan, Action<ProcessGroup> body, Action<ProcessGroup, ITransport>? after = null)
    {
        int[] ranks = [.. Enumerable.Range(0, size).Reverse()];
        RankThreads.Run(
            InProcessWorld.Create(size, capacity: 1),
            transport =>
            {
                var group = new ProcessGroup(shares ? transport : new CopyingTransport(transport), ranks, context: 3, plan);
                body(group);
                after?.Invoke(group, transport);
            },
            TimeSpan.FromSeconds(20));
    }

    private static float[][] Floats((int Size, bool Shares, int Length, int Seed) run) =>
        [.. Enumerable.Range(0, run.Size).Select(rank => Singles(run.Length, run.Seed + rank))];

    private static int[] Counts((int Size, bool Shares, int Length, int Seed) run)
    {
        var random = new Random(run.Seed);
        return [.. Enumerable.Range(0, run.Size).Select(_ => random.Next(run.Length + 1))];
    }

    /// <summary>Values of very different sizes, whose sum depends on the order.</summary>
    private static float[] Singles(int length, int seed) => [.. Doubles(length, seed).Select(value => (float)value)];

    private static double[] Doubles(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 7)))];
    }

    private static float[] Fast(int length, int seed)
    {
        var random = new Random(seed);
        var values = new float[length];
        for (int index = 0; index < length; index++)
            values[index] = random.NextSingle() - 0.5f;
        return values;
    }

    private static void AssertSameBits<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, CollectivePlan plan)
        where T : unmanaged =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), plan.Algorithm.ToString());
}
