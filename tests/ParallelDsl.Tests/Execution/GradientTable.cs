using ParallelDsl.Execution;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Execution;

/// <summary>All tensors of a model by name, collected from the ranks that hold them.</summary>
internal static class GradientTable
{
    public static SortedDictionary<string, float[]> Gradients<TModel>(Trainer<TModel> trainer)
        where TModel : IParallelModel<TModel> => Gradients(trainer.Models);

    public static SortedDictionary<string, float[]> Gradients(IEnumerable<RankModel> models) => Collect(models, parameter => parameter.Gradients.Span);

    public static SortedDictionary<string, float[]> Weights<TModel>(Trainer<TModel> trainer)
        where TModel : IParallelModel<TModel> => Collect(trainer.Models, parameter => parameter.Weights.Span);

    /// <summary>The largest difference within a tensor over the largest value of the tensor, over all tensors.</summary>
    public static (double Difference, string Tensor) Compare(SortedDictionary<string, float[]> expected, SortedDictionary<string, float[]> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        return expected.Select(pair => (Relative(pair.Value, actual[pair.Key]), pair.Key)).Max();
    }

    private static double Relative(float[] expected, float[] actual)
    {
        double scale = expected.Max(value => Math.Abs((double)value));
        return expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / Math.Max(scale, 1e-30);
    }

    private static SortedDictionary<string, float[]> Collect(IEnumerable<RankModel> models, Selector view)
    {
        Dictionary<TensorRows, float[]> parts = [];
        foreach (RankModel model in models)
        {
            foreach (Parameter parameter in model.Store.Parameters)
            {
                ReadOnlySpan<float> values = view(parameter);
                int start = 0;
                foreach (TensorRows tensor in parameter.Spec.Tensors)
                {
                    float[] part = values.Slice(start, tensor.Rows * parameter.Spec.Columns).ToArray();
                    start += part.Length;

                    // Replicas and the two ends of a tied table must hold the same bits.
                    if (!parts.TryAdd(tensor, part))
                        Assert.True(parts[tensor].AsSpan().SequenceEqual(part), $"{tensor.Name} differs between replicas; rank {model.Rank}");
                }
            }
        }

        // Slices of a tensor are put together: their rows must be all of it.
        SortedDictionary<string, float[]> table = new(StringComparer.Ordinal);
        foreach (IGrouping<string, TensorRows> tensor in parts.Keys.GroupBy(part => part.Name))
        {
            TensorRows[] rows = [.. tensor.OrderBy(part => part.FirstRow)];
            int next = 0;
            foreach (TensorRows part in rows)
            {
                Assert.Equal(next, part.FirstRow);
                next += part.Rows;
            }

            Assert.All(rows, part => Assert.Equal(next, part.TensorLength));
            table.Add(tensor.Key, [.. rows.SelectMany(part => parts[part])]);
        }

        return table;
    }

    private delegate ReadOnlySpan<float> Selector(Parameter parameter);
}
