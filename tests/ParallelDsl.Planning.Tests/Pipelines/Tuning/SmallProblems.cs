using CsCheck;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>Random pipelines that are small enough to be solved exactly.</summary>
internal static class SmallProblems
{
    // Costs of B and W may be nothing, as those of a loss.
    private static readonly Gen<PipelineLayer> Layer =
        from forward in Gen.Long[1, 9]
        from input in Gen.Long[0, 9]
        from weight in Gen.Long[0, 9]
        from held in Gen.Long[1, 3]
        from resident in Gen.Long[0, 2]
        select new PipelineLayer(forward, input, weight, held, resident);

    /// <summary>Problems with up to so many devices, layers and micro-batches: with and without pinned layers, hop, cap and split backwards.
    /// There is always a pipeline that keeps the cap.</summary>
    public static Gen<PipelineProblem> Of(int devices, int layers, int microBatches, bool overhead = false, bool uneven = false) =>
        Of(Gen.Int[1, devices], Gen.Int[1, layers], Gen.Int[1, microBatches], overhead, uneven);

    /// <summary>The same with counts of one's own; there are at least as many layers as devices.</summary>
    public static Gen<PipelineProblem> Of(Gen<int> devices, Gen<int> layers, Gen<int> microBatches, bool overhead = false, bool uneven = false) =>
        from p in devices
        from count in layers
        from costs in Layer.Array[Math.Max(p, count)]
        from m in microBatches
        from pinned in Gen.Int[0, Math.Min(2, costs.Length - p)]
        from pinnedFirst in Gen.Int[0, pinned]
        from hop in Gen.OneOf(Gen.Const(0L), Gen.Long[1, 6])
        from hops in Gen.Long[0, 6].Array[9]
        from rates in Gen.Long[1, 3].Array[p]
        from extra in Gen.Long[1, 3]
        from split in Gen.Int[0, 3]
        from room in Gen.OneOf(Gen.Const(long.MaxValue), Gen.Long[0, 8])
        let problem = new PipelineProblem(
            new(costs), p, m, pinnedFirst, pinned - pinnedFirst, hop, SplitBackward: split > 0, Overhead: overhead ? extra : 0)
        {
            // The same both ways.
            Hops = uneven
                ? Enumerable.Range(0, p * p).Select(index => hops[(3 * Math.Min(index / p, index % p)) + Math.Max(index / p, index % p)]).ToEquatableArray()
                : default,
            Rates = uneven ? new(rates) : default,
        }
        select problem with { ActivationCap = room == long.MaxValue ? room : SmallestCap(problem) + room };

    /// <summary>The least that any pipeline can hold: one unit in all stages of each device, stages as small as can be. A smaller one is
    /// impossible, since the first unit is forwarded wholly before any of it is freed; and this one is enough for one unit
    /// after the other.</summary>
    public static long SmallestCap(PipelineProblem problem)
    {
        int[] boundaries = Oracle.Finest(problem);
        int stages = boundaries.Length - 1;
        long least = long.MaxValue;
        void Place(int stage, long[] held, int used)
        {
            if (stage == stages)
            {
                if (held.All(size => size >= 0))
                    least = Math.Min(least, held.Max());
                return;
            }

            long size = problem.Layers.Skip(boundaries[stage]).Take(boundaries[stage + 1] - boundaries[stage]).Sum(layer => layer.Held + layer.Resident);
            for (int device = 0; device < Math.Min(problem.Devices, used + 1); device++)
            {
                // Negative where a device has no stage yet.
                var next = (long[])held.Clone();
                next[device] = Math.Max(0, next[device]) + size;
                Place(stage + 1, next, Math.Max(used, device + 1));
            }
        }

        Place(0, [.. Enumerable.Repeat(-1L, problem.Devices)], 0);
        return least;
    }

    /// <summary>A problem on one line, to find it again in a failure.</summary>
    public static string Text(PipelineProblem problem) => FormattableString.Invariant(
        $"p {problem.Devices} m {problem.MicroBatches} pinned {problem.PinnedFirst}+{problem.PinnedLast} hop {problem.Hop} [{string.Join(' ', problem.Hops)}] overhead {problem.Overhead} cap {(problem.ActivationCap == long.MaxValue ? "none" : problem.ActivationCap)} split {problem.SplitBackward} rates [{string.Join(' ', problem.Rates)}] layers {string.Join(' ', problem.Layers.Select(layer => $"({layer.Forward},{layer.BackwardInput},{layer.BackwardWeight};{layer.Held},{layer.Resident})"))}");
}
