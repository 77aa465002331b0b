using ParallelDsl.Kernels;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Execution;

/// <summary>A pre-norm transformer block: x + attention(norm(x)), then + SwiGLU(norm(.)). Rotary grouped-query causal attention over packed
/// sequences. The same computation as a Llama layer of the Hugging Face library.</summary>
/// <typeparam name="TShape">Its shape.</typeparam>
public sealed unsafe class TransformerLayer<TShape> : LayerModule
    where TShape : struct, ITransformerShape
{
    private Parameter _attentionNorm = null!;
    private Parameter _queryKeyValue = null!;
    private Parameter _attentionOutput = null!;
    private Parameter _feedForwardNorm = null!;
    private Parameter _gateUp = null!;
    private Parameter _down = null!;

    /// <summary>Makes the block of <paramref name="layer"/>.</summary>
    public TransformerLayer(PlannedLayer layer)
        : base(layer)
    {
        // The embedding is layer 0, so blocks count from layer 1.
        int block = layer.Block;
        float deviation = LlamaNames.InitialDeviation;
        Parameters =
        [
            new(LlamaNames.Block(block, "input_layernorm"), 1, Width, 0),
            new(
                [
                    new(LlamaNames.Block(block, "self_attn.q_proj"), Width),
                    new(LlamaNames.Block(block, "self_attn.k_proj"), KeyWidth),
                    new(LlamaNames.Block(block, "self_attn.v_proj"), KeyWidth),
                ],
                Width,
                deviation),
            new(LlamaNames.Block(block, "self_attn.o_proj"), Width, Width, deviation),
            new(LlamaNames.Block(block, "post_attention_layernorm"), 1, Width, 0),
            new(
                [new(LlamaNames.Block(block, "mlp.gate_proj"), FeedForward), new(LlamaNames.Block(block, "mlp.up_proj"), FeedForward)],
                Width,
                deviation),
            new(LlamaNames.Block(block, "mlp.down_proj"), Width, FeedForward, deviation),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <inheritdoc/>
    public override int InputWidth => Width;

    /// <inheritdoc/>
    public override int OutputWidth => Width;

    /// <inheritdoc/>
    public override IReadOnlyList<ActivationPart> Activations { get; } =
    [
        new(Width),
        new(Width),
        new(Width + (2 * KeyWidth), IsAttention: true),
        new(Width),
        new(Width),
        new(Width),
        new(2 * FeedForward),
        new(FeedForward),
        new(TShape.Heads, IsHeadMajor: true, IsAttention: true),
        new(1),
        new(1),
    ];

    /// <inheritdoc/>
    public override int GradientFloats => (3 * Width) + (2 * KeyWidth) + (2 * FeedForward);

    /// <inheritdoc/>
    public override int ScratchFloats => Math.Max(FeedForward, (2 * Width) + TShape.Heads);

    /// <inheritdoc/>
    public override int RemapScratchFloats => Math.Max(FeedForward, (5 * Width) + (2 * KeyWidth) + (4 * TShape.Heads));

    /// <inheritdoc/>
    public override int RemapFloats => Width + Math.Max(2 * KeyWidth, TShape.Heads);

    /// <inheritdoc/>
    public override int KeyValueFloats => 2 * KeyWidth;

    private static int Width => TShape.Width;

    private static int KeyWidth => TShape.KeyValueHeads * TShape.HeadWidth;

    private static int FeedForward => TShape.FeedForward;

    /// <inheritdoc/>
    public override Matrix KeyValues(float* activations, UnitLayout unit)
    {
        Matrix fused = new(activations + (2L * Width * unit.Tokens), unit.AttentionTokens, Width + (2 * KeyWidth));
        return fused.ColumnRange(Width, 2 * KeyWidth);
    }

    /// <inheritdoc/>
    public override void Bind(Parameter[] parameters)
    {
        _attentionNorm = parameters[0];
        _queryKeyValue = parameters[1];
        _attentionOutput = parameters[2];
        _feedForwardNorm = parameters[3];
        _gateUp = parameters[4];
        _down = parameters[5];
    }

    /// <inheritdoc/>
    public override void Forward(in LayerCall call, Matrix output)
    {
        Held held = new(call);
        ThreadTeam team = call.Team;

        RmsNorm.Forward(team, held.Input, _attentionNorm.Weights.Span, LlamaNames.NormEpsilon, held.AttentionInput, held.AttentionInverse);
        Attend(call, held);
        MatrixProduct.MultiplyTransposedB(team, held.Attended, _attentionOutput.Weights, held.Middle);
        Elementwise.Add(team, held.Middle, held.Input, held.Middle);

        RmsNorm.Forward(team, held.Middle, _feedForwardNorm.Weights.Span, LlamaNames.NormEpsilon, held.FeedForwardInput, held.FeedForwardInverse);
        MatrixProduct.MultiplyTransposedB(team, held.FeedForwardInput, _gateUp.Weights, held.GateUp);
        SwiGlu.Forward(team, held.GateUp, held.Gated);
        MatrixProduct.MultiplyTransposedB(team, held.Gated, _down.Weights, output);
        Elementwise.Add(team, output, held.Middle, output);
    }

    /// <inheritdoc/>
    public override void BackwardInput(in LayerCall call, Matrix inputGradient)
    {
        Held held = new(call);
        Gradients gradients = new(call);
        ThreadTeam team = call.Team;
        float* cursor = call.Scratch;

        Matrix gated = call.Take(ref cursor, FeedForward);
        MatrixProduct.Multiply(team, gradients.Output, _down.Weights, gated);
        SwiGlu.Backward(team, held.GateUp, gated, gradients.GateUp);

        cursor = call.Scratch;
        Matrix normed = call.Take(ref cursor, Width);
        Matrix attended = call.Take(ref cursor, Width);
        Matrix outputDots = new(cursor, TShape.Heads, call.Tokens, call.Tokens);

        MatrixProduct.Multiply(team, gradients.GateUp, _gateUp.Weights, normed);
        gradients.Output.CopyTo(gradients.Middle);
        RmsNorm.BackwardInput(team, held.Middle, _feedForwardNorm.Weights.Span, held.FeedForwardInverse, normed, gradients.Middle, accumulate: true);
        RmsNorm.BackwardWeight(team, held.Middle, held.FeedForwardInverse, normed, _feedForwardNorm.Gradients.Span);

        MatrixProduct.Multiply(team, gradients.Middle, _attentionOutput.Weights, attended);
        Attention<TShape>.OutputDots(team, attended, held.Attended, outputDots);
        if (call.Unit.IsRemapped)
            AttendBackwardRemapped(call, held, attended, outputDots, outputDots.Data + outputDots.Count, gradients.QueryKeyValue);
        else
            AttendBackward(call, held, attended, outputDots, gradients.QueryKeyValue);
        RotaryEmbedding<TShape>.Apply(team, QueryAndKey(gradients.QueryKeyValue), call.Unit.Positions, inverse: true, LlamaNames.RotaryBase);
        MatrixProduct.Multiply(team, gradients.QueryKeyValue, _queryKeyValue.Weights, normed);
        gradients.Middle.CopyTo(inputGradient);
        RmsNorm.BackwardInput(team, held.Input, _attentionNorm.Weights.Span, held.AttentionInverse, normed, inputGradient, accumulate: true);
        RmsNorm.BackwardWeight(team, held.Input, held.AttentionInverse, normed, _attentionNorm.Gradients.Span);
    }

    /// <inheritdoc/>
    public override void BackwardWeight(in LayerCall call)
    {
        Held held = new(call);
        Gradients gradients = new(call);
        ThreadTeam team = call.Team;
        MatrixProduct.MultiplyTransposedA(team, gradients.Output, held.Gated, _down.Gradients, accumulate: true);
        MatrixProduct.MultiplyTransposedA(team, gradients.GateUp, held.FeedForwardInput, _gateUp.Gradients, accumulate: true);
        MatrixProduct.MultiplyTransposedA(team, gradients.Middle, held.Attended, _attentionOutput.Gradients, accumulate: true);
        MatrixProduct.MultiplyTransposedA(team, gradients.QueryKeyValue, held.AttentionInput, _queryKeyValue.Gradients, accumulate: true);
    }

    /// <summary>Queries, keys and values of the normed input, and attention. They are kept where attention needs them, its result where all
    /// other work does.</summary>
    private void Attend(in LayerCall call, in Held held)
    {
        UnitLayout unit = call.Unit;
        Matrix fused = held.QueryKeyValue, attended = held.Attended;
        if (unit.IsRemapped)
        {
            float* cursor = call.Scratch;
            fused = call.Take(ref cursor, Width + (2 * KeyWidth));
            attended = new Matrix(cursor, unit.AttentionTokens, Width);
        }

        MatrixProduct.MultiplyTransposedB(call.Team, held.AttentionInput, _queryKeyValue.Weights, fused);
        RotaryEmbedding<TShape>.Apply(call.Team, QueryAndKey(fused), unit.Positions, inverse: false, LlamaNames.RotaryBase);
        if (unit.IsRemapped)
            call.Ring.ToAttention(unit, fused, held.QueryKeyValue);
        call.Ring.Forward<TShape>(call.Team, unit, call.History, held.Query, held.Key, held.Value, attended, held.LogSumExp);
        if (unit.IsRemapped)
            call.Ring.FromAttention(unit, attended, held.Attended);
    }

    private static void AttendBackward(in LayerCall call, in Held held, Matrix attended, Matrix outputDots, Matrix gradient)
    {
        gradient.Clear();
        call.Ring.Backward<TShape>(
            call.Team,
            call.Unit,
            call.History,
            held.Query,
            held.Key,
            held.Value,
            attended,
            held.LogSumExp,
            outputDots,
            Query(gradient),
            Key(gradient),
            Value(gradient));
    }

    /// <summary>The same where rows are remapped: the gradient of the result and its dots go to the layout of attention as one row a token, the
    /// gradients of queries, keys and values come back.</summary>
    private static void AttendBackwardRemapped(in LayerCall call, in Held held, Matrix attended, Matrix outputDots, float* cursor, Matrix gradient)
    {
        UnitLayout unit = call.Unit;
        Matrix sent = call.Take(ref cursor, Width + TShape.Heads);
        Matrix came = TakeAttention(ref cursor, Width + TShape.Heads);
        Matrix dots = new(cursor, TShape.Heads, unit.AttentionTokens);
        cursor += dots.Count;
        Matrix moved = TakeAttention(ref cursor, Width + (2 * KeyWidth));
        attended.CopyTo(sent.ColumnRange(0, Width));
        for (int head = 0; head < TShape.Heads; head++)
        {
            for (int row = 0; row < unit.Tokens; row++)
                sent[row, Width + head] = outputDots[head, row];
        }

        call.Ring.ToAttention(unit, sent, came);
        for (int head = 0; head < TShape.Heads; head++)
        {
            for (int row = 0; row < unit.AttentionTokens; row++)
                dots[head, row] = came[row, Width + head];
        }

        AttendBackward(call, held, came.ColumnRange(0, Width), dots, moved);
        call.Ring.FromAttention(unit, moved, gradient);

        Matrix TakeAttention(ref float* cursor, int columns)
        {
            Matrix matrix = new(cursor, unit.AttentionTokens, columns);
            cursor += matrix.Count;
            return matrix;
        }
    }

    private static Matrix Query(Matrix fused) => fused.ColumnRange(0, Width);

    private static Matrix Key(Matrix fused) => fused.ColumnRange(Width, KeyWidth);

    private static Matrix Value(Matrix fused) => fused.ColumnRange(Width + KeyWidth, KeyWidth);

    private static Matrix QueryAndKey(Matrix fused) => fused.ColumnRange(0, Width + KeyWidth);

    /// <summary>What F leaves for B and W.</summary>
    private readonly ref struct Held
    {
        public readonly Matrix Input, AttentionInput, QueryKeyValue, Attended, Middle, FeedForwardInput, GateUp, Gated, LogSumExp;
        public readonly Span<float> AttentionInverse, FeedForwardInverse;

        public Held(in LayerCall call)
        {
            float* cursor = call.Activations;
            Input = call.Take(ref cursor, Width);
            AttentionInput = call.Take(ref cursor, Width);
            QueryKeyValue = new Matrix(cursor, call.Unit.AttentionTokens, Width + (2 * KeyWidth));
            cursor += QueryKeyValue.Count;
            Attended = call.Take(ref cursor, Width);
            Middle = call.Take(ref cursor, Width);
            FeedForwardInput = call.Take(ref cursor, Width);
            GateUp = call.Take(ref cursor, 2 * FeedForward);
            Gated = call.Take(ref cursor, FeedForward);
            LogSumExp = new Matrix(cursor, TShape.Heads, call.Unit.AttentionTokens);
            cursor += LogSumExp.Count;
            AttentionInverse = new Span<float>(cursor, call.Tokens);
            FeedForwardInverse = new Span<float>(cursor + call.Tokens, call.Tokens);
        }

        public Matrix Query => TransformerLayer<TShape>.Query(QueryKeyValue);

        public Matrix Key => TransformerLayer<TShape>.Key(QueryKeyValue);

        public Matrix Value => TransformerLayer<TShape>.Value(QueryKeyValue);
    }

    /// <summary>What B leaves for W.</summary>
    private readonly ref struct Gradients
    {
        public readonly Matrix Output, Middle, QueryKeyValue, GateUp;

        public Gradients(in LayerCall call)
        {
            float* cursor = call.Gradients;
            Output = call.Take(ref cursor, Width);
            Middle = call.Take(ref cursor, Width);
            QueryKeyValue = call.Take(ref cursor, Width + (2 * KeyWidth));
            GateUp = call.Take(ref cursor, 2 * FeedForward);
        }
    }
}
