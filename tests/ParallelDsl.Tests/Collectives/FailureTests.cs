using ParallelDsl.Collectives;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Collectives;

/// <summary>A member that fails at any call of any collective: all others end, and say who failed and in what.</summary>
public sealed class FailureTests
{
    private const int Length = 23;

    public static TheoryData<CollectiveAlgorithm, bool> Cases
    {
        get
        {
            TheoryData<CollectiveAlgorithm, bool> cases = [];
            foreach (CollectiveAlgorithm algorithm in Enum.GetValues<CollectiveAlgorithm>())
            {
                cases.Add(algorithm, true);
                cases.Add(algorithm, false);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_other_member_ends_with_an_error_that_names_the_rank_and_the_operation(CollectiveAlgorithm algorithm, bool shares)
    {
        foreach (int size in new[] { 2, 3, 5 })
        {
            CollectivePlan plan = SumOrders.Plans(size, 11).Single(item => item.Algorithm == algorithm);
            foreach (Operation operation in Operation.All)
            {
                int victim = size - 1;
                int calls = Run(size, shares, plan, operation, victim, failingCall: -1, new Exception?[size]);
                for (int call = 0; call < calls; call++)
                {
                    var errors = new Exception?[size];
                    RankFailedException failure = Assert.Throws<RankFailedException>(
                        () => Run(size, shares, plan, operation, victim, call, errors));
                    Assert.Equal(victim, failure.Rank);
                    Assert.Contains("the power is gone", failure.Message);
                    for (int rank = 0; rank < size; rank++)
                    {
                        // Who had all it needed before the failure, has its result.
                        if (rank == victim || errors[rank] is null)
                            continue;
                        TransportException error = Assert.IsType<TransportException>(errors[rank]);
                        Assert.True(error.IsConsequence);
                        Assert.Contains($"rank {victim}", error.Message);
                        Assert.Contains(operation.Names, name => error.Message.Contains(name));
                    }

                    if (call == 0)
                        Assert.DoesNotContain(null, errors);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_member_that_ends_without_taking_part_is_named(CollectiveAlgorithm algorithm, bool shares)
    {
        CollectivePlan plan = SumOrders.Plans(4, 2).Single(item => item.Algorithm == algorithm);
        RankFailedException failure = Assert.Throws<RankFailedException>(() => RankThreads.Run(4, transport =>
        {
            if (transport.Rank != 3)
                new ProcessGroup(shares ? transport : new CopyingTransport(transport), [0, 1, 2, 3], 0, plan).AllReduce(new float[Length]);
        }));
        Assert.Contains("rank 3 has ended", failure.Message);
        Assert.Contains("reduce-scatter", failure.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Other_lengths_on_another_member_are_reported(bool shares)
    {
        foreach (CollectivePlan plan in SumOrders.Plans(3, 4))
        {
            RankFailedException failure = Assert.Throws<RankFailedException>(() => RankThreads.Run(
                InProcessWorld.Create(3),
                transport => new ProcessGroup(shares ? transport : new CopyingTransport(transport), [0, 1, 2], 0, plan)
                    .AllReduce(new float[transport.Rank == 1 ? 30 : 21]),
                TimeSpan.FromSeconds(10)));
            Assert.Contains("floats from rank", failure.Message);
            Assert.Contains("were sent", failure.Message);
        }
    }

    /// <returns>The calls that the victim made.</returns>
    private static int Run(
        int size, bool shares, CollectivePlan plan, Operation operation, int victim, int failingCall, Exception?[] errors)
    {
        int[] ranks = [.. Enumerable.Range(0, size)];
        int calls = 0;
        RankThreads.Run(
            InProcessWorld.Create(size, capacity: 1),
            inner =>
            {
                ITransport transport = shares ? inner : new CopyingTransport(inner);
                var failing = new FailingTransport(transport, inner.Rank == victim ? failingCall : -1);
                try
                {
                    operation.Run(new ProcessGroup(failing, ranks, context: 0, plan));
                }
                catch (Exception error)
                {
                    errors[inner.Rank] = error;
                    throw;
                }
                finally
                {
                    if (inner.Rank == victim)
                        calls = failing.Calls;
                }
            },
            TimeSpan.FromSeconds(20));
        return calls;
    }

    private sealed record Operation(Action<ProcessGroup> Run, params string[] Names)
    {
        public static readonly Operation[] All =
        [
            new(group => group.AllReduce(new float[Length]), "reduce-scatter", "all-gather"),
            new(group => group.ReduceScatter(new float[Length * group.Size], new float[Length]), "reduce-scatter"),
            new(group => group.AllGather(new float[Length], new float[Length * group.Size]), "all-gather"),
            new(group => group.Broadcast(new float[Length], root: 0), "broadcast"),
            new(group => group.AllToAll(new float[Length * group.Size], Counts(group), new float[Length * group.Size], Counts(group)), "all-to-all"),
            new(group => group.Barrier(), "barrier"),
        ];

        private static int[] Counts(ProcessGroup group) => [.. Enumerable.Repeat(Length, group.Size)];
    }
}
