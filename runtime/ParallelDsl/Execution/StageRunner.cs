using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>One stage on one rank: its layers, and the memory of the units that are in flight. A unit's activations are held from its
/// forward to the end of its weight gradients; buffers go back to a pool, which grows to the schedule's peak and no further.</summary>
internal sealed unsafe class StageRunner : IDisposable
{
    private readonly LayerModule[] _layers;
    private readonly long[] _activationOffsets;
    private readonly long[] _gradientOffsets;
    private readonly BufferPool _activationPool;
    private readonly BufferPool _gradientPool;
    private readonly NativeBuffer?[] _activations;
    private readonly NativeBuffer?[] _gradients;
    private readonly int _unitTokens;

    /// <summary>Makes a stage for units of at most <paramref name="unitTokens"/> rows.</summary>
    /// <param name="plan">The stage.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="units">Units in a step.</param>
    /// <param name="unitTokens">The most rows of a unit on one rank.</param>
    /// <param name="splitBackward">Whether W may come later than B, so that every layer's gradients must be held; else two layers' are.</param>
    public StageRunner(PlannedStage plan, LayerModule[] layers, int units, int unitTokens, bool splitBackward)
    {
        Plan = plan;
        _layers = layers;
        _unitTokens = unitTokens;
        _activationOffsets = new long[layers.Length];
        _gradientOffsets = new long[layers.Length];
        _activations = new NativeBuffer[units];
        _gradients = new NativeBuffer[units];

        long activation = 0, gradient = 0;
        int widest = layers.Max(layer => layer.GradientFloats);
        for (int i = 0; i < layers.Length; i++)
        {
            _activationOffsets[i] = activation;
            _gradientOffsets[i] = splitBackward ? gradient : i % 2 * widest;
            activation += layers[i].ActivationFloats;
            gradient += layers[i].GradientFloats;
        }

        _activationPool = new BufferPool(activation * unitTokens);
        _gradientPool = new BufferPool((splitBackward ? gradient : Math.Min(2, layers.Length) * widest) * unitTokens);
    }

    /// <summary>The planned stage.</summary>
    public PlannedStage Plan { get; }

    /// <summary>The width of what the stage gets from the one before, and of its gradient; 0 for the first.</summary>
    public int InputWidth => _layers[0].InputWidth;

    /// <summary>The width of what the stage gives to the next, and of its gradient; 0 for the last.</summary>
    public int OutputWidth => _layers[^1].OutputWidth;

    /// <summary>Bytes of all activation buffers so far.</summary>
    public long ActivationBytes => _activationPool.Bytes;

    /// <summary>Bytes of all gradient buffers so far.</summary>
    public long GradientBytes => _gradientPool.Bytes;

    /// <summary>Where the stage's input for the unit goes, [tokens, <see cref="InputWidth"/>].</summary>
    public Matrix InputOf(int unit, int tokens) => new(ActivationsOf(unit), tokens, InputWidth, InputWidth);

    /// <summary>Where the gradient of the stage's output for the unit goes, [tokens, <see cref="OutputWidth"/>].</summary>
    public Matrix OutputGradientOf(int unit, int tokens) =>
        new(GradientsOf(unit) + (_gradientOffsets[^1] * _unitTokens), tokens, OutputWidth, OutputWidth);

    /// <summary>F of every layer.</summary>
    public void Forward(int unit, in LayerCall call, Matrix output)
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            bool last = i == _layers.Length - 1;
            Matrix next = last ? output : new Matrix(ActivationsOf(unit) + (_activationOffsets[i + 1] * _unitTokens), call.Tokens, _layers[i].OutputWidth, _layers[i].OutputWidth);
            _layers[i].Forward(For(i, unit, call), next);
        }
    }

    /// <summary>B of every layer, last first; with <paramref name="weights"/> each layer's W follows its B at once.</summary>
    public void Backward(int unit, in LayerCall call, Matrix inputGradient, bool weights)
    {
        for (int i = _layers.Length - 1; i >= 0; i--)
        {
            Matrix previous = i == 0
                ? inputGradient
                : new Matrix(GradientsOf(unit) + (_gradientOffsets[i - 1] * _unitTokens), call.Tokens, _layers[i - 1].OutputWidth, _layers[i - 1].OutputWidth);
            LayerCall inner = For(i, unit, call);
            _layers[i].BackwardInput(inner, previous);
            if (weights)
                _layers[i].BackwardWeight(inner);
        }

        if (weights)
            Release(unit);
    }

    /// <summary>W of every layer.</summary>
    public void BackwardWeight(int unit, in LayerCall call)
    {
        for (int i = _layers.Length - 1; i >= 0; i--)
            _layers[i].BackwardWeight(For(i, unit, call));
        Release(unit);
    }

    /// <summary>Gives back the unit's memory.</summary>
    public void Release(int unit)
    {
        _activationPool.Return(ref _activations[unit]);
        _gradientPool.Return(ref _gradients[unit]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int unit = 0; unit < _activations.Length; unit++)
            Release(unit);
        _activationPool.Dispose();
        _gradientPool.Dispose();
    }

    private float* ActivationsOf(int unit) => (_activations[unit] ??= _activationPool.Rent()).Pointer;

    private float* GradientsOf(int unit) => (_gradients[unit] ??= _gradientPool.Rent()).Pointer;

    private LayerCall For(int layer, int unit, in LayerCall call) => call with
    {
        Activations = ActivationsOf(unit) + (_activationOffsets[layer] * _unitTokens),
        Gradients = _gradients[unit] is { } gradients ? gradients.Pointer + (_gradientOffsets[layer] * _unitTokens) : null,
    };
}
