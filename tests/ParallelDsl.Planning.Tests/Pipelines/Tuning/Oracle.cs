using Google.OrTools.Sat;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>The optimum of a small pipeline over every partition, placement and order, proven by a constraint solver (CP-SAT). Shares no
/// code with the tuner but the description of the problem.</summary>
/// <remarks>
/// <para>Without overhead and with work in ticks only the finest partition needs a look. Take any schedule of a coarser one and replace
/// each action of a merged stage by those of its layers, back to back on the same device, the backward ones from the last layer to the first.
/// Nothing moves in time: a hop within a device is free; F of the merged stage ends with F of its last layer, and B (or X) with that of its
/// first; each layer's W starts no earlier than its B ended. And a device holds no more: a layer is held from its own F, not from the
/// first one's, to its own W, not to the last one's. Pinned layers cannot be parted from the layer beside them and stay merged. With an
/// overhead, or with rates, which round up once an action, each partition is solved on its own.</para>
/// <para>Micro-batches are alike, so each action of a stage takes them in order: from any schedule give the i-th start of each kind of action
/// of a stage to micro-batch i. Where every y waits for its own x, the i-th y waits for the i-th x, and the number of units held
/// at any time stays the same.</para>
/// </remarks>
internal static class Oracle
{
    // Far more than any problem of the tests takes; a solve that ends here is not optimal, and fails.
    private const string Parameters = "num_workers:1, random_seed:1, max_deterministic_time:100";

    /// <summary>The optimum, as orders that reach it; null where no pipeline keeps the cap (or none ends within
    /// <paramref name="limit"/>).</summary>
    public static Optimum? Of(PipelineProblem problem, long limit = long.MaxValue)
    {
        int[] finest = Finest(problem);
        if (problem.Overhead == 0 && problem.Rates.Count == 0)
            return Solve(problem, finest, limit);
        Optimum? best = null;
        for (int cuts = 0; cuts < 1 << (finest.Length - 2); cuts++)
        {
            int[] boundaries = [.. finest.Where((_, index) => index == 0 || index == finest.Length - 1 || (cuts >> (index - 1) & 1) == 1)];
            if (boundaries.Length <= problem.Devices)
                continue;
            Optimum? found = Solve(problem, boundaries, best is null ? limit : best.Makespan - 1);
            best = found ?? best;
        }

        return best;
    }

    /// <summary>The boundaries of the stages that nothing can divide.</summary>
    public static int[] Finest(PipelineProblem problem) =>
    [
        0, .. Enumerable.Range(problem.PinnedFirst + 1, problem.FreeLayers - 1), problem.Layers.Count,
    ];

