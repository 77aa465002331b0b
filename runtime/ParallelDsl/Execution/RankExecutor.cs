using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Runs the program of one rank: any order of F, B, W, X and transfers that validation accepts, over any number of stages.
/// A stage hands over to a stage on the same rank without a transfer.</summary>
internal sealed unsafe class RankExecutor : IDisposable
{
    // Point-to-point tags below this one belong to the ring.
    private const int FirstStageTag = 16;

    private readonly ParallelPlan _plan;
    private readonly ITransport _transport;
    private readonly Coordinate _coordinate;
    private readonly ThreadTeam _team;
    private readonly RingAttention _ring;
    private readonly Relay? _relay;
    private readonly StageRunner?[] _stages;
    private readonly NativeBuffer?[,] _outputs;
    private readonly NativeBuffer?[,] _inputGradients;
    private readonly ActionClock? _clock;
    private readonly Outbox _outbox;
    private readonly NativeBuffer _scratch;

    /// <summary>Makes the executor of one rank.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="team">The rank's threads.</param>
    /// <param name="ring">Attention over the data and sequence axes.</param>
    /// <param name="layers">The layers of the rank's stages by layer index; null for the others.</param>
    /// <param name="clock">Takes the times of the program's actions; null where nobody asks for them.</param>
    /// <param name="relay">Carries parts of other ranks' hops; null where hops go directly.</param>
    /// <param name="passes">Is told of every pass that adds to gradients; null where nobody asks.</param>
    public RankExecutor(
        ParallelPlan plan,
        ITransport transport,
        ThreadTeam team,
        RingAttention ring,
        IReadOnlyList<LayerModule?> layers,
        ActionClock? clock = null,
        Relay? relay = null,
        IWeightPasses? passes = null)
    {
        _plan = plan;
        _transport = transport;
        _team = team;
        _ring = ring;
        _relay = relay;
        _clock = clock;
        _coordinate = plan.Mesh.CoordinateOf(transport.Rank);
        Program = [.. plan.Programs[_coordinate.Pipeline].Actions];
        ForwardProgram = [.. Program.Where(action => IsForward(action.Kind))];

        int units = plan.Batching.UnitsPerDataRank, tokens = plan.Batching.UnitTokensPerRank;
        bool split = Program.Any(action => action.Kind == ActionKind.BackwardInput);
        _stages = new StageRunner?[plan.Stages.Count];
        foreach (PlannedStage stage in plan.Stages.Where(stage => stage.Device == _coordinate.Pipeline))
        {
            LayerModule[] own = [.. Enumerable.Range(stage.FirstLayer, stage.LayerCount).Select(index => layers[index]!)];
            _stages[stage.Index] = new StageRunner(stage, own, units, tokens, split, passes);
        }

        LayerModule[] all = [.. layers.OfType<LayerModule>()];
        int boundary = _stages.OfType<StageRunner>().Max(stage => Math.Max(stage.InputWidth, stage.OutputWidth));
        long scratch = all.Max(layer => (long)(plan.Batching.Remaps ? layer.RemapScratchFloats : layer.ScratchFloats));
        _scratch = new NativeBuffer(scratch * tokens);
        _outbox = new Outbox(transport, (long)boundary * tokens);
        _outputs = new NativeBuffer?[_stages.Length, units];
        _inputGradients = new NativeBuffer?[_stages.Length, units];
    }

    /// <summary>The rank's program.</summary>
    public PipelineAction[] Program { get; }

    /// <summary>Its forward part alone, for evaluation.</summary>
    public PipelineAction[] ForwardProgram { get; }

    /// <summary>Bytes of activation buffers so far.</summary>
    public long ActivationBytes => _stages.Sum(stage => stage?.ActivationBytes ?? 0);

    /// <summary>Bytes of the other buffers so far: gradients of hidden states, scratch, hidden states on their way.</summary>
    public long WorkspaceBytes => _stages.Sum(stage => stage?.GradientBytes ?? 0) + _outbox.Bytes + (_scratch.Length * sizeof(float));

    /// <summary>Runs a step of training.</summary>
    /// <param name="step">The layouts of the step's units.</param>
    /// <param name="loss">The scale of the loss, and where it is added.</param>
    public void Train(StepLayout step, LossSum loss) => Run(Program, step, loss, _clock, evaluates: false);

    /// <summary>Runs the forwards alone: the loss, no gradients.</summary>
    /// <param name="step">The layouts of the step's units.</param>
    /// <param name="loss">Where the loss is added.</param>
    public void Evaluate(StepLayout step, LossSum loss) => Run(ForwardProgram, step, loss, clock: null, evaluates: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (StageRunner? stage in _stages)
            stage?.Dispose();
        for (int stage = 0; stage < _stages.Length; stage++)
        {
            for (int unit = 0; unit < _outputs.GetLength(1); unit++)
            {
                _outbox.Return(ref _outputs[stage, unit]);
                _outbox.Return(ref _inputGradients[stage, unit]);
            }
        }

        _outbox.Dispose();
        _scratch.Dispose();
    }

