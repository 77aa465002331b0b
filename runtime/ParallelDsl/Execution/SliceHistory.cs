using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;

namespace ParallelDsl.Execution;

/// <summary>Where one rank keeps the keys and values of slices that later slices of their sequences read, and where it sums up the gradients
/// that those give back.</summary>
internal sealed class SliceHistory
{
    /// <summary>By slice: the first of its rows on this rank in the attention layout of its forward unit.</summary>
    public int[] ForwardRows { get; private set; } = [];

    /// <summary>By slice: the first of its rows in the sums of gradients; negative where no later slice reads it, or nothing of it is here.</summary>
    public int[] GradientRows { get; private set; } = [];

    /// <summary>Rows of the sums of gradients.</summary>
    public int Rows { get; private set; }

    /// <summary>Finds the rows of the sums of gradients.</summary>
    public void Build(StepPlan step, StepRings rings)
    {
        if (ForwardRows.Length < step.SliceCount)
            (ForwardRows, GradientRows) = (new int[2 * step.SliceCount], new int[2 * step.SliceCount]);
        Rows = 0;
        for (int index = 0; index < step.SliceCount; index++)
        {
            ref readonly Slice slice = ref step.Slices[index];
            int member = rings.PositionOf(slice.Ring);
            int tokens = member < 0 || index + 1 == step.FirstSlices[slice.Sequence + 1]
                ? 0
                : ZigzagSplit.TokensOf(slice.Length, step.RingSize(slice.Ring), member);
            GradientRows[index] = tokens > 0 ? Rows : -1;
            Rows += tokens;
        }
    }
}
