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
    /// <summary>Numbers a token that accompany the hidden vector from one slice of a head to the next: the largest logit so far, the sum of
    /// exponentials so far, the target's logit. On the way back they are those of the whole vocabulary.</summary>
    public const int SoftmaxStatistics = 3;

    /// <summary>Bytes of a number that is float32 on every device: logits, and the statistics of norms, attention and softmax.</summary>
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

    /// <summary>The layers of <paramref name="model"/> with repetitions and vocabulary slices unrolled, in execution order.</summary>
    /// <param name="model">A model whose dimensions are positive, with the embedding first.</param>
    /// <param name="type">The type that it trains in.</param>
    /// <param name="slices">Into how many slices the vocabularies of embedding and head are divided; 0 and 1 leave them whole.</param>
    /// <exception cref="OverflowException">A size leaves 64 bits.</exception>
    public static EquatableArray<PlannedLayer> Unroll(ModelSpec model, TrainingType type, int slices = 1)
    {
        var layers = new List<PlannedLayer>();
        int vocabulary = model.Layers.Count > 0 ? model.Layers[0].Vocabulary : 0;
        int width = model.Layers.Count > 0 ? model.Layers[0].Width : 0;
        int block = 0;
        for (int declared = 0; declared < model.Layers.Count; declared++)
        {
            LayerSpec layer = model.Layers[declared];
            int pieces = Pieces(layer, slices);
            for (int piece = 0; piece < pieces; piece++)
            {
                PlannedLayer planned = layer.Kind switch
                {
                    LayerKind.TransformerBlock => Block(layer, width, type) with { Repetition = piece, Block = block++ },
                    LayerKind.Embedding when pieces > 1 => EmbeddingSlice(vocabulary, piece, pieces, width, type),
                    LayerKind.Embedding => Embedding(vocabulary, width, type),
                    _ when pieces > 1 => HeadSlice(layer, vocabulary, piece, pieces, width, type),
                    _ => Head(layer, vocabulary, width, type),
                };
                layers.Add(planned with
                {
                    Index = layers.Count,
                    Name = pieces == 1 ? layer.Name : Invariant($"{layer.Name}[{piece}]"),
                    Declared = declared,
                });
            }
        }

        return new([.. layers]);
    }

    /// <summary>How many layers <see cref="Unroll"/> makes of <paramref name="model"/>.</summary>
    /// <param name="model">Any model: of a count that is negative there are none.</param>
    /// <param name="slices">As in <see cref="Unroll"/>.</param>
    public static long Count(ModelSpec model, int slices) => model.Layers.Sum(layer => (long)Math.Max(0, Pieces(layer, slices)));

    /// <summary>Weights of the projection that a tied head shares with the embedding: V w, or one slice of them.</summary>
    public static long TiedParameters(ModelSpec model, PlannedLayer head) =>
        (long)VocabularySlice.Of(model.Layers[0].Vocabulary, head.Slice, head.Slices).Rows * model.Layers[0].Width;

    // A block is repeated; an embedding and a head, of which a model has one each, are divided.
    private static int Pieces(LayerSpec layer, int slices) =>
        layer.Kind == LayerKind.TransformerBlock ? layer.Repeat : Math.Max(1, slices);

    /// <summary>Elements a token that a layer's backward works with.</summary>
    /// <param name="spec">The declared layer.</param>
    /// <param name="layer">The planned layer.</param>
    /// <param name="width">The model's width.</param>
    /// <param name="remaps">Whether rows move to another layout for attention.</param>
    /// <returns>Elements held from B to W, and elements used within a pass.</returns>
    public static (long Held, long Scratch) BackwardElements(LayerSpec spec, PlannedLayer layer, long width, bool remaps)
    {
        long feedForward = spec.FeedForward, heads = spec.Heads;
        return spec.Kind switch
        {
            // Held: gradients of the output, of the residual after attention (w each), of query, key and value, of gate and up (f each).
            // Scratch: the gradient of the product of gate and up; then of the two normed inputs and of attention's output, with the
            // row products of attention. Where rows move, also what is sent and what comes (w and the row products each), those products
            // where attention needs them, and its gradients before they move back.
            LayerKind.TransformerBlock => (
                (3 * width) + (2 * KeyValueWidth(spec, width)) + (2 * feedForward),
                Math.Max(feedForward, remaps ? (5 * width) + (2 * KeyValueWidth(spec, width)) + (4 * heads) : (2 * width) + heads)),
            LayerKind.Embedding => (width, 0),

            // A slice adds its part to the gradient that the next one gave it, in place.
            _ when layer.IsSlice => (layer.IsLastSlice ? 0 : width + SoftmaxStatistics, 0),
            _ => (0, width),
        };
    }

    /// <summary>Elements a token that move to another layout for attention, and back, at once: queries, keys and values, or the
    /// gradient of attention's result with its row products.</summary>
    /// <param name="spec">The declared layer.</param>
    /// <param name="layer">The planned layer.</param>
    /// <param name="width">The model's width.</param>
    public static long RemapElements(LayerSpec spec, PlannedLayer layer, long width) =>
        layer.Kind == LayerKind.TransformerBlock ? width + Math.Max(2 * KeyValueWidth(spec, width), spec.Heads) : 0;

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

    // Held a token: the hidden vector that comes in, but by the first slice, which takes token ids.
    private static PlannedLayer EmbeddingSlice(int vocabulary, int slice, int slices, long width, TrainingType type) => Layer(
        LayerKind.Embedding,
        parameters: VocabularySlice.Of(vocabulary, slice, slices).Rows * width,
        linearFlops: 0,
        attentionFlops: 0,
        activationBytes: slice == 0 ? 0 : width * ElementBytes(type),
        outputBytes: width * ElementBytes(type),
        keyValueBytes: 0,
        slice: slice,
        slices: slices);

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

    // Held a token of r rows: by the first slice what the whole head holds, of its rows; by the others the normed input (w) and, in float32,
    // the statistics that came with it and the logits (r), which their gradient overwrites; by the last the final statistics too.
    private static PlannedLayer HeadSlice(LayerSpec layer, int vocabulary, int slice, int slices, long width, TrainingType type)
    {
        long rows = VocabularySlice.Of(vocabulary, slice, slices).Rows;
        bool first = slice == 0, last = slice == slices - 1;
        long vectors = first ? 2 * width : width;
        long numbers = rows + (first ? 1 : SoftmaxStatistics) + (last ? SoftmaxStatistics : 0);
        return Layer(
            LayerKind.LanguageModelHead,
            parameters: (first ? width : 0) + (layer.TiedWeights ? 0 : rows * width),
            linearFlops: 2 * rows * width,
            attentionFlops: 0,
            activationBytes: (vectors * ElementBytes(type)) + (numbers * StatisticBytes),
            outputBytes: last ? 0 : (width * ElementBytes(type)) + (SoftmaxStatistics * StatisticBytes),
            keyValueBytes: 0,
            slice: slice,
            slices: slices);
    }

    private static PlannedLayer Layer(
        LayerKind kind,
        long parameters,
        long linearFlops,
        long attentionFlops,
        long activationBytes,
        long outputBytes,
        long keyValueBytes,
        int slice = 0,
        int slices = 1) =>
        new(0, "", kind, 0, 0, parameters, linearFlops, attentionFlops, activationBytes, outputBytes, keyValueBytes, 0, slice, slices);
}
