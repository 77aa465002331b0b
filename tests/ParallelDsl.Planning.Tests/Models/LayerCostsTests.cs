using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Models;

public class LayerCostsTests
{
    // Width 768, 12 heads of 64, 4 key-value heads: k = 256; feed-forward 2,048; vocabulary 50,257.
    private const long Matrices = (2 * 768 * 768) + (2 * 768 * 256) + (3 * 768 * 2_048);

    [Fact]
    public void A_block_on_hosts()
    {
        PlannedLayer block = LayerCosts.Unroll(Requests.Gpt(), TrainingType.Float32)[1];
        Assert.Equal("Blocks[0]", block.Name);
        Assert.Equal(Matrices + (2 * 768), block.Parameters);
        Assert.Equal(2 * Matrices, block.LinearFlops);
        Assert.Equal(4 * 768, block.AttentionFlops);
        Assert.Equal(4 * ((6 * 768) + (2 * 256) + (3 * 2_048) + 12 + 2), block.ActivationBytes);
        Assert.Equal(4 * 768, block.OutputBytes);
        Assert.Equal(4 * 2 * 256, block.KeyValueBytes);
    }

    [Fact]
    public void A_block_on_accelerators_keeps_statistics_in_float32()
    {
        PlannedLayer block = LayerCosts.Unroll(Requests.Gpt(), TrainingType.BFloat16)[1];
        Assert.Equal((2 * ((6 * 768) + (2 * 256) + (3 * 2_048))) + (4 * 14), block.ActivationBytes);
        Assert.Equal(2 * 768, block.OutputBytes);
        Assert.Equal(2 * 2 * 256, block.KeyValueBytes);
    }

    [Fact]
    public void Embedding_and_head()
    {
        EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(Requests.Gpt(), TrainingType.Float32);
        PlannedLayer embedding = layers[0], head = layers[13];
        Assert.Equal((50_257L * 768, 0L, 0L, 4L * 768, 0L),
            (embedding.Parameters, embedding.LinearFlops, embedding.ActivationBytes, embedding.OutputBytes, embedding.KeyValueBytes));
        Assert.Equal(((50_257L * 768) + 768, 2L * 50_257 * 768, 4L * ((2 * 768) + 50_257 + 1), 0L),
            (head.Parameters, head.LinearFlops, head.ActivationBytes, head.OutputBytes));
        Assert.Equal(768, LayerCosts.Unroll(Requests.Gpt(tied: true), TrainingType.Float32)[13].Parameters);
    }

    [Fact]
    public void Repetitions_are_unrolled_and_absent_key_value_heads_are_as_many_as_heads()
    {
        var model = new ModelSpec("M", 8, [
            new("E", LayerKind.Embedding, Vocabulary: 10, Width: 8),
            new("A", LayerKind.TransformerBlock, 2, Heads: 2, FeedForward: 3),
            new("B", LayerKind.TransformerBlock, 1, Heads: 4, KeyValueHeads: 1, FeedForward: 5),
            new("H", LayerKind.LanguageModelHead),
        ]);
        EquatableArray<PlannedLayer> layers = LayerCosts.Unroll(model, TrainingType.Float32);
        Assert.Equal(["E", "A[0]", "A[1]", "B", "H"], layers.Select(layer => layer.Name));
        Assert.Equal([0, 1, 2, 3, 4], layers.Select(layer => layer.Index));
        Assert.Equal([0, 1, 1, 2, 3], layers.Select(layer => layer.Declared));
        Assert.Equal([0, 0, 1, 0, 0], layers.Select(layer => layer.Repetition));
        Assert.Equal([0, 64, 64, 16, 0], layers.Select(layer => layer.KeyValueBytes));
    }

    [Fact]
    public void Bytes_of_a_parameter()
    {
        Assert.Equal(16, LayerCosts.WeightBytes(TrainingType.Float32) + LayerCosts.GradientBytes + LayerCosts.OptimizerBytes(TrainingType.Float32));
        Assert.Equal(18, LayerCosts.WeightBytes(TrainingType.BFloat16) + LayerCosts.GradientBytes + LayerCosts.OptimizerBytes(TrainingType.BFloat16));
        Assert.Equal(TrainingType.BFloat16, LayerCosts.TypeOf(Requests.Lab));
        Assert.Equal(TrainingType.Float32, LayerCosts.TypeOf(Requests.Hosts(2)));
    }

    [Fact]
    public void Sizes_beyond_64_bits_overflow()
    {
        var model = new ModelSpec("M", 8, [
            new("E", LayerKind.Embedding, Vocabulary: int.MaxValue, Width: int.MaxValue - 1),
            new("B", LayerKind.TransformerBlock, 1, Heads: 1, FeedForward: int.MaxValue),
        ]);
        Assert.Throws<OverflowException>(() => LayerCosts.Unroll(model, TrainingType.Float32));
    }
}
