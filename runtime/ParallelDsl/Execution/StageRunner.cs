using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Execution;

/// <summary>One stage on one rank: its layers, and the memory of the units that are in flight. The activations of a forward unit are held
/// until all its slices are back-propagated; buffers go back to a pool, which grows to the schedule's peak and no further.</summary>
/// <remarks>A backward unit with the rows of one forward unit works on that unit's activations. Any other gathers its rows from the forward
/// units into activations of its own, which are held to the end of its weight gradients; a forward unit of which nothing is left to
/// back-propagate is free then.</remarks>
internal sealed unsafe class StageRunner : IDisposable
{
    private readonly LayerModule[] _layers;
    private readonly LayerHistory?[] _histories;
    private readonly long[] _activationOffsets;
    private readonly long[] _gradientOffsets;
    private readonly long _activationFloats;
    private readonly long _gradientFloats;
    private readonly NativeBuffer?[] _activations;
    private readonly NativeBuffer?[] _gathered;
    private readonly NativeBuffer?[] _gradients;
    private readonly int[] _heldRows;
    private readonly bool[] _hasRun;
    private readonly IReadOnlyList<ActivationPart>[] _parts;
    private readonly StageOrder _order = new();
    private readonly BufferPool _activationPool;
    private readonly BufferPool _gradientPool;
    private readonly int _unitTokens;
    private readonly IWeightPasses? _passes;
    private StepLayout? _step;

    /// <summary>Makes a stage for units of at most <paramref name="unitTokens"/> rows.</summary>
    /// <param name="plan">The stage.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="units">Units in a step.</param>
    /// <param name="unitTokens">The most rows of a unit on one rank.</param>
    /// <param name="splitBackward">Whether W may come later than B, so that every layer's gradients must be held; else two layers' are.</param>
    /// <param name="passes">Is told of every W; null where nobody asks.</param>
    public StageRunner(PlannedStage plan, LayerModule[] layers, int units, int unitTokens, bool splitBackward, IWeightPasses? passes = null)
    {
        _passes = passes;
        Plan = plan;
        _layers = layers;
        _unitTokens = unitTokens;
        _activationOffsets = new long[layers.Length];
        _gradientOffsets = new long[layers.Length];
        _activations = new NativeBuffer[units];
        _gathered = new NativeBuffer[units];
        _gradients = new NativeBuffer[units];
        _heldRows = new int[units];
        _hasRun = new bool[units];
        _parts = [.. layers.Select(layer => layer.Activations)];

        long activation = 0, gradient = 0;
        int widest = layers.Max(layer => layer.GradientFloats);
        for (int i = 0; i < layers.Length; i++)
        {
            _activationOffsets[i] = activation;
            _gradientOffsets[i] = splitBackward ? gradient : i % 2 * widest;
            activation += layers[i].ActivationFloats;
            gradient += layers[i].GradientFloats;
        }

        _activationFloats = activation;
        _gradientFloats = splitBackward ? gradient : Math.Min(2, layers.Length) * widest;
        _activationPool = new BufferPool(_activationFloats * unitTokens);
        _gradientPool = new BufferPool(_gradientFloats * unitTokens);
        _histories = [.. layers.Select((layer, index) => layer.KeyValueFloats > 0 ? new LayerHistory(this, index) : null)];
    }

    /// <summary>The planned stage.</summary>
    public PlannedStage Plan { get; }

    /// <summary>The width of what the stage gets from the one before, and of its gradient; 0 for the first.</summary>
    public int InputWidth => _layers[0].InputWidth;

    /// <summary>The width of what the stage gives to the next, and of its gradient; 0 for the last.</summary>
    public int OutputWidth => _layers[^1].OutputWidth;

    /// <summary>Bytes of all activation buffers so far.</summary>
    public long ActivationBytes => _activationPool.Bytes;

    /// <summary>Bytes of all gradient buffers so far, and of the sums of gradients for earlier slices.</summary>
    public long GradientBytes => _gradientPool.Bytes + _histories.Sum(history => history?.Bytes ?? 0);

    /// <summary>Starts a step.</summary>
    /// <param name="step">Its layouts.</param>
    public void Begin(StepLayout step)
    {
        _step = step;
        _order.Begin(step, Plan.Index);
        Array.Clear(_hasRun);
        for (int unit = 0; unit < _heldRows.Length; unit++)
            _heldRows[unit] = step.Forward[unit].Tokens + step.Forward[unit].AttentionTokens;
        foreach (LayerHistory? history in _histories)
            history?.Reserve(step.HistoryRows);
    }

