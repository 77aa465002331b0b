using ParallelDsl.Planning;
using ParallelDsl.Tool.Batches;

namespace ParallelDsl.Tool.Tests.Batches;

public sealed class BatchDrawTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(1, 200).Select(index => 1 + (index * 37 % 101))];

    [Theory]
    [InlineData(101)]
    [InlineData(300)]
    [InlineData(4_000)]
    [InlineData(1_000_000)]
    public void Every_sequence_is_drawn_once_before_any_is_drawn_again(int tokens)
    {
        List<EquatableArray<int>> batches = BatchDraw.Draw(Lengths, tokens, 300, seed: 4);
        Assert.Equal(300, batches.Count);
        var seen = new List<int>();
        foreach (EquatableArray<int> batch in batches)
        {
            Assert.InRange(batch.Sum(), 1, tokens);
            seen.AddRange(batch);

            // A batch that ends with the file is followed by a new order of all of it.
            Assert.True(seen.Count <= Lengths.Length);
            if (seen.Count < Lengths.Length)
                continue;
            Assert.Equal(Lengths.Order(), seen.Order());
            seen.Clear();
        }
    }

    [Fact]
    public void A_batch_ends_before_the_sequence_that_is_too_much()
    {
        List<EquatableArray<int>> batches = BatchDraw.Draw(Lengths, 500, 20, seed: 1);
        for (int batch = 0; batch + 1 < batches.Count; batch++)
        {
            bool isLast = batches.Take(batch + 1).Sum(drawn => drawn.Count) % Lengths.Length == 0;
            Assert.True(isLast || batches[batch].Sum() + batches[batch + 1][0] > 500);
        }
    }

    [Fact]
    public void A_seed_names_the_order()
    {
        Assert.Equal(BatchDraw.Draw(Lengths, 500, 9, seed: 7), BatchDraw.Draw(Lengths, 500, 9, seed: 7));
        Assert.NotEqual(BatchDraw.Draw(Lengths, 500, 9, seed: 7), BatchDraw.Draw(Lengths, 500, 9, seed: 8));
        Assert.Equal([2, 1, 3], BatchDraw.Draw([1, 2, 3], 6, 1, seed: 0)[0]);
    }
}
