using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Pipelines.Tuning;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines.Tuning;

/// <summary>What every pipeline has to fulfil, checked from the definitions.</summary>
internal static class Legality
{
    public static void Check(PipelineProblem problem, PipelineCandidate candidate)
    {
        // Contiguous stages over all layers, each with a layer that is not pinned; each device with a stage.
        (EquatableArray<int> boundaries, EquatableArray<int> placement) = (candidate.Boundaries, candidate.StageDevices);
        int stages = placement.Count;
        Assert.Equal(stages + 1, boundaries.Count);
        Assert.Equal(0, boundaries[0]);
        Assert.Equal(problem.Layers.Count, boundaries[stages]);
        for (int stage = 0; stage < stages; stage++)
        {
            int pinned = (stage == 0 ? problem.PinnedFirst : 0) + (stage == stages - 1 ? problem.PinnedLast : 0);
            Assert.True(boundaries[stage + 1] - boundaries[stage] > pinned, $"stage {stage} of {string.Join(' ', boundaries)}");
        }

        Assert.Equal(Enumerable.Range(0, problem.Devices), placement.Distinct().Order());

        // Every action once, on its device.
        ActionKind[] kinds = problem.SplitBackward
            ? [ActionKind.Forward, ActionKind.BackwardInput, ActionKind.BackwardWeight]
            : [ActionKind.Forward, ActionKind.Backward];
        Assert.Equal(problem.Devices, candidate.Orders.Count);
        for (int device = 0; device < problem.Devices; device++)
        {
            Assert.Equal(
                (from kind in kinds
                 from stage in Enumerable.Range(0, stages)
                 where placement[stage] == device
                 from unit in Enumerable.Range(0, problem.MicroBatches)
                 select new PipelineAction(kind, stage, unit)).ToHashSet(),
                candidate.Orders[device].ToHashSet());
            Assert.Equal(candidate.Orders[device].Count, candidate.Orders[device].Distinct().Count());
            Assert.Equal(candidate.Orders[device], candidate.Timeline.Devices[device].Select(timed => timed.Action).ToEquatableArray());
        }

        CheckTimes(problem, candidate);
        CheckMemory(problem, candidate);
    }

    // One action at a time, as long as it takes, after its input.
    private static void CheckTimes(PipelineProblem problem, PipelineCandidate candidate)
    {
        EquatableArray<int> placement = candidate.StageDevices;
        var times = candidate.Timeline.Devices.SelectMany(device => device).ToDictionary(timed => timed.Action);
        long Hop(int boundary)
        {
            (int from, int to) = (placement[boundary], placement[boundary + 1]);
            return from == to ? 0 : problem.Hops.Count == 0 ? problem.Hop : problem.Hops[(from * problem.Devices) + to];
        }

        for (int device = 0; device < problem.Devices; device++)
        {
            long clock = 0;
            foreach (TimedAction timed in candidate.Timeline.Devices[device])
            {
                (ActionKind kind, int stage, _) = timed.Action;
                Assert.True(timed.Start >= clock);
                clock = timed.End;
                Assert.Equal(
                    Oracle.Ticks(problem, kind, candidate.Boundaries[stage], candidate.Boundaries[stage + 1], device), timed.End - timed.Start);
                if (kind == ActionKind.Forward)
                {
                    Assert.True(stage == 0 || timed.Start >= times[timed.Action with { Stage = stage - 1 }].End + Hop(stage - 1));
                }
                else if (kind == ActionKind.BackwardWeight)
                {
                    Assert.True(timed.Start >= times[timed.Action with { Kind = ActionKind.BackwardInput }].End);
                }
                else
                {
                    Assert.True(timed.Start >= times[timed.Action with { Kind = ActionKind.Forward }].End);
                    Assert.True(stage == placement.Count - 1 || timed.Start >= times[timed.Action with { Stage = stage + 1 }].End + Hop(stage));
                }
            }
        }

        Assert.Equal(times.Values.Max(timed => timed.End), candidate.Makespan);
    }

    // What is held just after each F in the order of the device, and always.
    private static void CheckMemory(PipelineProblem problem, PipelineCandidate candidate)
    {
        long Sum(int stage, Func<PipelineLayer, long> size) =>
            Enumerable.Range(candidate.Boundaries[stage], candidate.Boundaries[stage + 1] - candidate.Boundaries[stage])
                .Sum(layer => size(problem.Layers[layer]));
        ActionKind last = problem.SplitBackward ? ActionKind.BackwardWeight : ActionKind.Backward;
        for (int device = 0; device < problem.Devices; device++)
        {
            long resident = Enumerable.Range(0, candidate.StageDevices.Count)
                .Where(stage => candidate.StageDevices[stage] == device)
                .Sum(stage => Sum(stage, layer => layer.Resident));
            PipelineAction[] order = [.. candidate.Orders[device]];
            long peak = resident;
            for (int now = 0; now < order.Length; now++)
            {
                PipelineAction[] past = order[..(now + 1)];
                peak = Math.Max(peak, resident + past
                    .Where(action => action.Kind == ActionKind.Forward && !past.Contains(action with { Kind = last }))
                    .Sum(action => Sum(action.Stage, layer => layer.Held)));
            }

            Assert.Equal(peak, candidate.PeakHeld[device]);
            Assert.True(peak <= problem.ActivationCap, $"device {device} holds {peak} under a cap of {problem.ActivationCap}");
        }
    }
}
