using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Planning.Tests.Pipelines;

namespace ParallelDsl.Planning.Tests.Simulation;

public class SimulatorTests
{
    private static EquatableArray<long> All(int stages, long ticks) => Enumerable.Repeat(ticks, stages).ToEquatableArray();

    private static StageCosts Uniform(int stages, long forward, long input, long weight, long hop = 0) =>
        new(All(stages, forward), All(stages, input), All(stages, weight), All(stages, hop));

    private static Timeline Simulate(PipelineSchedule schedule, int devices, int microBatches, int chunks, bool split, StageCosts costs) =>
        PipelineSimulator.Run(
            PipelinePrograms.Build(schedule, devices, microBatches, chunks, split),
            PipelinePrograms.CyclicPlacement(devices * chunks, devices),
            costs);

    [Theory]
    [InlineData(PipelineSchedule.GPipe)]
    [InlineData(PipelineSchedule.OneForwardOneBackward)]
    public void One_stage_a_device_takes_the_closed_form(PipelineSchedule schedule)
    {
        foreach (int devices in new[] { 1, 2, 3, 4, 8, 16 })
        {
            foreach (int microBatches in new[] { devices, devices + 1, 2 * devices, 3 * devices + 2 })
            {
                foreach ((long forward, long input, long weight) in new[] { (1L, 1L, 1L), (10, 11, 9), (3, 4, 0), (1, 7, 2) })
                {
                    long makespan = Simulate(schedule, devices, microBatches, 1, false, Uniform(devices, forward, input, weight)).Makespan;
                    Assert.Equal((microBatches + devices - 1) * (forward + input + weight), makespan);
                }
            }
        }
    }

    [Fact]
    public void Interleaving_takes_the_closed_form()
    {
        foreach (int devices in new[] { 1, 2, 4, 8 })
        {
            foreach (int rounds in new[] { 1, 2, 4 })
            {
                foreach (int chunks in new[] { 1, 2, 4, 8 })
                {
                    foreach ((long forward, long input, long weight) in new[] { (1L, 1L, 1L), (10, 11, 9), (1, 2, 0) })
                    {
                        int microBatches = devices * rounds;
                        Timeline timeline = Simulate(
                            PipelineSchedule.Interleaved, devices, microBatches, chunks, false, Uniform(devices * chunks, forward, input, weight));
                        long unit = forward + input + weight;

                        // A device's whole share is its chunks together.
                        Assert.Equal((microBatches * unit * chunks) + ((devices - 1) * unit), timeline.Makespan);
                    }
                }
            }
        }
    }

    [Fact]
    public void One_forward_one_backward_holds_as_many_units_as_stages_follow()
    {
        foreach (int devices in new[] { 1, 2, 4, 7 })
        {
            foreach (int microBatches in new[] { devices, devices + 3, 4 * devices })
            {
                Timeline timeline = Simulate(PipelineSchedule.OneForwardOneBackward, devices, microBatches, 1, false, Uniform(devices, 1, 1, 1));
                for (int device = 0; device < devices; device++)
                    Assert.Equal(Math.Min(microBatches, devices - device), timeline.PeakUnitsInFlight[device]);
                timeline = Simulate(PipelineSchedule.GPipe, devices, microBatches, 1, false, Uniform(devices, 1, 1, 1));
                Assert.All(timeline.PeakUnitsInFlight, peak => Assert.Equal(microBatches, peak));
            }
        }
    }

    // Fitted layer times of nemotron-nano-v2-9B in ticks of 0.01 ms, published by the authors of AdaPtis/OctoPipe with their simulator:
    // E embedding, M Mamba, - feed-forward, * attention, L head and loss.
    private const string Nemotron = "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-";

    private static (long Forward, long Input, long Weight) NemotronLayer(char kind) => kind switch
    {
        'E' => (76, 287, 0),
        'M' => (268, 430, 176),
        '-' => (185, 191, 169),
        '*' => (193, 245, 65),
        _ => (1_422, 1_571, 6),
    };

    private static StageCosts NemotronStages()
    {
        Assert.Equal(56, Nemotron.Length);
        var stages = Enumerable.Range(0, 4).Select(stage =>
        {
            string layers = $"{Nemotron.Substring(14 * stage, 14)}{(stage == 0 ? "E" : stage == 3 ? "L" : "")}";
            return (Forward: layers.Sum(kind => NemotronLayer(kind).Forward),
                Input: layers.Sum(kind => NemotronLayer(kind).Input),
                Weight: layers.Sum(kind => NemotronLayer(kind).Weight));
        }).ToList();
        return new(
            stages.Select(stage => stage.Forward).ToEquatableArray(),
            stages.Select(stage => stage.Input).ToEquatableArray(),
            stages.Select(stage => stage.Weight).ToEquatableArray(),
            All(4, 0));
    }

