using System.Globalization;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Benchmarks.Collectives;

/// <summary>What is timed.</summary>
internal enum CollectiveOperation
{
    AllReduce,
    ReduceScatter,
    AllGather,
}

/// <summary>One operation of one size, repeated.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Bytes">The whole vector: what is reduced, or what is there after gathering.</param>
/// <param name="Repeats">Operations in one timing.</param>
/// <param name="Algorithm">Of ours; the library chooses its own.</param>
internal sealed record CollectiveCase(CollectiveOperation Operation, int Bytes, int Repeats, CollectiveAlgorithm Algorithm = CollectiveAlgorithm.Direct)
{
    private const int TimedBytes = 128 << 20;

    public int Floats => Bytes / sizeof(float);

    public static IEnumerable<CollectiveCase> All =>
        from operation in Enum.GetValues<CollectiveOperation>()
        from log in Enumerable.Range(0, 9)
        let bytes = 1_024 << (2 * log)
        select new CollectiveCase(operation, bytes, RepeatsOf(bytes));

    /// <summary>The other algorithms, which a plan takes where links say so, at a few sizes.</summary>
    public static IEnumerable<CollectiveCase> Others =>
        from algorithm in Enum.GetValues<CollectiveAlgorithm>()
        where algorithm != CollectiveAlgorithm.Direct
        from bytes in new[] { 64 << 10, 1 << 20, 16 << 20 }
        select new CollectiveCase(CollectiveOperation.AllReduce, bytes, RepeatsOf(bytes), algorithm);

    /// <summary>An algorithm for so many ranks: two rings, or nodes of two ranks.</summary>
    public static CollectivePlan PlanOf(CollectiveAlgorithm algorithm, int ranks)
    {
        int[] order = [.. Enumerable.Range(0, ranks)];
        return algorithm switch
        {
            CollectiveAlgorithm.MultiRing => new(algorithm, Rings: new([new(order), new([.. order.Reverse()])])),
            CollectiveAlgorithm.TwoLevel => new(algorithm, Nodes: new([.. order.Select(rank => rank / 2)])),
            _ => new(algorithm),
        };
    }

    public string Name => Operation switch
    {
        CollectiveOperation.AllReduce => "all-reduce",
        CollectiveOperation.ReduceScatter => "reduce-scatter",
        _ => "all-gather",
    };

    public string Size => Bytes >= 1 << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{Bytes >> 20} MB")
        : string.Create(CultureInfo.InvariantCulture, $"{Bytes >> 10} KB");

    public static CollectiveCase Parse(string line)
    {
        int[] numbers = [.. line.Split(' ').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return new((CollectiveOperation)numbers[0], numbers[1], numbers[2], (CollectiveAlgorithm)numbers[3]);
    }

    public string Write() => string.Create(CultureInfo.InvariantCulture, $"{(int)Operation} {Bytes} {Repeats} {(int)Algorithm}");

    private static int RepeatsOf(int bytes) => Math.Clamp(TimedBytes / bytes, 1, 1_000);
}
