using System.Globalization;

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
internal sealed record CollectiveCase(CollectiveOperation Operation, int Bytes, int Repeats)
{
    private const int TimedBytes = 128 << 20;

    public int Floats => Bytes / sizeof(float);

    public static IEnumerable<CollectiveCase> All =>
        from operation in Enum.GetValues<CollectiveOperation>()
        from log in Enumerable.Range(0, 9)
        let bytes = 1_024 << (2 * log)
        select new CollectiveCase(operation, bytes, Math.Clamp(TimedBytes / bytes, 1, 1_000));

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
        return new((CollectiveOperation)numbers[0], numbers[1], numbers[2]);
    }

    public string Write() => string.Create(CultureInfo.InvariantCulture, $"{(int)Operation} {Bytes} {Repeats}");
}
