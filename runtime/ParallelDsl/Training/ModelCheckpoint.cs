using System.Globalization;
using System.Text.Json.Nodes;
using ParallelDsl.Checkpoints;
using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Training;

/// <summary>Moves the parameters of ranks to and from checkpoints. A checkpoint does not know the mesh: every tensor is whole and stands
/// once, under its Llama name, so that another mesh, another tool or one rank can load it.</summary>
internal static class ModelCheckpoint
{
    private const string FirstMoment = ".first_moment";
    private const string SecondMoment = ".second_moment";
    private const string ContextField = "max_position_embeddings";

    /// <summary>The weights, each once: replicas hold the same bits.</summary>
    public static IReadOnlyList<NamedTensor> Weights(IEnumerable<RankModel> models) =>
        [.. Tensors(models).Select(tensor => Named(tensor.Name, tensor.Parameter.Weights, tensor))];

    /// <summary>Both moments of every weight.</summary>
    public static IReadOnlyList<NamedTensor> Moments(IEnumerable<RankModel> models) =>
    [
        .. Tensors(models).SelectMany(tensor => new[]
        {
            Named(tensor.Name + FirstMoment, tensor.Parameter.FirstMoment, tensor),
            Named(tensor.Name + SecondMoment, tensor.Parameter.SecondMoment, tensor),
        }),
    ];

    /// <summary>Reads the weights into every rank that holds them.</summary>
    /// <exception cref="CheckpointException">It is of another model: a tensor is missing, too many or of another shape, or the
    /// structure differs in what no tensor shows.</exception>
    public static void ReadWeights(Checkpoint checkpoint, IReadOnlyList<RankModel> models)
    {
        Check(checkpoint.Model, models, [""]);
        CheckConfiguration(checkpoint, models[0].Plan.Model);
        foreach (Slice tensor in models.SelectMany(SlicesOf))
            Read(checkpoint.Model, tensor.Name, tensor.Parameter.Weights, tensor);
    }

    /// <summary>Reads weights and moments into every rank that holds them. Both files are checked before anything is read.</summary>
    /// <exception cref="CheckpointException">A file is of another model.</exception>
    public static void Read(Checkpoint checkpoint, IReadOnlyList<RankModel> models)
    {
        Check(checkpoint.Optimizer, models, [FirstMoment, SecondMoment]);
        ReadWeights(checkpoint, models);
        foreach (Slice tensor in models.SelectMany(SlicesOf))
        {
            Read(checkpoint.Optimizer, tensor.Name + FirstMoment, tensor.Parameter.FirstMoment, tensor);
            Read(checkpoint.Optimizer, tensor.Name + SecondMoment, tensor.Parameter.SecondMoment, tensor);
        }
    }

    /// <summary>The model's structure as a Llama configuration of the Hugging Face library.</summary>
    public static JsonObject Configuration(ModelSpec model)
    {
        LayerSpec embedding = model.Layers[0];
        LayerSpec[] blocks = [.. model.Layers.Where(layer => layer.Kind == LayerKind.TransformerBlock)];
        JsonObject json = new()
        {
            ["model_type"] = "llama",
            ["vocab_size"] = embedding.Vocabulary,
            ["hidden_size"] = embedding.Width,
            [ContextField] = model.ContextLength,
            ["num_hidden_layers"] = blocks.Sum(block => block.Repeat),
            ["rms_norm_eps"] = double.Parse(LlamaNames.NormEpsilon.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            ["rope_theta"] = LlamaNames.RotaryBase,
            ["hidden_act"] = "silu",
            ["tie_word_embeddings"] = model.Layers[^1].TiedWeights,
        };
        if (blocks is [var block, ..])
        {
            json["num_attention_heads"] = block.Heads;
            json["num_key_value_heads"] = block.KeyValueHeads == 0 ? block.Heads : block.KeyValueHeads;
            json["intermediate_size"] = block.FeedForward;
        }

        return json;
    }

    /// <summary>Four heads of width 64 and eight of width 32 have the same tensors. The context may differ: no weight depends on it.</summary>
    private static void CheckConfiguration(Checkpoint checkpoint, ModelSpec model)
    {
        JsonObject? written = checkpoint.State["llama"] as JsonObject;
        foreach ((string name, JsonNode? value) in Configuration(model))
        {
            if (name != ContextField && !JsonNode.DeepEquals(written?[name], value))
            {
                throw new CheckpointException(
                    checkpoint.Path, null, $"{name} is {written?[name]?.ToJsonString() ?? "missing"} where the model has {value!.ToJsonString()}: this is a checkpoint of another model");
            }
        }
    }

    private static IEnumerable<Slice> Tensors(IEnumerable<RankModel> models) =>
        models.SelectMany(SlicesOf).DistinctBy(tensor => tensor.Name).OrderBy(tensor => tensor.Name, StringComparer.Ordinal);

    private static IEnumerable<Slice> SlicesOf(RankModel model)
    {
        foreach (Parameter parameter in model.Store.Parameters)
        {
            int row = 0;
            foreach (TensorRows tensor in parameter.Spec.Tensors)
            {
                yield return new Slice(tensor.Name, parameter, row, tensor.Rows);
                row += tensor.Rows;
            }
        }
    }

    private static unsafe NamedTensor Named(string name, Matrix parameter, Slice tensor) =>
        NamedTensor.FromPointer(name, tensor.Shape, parameter.RowRange(tensor.Row, tensor.Rows).Data);

    private static unsafe void Read(SafetensorsReader file, string name, Matrix parameter, Slice tensor) =>
        file.Read(name, tensor.Shape, parameter.RowRange(tensor.Row, tensor.Rows).Data);

    private static void Check(SafetensorsReader file, IReadOnlyList<RankModel> models, string[] suffixes)
    {
        HashSet<string> expected = new(StringComparer.Ordinal);
        foreach (Slice tensor in Tensors(models))
        {
            foreach (string suffix in suffixes)
            {
                string name = tensor.Name + suffix;
                expected.Add(name);
                if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
                    throw new CheckpointException(file.Path, name, "the tensor is missing: this is a checkpoint of another model");
                if (!entry.Shape.SequenceEqual(tensor.Shape))
                {
                    throw new CheckpointException(
                        file.Path, name, $"its shape is [{string.Join(", ", entry.Shape)}] where the model has [{string.Join(", ", tensor.Shape)}]: this is a checkpoint of another model");
                }
            }
        }

        if (file.Tensors.Keys.FirstOrDefault(name => !expected.Contains(name)) is { } foreign)
            throw new CheckpointException(file.Path, foreign, "the model has no such tensor: this is a checkpoint of another model");
    }

    /// <summary>A tensor of a checkpoint within a parameter.</summary>
    private sealed record Slice(string Name, Parameter Parameter, int Row, int Rows)
    {
        public long[] Shape => Parameter.Spec.IsNorm ? [Parameter.Spec.Columns] : [Rows, Parameter.Spec.Columns];
    }
}
