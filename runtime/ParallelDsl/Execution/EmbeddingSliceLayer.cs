using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>One slice of an embedding that is divided by the rows of its table: a link of a chain in which every slice gives the tokens of its
/// rows their vectors and passes on the others. After Vocabulary Parallelism (Yeung et al., arXiv 2411.05288); reconstructed as a
/// chain.</summary>
/// <typeparam name="TShape">The shape of the whole embedding; the slice's rows are those of the planned layer.</typeparam>
public sealed unsafe class EmbeddingSliceLayer<TShape>(PlannedLayer layer) : LayerModule(layer)
    where TShape : struct, IEmbeddingShape
{
    private readonly VocabularySlice _slice = VocabularySlice.Of(TShape.Vocabulary, layer.Slice, layer.Slices);
    private Parameter _table = null!;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters =>
        [new([new TensorRows(LlamaNames.Embedding, TShape.Vocabulary, _slice)], TShape.Width, LlamaNames.InitialDeviation)];

    /// <inheritdoc/>
    public override int InputWidth => Layer.Slice == 0 ? 0 : TShape.Width;

    /// <inheritdoc/>
    public override int OutputWidth => TShape.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<ActivationPart> Activations => Layer.Slice == 0 ? [] : [new(TShape.Width)];

    /// <inheritdoc/>
    public override int GradientFloats => TShape.Width;

    /// <inheritdoc/>
    public override int ScratchFloats => 0;

    /// <inheritdoc/>
    public override void Bind(Parameter[] parameters) => _table = parameters[0];

    /// <inheritdoc/>
    public override void Forward(in LayerCall call, Matrix output)
    {
        // The first slice starts from zero.
        Matrix input = output;
        if (Layer.Slice == 0)
            output.Clear();
        else
            input = new Matrix(call.Activations, call.Tokens, TShape.Width);
        EmbeddingSlice.Forward(call.Team, _table.Weights, _slice.FirstRow, TShape.Vocabulary, call.Unit.TokenIds, input, output);
    }

    /// <inheritdoc/>
    public override void BackwardInput(in LayerCall call, Matrix inputGradient)
    {
        // Token ids have no gradient; what came in has that of what went out.
        if (Layer.Slice > 0)
            Gradient(call).CopyTo(inputGradient);
    }

    /// <inheritdoc/>
    public override void BackwardWeight(in LayerCall call) =>
        EmbeddingSlice.BackwardWeight(call.Team, call.Unit.TokenIds, _slice.FirstRow, Gradient(call), _table.Gradients);

    private static Matrix Gradient(in LayerCall call) => new(call.Gradients, call.Tokens, TShape.Width);
}
