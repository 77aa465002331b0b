using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Tests.Execution;

/// <summary>When activation buffers are taken and given back on one rank, read off the program and the step plan alone: the most of each stage
/// that are taken at once.</summary>
internal sealed class PoolReplay
{
    private readonly ParallelPlan _plan;
    private readonly StepPlan _step;
    private readonly int _self;
    private readonly Dictionary<(int Stage, int Unit, bool IsGathered), bool> _taken = [];
    private readonly Dictionary<(int Stage, int Unit), int> _left = [];

    private PoolReplay(ParallelPlan plan, StepPlan step, int self)
    {
        (_plan, _step, _self, Peak) = (plan, step, self, new int[plan.Stages.Count]);
        for (int stage = 0; stage < plan.Stages.Count; stage++)
        {
            for (int unit = 0; unit < step.MicroBatches; unit++)
                _left[(stage, unit)] = RowsOf(SlicesOf(unit, backward: false));
        }
    }

    /// <summary>By stage.</summary>
    public int[] Peak { get; }

    /// <summary>Bytes of the buffers of one rank.</summary>
    public static long ActivationBytes(ParallelPlan plan, StepPlan step, int rank)
    {
        var at = plan.Mesh.CoordinateOf(rank);
        PoolReplay replay = new(plan, step, (at.Data * plan.Mesh.Sequence) + at.Sequence);
        foreach (PipelineAction action in plan.Programs[at.Pipeline].Actions)
            replay.Run(action);
        Assert.All(replay._taken.Values, Assert.False);
        return plan.Stages.Sum(stage => replay.Peak[stage.Index] * plan.Batching.UnitTokensPerRank
            * plan.Layers.Skip(stage.FirstLayer).Take(stage.LayerCount).Sum(layer => layer.ActivationBytes));
    }

    private void Run(PipelineAction action)
    {
        (ActionKind kind, int stage, int unit) = action;
        switch (kind)
        {
            case ActionKind.ReceiveForward:
                Take(stage, unit);
                break;
            case ActionKind.Forward:
                Take(stage, unit);
                if (stage + 1 < _plan.Stages.Count && _plan.Stages[stage + 1].Device == _plan.Stages[stage].Device)
                    Take(stage + 1, unit);
                if (!_step.IsSymmetric && _left[(stage, unit)] == 0)
                    Give(stage, unit);
                break;
            case ActionKind.Backward or ActionKind.BackwardInput:
                int whole = WholeUnitOf(unit);
                if (whole < 0)
                {
                    Take(stage, unit, gathered: true);
                    foreach (int slice in SlicesOf(unit, backward: true))
                    {
                        int forward = _step.Slices[slice].ForwardUnit, rows = RowsOf([slice]);
                        if (rows > 0 && (_left[(stage, forward)] -= rows) == 0)
                            Give(stage, forward);
                    }
                }

                if (kind == ActionKind.Backward)
                    End(stage, unit);
                break;
            case ActionKind.BackwardWeight:
                End(stage, unit);
                break;
        }
    }

    private void End(int stage, int unit)
    {
        int whole = WholeUnitOf(unit);
        Give(stage, whole < 0 ? unit : whole, whole < 0);
    }

    /// <summary>The forward unit that has the rows of a backward unit on this rank, all of them and no others; negative where there is none.</summary>
    private int WholeUnitOf(int unit)
    {
        if (_step.IsSymmetric)
            return unit;
        int[] backward = [.. SlicesOf(unit, backward: true).Where(slice => RowsOf([slice]) > 0)];
        int[] forwards = [.. backward.Select(slice => _step.Slices[slice].ForwardUnit).Distinct()];
        return forwards.Length == 1 && RowsOf(backward) == RowsOf(SlicesOf(forwards[0], backward: false)) ? forwards[0] : -1;
    }

    private int[] SlicesOf(int unit, bool backward) => [.. Enumerable.Range(0, _step.SliceCount).Where(slice =>
        (backward ? _step.Slices[slice].BackwardUnit : _step.Slices[slice].ForwardUnit) == unit)];

    private int RowsOf(int[] slices) => slices.Sum(slice =>
    {
        ReadOnlySpan<int> ranks = _step.RanksOf(_step.Slices[slice].Ring);
        int member = ranks.IndexOf(_self);
        return member < 0 ? 0 : ZigzagSplit.TokensOf(_step.Slices[slice].Length, ranks.Length, member);
    });

    private void Take(int stage, int unit, bool gathered = false)
    {
        _taken[(stage, unit, gathered)] = true;
        Peak[stage] = Math.Max(Peak[stage], _taken.Count(taken => taken.Key.Stage == stage && taken.Value));
    }

    private void Give(int stage, int unit, bool gathered = false) => _taken[(stage, unit, gathered)] = false;
}