    private void Run(PipelineAction[] program, StepLayout step, LossSum loss, ActionClock? clock, bool evaluates)
    {
        try
        {
            Begin(step);
            _relay?.Begin(program, step.Plan);
            for (int position = 0; position < program.Length; position++)
            {
                PipelineAction action = program[position];
                clock?.Start(position);
                Run(action, (IsForward(action.Kind) ? step.Forward : step.Backward)[action.MicroBatch], loss);
                clock?.End(position);
                if (evaluates && action.Kind == ActionKind.Forward)
                    _stages[action.Stage]!.ReleaseRead();
            }

            _outbox.Flush();
            _ring.Flush();
            _relay?.Flush();
            for (int stage = 0; stage < _stages.Length && !evaluates; stage++)
                _stages[stage]?.End();
        }
        catch (Exception exception)
        {
            // The outbox may wait for a rank that waits for this one; nobody can go on.
            _transport.Abort(exception);
            throw;
        }
    }

    private void Begin(StepLayout step)
    {
        for (int unit = 0; unit < step.Forward.Count; unit++)
        {
            int rows = Math.Max(step.Forward[unit].MostTokens, step.Backward[unit].MostTokens);
            if (rows > _plan.Batching.UnitTokensPerRank)
                throw new InvalidOperationException($"Unit {unit} has {rows} tokens on rank {_transport.Rank}, and the plan has room for {_plan.Batching.UnitTokensPerRank}.");
        }

        foreach (StageRunner? stage in _stages)
            stage?.Begin(step);
    }

    private static bool IsForward(ActionKind kind) =>
        kind is ActionKind.Forward or ActionKind.SendForward or ActionKind.ReceiveForward;

    private void Run(PipelineAction action, UnitLayout layout, LossSum loss)
    {
        (ActionKind kind, int index, int unit) = action;
        StageRunner stage = _stages[index]!;
        LayerCall call = new()
        {
            Team = _team,
            Unit = layout,
            Ring = _ring,
            Loss = loss,
            Activations = null,
            Gradients = null,
            Scratch = _scratch.Pointer,
        };
        switch (kind)
        {
            case ActionKind.Forward:
                stage.Forward(unit, call, OutputOf(stage, unit, layout.Tokens));
                break;
            case ActionKind.Backward:
                stage.Backward(unit, call, InputGradientOf(stage, unit, layout.Tokens), weights: true);
                break;
            case ActionKind.BackwardInput:
                stage.Backward(unit, call, InputGradientOf(stage, unit, layout.Tokens), weights: false);
                break;
            case ActionKind.BackwardWeight:
                stage.BackwardWeight(unit, call);
                break;
            case ActionKind.SendForward:
                Send(index + 1, index + 1, 0, ref _outputs[index, unit], layout.Tokens * stage.OutputWidth);
                break;
            case ActionKind.ReceiveForward:
                _transport.Receive(RankOf(index - 1), StageTag(index, 0), stage.InputOf(unit, layout.Tokens).Span);
                break;
            case ActionKind.SendBackward:
                Send(index - 1, index, 1, ref _inputGradients[index, unit], layout.Tokens * stage.InputWidth);
                break;
            case ActionKind.ReceiveBackward:
                _transport.Receive(RankOf(index + 1), StageTag(index + 1, 1), stage.OutputGradientOf(unit, layout.Tokens).Span);
                break;
            default:
                throw new InvalidOperationException($"Rank {_transport.Rank} cannot run the action {action}.");
        }
    }

    /// <summary>Where a stage's output goes: into the next stage's input where that is on this rank, else into a buffer that is sent.</summary>
    private Matrix OutputOf(StageRunner stage, int unit, int tokens)
    {
        int next = stage.Plan.Index + 1;
        if (next == _stages.Length)
            return default;
        if (_stages[next] is { } neighbour)
            return neighbour.InputOf(unit, tokens);
        NativeBuffer buffer = _outputs[stage.Plan.Index, unit] ??= _outbox.Rent();
        return new Matrix(buffer.Pointer, tokens, stage.OutputWidth);
    }

    private Matrix InputGradientOf(StageRunner stage, int unit, int tokens)
    {
        int previous = stage.Plan.Index - 1;
        if (previous < 0)
            return default;
        if (_stages[previous] is { } neighbour)
            return neighbour.OutputGradientOf(unit, tokens);
        NativeBuffer buffer = _inputGradients[stage.Plan.Index, unit] ??= _outbox.Rent();
        return new Matrix(buffer.Pointer, tokens, stage.InputWidth);
    }

    private void Send(int toStage, int boundary, int direction, ref NativeBuffer? buffer, int floats)
    {
        if (buffer is null)
            throw new InvalidOperationException($"Rank {_transport.Rank} has nothing to send to stage {toStage}: the program sends before it computes.");
        _outbox.Send(RankOf(toStage), StageTag(boundary, direction), ref buffer, floats);
    }

    private int RankOf(int stage) => _plan.Mesh.RankOf(_coordinate with { Pipeline = _plan.Stages[stage].Device });

    /// <summary>A tag of its own for each boundary between stages and each direction, so that no transfer can be taken for another.</summary>
    private static int StageTag(int boundary, int direction) => FirstStageTag + (2 * boundary) + direction;
}