    [Fact]
    public void Golden_nemotron_nano_unsplit()
    {
        Timeline timeline = Simulate(PipelineSchedule.OneForwardOneBackward, 4, 8, 1, false, NemotronStages());
        Assert.Equal(133_121, timeline.Makespan);
        Assert.Equal([85_000, 76_160, 76_160, 103_456], timeline.Work);
        long[] bubbles =
            [.. Enumerable.Range(0, 4).Select(device => timeline.WarmupBubble[device] + timeline.ResidualBubble[device] + timeline.CooldownBubble[device])];
        Assert.Equal([48_121, 56_961, 56_961, 29_665], bubbles);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.Build(PipelineSchedule.OneForwardOneBackward, 4, 8);
        Assert.Equal(56, programs.Max(program => ActivationPeak.Weight(program.Actions, _ => 14)));
    }

    [Fact]
    public void Golden_nemotron_nano_with_W_right_after_B() => Assert.Equal(
        126_300, Simulate(PipelineSchedule.OneForwardOneBackward, 4, 8, 1, true, NemotronStages()).Makespan);

    [Fact]
    public void Hops_delay_and_transfers_last_as_long()
    {
        Timeline timeline = Simulate(PipelineSchedule.GPipe, 2, 1, 1, false, Uniform(2, 2, 3, 4, hop: 10));
        Assert.Equal(2 + 10 + 2 + 7 + 10 + 7, timeline.Makespan);
        Assert.Equal(
            ["F0.0 0-2", "SF0.0 2-12", "RB0.0 31-31", "X0.0 31-38"],
            timeline.Devices[0].Select(timed => $"{PipelineText.Write(timed.Action)} {timed.Start}-{timed.End}"));
        Assert.Equal(
            ["RF1.0 12-12", "F1.0 12-14", "X1.0 14-21", "SB1.0 21-31"],
            timeline.Devices[1].Select(timed => $"{PipelineText.Write(timed.Action)} {timed.Start}-{timed.End}"));

        // Device 0: 2 ticks of work before the first backward at 14; the last forward ends then.
        Assert.Equal([12, 12], timeline.WarmupBubble);
        Assert.Equal([0, 0], timeline.ResidualBubble);
        Assert.Equal([17, 17], timeline.CooldownBubble);
    }

    [Fact]
    public void A_hop_inside_a_device_is_free()
    {
        EquatableArray<PipelineProgram> programs = PipelinePrograms.Build(PipelineSchedule.Interleaved, 1, 1, 2);
        Assert.Equal(6, PipelineSimulator.Run(programs, [0, 0], Uniform(2, 1, 1, 1, hop: 100)).Makespan);
    }

    private static readonly Gen<StageCosts> SomeCosts =
        from ticks in Gen.Long[0, 20].Array[28]
        select new StageCosts(new([.. ticks[..7]]), new([.. ticks[7..14]]), new([.. ticks[14..21]]), new([.. ticks[21..]]));

    private static StageCosts First(StageCosts costs, int stages) => new(
        costs.Forward.Take(stages).ToEquatableArray(),
        costs.BackwardInput.Take(stages).ToEquatableArray(),
        costs.BackwardWeight.Take(stages).ToEquatableArray(),
        costs.Hop.Take(stages).ToEquatableArray());

    [Fact]
    public void Invariants_hold_for_any_pipeline() => Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SomeCosts, SomeCosts), 1_000, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs, StageCosts more) = input;
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
        Assert.True(timeline.Makespan >= timeline.Work.Max());

        // A fixed order never gets faster when anything takes longer.
        EquatableArray<long> Add(EquatableArray<long> left, EquatableArray<long> right) => left.Zip(right, (a, b) => a + b).ToEquatableArray();
        StageCosts dearer = new(
            Add(costs.Forward, more.Forward), Add(costs.BackwardInput, more.BackwardInput),
            Add(costs.BackwardWeight, more.BackwardWeight), Add(costs.Hop, more.Hop));
        Assert.True(PipelineSimulator.Run(programs, placement, dearer).Makespan >= timeline.Makespan);

        // Names of devices do not matter.
        int last = programs.Count - 1;
        Timeline reversed = PipelineSimulator.Run(
            programs.Reverse().ToEquatableArray(), placement.Select(device => last - device).ToEquatableArray(), costs);
        Assert.Equal(timeline.Makespan, reversed.Makespan);
        Assert.Equal(timeline.Devices, reversed.Devices.Reverse().ToEquatableArray());

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

    [Fact]
    public void Bad_input_is_refused()
    {
        EquatableArray<PipelineProgram> Programs(params string[] texts) => new([.. texts.Select(PipelineText.ParseProgram)]);
        StageCosts two = Uniform(2, 1, 1, 1);
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0 X0.0"), [0], two));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0 X0.0"), [0], Uniform(1, -1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("X0.0 F0.0"), [0], Uniform(1, 1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F1.0", "F0.0"), [0, 1], two));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F7.0"), [0], Uniform(1, 1, 1, 1)));
        Assert.Throws<OverflowException>(() => PipelineSimulator.Run(
            PipelinePrograms.Build(PipelineSchedule.GPipe, 1, 4), [0], Uniform(1, long.MaxValue / 2, 1, 1)));
    }
}
