using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>The embedding's table, or a vocabulary slice of it, where two positions of the pipeline axis hold it: one for the embedding, one
/// for a head that is tied to it. Both start from the same weights and take the same steps by the sum of both gradients.</summary>
/// <param name="First">The position of the embedding.</param>
/// <param name="Last">The position of the head.</param>
/// <param name="Table">This rank's copy.</param>
/// <param name="IsSecond">Whether this rank's copy is the head's, which no sum over all parameters may count.</param>
internal sealed record TiedTable(int First, int Last, Parameter Table, bool IsSecond)
{
    /// <summary>The tables that <paramref name="position"/> of the pipeline axis shares with another one, in the order of the slices.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="position">The position.</param>
    /// <param name="store">The parameters of a rank there.</param>
    public static IReadOnlyList<TiedTable> At(ParallelPlan plan, int position, ParameterStore store)
    {
        List<TiedTable> tables = [];
        if (!plan.Model.Layers[^1].TiedWeights)
            return tables;
        int vocabulary = plan.Model.Layers[0].Vocabulary, slices = plan.Layers[0].Slices;
        for (int slice = 0; slice < slices; slice++)
        {
            // Embedding and head have as many slices: the embedding's are the first layers, the head's the last.
            int first = DeviceOf(plan, slice), last = DeviceOf(plan, plan.Layers.Count - slices + slice);
            if (first == last || (position != first && position != last))
                continue;
            TensorRows rows = new(LlamaNames.Embedding, vocabulary, VocabularySlice.Of(vocabulary, slice, slices));
            tables.Add(new TiedTable(first, last, store.Find(rows)!, position == last));
        }

        return tables;
    }

    private static int DeviceOf(ParallelPlan plan, int layer) =>
        plan.Stages.Last(stage => stage.FirstLayer <= layer).Device;
}
