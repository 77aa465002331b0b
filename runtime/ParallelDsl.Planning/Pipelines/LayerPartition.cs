using System.Collections;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Cuts the layers of a model into contiguous stages.</summary>
public static class LayerPartition
{
    /// <summary>Past this many steps the second objective of <see cref="Plan"/> is left out.</summary>
    private const long MaximumSteps = 5_000_000;

    /// <summary>Ticks of <paramref name="count"/> layers from <paramref name="first"/> as stage <paramref name="stage"/>: not negative, and
    /// never less with one layer more.</summary>
    public delegate long StageCost(int stage, int first, int count);

    /// <summary>The exact partition whose dearest stage is the cheapest possible, every stage with at least one layer. Of those with the
    /// same dearest stage, the one with the least sum of squares of all stages, so that the others are even too; of those, the one with the
    /// earliest boundaries. (Very large problems, over 5 million steps, skip the squares.)</summary>
    /// <param name="layers">How many layers.</param>
    /// <param name="stages">How many stages, at most as many as layers.</param>
    /// <param name="cost">The cost of a stage.</param>
    /// <returns>The first layer of every stage, and the number of layers at the end.</returns>
    /// <exception cref="ArgumentException">No stages, or more than layers.</exception>
    public static EquatableArray<int> Plan(int layers, int stages, StageCost cost)
    {
        if (stages < 1 || stages > layers)
            throw new ArgumentException(Invariant($"{layers} layers do not make {stages} stages"), nameof(stages));
        var search = new Search(layers, stages, cost);
        long limit = search.LeastMaximum();
        return new(search.EvenBoundaries(limit) ?? search.EarliestBoundaries(limit));
    }

    // Boundary s is the first layer of stage s. A stage that may be slower than others can refuse a layer that others take, so the
    // boundaries that are possible under a limit need not be an interval.
    private sealed class Search(int layers, int stages, StageCost cost)
    {
        // Boundary s leaves at least one layer for each stage before and after it.
        private int Last(int boundary) => layers - (stages - boundary);

        public long LeastMaximum()
        {
            // Some partition's maximum is the first upper bound: as many layers in each stage.
            long low = 0, high = 0;
            for (int stage = 0; stage < stages; stage++)
            {
                int first = (int)((long)stage * layers / stages), end = (int)((stage + 1L) * layers / stages);
                high = Math.Max(high, cost(stage, first, end - first));
            }

            while (low < high)
            {
                long middle = low + ((high - low) / 2);
                if (IsPossible(middle))
                    high = middle;
                else
                    low = middle + 1;
            }

            return high;
        }

        private bool IsPossible(long limit)
        {
            // If stages as full as can be cover the layers, that is a partition. If they do not even where stages may be empty, there is
            // none. What is left happens with unequal devices only: a stage that cannot take the one layer it has to.
            return CoversGreedily(limit, leastLayers: 1) || (CoversGreedily(limit, leastLayers: 0) && CoversExactly(limit));
        }

        private bool CoversGreedily(long limit, int leastLayers)
        {
            int first = 0;
            for (int stage = 0; stage < stages; stage++)
            {
                int count = Most(layers - (leastLayers * (stages - 1 - stage)) - first, n => cost(stage, first, n) <= limit);
                if (count < leastLayers)
                    return false;
                first += count;
            }

            return first == layers;
        }

        // The largest count from 0 to most that is allowed, where less is always allowed too.
        private static int Most(int most, Func<int, bool> isAllowed)
        {
            int least = 0;
            while (least < most)
            {
                int middle = least + ((most - least + 1) / 2);
                if (isAllowed(middle))
                    least = middle;
                else
                    most = middle - 1;
            }

            return least;
        }

        // Boundary by boundary, which are possible: the nearest possible one before has to be near enough.
        private bool CoversExactly(long limit)
        {
            var possible = new bool[layers + 1];
            var following = new bool[layers + 1];
            possible[0] = true;
            for (int stage = 0; stage < stages; stage++)
            {
                int nearest = -1;
                for (int end = stage + 1; end <= Last(stage + 1); end++)
                {
                    if (possible[end - 1])
                        nearest = end - 1;
                    following[end] = nearest >= 0 && cost(stage, nearest, end - nearest) <= limit;
                }

                (possible, following) = (following, possible);
                Array.Clear(following, 0, following.Length);
            }

            return possible[layers];
        }

        public int[] EarliestBoundaries(long limit)
        {
            // From the end, which boundaries the rest can follow: again the nearest decides.
            var possible = new BitArray[stages + 1];
            possible[stages] = new BitArray(layers + 1);
            possible[stages][layers] = true;
            for (int stage = stages - 1; stage >= 0; stage--)
            {
                possible[stage] = new BitArray(layers + 1);
                int nearest = -1;
                for (int first = Last(stage); first >= stage; first--)
                {
                    if (possible[stage + 1][first + 1])
                        nearest = first + 1;
                    possible[stage][first] = nearest >= 0 && cost(stage, first, nearest - first) <= limit;
                }
            }

            var boundaries = new int[stages + 1];
            for (int stage = 0; stage < stages; stage++)
            {
                boundaries[stage + 1] = boundaries[stage] + 1;
                while (!possible[stage + 1][boundaries[stage + 1]])
                    boundaries[stage + 1]++;
            }

            return boundaries;
        }

        // Dynamic program from the last stage to the first: the least sum of squares of the stages from this one on, for every first layer
        // of it. Null where that takes too many steps.
        public int[]? EvenBoundaries(long limit)
        {
            // So many low bits are dropped that the sum of 4,096 squares stays below 2^62.
            int shift = 0;
            while (limit >> shift >= 1 << 25)
                shift++;

            long steps = 0;
            var ends = new int[stages][];
            long[] following = Unreached();
            following[layers] = 0;
            for (int stage = stages - 1; stage >= 0; stage--)
            {
                long[] squares = Unreached();
                ends[stage] = new int[Last(stage) - stage + 1];
                for (int first = stage; first <= Last(stage); first++)
                {
                    if (++steps > MaximumSteps)
                        return null;
                    for (int end = first + 1; end <= Last(stage + 1); end++)
                    {
                        long ticks = cost(stage, first, end - first);
                        if (ticks > limit)
                            break;
                        steps++;
                        if (following[end] == long.MaxValue)
                            continue;
                        long sum = ((ticks >> shift) * (ticks >> shift)) + following[end];
                        if (sum < squares[first])
                            (squares[first], ends[stage][first - stage]) = (sum, end);
                    }
                }

                following = squares;
            }

            var boundaries = new int[stages + 1];
            for (int stage = 0; stage < stages; stage++)
                boundaries[stage + 1] = ends[stage][boundaries[stage] - stage];
            return boundaries;
        }

        private long[] Unreached()
        {
            var squares = new long[layers + 1];
            for (int first = 0; first <= layers; first++)
                squares[first] = long.MaxValue;
            return squares;
        }
    }
}
