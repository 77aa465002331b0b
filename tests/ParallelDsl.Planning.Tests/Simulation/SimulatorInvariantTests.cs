using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Planning.Tests.Pipelines;

namespace ParallelDsl.Planning.Tests.Simulation;

/// <summary>What holds for any orders, placement and costs, on shared links and on exclusive ones.</summary>
public class SimulatorInvariantTests
{
    internal static readonly Gen<StageCosts> SomeCosts =
        from ticks in Gen.Long[0, 20].Array[28]
        select new StageCosts(new([.. ticks[..7]]), new([.. ticks[7..14]]), new([.. ticks[14..21]]), new([.. ticks[21..]]));

    internal static StageCosts First(StageCosts costs, int stages) => new(
        costs.Forward.Take(stages).ToEquatableArray(),
        costs.BackwardInput.Take(stages).ToEquatableArray(),
        costs.BackwardWeight.Take(stages).ToEquatableArray(),
        costs.Hop.Take(stages).ToEquatableArray());

    [Fact]
    public void Every_action_once_in_order_after_what_it_needs() => Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts), 1_000, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs) = input;
        costs = First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);
        Timeline timeline = PipelineSimulator.Run(programs, placement, costs);

        // Every action once, in program order, one computation at a time, as long as it costs.
        var end = new Dictionary<PipelineAction, long>();
        for (int device = 0; device < programs.Count; device++)
        {
            Assert.Equal(programs[device].Actions, timeline.Devices[device].Select(timed => timed.Action).ToEquatableArray());
            long clock = 0;
            foreach (TimedAction timed in timeline.Devices[device].Where(timed => timed.Action.IsCompute))
            {
                Assert.True(timed.Start >= clock);
                Assert.Equal(timed.Start + costs.Of(timed.Action), timed.End);
                clock = timed.End;
                end.Add(timed.Action, timed.End);
            }

            Assert.Equal(
                timeline.Makespan,
                timeline.Work[device] + timeline.WarmupBubble[device] + timeline.ResidualBubble[device] + timeline.CooldownBubble[device]);
            Assert.True(timeline.WarmupBubble[device] >= 0 && timeline.ResidualBubble[device] >= 0 && timeline.CooldownBubble[device] >= 0);
            Assert.Equal(
                IdleTicks(timeline, device), (timeline.WarmupBubble[device], timeline.ResidualBubble[device], timeline.CooldownBubble[device]));
            Assert.Equal(Enumerable.Range(0, stageDevices.Length).Where(stage => stageDevices[stage] == device)
                .Sum(stage => microBatches * (costs.Forward[stage] + costs.BackwardInput[stage] + costs.BackwardWeight[stage])), timeline.Work[device]);
        }

        // Dependencies.
        long Hop(int boundary) => stageDevices[boundary] == stageDevices[boundary + 1] ? 0 : costs.Hop[boundary];
        foreach (TimedAction timed in timeline.Devices.SelectMany(device => device).Where(timed => timed.Action.IsCompute))
        {
            (ActionKind kind, int stage, _) = timed.Action;
            if (kind == ActionKind.Forward && stage > 0)
                Assert.True(timed.Start >= end[timed.Action with { Stage = stage - 1 }] + Hop(stage - 1));
            if (kind == ActionKind.BackwardWeight)
                Assert.True(timed.Start >= end[timed.Action with { Kind = ActionKind.BackwardInput }]);
            if (kind is ActionKind.Backward or ActionKind.BackwardInput)
            {
                Assert.True(timed.Start >= end[timed.Action with { Kind = ActionKind.Forward }]);
                if (stage + 1 < stageDevices.Length)
                    Assert.True(timed.Start >= end[timed.Action with { Stage = stage + 1 }] + Hop(stage));
            }
        }

        Assert.Equal(end.Values.Max(), timeline.Makespan);
        Assert.Equal(
            timeline.Devices.Select(device => device.Where(timed => timed.Action.IsCompute).ToList()).Where(device => device.Count > 0)
                .Max(device => device[^1].End - device[0].Start),
            timeline.Span);
        Assert.True(timeline.Makespan >= timeline.Span && timeline.Span >= timeline.Work.Max());
        Assert.True(timeline.Makespan >= timeline.Work.Max());

        // What is held, counted over time instead of over the program.
        for (int device = 0; device < programs.Count; device++)
        {
            int held = 0, peak = 0;
            var open = new HashSet<(int, int, ActionKind)>();
            foreach (PipelineAction action in programs[device].Actions.Where(action => action.IsCompute))
            {
                if (action.Kind == ActionKind.Forward)
                    peak = Math.Max(peak, ++held);
                else if (action.Kind == ActionKind.Backward || !open.Add((action.Stage, action.MicroBatch, default)))
                    held--;
            }

            Assert.Equal(0, held);
            Assert.Equal(peak, timeline.PeakUnitsInFlight[device]);

            // Stage by stage.
            int[] units = ActivationPeak.UnitsByStage(programs[device].Actions, placement);
            int[] gradients = ActivationPeak.GradientsByStage(programs[device].Actions, placement);
            for (int stage = 0; stage < placement.Count; stage++)
            {
                Assert.Equal(Held(programs[device], stage, stage - 1, stageDevices, ActionKind.Forward, ActionKind.Forward, ActionKind.ReceiveForward), units[stage]);
                Assert.Equal(Held(programs[device], stage, stage + 1, stageDevices, ActionKind.Backward, ActionKind.BackwardInput, ActionKind.ReceiveBackward), gradients[stage]);
            }
        }
    });

    [Fact]
    public void Times_are_the_longest_paths() => Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts, Gen.Bool), 1_000, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs, bool exclusive) = input;
        costs = First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> alone = orders.Select(order => new PipelineProgram(order)).ToEquatableArray();
        foreach (EquatableArray<PipelineProgram> programs in new[] { alone, PipelinePrograms.WithTransfers(orders, placement, microBatches) })
        {
            Dictionary<PipelineAction, (long Start, long End)> expected = NaiveTimes.Of(programs, placement, costs, exclusive)!;
            foreach (TimedAction timed in PipelineSimulator.Run(programs, placement, costs, exclusive).Devices.SelectMany(device => device))
            {
                if (expected.TryGetValue(timed.Action, out (long Start, long End) times))
                    Assert.Equal(times, (timed.Start, timed.End));
                else
                    Assert.Equal(expected[SendOf(timed.Action)].End, timed.Start);
            }
        }
    });

    private static PipelineAction SendOf(PipelineAction receive) => receive.Kind == ActionKind.ReceiveForward
        ? new(ActionKind.SendForward, receive.Stage - 1, receive.MicroBatch)
        : new(ActionKind.SendBackward, receive.Stage + 1, receive.MicroBatch);

    [Fact]
    public void A_fixed_order_never_gets_faster_when_something_takes_longer() =>
        Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts, SomeCosts, Gen.Bool), 1_000, input =>
    {
        ((var orders, int[] stageDevices, _), StageCosts costs, StageCosts more, bool exclusive) = input;
        costs = First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = orders.Select(order => new PipelineProgram(order)).ToEquatableArray();
        EquatableArray<long> Add(EquatableArray<long> left, EquatableArray<long> right) => left.Zip(right, (a, b) => a + b).ToEquatableArray();
        long makespan = PipelineSimulator.Run(programs, placement, costs, exclusive).Makespan;
        foreach (StageCosts dearer in new[]
        {
            costs with { Forward = Add(costs.Forward, more.Forward) },
            costs with { BackwardInput = Add(costs.BackwardInput, more.BackwardInput) },
            costs with { BackwardWeight = Add(costs.BackwardWeight, more.BackwardWeight) },
            costs with { Hop = Add(costs.Hop, more.Hop) },
            costs with { Overhead = 1 },
        })
        {
            Assert.True(PipelineSimulator.Run(programs, placement, dearer, exclusive).Makespan >= makespan);
        }
    });

    [Fact]
    public void Names_of_devices_do_not_matter() =>
        Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts, Gen.Int[0, 1_000_000].Array[4], Gen.Bool), 500, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs, int[] keys, bool exclusive) = input;
        costs = First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);

        // Device names[i] is called i.
        int[] names = [.. Enumerable.Range(0, programs.Count).OrderBy(device => keys[device])];
        Timeline timeline = PipelineSimulator.Run(programs, placement, costs, exclusive);
        Timeline renamed = PipelineSimulator.Run(
            names.Select(device => programs[device]).ToEquatableArray(),
            placement.Select(device => Array.IndexOf(names, device)).ToEquatableArray(),
            costs,
            exclusive);
        Assert.Equal((timeline.Makespan, timeline.Span), (renamed.Makespan, renamed.Span));
        Assert.Equal(names.Select(device => timeline.Devices[device]), renamed.Devices);
        Assert.Equal(names.Select(device => timeline.ResidualBubble[device]), renamed.ResidualBubble);
    });

    [Fact]
    public void Recorded_orders_replay() => Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts, Gen.Bool), 500, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs, bool exclusive) = input;
        costs = First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);
        Timeline timeline = PipelineSimulator.Run(programs, placement, costs, exclusive);

        // By start, and then as they come: actions that take no time share their tick with others.
        EquatableArray<PipelineProgram> recorded = timeline.Devices
            .Select(device => new PipelineProgram(
                device.Where(timed => timed.Action.IsCompute).OrderBy(timed => timed.Start).Select(timed => timed.Action).ToEquatableArray()))
            .ToEquatableArray();
        Timeline again = PipelineSimulator.Run(recorded, placement, costs, exclusive);
        Assert.Equal((timeline.Makespan, timeline.Span, timeline.Work), (again.Makespan, again.Span, again.Work));
        Assert.Equal(timeline, PipelineSimulator.Run(programs, placement, costs, exclusive));
    });

    // Tick by tick: before the first backward anywhere, in between, and after the last forward anywhere.
    private static (long WarmUp, long Residual, long CoolDown) IdleTicks(Timeline timeline, int device)
    {
        var all = timeline.Devices.SelectMany(each => each).Where(timed => timed.Action.IsCompute).ToList();
        long firstBackward = all.Where(timed => timed.Action.Kind != ActionKind.Forward).Min(timed => timed.Start);
        long lastForward = all.Where(timed => timed.Action.Kind == ActionKind.Forward).Max(timed => timed.End);
        var busy = new bool[timeline.Makespan];
        foreach (TimedAction timed in timeline.Devices[device].Where(timed => timed.Action.IsCompute))
            Array.Fill(busy, true, (int)timed.Start, (int)(timed.End - timed.Start));
        (long warmUp, long residual, long coolDown) = (0, 0, 0);
        for (int tick = 0; tick < busy.Length; tick++)
        {
            if (busy[tick])
                continue;
            if (tick < firstBackward)
                warmUp++;
            else if (tick >= lastForward)
                coolDown++;
            else
                residual++;
        }

        return (warmUp, residual, coolDown);
    }

    // The most units whose input (or the gradient of whose output) is on the device and whose weights' gradients are not done: made by the
    // neighbour where that is on the same device, received, or made by the stage's own action.
    private static int Held(
        PipelineProgram program, int stage, int neighbour, int[] stageDevices, ActionKind whole, ActionKind split, ActionKind receive)
    {
        int peak = 0;
        bool local = neighbour >= 0 && neighbour < stageDevices.Length && stageDevices[neighbour] == stageDevices[stage];
        for (int now = 0; now < program.Actions.Count; now++)
        {
            IEnumerable<int> arrived = program.Actions.Take(now + 1)
                .Where(action => (action.Kind == receive && action.Stage == stage)
                    || ((action.Kind == whole || action.Kind == split) && (action.Stage == stage || (local && action.Stage == neighbour))))
                .Select(action => action.MicroBatch).Distinct();
            int ended = program.Actions.Take(now).Count(action => action.Stage == stage && action.Kind is (ActionKind.Backward or ActionKind.BackwardWeight));
            peak = Math.Max(peak, arrived.Count() - ended);
        }

        return peak;
    }
}
