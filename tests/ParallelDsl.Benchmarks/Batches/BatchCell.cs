using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Benchmarks.Batches;

/// <summary>What a table of the page shows together.</summary>
internal enum CellGroup
{
    /// <summary>Clusters with few network interfaces: where rings across nodes are dear.</summary>
    FewInterfaces,

    /// <summary>Long contexts over a pipeline: where packs of whole sequences are uneven.</summary>
    LongContext,

    /// <summary>Where there is little to win.</summary>
    LittleToWin,
}

/// <summary>Some batches of one kind on one cluster.</summary>
/// <param name="Group">The table it is in.</param>
/// <param name="Name">What is special about it.</param>
/// <param name="Problems">The batches.</param>
/// <param name="Family">Cells of the same model, cluster, context and size of batch, for which a declaration has the same constants.</param>
/// <param name="Samples">Batches of that kind, from all lengths, of which no cell has one: what constants are found on, and what others they are
/// chosen by too.</param>
internal sealed record BatchCell(CellGroup Group, string Name, BatchProblem[] Problems, string Family, Func<(BatchProblem[] Searched, BatchProblem[] Others)> Samples)
{
    // Seeds of samples are those of cells and so many more.
    private const int SampleSeed = 1_000;
    private const int OtherSamples = 4;

    /// <summary>Tokens a device in the cells without a pipeline: 64K tokens on 16 devices, as in Zeppelin's settings.</summary>
    public const int TokensPerDevice = 4_096;

    private const int Context = 65_536;
    private const int Batches = 2;

    public static BatchCell[] All(LengthSet[] sets) => [.. FewInterfaces(sets), .. LongContexts(sets), .. LittleToWin(sets)];

    private static IEnumerable<BatchCell> FewInterfaces(LengthSet[] sets) =>
        from shape in new[] { ("3b", 2), ("3b", 4), ("7b", 2), ("7b", 4), ("7b", 8), ("7b", 16) }
        from set in sets
        let model = shape.Item1
        let nodes = shape.Item2
        let cluster = A800(nodes)
        let family = $"{model}, {cluster.Name}"
        select new BatchCell(
            CellGroup.FewInterfaces,
            $"{family}, {set.Name}",
            [.. Enumerable.Range(0, Batches).Select(seed => Flat(cluster, model, set, seed))],
            family,
            () => FlatSamples(sets, cluster, model));

    private static IEnumerable<BatchCell> LongContexts(LengthSet[] sets) =>
        from context in new[] { 65_536, 131_072, 262_144 }
        from sequences in new[] { 512, 2_048 }
        from set in sets
        let family = FormattableString.Invariant($"{context / 1024}K, {sequences} sequences")
        select new BatchCell(
            CellGroup.LongContext,
            $"7b, a800-8x8, {set.Name}, {family}",
            [Of(A800(8), "7b", set.Draw(sequences, long.MaxValue, context, sequences), context, stages: 4, units: 16)],
            family,
            () => Drawn(sets, (each, seed) =>
                Of(A800(8), "7b", each.Draw(sequences + seed, long.MaxValue, context, sequences), context, stages: 4, units: 16), others: 1));

    private static IEnumerable<BatchCell> LittleToWin(LengthSet[] sets)
    {
        ClusterSpec small = A800(2);
        int tokens = TokensPerDevice * 16;
        yield return Cell("16 equal sequences of 4K", [.. Enumerable.Repeat(4_096, 16)], small);
        yield return Cell("64 equal sequences of 1K", [.. Enumerable.Repeat(1_024, 64)], small);
        yield return Cell("one sequence of 64K", [tokens], small);
        yield return Cell("one of 32K and 32 of 1K", [32_768, .. Enumerable.Repeat(1_024, 32)], small);
        yield return Cell("4 sequences (tiny batch)", sets[1].Draw(7, tokens, 8_192, 4), small);
        yield return Cell("short context, 1K", sets[0].Draw(8, tokens, 1_024), small);
        ClusterSpec fast = BuiltInClusters.FromName("h200-4x8")!;
        foreach (LengthSet set in sets)
            yield return Cell($"fast interfaces, {set.Name}", set.Draw(9, (long)TokensPerDevice * 32, Context), fast);

        BatchCell Cell(string name, int[] lengths, ClusterSpec cluster) => new(
            CellGroup.LittleToWin,
            $"7b, {cluster.Name}, {name}",
            [Of(cluster, "7b", lengths, Context)],
            $"7b, {cluster.Name}",
            () => FlatSamples(sets, cluster, "7b"));
    }

    private static BatchProblem Flat(ClusterSpec cluster, string model, LengthSet set, int seed) =>
        Of(cluster, model, set.Draw(seed, (long)TokensPerDevice * cluster.DeviceCount, Context), Context);

    private static (BatchProblem[] Searched, BatchProblem[] Others) FlatSamples(LengthSet[] sets, ClusterSpec cluster, string model) =>
        Drawn(sets, (set, seed) => Flat(cluster, model, set, seed), OtherSamples);

    private static (BatchProblem[] Searched, BatchProblem[] Others) Drawn(LengthSet[] sets, Func<LengthSet, int, BatchProblem> draw, int others) => (
        [.. sets.Select(set => draw(set, SampleSeed))],
        [.. sets.SelectMany(set => Enumerable.Range(1, others).Select(other => draw(set, SampleSeed + other)))]);

    private static ClusterSpec A800(int nodes) =>
        BuiltInClusters.FromName($"a800-{nodes}x8") ?? BuiltInClusters.Of($"a800-{nodes}x8", nodes, DeviceKind.A800Sxm, 4, 200);

    private static BatchProblem Of(ClusterSpec cluster, string model, int[] lengths, int context, int stages = 1, int units = 1) =>
        new(cluster, BatchModel.FromName(model)!, new EquatableArray<int>(lengths), context, stages, units, new BatchAssumptions());
}