    private static Optimum? Solve(PipelineProblem problem, int[] boundaries, long limit)
    {
        int stages = boundaries.Length - 1, devices = problem.Devices, units = problem.MicroBatches;
        ActionKind[] kinds = problem.SplitBackward
            ? [ActionKind.Forward, ActionKind.BackwardInput, ActionKind.BackwardWeight]
            : [ActionKind.Forward, ActionKind.Backward];
        long[][][] ticks = [.. Enumerable.Range(0, stages).Select(stage => Enumerable.Range(0, devices).Select(device =>
            kinds.Select(kind => Ticks(problem, kind, boundaries[stage], boundaries[stage + 1], device)).ToArray()).ToArray())];

        // One unit after the other, on the slowest devices.
        long longestHop = problem.Hops.Count == 0 ? problem.Hop : problem.Hops.Max();
        long horizon = Math.Min(limit, units * (ticks.Sum(stage => stage.Max(device => device.Sum())) + (2 * longestHop * (stages - 1))));

        var model = new CpModel();
        IntVar makespan = model.NewIntVar(0, horizon, "makespan");
        model.Minimize(makespan);

        // Where each stage lies; every device has one. Devices that are alike are numbered as they come.
        var on = new BoolVar[stages, devices];
        for (int stage = 0; stage < stages; stage++)
        {
            for (int device = 0; device < devices; device++)
                on[stage, device] = model.NewBoolVar($"on {stage} {device}");
            model.AddExactlyOne(Enumerable.Range(0, devices).Select(device => on[stage, device]));
        }

        for (int device = 0; device < devices; device++)
        {
            model.AddBoolOr(Enumerable.Range(0, stages).Select(stage => on[stage, device]));
            for (int stage = 0; stage < stages && device > 0 && problem.Hops.Count == 0 && problem.Rates.Count == 0; stage++)
                model.AddBoolOr(Enumerable.Range(0, stage).Select(before => (ILiteral)on[before, device - 1]).Append(on[stage, device].Not()));
        }

        // When each action starts.
        var start = new IntVar[stages, units, kinds.Length];
        var end = new LinearExpr[stages, units, kinds.Length];
        for (int stage = 0; stage < stages; stage++)
        {
            for (int unit = 0; unit < units; unit++)
            {
                for (int kind = 0; kind < kinds.Length; kind++)
                {
                    start[stage, unit, kind] = model.NewIntVar(0, horizon, $"{kinds[kind]} {stage} {unit}");
                    end[stage, unit, kind] = start[stage, unit, kind] + LinearExpr.WeightedSum(
                        Enumerable.Range(0, devices).Select(device => on[stage, device]),
                        Enumerable.Range(0, devices).Select(device => ticks[stage][device][kind]));
                    model.Add(end[stage, unit, kind] <= makespan);
                    if (unit > 0)
                        model.Add(start[stage, unit, kind] >= end[stage, unit - 1, kind]);
                    if (kind > 0)
                        model.Add(start[stage, unit, kind] >= end[stage, unit, kind - 1]);
                }
            }
        }

        // Inputs: at once on the same device, else after the hop.
        for (int stage = 0; stage + 1 < stages; stage++)
        {
            for (int unit = 0; unit < units; unit++)
            {
                model.Add(start[stage + 1, unit, 0] >= end[stage, unit, 0]);
                model.Add(start[stage, unit, 1] >= end[stage + 1, unit, 1]);
                for (int from = 0; from < devices; from++)
                {
                    for (int to = 0; to < devices; to++)
                    {
                        if (from == to)
                            continue;
                        long hop = problem.Hops.Count == 0 ? problem.Hop : problem.Hops[(from * devices) + to];
                        ILiteral[] here = [on[stage, from], on[stage + 1, to]];
                        model.Add(start[stage + 1, unit, 0] >= end[stage, unit, 0] + hop).OnlyEnforceIf(here);
                        model.Add(start[stage, unit, 1] >= end[stage + 1, unit, 1] + hop).OnlyEnforceIf(here);
                    }
                }
            }
        }

        for (int device = 0; device < devices; device++)
        {
            // One action at a time.
            var actions = new List<IntervalVar>();
            for (int stage = 0; stage < stages; stage++)
            {
                for (int unit = 0; unit < units; unit++)
                {
                    for (int kind = 0; kind < kinds.Length; kind++)
                        actions.Add(model.NewOptionalFixedSizeIntervalVar(start[stage, unit, kind], ticks[stage][device][kind], on[stage, device], ""));
                }
            }

            model.AddNoOverlap(actions);
            model.Add(makespan >= LinearExpr.WeightedSum(
                Enumerable.Range(0, stages).Select(stage => on[stage, device]),
                Enumerable.Range(0, stages).Select(stage => units * ticks[stage][device].Sum())));

            // What is held, from the start of F to the end of the last action.
            if (problem.ActivationCap == long.MaxValue)
                continue;
            CumulativeConstraint held = model.AddCumulative(problem.ActivationCap);
            for (int stage = 0; stage < stages; stage++)
            {
                IEnumerable<PipelineLayer> layers = problem.Layers.Skip(boundaries[stage]).Take(boundaries[stage + 1] - boundaries[stage]);
                held.AddDemand(model.NewOptionalFixedSizeIntervalVar(model.NewConstant(0), horizon, on[stage, device], ""), layers.Sum(layer => layer.Resident));
                for (int unit = 0; unit < units; unit++)
                {
                    IntVar until = model.NewIntVar(0, horizon, ""), time = model.NewIntVar(0, horizon, "");
                    model.Add(until == end[stage, unit, kinds.Length - 1]);
                    held.AddDemand(
                        model.NewOptionalIntervalVar(start[stage, unit, 0], time, until, on[stage, device], ""),
                        layers.Sum(layer => layer.Held));
                }
            }
        }

        var solver = new CpSolver { StringParameters = Parameters };
        CpSolverStatus status = solver.Solve(model);
        if (status == CpSolverStatus.Infeasible)
            return null;
        Assert.True(status == CpSolverStatus.Optimal, $"the oracle ended with {status}");
        int[] placement = [.. Enumerable.Range(0, stages).Select(stage => Enumerable.Range(0, devices).Single(device => solver.BooleanValue(on[stage, device])))];
        var orders = new EquatableArray<PipelineAction>[devices];
        for (int device = 0; device < devices; device++)
        {
            // Of actions that start together all but one take no time; among those F, B and W of a unit come in this order, and B from the last
            // stage to the first.
            orders[device] =
            [
                .. from stage in Enumerable.Range(0, stages)
                   where placement[stage] == device
                   from unit in Enumerable.Range(0, units)
                   from kind in Enumerable.Range(0, kinds.Length)
                   let ordinal = (kind * stages) + (kind == 0 ? stage : stages - stage)
                   orderby solver.Value(start[stage, unit, kind]), ticks[stage][device][kind] > 0, unit, ordinal
                   select new PipelineAction(kinds[kind], stage, unit),
            ];
        }

        return new(checked((long)solver.ObjectiveValue), new(boundaries), new(placement), new(orders));
    }

    /// <summary>Ticks of one action of a stage.</summary>
    public static long Ticks(PipelineProblem problem, ActionKind kind, int first, int end, int device)
    {
        PipelineLayer[] layers = [.. problem.Layers.Skip(first).Take(end - first)];
        long forward = problem.TicksOn(device, layers.Sum(layer => layer.Forward));
        long input = problem.TicksOn(device, layers.Sum(layer => layer.BackwardInput));
        long weight = problem.TicksOn(device, layers.Sum(layer => layer.BackwardWeight));
        return problem.Overhead + kind switch
        {
            ActionKind.Forward => forward,
            ActionKind.BackwardInput => input,
            ActionKind.BackwardWeight => weight,
            _ => input + weight,
        };
    }

    /// <summary>A pipeline that nothing beats.</summary>
    public sealed record Optimum(
        long Makespan,
        EquatableArray<int> Boundaries,
        EquatableArray<int> StageDevices,
        EquatableArray<EquatableArray<PipelineAction>> Orders);
}
