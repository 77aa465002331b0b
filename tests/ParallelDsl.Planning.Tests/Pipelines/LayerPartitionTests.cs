using CsCheck;
using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class LayerPartitionTests
{
    private static LayerPartition.StageCost Cost(int[] layers, int[] factors) =>
        (stage, first, count) => (long)layers.Skip(first).Take(count).Sum() * factors[stage];

    [Fact]
    public void Equals_brute_force() => Cases.Check(
        from layers in Gen.Int[0, 9].Array[1, 9]
        from stages in Gen.Int[1, layers.Length]
        from factors in Gen.Int[1, 3].Array[stages]
        select (layers, stages, factors),
        1_000,
        input =>
        {
            LayerPartition.StageCost cost = Cost(input.layers, input.factors);
            int[] best = Partitions(input.layers.Length, input.stages)
                .OrderBy(boundaries => Costs(boundaries, cost).Max())
                .ThenBy(boundaries => Costs(boundaries, cost).Sum(ticks => ticks * ticks))
                .ThenBy(boundaries => string.Concat(boundaries.Select(boundary => (char)('0' + boundary))), StringComparer.Ordinal)
                .First();
            Assert.Equal(best, LayerPartition.Plan(input.layers.Length, input.stages, cost));
        });

    private static IEnumerable<long> Costs(int[] boundaries, LayerPartition.StageCost cost) =>
        Enumerable.Range(0, boundaries.Length - 1).Select(stage => cost(stage, boundaries[stage], boundaries[stage + 1] - boundaries[stage]));

    private static IEnumerable<int[]> Partitions(int layers, int stages) => stages == 1
        ? [[0, layers]]
        : Enumerable.Range(stages - 1, layers - stages + 1).SelectMany(last => Partitions(last, stages - 1).Select(rest => (int[])[.. rest, layers]));

    [Fact]
    public void Even_layers_make_even_stages() =>
        Assert.Equal([0, 3, 6, 9, 12], LayerPartition.Plan(12, 4, (_, _, count) => count));

    [Fact]
    public void One_dear_layer_leaves_the_other_stages_even() =>
        Assert.Equal([0, 4, 8, 12, 13], LayerPartition.Plan(13, 4, (_, first, count) => first + count == 13 ? count + 9 : count));

    [Fact]
    public void Layers_without_cost_are_spread_too() => Assert.Equal([0, 1, 2, 5], LayerPartition.Plan(5, 3, (_, _, _) => 0));

    [Theory]
    [InlineData(3, 4)]
    [InlineData(3, 0)]
    [InlineData(0, 1)]
    public void Impossible_counts_are_refused(int layers, int stages) =>
        Assert.Throws<ArgumentException>(() => LayerPartition.Plan(layers, stages, (_, _, count) => count));

    [Fact]
    public void Large_costs_do_not_overflow()
    {
        const long dear = long.MaxValue / 10_000;
        EquatableArray<int> boundaries = LayerPartition.Plan(10_000, 4, (_, _, count) => count * dear);
        Assert.Equal([0, 2_500, 5_000, 7_500, 10_000], boundaries);
    }
}
