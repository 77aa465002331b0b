using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>Final RMSNorm, projection to the vocabulary, cross-entropy with the next token. F adds the loss and turns the logits into
/// their gradient in place, so that the softmax is computed once.</summary>
/// <typeparam name="TShape">Its shape.</typeparam>
public sealed unsafe class LanguageModelHeadLayer<TShape>(PlannedLayer layer) : LayerModule(layer), ILogitsLayer
    where TShape : struct, IHeadShape
{
    private Parameter _norm = null!;
    private Parameter _projection = null!;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters { get; } =
    [
        new(LlamaNames.FinalNorm, 1, TShape.Width, 0),
        new(TShape.TiedWeights ? LlamaNames.Embedding : LlamaNames.Head, TShape.Vocabulary, TShape.Width, LlamaNames.InitialDeviation),
    ];

    /// <inheritdoc/>
    public override int InputWidth => TShape.Width;

    /// <inheritdoc/>
    public override int OutputWidth => 0;

    /// <inheritdoc/>
    public override IReadOnlyList<ActivationPart> Activations { get; } =
        [new(TShape.Width), new(TShape.Width), new(TShape.Vocabulary), new(1)];

    /// <inheritdoc/>
    public override int GradientFloats => 0;

    /// <inheritdoc/>
    public override int ScratchFloats => TShape.Width;

    /// <inheritdoc/>
    public override void Bind(Parameter[] parameters) => (_norm, _projection) = (parameters[0], parameters[1]);

    /// <inheritdoc/>
    public override void Forward(in LayerCall call, Matrix output)
    {
        Matrix logits = Logits(call);
        call.Loss.Nats += CrossEntropy.Forward(call.Team, logits, call.Unit.Targets, call.Loss.Scale);
    }

    /// <inheritdoc/>
    public Matrix Logits(in LayerCall call)
    {
        Held held = new(call);
        RmsNorm.Forward(call.Team, held.Input, _norm.Weights.Span, LlamaNames.NormEpsilon, held.Normed, held.Inverse);
        MatrixProduct.MultiplyTransposedB(call.Team, held.Normed, _projection.Weights, held.Logits);
        return held.Logits;
    }

    /// <inheritdoc/>
    public override void BackwardInput(in LayerCall call, Matrix inputGradient)
    {
        Held held = new(call);
        float* cursor = call.Scratch;
        Matrix normed = call.Take(ref cursor, TShape.Width);
        MatrixProduct.Multiply(call.Team, held.Logits, _projection.Weights, normed);
        RmsNorm.BackwardInput(call.Team, held.Input, _norm.Weights.Span, held.Inverse, normed, inputGradient, accumulate: false);
        RmsNorm.BackwardWeight(call.Team, held.Input, held.Inverse, normed, _norm.Gradients.Span);
    }

    /// <inheritdoc/>
    public override void BackwardWeight(in LayerCall call)
    {
        Held held = new(call);
        MatrixProduct.MultiplyTransposedA(call.Team, held.Logits, held.Normed, _projection.Gradients, accumulate: true);
    }

    private readonly ref struct Held
    {
        public readonly Matrix Input, Normed, Logits;
        public readonly Span<float> Inverse;

        public Held(in LayerCall call)
        {
            float* cursor = call.Activations;
            Input = call.Take(ref cursor, TShape.Width);
            Normed = call.Take(ref cursor, TShape.Width);
            Logits = call.Take(ref cursor, TShape.Vocabulary);
            Inverse = new Span<float>(cursor, call.Tokens);
        }
    }
}

/// <summary>A layer that gives scores over a vocabulary: what text generation reads.</summary>
public interface ILogitsLayer
{
    /// <summary>Computes the scores [tokens, vocabulary] of the call's input.</summary>
    Matrix Logits(in LayerCall call);
}
