using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>Token ids to vectors: row t of the output is the table's row of token t.</summary>
/// <typeparam name="TShape">Its shape.</typeparam>
public sealed unsafe class EmbeddingLayer<TShape>(PlannedLayer layer) : LayerModule(layer)
    where TShape : struct, IEmbeddingShape
{
    private Parameter _table = null!;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters { get; } =
        [new(LlamaNames.Embedding, TShape.Vocabulary, TShape.Width, LlamaNames.InitialDeviation)];

    /// <inheritdoc/>
    public override int InputWidth => 0;

    /// <inheritdoc/>
    public override int OutputWidth => TShape.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<ActivationPart> Activations => [];

    /// <inheritdoc/>
    public override int GradientFloats => TShape.Width;

    /// <inheritdoc/>
    public override int ScratchFloats => 0;

    /// <inheritdoc/>
    public override void Bind(Parameter[] parameters) => _table = parameters[0];

    /// <inheritdoc/>
    public override void Forward(in LayerCall call, Matrix output) =>
        Embedding.Forward(call.Team, _table.Weights, call.Unit.TokenIds, output);

    /// <inheritdoc/>
    public override void BackwardInput(in LayerCall call, Matrix inputGradient)
    {
        // Token ids have no gradient.
    }

    /// <inheritdoc/>
    public override void BackwardWeight(in LayerCall call)
    {
        float* cursor = call.Gradients;
        Embedding.BackwardWeight(call.Team, call.Unit.TokenIds, call.Take(ref cursor, TShape.Width), _table.Gradients);
    }
}
