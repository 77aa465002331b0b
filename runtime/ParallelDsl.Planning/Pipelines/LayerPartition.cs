using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Cuts the layers of a model into contiguous stages.</summary>
public static class LayerPartition
{
    /// <summary>Past this many steps the second objective of <see cref="Plan"/> is left out.</summary>
    private const long MaximumSteps = 20_000_000;

    /// <summary>Ticks of <paramref name="count"/> layers from <paramref name="first"/> as stage <paramref name="stage"/>: not negative, and
    /// never less with one layer more.</summary>
    public delegate long StageCost(int stage, int first, int count);

    /// <summary>The exact partition whose dearest stage is the cheapest possible, every stage with at least one layer. Of those with the same
    /// dearest stage, the one with the least sum of squares of all stages, so that the others are even too; of those, the one with the
    /// earliest boundaries. (Very large problems, over 20 million steps, skip the squares.)</summary>
    /// <param name="layers">How many layers.</param>
    /// <param name="stages">How many stages, at most as many as layers.</param>
    /// <param name="cost">The cost of a stage.</param>
    /// <returns>The first layer of every stage, and the number of layers at the end.</returns>
    /// <exception cref="ArgumentException">No stages, or more than layers.</exception>
    public static EquatableArray<int> Plan(int layers, int stages, StageCost cost)
    {
        if (stages < 1 || stages > layers)
            throw new ArgumentException(Invariant($"{layers} layers do not make {stages} stages"), nameof(stages));
        long limit = LeastMaximum(layers, stages, cost);

        // Stage s starts between its earliest boundary, with all stages from it on as full as can be, and its latest, with all before it so.
        int[] latest = LatestBoundaries(layers, stages, cost, limit)!;
        int[] earliest = EarliestBoundaries(layers, stages, cost, limit);
        return new(EvenBoundaries(stages, cost, limit, earliest, latest) ?? earliest);
    }

    private static long LeastMaximum(int layers, int stages, StageCost cost)
    {
        long low = 0, high = Enumerable.Range(0, stages).Max(stage => cost(stage, 0, layers));
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (LatestBoundaries(layers, stages, cost, middle) is null)
                low = middle + 1;
            else
                high = middle;
        }

        return high;
    }

    // Every stage takes as many layers as the limit allows, and leaves one for each stage after it. Null where layers remain.
    private static int[]? LatestBoundaries(int layers, int stages, StageCost cost, long limit)
    {
        var boundaries = new int[stages + 1];
        for (int stage = 0; stage < stages; stage++)
        {
            int first = boundaries[stage];
            int count = Most(layers - (stages - 1 - stage) - first, n => cost(stage, first, n) <= limit);
            if (count == 0)
                return null;
            boundaries[stage + 1] = first + count;
        }

        return boundaries[stages] == layers ? boundaries : null;
    }

    // The same from the other end, where the limit is known to allow a partition.
    private static int[] EarliestBoundaries(int layers, int stages, StageCost cost, long limit)
    {
        var boundaries = new int[stages + 1];
        boundaries[stages] = layers;
        for (int stage = stages - 1; stage > 0; stage--)
        {
            int end = boundaries[stage + 1];
            boundaries[stage] = end - Most(end - stage, n => cost(stage, end - n, n) <= limit);
        }

        return boundaries;
    }

    // The largest count from 0 to limit that is allowed, where less is always allowed too.
    private static int Most(int limit, Func<int, bool> isAllowed)
    {
        int low = 0;
        while (low < limit)
        {
            int middle = low + ((limit - low + 1) / 2);
            if (isAllowed(middle))
                low = middle;
            else
                limit = middle - 1;
        }

        return low;
    }

    // Dynamic program from the last stage to the first: squares[i] is the least sum for the stages from this one on if it starts at
    // earliest + i. Null where that would take too many steps.
    private static int[]? EvenBoundaries(int stages, StageCost cost, long limit, int[] earliest, int[] latest)
    {
        long steps = 0;
        for (int stage = 0; stage < stages; stage++)
            steps += (1L + latest[stage] - earliest[stage]) * (1L + latest[stage + 1] - earliest[stage + 1]);
        if (steps > MaximumSteps)
            return null;

        // So many low bits are dropped that the sum of 4,096 squares stays below 2^62.
        int shift = 0;
        while (limit >> shift >= 1 << 25)
            shift++;

        var ends = new int[stages][];
        long[] following = [0];
        for (int stage = stages - 1; stage >= 0; stage--)
        {
            var squares = new long[1 + latest[stage] - earliest[stage]];
            ends[stage] = new int[squares.Length];
            for (int i = 0; i < squares.Length; i++)
            {
                int first = earliest[stage] + i;
                squares[i] = long.MaxValue;
                for (int end = Math.Max(first + 1, earliest[stage + 1]); end <= latest[stage + 1]; end++)
                {
                    long ticks = cost(stage, first, end - first);
                    if (ticks > limit)
                        break;
                    long rest = following[end - earliest[stage + 1]];
                    if (rest == long.MaxValue)
                        continue;
                    long sum = ((ticks >> shift) * (ticks >> shift)) + rest;
                    if (sum < squares[i])
                        (squares[i], ends[stage][i]) = (sum, end);
                }
            }

            following = squares;
        }

        var boundaries = new int[stages + 1];
        for (int stage = 0; stage < stages; stage++)
            boundaries[stage + 1] = ends[stage][boundaries[stage] - earliest[stage]];
        return boundaries;
    }
}
