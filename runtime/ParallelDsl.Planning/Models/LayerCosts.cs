using ParallelDsl.Planning.Clusters;
using static System.FormattableString;

namespace ParallelDsl.Planning.Models;

/// <summary>The type that a model trains in, as far as sizes go.</summary>
public enum TrainingType
{
    /// <summary>float32 throughout: weights 4 bytes, gradients 4, AdamW's two moments 8.</summary>
    Float32,

    /// <summary>bfloat16 with float32 gradients and master weights: 2 + 4 + 4 + 8 bytes (what Megatron-LM keeps).</summary>
    BFloat16,
}

/// <summary>Sizes and work of layers: the one place where the formulas stand. A multiplication and an addition are two FLOPs.</summary>
public static class LayerCosts
{
    /// <summary>Bytes of a number that is float32 on every device: logits, and the statistics of norms and attention.</summary>
    private const int StatisticBytes = 4;

    /// <summary>The type that models train in on <paramref name="cluster"/>: float32 where a host takes part, else bfloat16.</summary>
    public static TrainingType TypeOf(ClusterSpec cluster) =>
        cluster.Nodes.Any(group => group.Device.Kind == DeviceKind.Host) ? TrainingType.Float32 : TrainingType.BFloat16;

    /// <summary>Bytes of one weight or activation.</summary>
    public static int ElementBytes(TrainingType type) => type == TrainingType.Float32 ? 4 : 2;

    /// <summary>Bytes of one weight.</summary>
    public static int WeightBytes(TrainingType type) => ElementBytes(type);

    /// <summary>Bytes of one weight's gradient, which is summed over micro-batches in float32.</summary>
    public static int GradientBytes => sizeof(float);

    /// <summary>Bytes of one weight's optimizer state: two moments, and a master weight where the weight itself is narrower.</summary>
    public static int OptimizerBytes(TrainingType type) => type == TrainingType.Float32 ? 8 : 12;

    /// <summary>The layers of <paramref name="model"/> with repetitions unrolled, in execution order.</summary>
    /// <param name="model">A model whose dimensions are positive, with the embedding first.</param>
    /// <param name="type">The type that it trains in.</param>
    /// <exception cref="OverflowException">A size leaves 64 bits.</exception>
    public static EquatableArray<PlannedLayer> Unroll(ModelSpec model, TrainingType type)
    {
        var layers = new List<PlannedLayer>();
        int vocabulary = model.Layers.Count > 0 ? model.Layers[0].Vocabulary : 0;
        int width = model.Layers.Count > 0 ? model.Layers[0].Width : 0;
        for (int declared = 0; declared < model.Layers.Count; declared++)
        {
            LayerSpec layer = model.Layers[declared];
            PlannedLayer planned = layer.Kind switch
            {
                LayerKind.Embedding => Embedding(vocabulary, width, type),
                LayerKind.TransformerBlock => Block(layer, width, type),
                _ => Head(layer, vocabulary, width, type),
            };
            for (int repetition = 0; repetition < layer.Repeat; repetition++)
            {
                layers.Add(planned with
                {
                    Index = layers.Count,
                    Name = layer.Repeat == 1 ? layer.Name : Invariant($"{layer.Name}[{repetition}]"),
                    Declared = declared,
                    Repetition = repetition,
                });
            }
        }

        return new([.. layers]);
    }

    /// <summary>Weights of the projection that a tied head shares with the embedding: V w.</summary>
    public static long TiedParameters(ModelSpec model) => (long)model.Layers[0].Vocabulary * model.Layers[0].Width;

    /// <summary>Elements a token that a layer's backward works with.</summary>
    /// <param name="layer">The declared layer.</param>
    /// <param name="width">The model's width.</param>
    /// <returns>Elements held from B to W, and elements used within a pass.</returns>
    public static (long Held, long Scratch) BackwardElements(LayerSpec layer, long width)
    {
        long feedForward = layer.FeedForward, heads = layer.Heads;
        return layer.Kind switch
        {
            // Held: gradients of the output, of the residual after attention (w each), of query, key and value, of gate and up (f each).
            // Scratch: the gradient of the product of gate and up; then of the two normed inputs and of attention's output, with the
            // row products of attention.
            LayerKind.TransformerBlock => (
                (3 * width) + (2 * KeyValueWidth(layer, width)) + (2 * feedForward), Math.Max(feedForward, (2 * width) + heads)),
            LayerKind.Embedding => (width, 0),
            _ => (0, width),
        };
    }

    private static long KeyValueWidth(LayerSpec layer, long width) =>
        width / layer.Heads * (layer.KeyValueHeads == 0 ? layer.Heads : layer.KeyValueHeads);

    // A table look-up: no FLOPs, and nothing is held: a unit's token ids stand with its layout.
    private static PlannedLayer Embedding(long vocabulary, long width, TrainingType type) => Layer(
        LayerKind.Embedding,
        parameters: vocabulary * width,
        linearFlops: 0,
        attentionFlops: 0,
        activationBytes: 0,
        outputBytes: width * ElementBytes(type),
        keyValueBytes: 0);

    // w width, h heads of width w/h, k width of the keys of all g key-value heads, f feed-forward width.
    private static PlannedLayer Block(LayerSpec layer, long width, TrainingType type)
    {
        long heads = layer.Heads;
        long keyValueWidth = KeyValueWidth(layer, width);
        long feedForward = layer.FeedForward;

        // Query and output projections w x w, key and value projections w x k, gate, up and down projections w x f.
        long matrices = (2 * width * width) + (2 * width * keyValueWidth) + (3 * width * feedForward);

        // Held a token: input, normed input, query, attention's output, residual after attention, normed residual (w each); key and
        // value (k each); gate, up and their product (f each). In float32: attention's log-sum-exp of each head, two inverse norms.
        long elements = (6 * width) + (2 * keyValueWidth) + (3 * feedForward);
        long statistics = heads + 2;
        return Layer(
            LayerKind.TransformerBlock,
            parameters: matrices + (2 * width), // and two norms
            linearFlops: 2 * matrices,
            attentionFlops: 4 * width, // a product of head width for the score and one for the value, in every head
            activationBytes: (elements * ElementBytes(type)) + (statistics * StatisticBytes),
            outputBytes: width * ElementBytes(type),
            keyValueBytes: 2 * keyValueWidth * ElementBytes(type));
    }

    // Held a token: input and normed input (w each); in float32 the logits (V), which their gradient overwrites, and the inverse norm.
    private static PlannedLayer Head(LayerSpec layer, long vocabulary, long width, TrainingType type) => Layer(
        LayerKind.LanguageModelHead,
        parameters: width + (layer.TiedWeights ? 0 : vocabulary * width),
        linearFlops: 2 * vocabulary * width,
        attentionFlops: 0,
        activationBytes: (2 * width * ElementBytes(type)) + ((vocabulary + 1) * StatisticBytes),
        outputBytes: 0,
        keyValueBytes: 0);

    private static PlannedLayer Layer(
        LayerKind kind,
        long parameters,
        long linearFlops,
        long attentionFlops,
        long activationBytes,
        long outputBytes,
        long keyValueBytes) =>
        new(0, "", kind, 0, 0, parameters, linearFlops, attentionFlops, activationBytes, outputBytes, keyValueBytes);
}