    /// <summary>Ends a step of training.</summary>
    /// <exception cref="InvalidOperationException">Something is not back-propagated.</exception>
    public void End()
    {
        _order.End();
        int held = Array.FindIndex(_activations, buffer => buffer is not null);
        if (held >= 0)
            throw new InvalidOperationException($"The step ends on stage {Plan.Index} with the activations of forward unit {held}.");
    }

    /// <summary>Where the stage's input for the forward unit goes, [tokens, <see cref="InputWidth"/>].</summary>
    public Matrix InputOf(int unit, int tokens) => new(ActivationsOf(unit), tokens, InputWidth, InputWidth);

    /// <summary>Where the gradient of the stage's output for the backward unit goes, [tokens, <see cref="OutputWidth"/>].</summary>
    public Matrix OutputGradientOf(int unit, int tokens) =>
        new(GradientsOf(unit) + (_gradientOffsets[^1] * _unitTokens), tokens, OutputWidth, OutputWidth);

    /// <summary>F of every layer.</summary>
    public void Forward(int unit, in LayerCall call, Matrix output)
    {
        _order.Forward(unit);
        _hasRun[unit] = true;
        float* activations = ActivationsOf(unit);
        for (int i = 0; i < _layers.Length; i++)
        {
            bool last = i == _layers.Length - 1;
            Matrix next = last ? output : new Matrix(activations + (_activationOffsets[i + 1] * _unitTokens), call.Tokens, _layers[i].OutputWidth, _layers[i].OutputWidth);
            _layers[i].Forward(For(i, activations, null, call), next);
        }

        // Where the directions differ no backward asks for a forward unit without rows.
        if (!_step!.Plan.IsSymmetric && _heldRows[unit] == 0)
            _activationPool.Return(ref _activations[unit]);
    }

    /// <summary>B of every layer, last first; with <paramref name="weights"/> each layer's W follows its B at once.</summary>
    public void Backward(int unit, in LayerCall call, Matrix inputGradient, bool weights)
    {
        _order.Backward(unit);
        UnitLayout layout = _step!.Backward[unit];
        if (layout.ForwardUnit < 0)
            Gather(unit, layout);
        float* activations = BackwardActivationsOf(unit), gradients = GradientsOf(unit);
        for (int i = _layers.Length - 1; i >= 0; i--)
        {
            Matrix previous = i == 0
                ? inputGradient
                : new Matrix(gradients + (_gradientOffsets[i - 1] * _unitTokens), call.Tokens, _layers[i - 1].OutputWidth, _layers[i - 1].OutputWidth);
            LayerCall inner = For(i, activations, gradients, call);
            _layers[i].BackwardInput(inner, previous);
            if (weights)
                RunWeights(i, inner);
        }

        if (layout.ForwardUnit < 0)
            ReleaseRows(layout);
        if (weights)
            Release(unit);
    }

    /// <summary>W of every layer.</summary>
    public void BackwardWeight(int unit, in LayerCall call)
    {
        float* activations = BackwardActivationsOf(unit), gradients = GradientsOf(unit);
        for (int i = _layers.Length - 1; i >= 0; i--)
            RunWeights(i, For(i, activations, gradients, call));
        Release(unit);
    }

