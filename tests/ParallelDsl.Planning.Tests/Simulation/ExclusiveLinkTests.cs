using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;
using ParallelDsl.Planning.Tests.Pipelines;

namespace ParallelDsl.Planning.Tests.Simulation;

public class ExclusiveLinkTests
{
    private static EquatableArray<PipelineProgram> Programs(params string[] texts) => new([.. texts.Select(PipelineText.ParseProgram)]);

    private static string[] Text(EquatableArray<TimedAction> device) =>
        [.. device.Select(timed => $"{PipelineText.Write(timed.Action)} {timed.Start}-{timed.End}")];

    // F takes 2 ticks, X 1, a hop 5.
    private static StageCosts Costs(int stages) => Spans.Uniform(stages, 2, 1, 0, hop: 5);

    [Fact]
    public void A_transfer_waits_until_the_one_before_it_has_arrived()
    {
        EquatableArray<PipelineProgram> programs = PipelinePrograms.Build(PipelineSchedule.GPipe, 2, 2);
        Timeline timeline = PipelineSimulator.Run(programs, [0, 1], Costs(2), exclusiveLinks: true);
        Assert.Equal(
            ["F0.0 0-2", "SF0.0 2-7", "F0.1 2-4", "SF0.1 7-12", "RB0.0 20-20", "X0.0 20-21", "RB0.1 25-25", "X0.1 25-26"],
            Text(timeline.Devices[0]));
        Assert.Equal(
            ["RF1.0 7-7", "F1.0 7-9", "RF1.1 12-12", "F1.1 12-14", "X1.0 14-15", "SB1.0 15-20", "X1.1 15-16", "SB1.1 20-25"],
            Text(timeline.Devices[1]));
        Assert.Equal(26, timeline.Makespan);
        Assert.Equal(19, PipelineSimulator.Run(programs, [0, 1], Costs(2)).Makespan);

        // The same without sends.
        programs = Programs("F0.0 F0.1 X0.0 X0.1", "F1.0 F1.1 X1.0 X1.1");
        Assert.Equal(26, PipelineSimulator.Run(programs, [0, 1], Costs(2), exclusiveLinks: true).Makespan);
    }

    [Fact]
    public void The_order_of_the_sends_is_the_order_on_the_link()
    {
        Timeline timeline = PipelineSimulator.Run(
            Programs("F0.0 F0.1 SF0.1 SF0.0", "F1.1 F1.0"), [0, 1], Costs(2), exclusiveLinks: true);
        Assert.Equal(["F0.0 0-2", "F0.1 2-4", "SF0.1 4-9", "SF0.0 9-14"], Text(timeline.Devices[0]));
        Assert.Equal(["F1.1 9-11", "F1.0 14-16"], Text(timeline.Devices[1]));
    }

    // The value of F0.1 goes before those of F0.2 and F0.0, whose sends stand behind it.
    [Fact]
    public void A_value_without_a_send_has_its_place_where_it_is_made()
    {
        Timeline timeline = PipelineSimulator.Run(
            Programs("F0.0 F0.1 F0.2 SF0.2 SF0.0", "F1.1 F1.2 F1.0"), [0, 1], Costs(2), exclusiveLinks: true);
        Assert.Equal(["F0.0 0-2", "F0.1 2-4", "F0.2 4-6", "SF0.2 9-14", "SF0.0 14-19"], Text(timeline.Devices[0]));
        Assert.Equal(["F1.1 9-11", "F1.2 14-16", "F1.0 19-21"], Text(timeline.Devices[1]));
    }

    [Fact]
    public void Both_ways_between_two_devices_are_links_of_their_own()
    {
        // Device 1 sends back from 15 on, while device 0 sends until 17.
        Timeline timeline = PipelineSimulator.Run(
            Programs("F0.0 F0.1 F0.2 X0.0", "F1.0 F1.1 X1.0 F1.2"), [0, 1], Costs(2), exclusiveLinks: true);
        Assert.Equal(["F0.0 0-2", "F0.1 2-4", "F0.2 4-6", "X0.0 20-21"], Text(timeline.Devices[0]));
        Assert.Equal(["F1.0 7-9", "F1.1 12-14", "X1.0 14-15", "F1.2 17-19"], Text(timeline.Devices[1]));
    }

    [Fact]
    public void Sends_that_wait_for_one_another_are_named()
    {
        EquatableArray<PipelineProgram> programs = Programs("F0.0 F2.0 SF2.0 SF0.0", "F1.0 F3.0");
        Assert.Equal(23, PipelineSimulator.Run(programs, [0, 1, 0, 1], Costs(4)).Makespan);
        ArgumentException exception = Assert.Throws<ArgumentException>(() =>
            PipelineSimulator.Run(programs, [0, 1, 0, 1], Costs(4), exclusiveLinks: true));
        Assert.Equal(
            "deadlock: the link from device 0 to device 1 has to carry SF2.0 next, which waits for a send behind it or is never made",
            exception.Message);
    }

