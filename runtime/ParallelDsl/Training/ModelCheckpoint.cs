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
        [.. Tensors(models).Select(tensor => Named(tensor, "", parameter => parameter.Weights))];

    /// <summary>Both moments of every weight.</summary>
    public static IReadOnlyList<NamedTensor> Moments(IEnumerable<RankModel> models) =>
    [
        .. Tensors(models).SelectMany(tensor => new[]
        {
            Named(tensor, FirstMoment, parameter => parameter.FirstMoment),
            Named(tensor, SecondMoment, parameter => parameter.SecondMoment),
        }),
    ];

    /// <summary>Reads the weights into every rank that holds them.</summary>
    /// <exception cref="CheckpointException">It is of another model: a tensor is missing, too many or of another shape, or the
    /// structure differs in what no tensor shows.</exception>
    public static void ReadWeights(Checkpoint checkpoint, IReadOnlyList<RankModel> models) =>
        ReadWeights(checkpoint, models, SpecsOf(models));

    private static void ReadWeights(Checkpoint checkpoint, IReadOnlyList<RankModel> models, IReadOnlyList<ParameterSpec> specs)
    {
        Check(checkpoint.Model, specs, [""]);
        CheckConfiguration(checkpoint, models[0].Plan.Model);
        foreach (Part part in models.SelectMany(PartsOf))
            Read(checkpoint.Model, "", part.Parameter.Weights, part);
    }

    /// <summary>Reads weights and moments into every rank that holds them. Both files are checked before anything is read.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="models">The ranks of this process.</param>
    /// <param name="specs">The parameters of the whole model, where other processes hold some of them; null where these ranks hold all.</param>
    /// <exception cref="CheckpointException">A file is of another model.</exception>
    public static void Read(Checkpoint checkpoint, IReadOnlyList<RankModel> models, IReadOnlyList<ParameterSpec>? specs = null)
    {
        specs ??= SpecsOf(models);
        Check(checkpoint.Optimizer, specs, [FirstMoment, SecondMoment]);
        ReadWeights(checkpoint, models, specs);
        foreach (Part part in models.SelectMany(PartsOf))
        {
            Read(checkpoint.Optimizer, FirstMoment, part.Parameter.FirstMoment, part);
            Read(checkpoint.Optimizer, SecondMoment, part.Parameter.SecondMoment, part);
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

    /// <summary>Every tensor once, by name, with the parts that make it up in the order of its rows.</summary>
    private static IEnumerable<Part[]> Tensors(IEnumerable<RankModel> models) =>
        models.SelectMany(PartsOf)
            .GroupBy(part => part.Tensor.Name, StringComparer.Ordinal)
            .OrderBy(parts => parts.Key, StringComparer.Ordinal)
            .Select(parts => parts.DistinctBy(part => part.Tensor).OrderBy(part => part.Tensor.FirstRow).ToArray());

    private static IEnumerable<Part> PartsOf(RankModel model)
    {
        foreach (Parameter parameter in model.Store.Parameters)
        {
            int row = 0;
            foreach (TensorRows tensor in parameter.Spec.Tensors)
            {
                yield return new Part(tensor, parameter, row);
                row += tensor.Rows;
            }
        }
    }

    private static ParameterSpec[] SpecsOf(IReadOnlyList<RankModel> models) =>
        [.. models.SelectMany(model => model.Store.Parameters).Select(parameter => parameter.Spec)];

    private static long[] ShapeOf(ParameterSpec spec, TensorRows tensor) => spec.IsNorm ? [spec.Columns] : [tensor.TensorLength, spec.Columns];

    /// <summary>A tensor to write, whole, from the parts of it that ranks hold.</summary>
    private static NamedTensor Named(Part[] parts, string suffix, Func<Parameter, Matrix> view) =>
        new(parts[0].Tensor.Name + suffix, parts[0].Shape, (offset, destination) =>
        {
            foreach (Part part in parts)
                part.CopyTo(view(part.Parameter), offset, destination);
        });

    private static unsafe void Read(SafetensorsReader file, string suffix, Matrix parameter, Part part)
    {
        Matrix rows = parameter.RowRange(part.Row, part.Tensor.Rows);
        long first = part.FirstElement;

        // Its bytes must fit a span.
        const int LongestSpan = 1 << 28;
        for (long offset = 0; offset < rows.Count; offset += LongestSpan)
            file.Read(part.Tensor.Name + suffix, first + offset, new Span<float>(rows.Data + offset, (int)Math.Min(LongestSpan, rows.Count - offset)));
    }

    private static void Check(SafetensorsReader file, IReadOnlyList<ParameterSpec> specs, string[] suffixes)
    {
        HashSet<string> expected = new(StringComparer.Ordinal);
        var tensors = specs.SelectMany(spec => spec.Tensors.Select(tensor => (tensor.Name, Shape: ShapeOf(spec, tensor))))
            .DistinctBy(tensor => tensor.Name).OrderBy(tensor => tensor.Name, StringComparer.Ordinal);
        foreach ((string tensor, long[] shape) in tensors)
        {
            foreach (string suffix in suffixes)
            {
                string name = tensor + suffix;
                expected.Add(name);
                if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
                    throw new CheckpointException(file.Path, name, "the tensor is missing: this is a checkpoint of another model");
                if (!entry.Shape.SequenceEqual(shape))
                {
                    throw new CheckpointException(
                        file.Path, name, $"its shape is [{string.Join(", ", entry.Shape)}] where the model has [{string.Join(", ", shape)}]: this is a checkpoint of another model");
                }
            }
        }

        if (file.Tensors.Keys.FirstOrDefault(name => !expected.Contains(name)) is { } foreign)
            throw new CheckpointException(file.Path, foreign, "the model has no such tensor: this is a checkpoint of another model");
    }

    /// <summary>A tensor of a checkpoint, or a run of its rows, within a parameter.</summary>
    /// <param name="Tensor">Which rows of which tensor.</param>
    /// <param name="Parameter">The parameter.</param>
    /// <param name="Row">The row of the parameter that is the first of them.</param>
    private sealed record Part(TensorRows Tensor, Parameter Parameter, int Row)
    {
        /// <summary>The shape of the whole tensor.</summary>
        public long[] Shape => ShapeOf(Parameter.Spec, Tensor);

        /// <summary>The element of the tensor that is the first of this part.</summary>
        public long FirstElement => (long)Tensor.FirstRow * Parameter.Spec.Columns;

        /// <summary>Copies what this part holds of the elements of the tensor from <paramref name="offset"/> on.</summary>
        public unsafe void CopyTo(Matrix parameter, long offset, Span<float> destination)
        {
            Matrix rows = parameter.RowRange(Row, Tensor.Rows);
            long start = Math.Max(offset, FirstElement), end = Math.Min(offset + destination.Length, FirstElement + rows.Count);
            if (start < end)
                new ReadOnlySpan<float>(rows.Data + (start - FirstElement), (int)(end - start)).CopyTo(destination[(int)(start - offset)..]);
        }
    }
}
