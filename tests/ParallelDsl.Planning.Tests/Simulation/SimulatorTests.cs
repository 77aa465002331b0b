using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

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

    // First, device 0 computes from 0 to the end. Then each device computes for 4 ticks, the second 12 ticks later.
    [Fact]
    public void The_span_leaves_out_how_much_later_a_device_starts()
    {
        Timeline timeline = Simulate(PipelineSchedule.GPipe, 2, 1, 1, false, Uniform(2, 2, 3, 4, hop: 10));
        Assert.Equal((38, 38), (timeline.Makespan, timeline.Span));
        timeline = PipelineSimulator.Run(Programs("F0.0 F0.1", "F1.0 F1.1"), [0, 1], Uniform(2, 2, 3, 4, hop: 10));
        Assert.Equal((16, 4), (timeline.Makespan, timeline.Span));
        timeline = PipelineSimulator.Run(Programs("", ""), [0, 1], Uniform(2, 2, 3, 4));
        Assert.Equal((0, 0), (timeline.Makespan, timeline.Span));
    }

    [Fact]
    public void Work_does_not_depend_on_the_order()
    {
        StageCosts costs = new([3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3], Overhead: 2);
        EquatableArray<long> work = Simulate(PipelineSchedule.GPipe, 4, 6, 1, true, costs).Work;
        foreach (PipelineSchedule schedule in new[]
        {
            PipelineSchedule.OneForwardOneBackward, PipelineSchedule.ZeroBubbleH1, PipelineSchedule.ZeroBubbleH2,
        })
        {
            Assert.Equal(work, Simulate(schedule, 4, 6, 1, true, costs).Work);
        }
    }

    private static EquatableArray<PipelineProgram> Programs(params string[] texts) => new([.. texts.Select(PipelineText.ParseProgram)]);

    [Fact]
    public void Bad_input_is_refused()
    {
        StageCosts two = Uniform(2, 1, 1, 1);
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0 X0.0"), [0], two));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0 X0.0"), [0], Uniform(1, -1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("X0.0 F0.0"), [0], Uniform(1, 1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F1.0", "F0.0"), [0, 1], two));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F7.0"), [0], Uniform(1, 1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0"), [1], Uniform(1, 1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("F0.0 SF0.0"), [0], Uniform(1, 1, 1, 1)));
        Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(Programs("SF0.0", ""), [0, 1], two));
        Assert.Throws<OverflowException>(() => PipelineSimulator.Run(
            PipelinePrograms.Build(PipelineSchedule.GPipe, 1, 4), [0], Uniform(1, long.MaxValue / 2, 1, 1)));
    }
}