    [Fact]
    public void Transfers_on_a_link_keep_their_order_and_do_not_overlap() =>
        Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SimulatorInvariantTests.SomeCosts), 1_000, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs) = input;
        costs = SimulatorInvariantTests.First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);
        Timeline timeline = PipelineSimulator.Run(programs, placement, costs, exclusiveLinks: true);
        foreach (EquatableArray<TimedAction> device in timeline.Devices)
        {
            Dictionary<PipelineAction, long> ends = device.ToDictionary(timed => timed.Action, timed => timed.End);
            long Ready(PipelineAction send) => send.Kind == ActionKind.SendForward
                ? ends[send with { Kind = ActionKind.Forward }]
                : ends.TryGetValue(send with { Kind = ActionKind.Backward }, out long whole) ? whole : ends[send with { Kind = ActionKind.BackwardInput }];
            var links = device
                .Where(timed => timed.Action.Kind is ActionKind.SendForward or ActionKind.SendBackward)
                .GroupBy(timed => stageDevices[timed.Action.Stage + (timed.Action.Kind == ActionKind.SendForward ? 1 : -1)]);
            foreach (var link in links)
            {
                (long free, long ready) = (0, 0);
                foreach (TimedAction timed in link)
                {
                    (PipelineAction action, bool forward) = (timed.Action, timed.Action.Kind == ActionKind.SendForward);
                    Assert.True(Ready(action) >= ready);
                    ready = Ready(action);

                    // As soon as it can, and busy for the hop.
                    Assert.Equal(Math.Max(free, ready), timed.Start);
                    Assert.Equal(timed.Start + costs.Hop[forward ? action.Stage : action.Stage - 1], timed.End);
                    free = timed.End;
                }
            }
        }

        // Without sends the order is the same, so every computation is when it was.
        Timeline alone = PipelineSimulator.Run(
            orders.Select(order => new PipelineProgram(order)).ToEquatableArray(), placement, costs, exclusiveLinks: true);
        Assert.Equal(
            timeline.Devices.Select(device => device.Where(timed => timed.Action.IsCompute).ToEquatableArray()).ToEquatableArray(), alone.Devices);
    });

    [Fact]
    public void Never_faster_than_shared_links_and_the_same_where_hops_are_free() =>
        Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SimulatorInvariantTests.SomeCosts), 1_000, input =>
    {
        ((var orders, int[] stageDevices, int microBatches), StageCosts costs) = input;
        costs = SimulatorInvariantTests.First(costs, stageDevices.Length);
        EquatableArray<int> placement = new(stageDevices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);
        Timeline shared = PipelineSimulator.Run(programs, placement, costs);
        Timeline exclusive = PipelineSimulator.Run(programs, placement, costs, exclusiveLinks: true);
        foreach ((TimedAction sooner, TimedAction later) in shared.Devices.SelectMany(device => device).Zip(exclusive.Devices.SelectMany(device => device)))
            Assert.True(later.Start >= sooner.Start && later.End >= sooner.End);
        StageCosts free = costs with { Hop = costs.Hop.Select(_ => 0L).ToEquatableArray() };
        Assert.Equal(PipelineSimulator.Run(programs, placement, free), PipelineSimulator.Run(programs, placement, free, exclusiveLinks: true));
    });

    // Some sends left out, and the rest anywhere in the program, even before what makes their values.
    [Fact]
    public void Sends_anywhere_give_the_longest_paths_or_a_deadlock()
    {
        int deadlocks = 0;
        Cases.Check(Gen.Select(PipelineProgramsTests.RandomOrders, SimulatorInvariantTests.SomeCosts, Gen.Int[0, 1_000_000].Array[200]), 1_000, input =>
        {
            ((var orders, int[] stageDevices, int microBatches), StageCosts costs, int[] choices) = input;
            costs = SimulatorInvariantTests.First(costs, stageDevices.Length);
            EquatableArray<int> placement = new(stageDevices);
            int choice = 0;
            EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches)
                .Zip(orders, (program, order) =>
                {
                    List<PipelineAction> scattered = [.. order];
                    foreach (PipelineAction send in program.Actions.Where(action => action.Kind is ActionKind.SendForward or ActionKind.SendBackward))
                    {
                        // Mostly a little later than where it stood.
                        int made = scattered.FindIndex(action => action.IsCompute && action.Stage == send.Stage && action.MicroBatch == send.MicroBatch
                            && (action.Kind == ActionKind.Forward) == (send.Kind == ActionKind.SendForward));
                        int number = choices[choice++ % choices.Length];
                        if (number % 5 < 3)
                            scattered.Insert(Math.Min(made + 1 + (number / 5 % 4), scattered.Count), send);
                        else if (number % 40 == 3)
                            scattered.Insert(number / 5 % (scattered.Count + 1), send);
                    }

                    return new PipelineProgram(new([.. scattered]));
                })
                .ToEquatableArray();
            Dictionary<PipelineAction, (long Start, long End)>? expected = NaiveTimes.Of(programs, placement, costs, exclusiveLinks: true);
            if (expected is null)
            {
                deadlocks++;
                Assert.StartsWith(
                    "deadlock: ",
                    Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(programs, placement, costs, exclusiveLinks: true)).Message,
                    StringComparison.Ordinal);
                return;
            }

            foreach (TimedAction timed in PipelineSimulator.Run(programs, placement, costs, exclusiveLinks: true).Devices.SelectMany(device => device))
                Assert.Equal(expected[timed.Action], (timed.Start, timed.End));
        });

        // Both outcomes are tried.
        Assert.InRange(deadlocks, 50, 950);
    }
}
