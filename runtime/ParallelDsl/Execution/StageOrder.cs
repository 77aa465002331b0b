using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Execution;

/// <summary>The order of slices on one stage: the forward of a slice reads the keys of the slices before it, the backward of a slice needs what
/// the slices after it give back. A program or a step plan that breaks this fails before it computes anything wrong.</summary>
internal sealed class StageOrder
{
    private bool[] _forward = [];
    private bool[] _backward = [];
    private StepPlan _plan = new();
    private int _dataRank;
    private int _stage;

    /// <summary>Starts a step.</summary>
    public void Begin(StepLayout step, int stage)
    {
        (_plan, _dataRank, _stage) = (step.Plan, step.DataRank, stage);
        if (_forward.Length < _plan.SliceCount)
            (_forward, _backward) = (new bool[2 * _plan.SliceCount], new bool[2 * _plan.SliceCount]);
        Array.Clear(_forward);
        Array.Clear(_backward);
    }

    /// <summary>The forward of a unit begins.</summary>
    /// <exception cref="InvalidOperationException">It comes too early.</exception>
    public void Forward(int unit)
    {
        foreach (int index in _plan.ForwardSlices(_dataRank, unit))
        {
            ref readonly Slice slice = ref _plan.Slices[index];
            bool isFirst = index == _plan.FirstSlices[slice.Sequence];
            if (!isFirst && !_forward[index - 1] && _plan.Slices[index - 1].ForwardUnit != unit)
                throw Early("forward", index, $"the forward of slice {NumberOf(index - 1)}, whose keys it reads");
        }

        foreach (int index in _plan.ForwardSlices(_dataRank, unit))
            _forward[index] = true;
    }

    /// <summary>The backward of a unit begins.</summary>
    /// <exception cref="InvalidOperationException">It comes too early.</exception>
    public void Backward(int unit)
    {
        foreach (int index in _plan.BackwardSlices(_dataRank, unit))
        {
            ref readonly Slice slice = ref _plan.Slices[index];
            if (!_forward[index])
                throw Early("backward", index, "its forward");
            bool isLast = index + 1 == _plan.FirstSlices[slice.Sequence + 1];
            if (!isLast && !_backward[index + 1] && _plan.Slices[index + 1].BackwardUnit != unit)
                throw Early("backward", index, $"the backward of slice {NumberOf(index + 1)}, which gives back gradients of its keys");
        }

        foreach (int index in _plan.BackwardSlices(_dataRank, unit))
            _backward[index] = true;
    }

    /// <summary>Whether the forward of a whole sequence is done.</summary>
    public bool HasForwardOf(int sequence) => _forward[_plan.FirstSlices[sequence + 1] - 1];

    /// <summary>The step is done.</summary>
    /// <exception cref="InvalidOperationException">The backward of a slice is missing, so that gradients of keys, or activations, are left.</exception>
    public void End()
    {
        for (int unit = 0; unit < _plan.MicroBatches; unit++)
        {
            foreach (int index in _plan.ForwardSlices(_dataRank, unit))
            {
                if (!_backward[index])
                    throw new InvalidOperationException($"The step ends on stage {_stage} without the backward of slice {NumberOf(index)} of sequence {_plan.Slices[index].Sequence}.");
            }
        }
    }

    private int NumberOf(int index) => index - _plan.FirstSlices[_plan.Slices[index].Sequence];

    private InvalidOperationException Early(string pass, int index, string missing) => new(
        $"On stage {_stage} the {pass} of slice {NumberOf(index)} of sequence {_plan.Slices[index].Sequence} comes too early: before {missing}.");
}
