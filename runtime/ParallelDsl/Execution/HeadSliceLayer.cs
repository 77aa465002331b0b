using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>One slice of a language model head that is divided by the rows of its projection, two slices or more: a link of a chain. F passes
/// the normed hidden vector on with the statistics of the softmax over the rows so far; the last slice adds the loss. B passes back the
/// gradient of the normed hidden vector over the rows from the last, with the statistics of all rows, which every slice needs for its part.
/// The first slice does the final RMSNorm. After Vocabulary Parallelism (Yeung et al., arXiv 2411.05288); reconstructed as a chain.</summary>
/// <typeparam name="TShape">The shape of the whole head; the slice's rows are those of the planned layer.</typeparam>
public sealed unsafe class HeadSliceLayer<TShape>(PlannedLayer layer) : LayerModule(layer)
    where TShape : struct, IHeadShape
{
    private const int Statistics = CrossEntropySlice.Statistics;
    private readonly VocabularySlice _slice = VocabularySlice.Of(TShape.Vocabulary, layer.Slice, layer.Slices);
    private Parameter? _norm;
    private Parameter _projection = null!;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters
    {
        get
        {
            string name = TShape.TiedWeights ? LlamaNames.Embedding : LlamaNames.Head;
            ParameterSpec projection = new([new TensorRows(name, TShape.Vocabulary, _slice)], TShape.Width, LlamaNames.InitialDeviation);
            return IsFirst ? [new(LlamaNames.FinalNorm, 1, TShape.Width, 0), projection] : [projection];
        }
    }

    /// <inheritdoc/>
    public override int InputWidth => IsFirst ? TShape.Width : TShape.Width + Statistics;

    /// <inheritdoc/>
    public override int OutputWidth => IsLast ? 0 : TShape.Width + Statistics;

    /// <inheritdoc/>
    public override IReadOnlyList<ActivationPart> Activations =>
    [
        new(InputWidth),
        .. IsFirst ? (ReadOnlySpan<ActivationPart>)[new(TShape.Width)] : [],
        new(_slice.Rows),
        .. IsFirst ? (ReadOnlySpan<ActivationPart>)[new(1)] : [],
        .. IsLast ? (ReadOnlySpan<ActivationPart>)[new(Statistics)] : [],
    ];

    /// <inheritdoc/>
    public override int GradientFloats => OutputWidth;

    /// <inheritdoc/>
    public override int ScratchFloats => 0;

    private bool IsFirst => Layer.Slice == 0;

    private bool IsLast => Layer.IsLastSlice;

    /// <inheritdoc/>
    public override void Bind(Parameter[] parameters) => (_norm, _projection) = (IsFirst ? parameters[0] : null, parameters[^1]);

    /// <inheritdoc/>
    public override void Forward(in LayerCall call, Matrix output)
    {
        Held held = new(call, Layer, _slice.Rows);
        Matrix after = IsLast ? held.Final : output.ColumnRange(TShape.Width, Statistics);
        Matrix before = IsFirst ? after : held.Before;
        if (IsFirst)
        {
            RmsNorm.Forward(call.Team, held.Input, _norm!.Weights.Span, LlamaNames.NormEpsilon, held.Normed, held.Inverse);
            CrossEntropySlice.Reset(before);
        }

        MatrixProduct.MultiplyTransposedB(call.Team, held.Normed, _projection.Weights, held.Logits);
        CrossEntropySlice.Forward(call.Team, held.Logits, _slice.FirstRow, call.Unit.Targets, before, after);
        if (IsLast)
            call.Loss.Nats += CrossEntropySlice.Loss(after, call.Unit.Targets, TShape.Vocabulary);
        else
            held.Normed.CopyTo(output.ColumnRange(0, TShape.Width));
    }

    /// <inheritdoc/>
    public override void BackwardInput(in LayerCall call, Matrix inputGradient)
    {
        Held held = new(call, Layer, _slice.Rows);
        Matrix outputGradient = IsLast ? default : Gradient(call);
        Matrix final = IsLast ? held.Final : outputGradient.ColumnRange(TShape.Width, Statistics);
        CrossEntropySlice.Backward(call.Team, held.Logits, _slice.FirstRow, call.Unit.Targets, final, call.Loss.Scale);
        if (IsLast)
        {
            MatrixProduct.Multiply(call.Team, held.Logits, _projection.Weights, inputGradient.ColumnRange(0, TShape.Width));
            final.CopyTo(inputGradient.ColumnRange(TShape.Width, Statistics));
            return;
        }

        // The part of the later slices lies in this slice's own memory, which nobody else reads: its part is added there.
        Matrix normed = outputGradient.ColumnRange(0, TShape.Width);
        MatrixProduct.Multiply(call.Team, held.Logits, _projection.Weights, normed, accumulate: true);
        if (IsFirst)
            RmsNorm.BackwardInput(call.Team, held.Input, _norm!.Weights.Span, held.Inverse, normed, inputGradient, accumulate: false);
        else
            outputGradient.CopyTo(inputGradient);
    }

    /// <inheritdoc/>
    public override void BackwardWeight(in LayerCall call)
    {
        Held held = new(call, Layer, _slice.Rows);
        MatrixProduct.MultiplyTransposedA(call.Team, held.Logits, held.Normed, _projection.Gradients, accumulate: true);
        if (IsFirst)
            RmsNorm.BackwardWeight(call.Team, held.Input, held.Inverse, Gradient(call).ColumnRange(0, TShape.Width), _norm!.Gradients.Span);
    }

    private static Matrix Gradient(in LayerCall call) => new(call.Gradients, call.Tokens, TShape.Width + Statistics);

    /// <summary>What F leaves for B and W.</summary>
    private readonly ref struct Held
    {
        public readonly Matrix Input, Normed, Before, Logits, Final;
        public readonly Span<float> Inverse;

        public Held(in LayerCall call, PlannedLayer layer, int rows)
        {
            float* cursor = call.Activations;
            if (layer.Slice == 0)
            {
                Input = call.Take(ref cursor, TShape.Width);
                Normed = call.Take(ref cursor, TShape.Width);
            }
            else
            {
                Input = call.Take(ref cursor, TShape.Width + Statistics);
                Normed = Input.ColumnRange(0, TShape.Width);
                Before = Input.ColumnRange(TShape.Width, Statistics);
            }

            Logits = call.Take(ref cursor, rows);
            if (layer.Slice == 0)
                Inverse = new Span<float>(cursor, call.Tokens);
            if (layer.IsLastSlice)
                Final = call.Take(ref cursor, Statistics);
        }
    }
}
