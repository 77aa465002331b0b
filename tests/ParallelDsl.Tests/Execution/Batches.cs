namespace ParallelDsl.Tests.Execution;

internal static class Batches
{
    /// <summary>Uneven lengths, the shortest possible and the whole context among them, in every batch another mix.</summary>
    public static List<int[]> Uneven(int seed, int sequences = 14)
    {
        Random random = new(seed);
        int context = TinyModel<Untied>.Context;
        int[] lengths = [1, context, 2, 3, 7, .. Enumerable.Range(0, sequences - 5).Select(_ => random.Next(1, context / 2))];
        return [.. lengths.Select(length => Enumerable.Range(0, length + 1).Select(_ => random.Next(TinyModel<Untied>.Vocabulary)).ToArray())];
    }
}
