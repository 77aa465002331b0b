using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Tests.Kernels;

/// <summary>The chain of slices against a float64 softmax over all logits.</summary>
public sealed class CrossEntropySliceTests
{
    [Theory]
    [InlineData(1, 2, 1)]
    [InlineData(5, 37, 3)]
    [InlineData(9, 1_000, 4)]
    [InlineData(3, 5_000, 7)]
    [InlineData(4, 13, 13)]
    public void ALossAndAGradientOverSlicesAreThoseOfTheWhole(int rows, int vocabulary, int slices)
    {
        Random random = new(rows + vocabulary);
        double[,] logits = new double[rows, vocabulary];
        int[] targets = [.. Enumerable.Range(0, rows).Select(row => row == 2 ? -1 : random.Next(vocabulary))];
        for (int row = 0; row < rows; row++)
        {
            // Of one row the largest logit comes first, of the next one last, and far above the others.
            for (int column = 0; column < vocabulary; column++)
                logits[row, column] = (float)((random.NextDouble() * 20) - 10);
            logits[row, row % 2 == 0 ? 0 : vocabulary - 1] = 60;
        }

        const float Scale = 0.125f;
        using ThreadTeam team = new(2);
        using NativeBuffer memory = new((long)rows * vocabulary), numbers = new(rows * 3);
        Matrix statistics = new(numbers, rows, CrossEntropySlice.Statistics);
        CrossEntropySlice.Reset(statistics);
        (int First, Matrix Logits)[] parts = new (int, Matrix)[slices];
        long offset = 0;
        for (int slice = 0; slice < slices; slice++)
        {
            int first = vocabulary * slice / slices, count = (vocabulary * (slice + 1) / slices) - first;
            parts[slice] = (first, View(memory, offset, rows, count));
            offset += (long)rows * count;
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < count; column++)
                    parts[slice].Logits.Row(row)[column] = (float)logits[row, first + column];
            }

            CrossEntropySlice.Forward(team, parts[slice].Logits, first, targets, statistics, statistics);
        }

        double expected = 0;
        for (int row = 0; row < rows; row++)
        {
            double[] values = [.. Enumerable.Range(0, vocabulary).Select(column => logits[row, column])];
            double largest = values.Max(), sum = values.Sum(value => Math.Exp(value - largest));
            expected += targets[row] < 0 ? 0 : Math.Log(sum) + largest - values[targets[row]];
        }

        double loss = CrossEntropySlice.Loss(statistics, targets, vocabulary);
        Assert.Equal(expected, loss, 1e-6 * Math.Max(1, expected));

        foreach ((int first, Matrix part) in parts)
        {
            CrossEntropySlice.Backward(team, part, first, targets, statistics, Scale);
            for (int row = 0; row < rows; row++)
            {
                double largest = Enumerable.Range(0, vocabulary).Max(column => logits[row, column]);
                double sum = Enumerable.Range(0, vocabulary).Sum(column => Math.Exp(logits[row, column] - largest));
                for (int column = 0; column < part.Columns; column++)
                {
                    double probability = Math.Exp(logits[row, first + column] - largest) / sum;
                    double gradient = targets[row] < 0 ? 0 : (probability - (targets[row] == first + column ? 1 : 0)) * Scale;
                    Assert.Equal(gradient, part.Row(row)[column], 1e-6 * Scale);
                }
            }
        }
    }

    [Fact]
    public void ATargetOutsideTheVocabularyIsNamed()
    {
        using NativeBuffer numbers = new(3);
        Matrix statistics = new(numbers, 1, 3);
        CrossEntropySlice.Reset(statistics);
        Assert.Contains("targets[0]", Assert.Throws<ArgumentOutOfRangeException>(() => { CrossEntropySlice.Loss(statistics, [7], 7); }).Message, StringComparison.Ordinal);
    }

    private static unsafe Matrix View(NativeBuffer memory, long offset, int rows, int columns) => new(memory.Pointer + offset, rows, columns);
}
