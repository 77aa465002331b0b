using ParallelDsl.Planning.Packing;

namespace ParallelDsl.Execution;

/// <summary>The rings of a step plan as one rank sees them. Rings with the same members in the same order are one ring: they have one
/// index, the least, on every rank.</summary>
/// <param name="self">The attention rank.</param>
internal sealed class StepRings(int self)
{
    private int[] _first = [];
    private int[] _positions = [];

    /// <summary>The attention rank that looks.</summary>
    public int Self => self;

    /// <summary>The least index of a ring with the members of <paramref name="ring"/>.</summary>
    public int FirstOf(int ring) => _first[ring];

    /// <summary>This rank's position on <paramref name="ring"/>; negative where it is no member.</summary>
    public int PositionOf(int ring) => _positions[ring];

    /// <summary>Looks at the rings of <paramref name="step"/>.</summary>
    public void Build(StepPlan step)
    {
        if (_first.Length < step.RingCount)
            (_first, _positions) = (new int[2 * step.RingCount], new int[2 * step.RingCount]);
        for (int ring = 0; ring < step.RingCount; ring++)
        {
            ReadOnlySpan<int> ranks = step.RanksOf(ring);
            _positions[ring] = ranks.IndexOf(self);
            _first[ring] = ring;

            // Only rings of this rank are compared: the least index is the same for all members.
            for (int other = 0; _positions[ring] >= 0 && other < ring; other++)
            {
                if (_positions[other] == _positions[ring] && step.RanksOf(other).SequenceEqual(ranks))
                {
                    _first[ring] = other;
                    break;
                }
            }
        }
    }
}