    /// <summary>In an evaluation, which runs forwards alone: gives back the activations that no later slice reads.</summary>
    public void ReleaseRead()
    {
        for (int unit = 0; unit < _activations.Length; unit++)
        {
            if (_activations[unit] is not null && _hasRun[unit] && IsRead(_step!.Forward[unit]))
                _activationPool.Return(ref _activations[unit]);
        }

        bool IsRead(UnitLayout layout)
        {
            foreach (RowRun run in layout.AttentionRows.Runs)
            {
                if (!_order.HasForwardOf(_step!.Plan.Slices[run.Slice].Sequence))
                    return false;
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int unit = 0; unit < _activations.Length; unit++)
        {
            _activationPool.Return(ref _activations[unit]);
            _activationPool.Return(ref _gathered[unit]);
            _gradientPool.Return(ref _gradients[unit]);
        }

        _activationPool.Dispose();
        _gradientPool.Dispose();
        foreach (LayerHistory? history in _histories)
            history?.Dispose();
    }

    private void RunWeights(int layer, in LayerCall call)
    {
        _layers[layer].BackwardWeight(call);
        _passes?.Ended(_layers[layer]);
    }

    /// <summary>Gives back what the backward unit holds.</summary>
    private void Release(int unit)
    {
        _gradientPool.Return(ref _gradients[unit]);
        _activationPool.Return(ref _gathered[unit]);
        if (_step!.Backward[unit].ForwardUnit is var forward and >= 0)
            _activationPool.Return(ref _activations[forward]);
    }

    /// <summary>The rows of a backward unit are gathered and back-propagated: nobody reads them where their forward left them.</summary>
    private void ReleaseRows(UnitLayout layout)
    {
        Release(layout.Rows);
        Release(layout.AttentionRows);

        void Release(RowRuns rows)
        {
            foreach (RowRun run in rows.Runs)
            {
                if ((_heldRows[run.ForwardUnit] -= run.Length) == 0)
                    _activationPool.Return(ref _activations[run.ForwardUnit]);
            }
        }
    }

    /// <summary>Copies the rows of a backward unit from their forward units into activations of its own.</summary>
    private void Gather(int unit, UnitLayout layout)
    {
        float* gathered = (_gathered[unit] ??= _activationPool.Rent()).Pointer;
        for (int i = 0; i < _layers.Length; i++)
        {
            long offset = _activationOffsets[i] * _unitTokens;
            long before = 0, attentionBefore = 0;
            for (int j = 0; j < _parts[i].Count; j++)
            {
                ActivationPart part = _parts[i][j];
                Matrix into = PartOf(gathered + offset, layout);
                RowRuns rows = part.IsAttention ? layout.AttentionRows : layout.Rows;
                foreach (RowRun run in rows.Runs)
                {
                    Matrix from = PartOf(_activations[run.ForwardUnit]!.Pointer + offset, _step!.Forward[run.ForwardUnit]);
                    if (part.IsHeadMajor)
                        from.ColumnRange(run.ForwardRow, run.Length).CopyTo(into.ColumnRange(run.Row, run.Length));
                    else
                        from.RowRange(run.ForwardRow, run.Length).CopyTo(into.RowRange(run.Row, run.Length));
                }

                (before, attentionBefore) = part.IsAttention ? (before, attentionBefore + part.Columns) : (before + part.Columns, attentionBefore);

                // Where a part begins depends on the rows of its unit in both layouts.
                Matrix PartOf(float* activations, UnitLayout of)
                {
                    float* start = activations + (before * of.Tokens) + (attentionBefore * of.AttentionTokens);
                    int tokens = part.IsAttention ? of.AttentionTokens : of.Tokens;
                    return part.IsHeadMajor ? new Matrix(start, part.Columns, tokens) : new Matrix(start, tokens, part.Columns);
                }
            }
        }
    }

    private float* ActivationsOf(int unit) => (_activations[unit] ??= _activationPool.Rent()).Pointer;

    private float* BackwardActivationsOf(int unit) =>
        _step!.Backward[unit].ForwardUnit is var forward and >= 0 ? ActivationsOf(forward) : _gathered[unit]!.Pointer;

    private float* GradientsOf(int unit) => (_gradients[unit] ??= _gradientPool.Rent()).Pointer;

    private LayerCall For(int layer, float* activations, float* gradients, in LayerCall call) => call with
    {
        Activations = activations + (_activationOffsets[layer] * _unitTokens),
        Gradients = gradients is null ? null : gradients + (_gradientOffsets[layer] * _unitTokens),
        History = _histories[layer],
    };

    /// <summary>What one layer of the stage holds of earlier slices.</summary>
    private sealed class LayerHistory(StageRunner stage, int index) : KeyValueHistory, IDisposable
    {
        private NativeBuffer? _gradients;
        private int _rows;

        /// <summary>Bytes of the sums of gradients.</summary>
        public long Bytes => (_gradients?.Length ?? 0) * sizeof(float);

        /// <inheritdoc/>
        public override Matrix Gradients => new(_gradients!, _rows, Layer.KeyValueFloats);

        private LayerModule Layer => stage._layers[index];

        /// <inheritdoc/>
        public override Matrix KeyValuesOf(int forwardUnit) => Layer.KeyValues(
            stage._activations[forwardUnit]!.Pointer + (stage._activationOffsets[index] * stage._unitTokens), stage._step!.Forward[forwardUnit]);

        /// <summary>Makes room for <paramref name="rows"/> sums, which are zero.</summary>
        public void Reserve(int rows)
        {
            _rows = rows;
            long floats = (long)rows * Layer.KeyValueFloats;
            if (floats == 0 || _gradients?.Length >= floats)
                return;
            _gradients?.Dispose();
            _gradients = new NativeBuffer(floats);
        }

        /// <inheritdoc/>
        public void Dispose() => _gradients?.Dispose();
    }
}
