namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>One partition and one placement of a <see cref="PipelineProblem"/> as flat arrays: what schedulers read in their inner
/// loops. Filled again for every candidate, so that a search allocates nothing.</summary>
internal sealed class StageTable
{
    public StageTable(PipelineProblem problem)
    {
        (Problem, Devices, MicroBatches) = (problem, problem.Devices, problem.MicroBatches);
        int most = problem.Layers.Count;
        (Device, Forward, Input, Weight) = (new int[most], new long[most], new long[most], new long[most]);
        (Hop, Held) = (new long[most], new long[most]);
        (StagesOf, StageCount) = (new int[Devices][], new int[Devices]);
        (HeldOf, RoomOf, Work) = (new long[Devices], new long[Devices], new long[Devices]);
        for (int device = 0; device < Devices; device++)
            StagesOf[device] = new int[most];
        _sums = new LayerSums(problem);
    }

    private readonly LayerSums _sums;

    public PipelineProblem Problem { get; }

    public int Devices { get; }

    public int MicroBatches { get; }

    public int Stages { get; private set; }

    /// <summary>Ticks of F, of B (of X where backwards are not split) and of W, overhead included.</summary>
    public long[] Forward { get; }

    public long[] Input { get; }

    public long[] Weight { get; }

    /// <summary>Ticks from stage s to stage s + 1 and back; 0 on the same device.</summary>
    public long[] Hop { get; }

    public int[] Device { get; }

    /// <summary>What one unit in one stage holds.</summary>
    public long[] Held { get; }

    /// <summary>For each device its stages in order; only the first <see cref="StageCount"/> count.</summary>
    public int[][] StagesOf { get; }

    public int[] StageCount { get; }

    /// <summary>What one unit in all stages of a device holds.</summary>
    public long[] HeldOf { get; }

    /// <summary>What units may hold on a device: the cap less what its layers always hold. Negative where those alone exceed it.</summary>
    public long[] RoomOf { get; }

    /// <summary>Ticks of computation on a device.</summary>
    public long[] Work { get; }

    /// <summary>Whether every device has a stage and can take one unit through all its stages: then, and only then, there is a schedule.</summary>
    public bool IsFeasible { get; private set; }

    /// <summary>Orders of codes as actions. A code is (kind x stages + stage) x m + micro-batch, where kind is 0 for F, 1 for B (or X) and 2
    /// for W.</summary>
    public EquatableArray<EquatableArray<PipelineAction>> OrdersOf(int[][] codes)
    {
        int cells = Stages * MicroBatches;
        ActionKind input = Problem.SplitBackward ? ActionKind.BackwardInput : ActionKind.Backward;
        return codes.Select(order => order.Select(code => new PipelineAction(
            code < cells ? ActionKind.Forward : code < 2 * cells ? input : ActionKind.BackwardWeight,
            code % cells / MicroBatches,
            code % MicroBatches)).ToEquatableArray()).ToEquatableArray();
    }

    /// <summary>The codes of orders of this layout, the other way.</summary>
    public int[][] CodesOf(EquatableArray<EquatableArray<PipelineAction>> orders) =>
    [
        .. orders.Select(order => order.Select(action =>
        {
            int kind = action.Kind == ActionKind.Forward ? 0 : action.Kind == ActionKind.BackwardWeight ? 2 : 1;
            return (((kind * Stages) + action.Stage) * MicroBatches) + action.MicroBatch;
        }).ToArray()),
    ];

    /// <summary>Takes over a layout.</summary>
    public void Fill(Layout layout)
    {
        Stages = layout.Stages;
        for (int device = 0; device < Devices; device++)
        {
            (StageCount[device], HeldOf[device], Work[device]) = (0, 0, 0);
            RoomOf[device] = Problem.ActivationCap;
        }

        for (int stage = 0; stage < Stages; stage++)
        {
            (int first, int end, int device) = (layout.First[stage], layout.First[stage + 1], layout.Device[stage]);
            Device[stage] = device;
            long overhead = Problem.Overhead;
            Forward[stage] = _sums.Forward(device, first, end) + overhead;
            long input = _sums.Input(device, first, end), weight = _sums.Weight(device, first, end);
            Input[stage] = input + overhead + (Problem.SplitBackward ? 0 : weight);
            Weight[stage] = Problem.SplitBackward ? weight + overhead : 0;
            Hop[stage] = stage + 1 < Stages && layout.Device[stage + 1] != device ? Problem.HopBetween(device, layout.Device[stage + 1]) : 0;
            Held[stage] = _sums.Held(first, end);
            StagesOf[device][StageCount[device]++] = stage;
            HeldOf[device] += Held[stage];
            RoomOf[device] -= _sums.Resident(first, end);
            Work[device] += MicroBatches * (Forward[stage] + Input[stage] + Weight[stage]);
        }

        IsFeasible = true;
        for (int device = 0; device < Devices; device++)
            IsFeasible &= StageCount[device] > 0 && HeldOf[device] <= RoomOf[device];
    }
}

/// <summary>Sums over runs of layers in constant time.</summary>
internal sealed class LayerSums
{
    private readonly PipelineProblem _problem;
    private readonly long[] _forward, _input, _weight, _held, _resident;

    public LayerSums(PipelineProblem problem)
    {
        _problem = problem;
        _forward = Prefix(static layer => layer.Forward);
        _input = Prefix(static layer => layer.BackwardInput);
        _weight = Prefix(static layer => layer.BackwardWeight);
        _held = Prefix(static layer => layer.Held);
        _resident = Prefix(static layer => layer.Resident);
    }

    public long Forward(int device, int first, int end) => _problem.TicksOn(device, _forward[end] - _forward[first]);

    public long Input(int device, int first, int end) => _problem.TicksOn(device, _input[end] - _input[first]);

    public long Weight(int device, int first, int end) => _problem.TicksOn(device, _weight[end] - _weight[first]);

    public long Held(int first, int end) => _held[end] - _held[first];

    public long Resident(int first, int end) => _resident[end] - _resident[first];

    private long[] Prefix(Func<PipelineLayer, long> valueOf)
    {
        var sums = new long[_problem.Layers.Count + 1];
        for (int layer = 0; layer < _problem.Layers.Count; layer++)
            sums[layer + 1] = checked(sums[layer] + valueOf(_problem.Layers[layer]));
        return sums;
    }
}
