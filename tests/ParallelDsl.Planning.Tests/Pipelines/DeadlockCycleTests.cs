using CsCheck;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class DeadlockCycleTests
{
    private static EquatableArray<EquatableArray<PipelineAction>> Orders(params string[] texts) =>
        texts.Select(text => PipelineText.ParseProgram(text).Actions).ToEquatableArray();

    private static StageCosts Free(int stages)
    {
        EquatableArray<long> nothing = new(new long[stages]);
        return new StageCosts(nothing, nothing, nothing, nothing);
    }

    [Theory]
    [InlineData(
        "F0.0 X0.0 F0.1 X0.1 | F1.0 F1.1 X1.0 X1.1", "0 1", 0, 1,
        "deadlock: device 0 at X0.0 waits for X1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0")]
    [InlineData(
        "F0.0 F0.1 X0.0 X0.1 | F1.0 X1.0 F1.1 X1.1 | F2.1 X2.1 F2.0 X2.0", "0 1 2", 1, 1,
        "deadlock: device 1 at X1.0 waits for X2.0 of device 2, device 2 at F2.1 waits for F1.1 of device 1")]
    [InlineData(
        "F0.0 F2.0 F0.1 F2.1 X2.0 X0.0 X2.1 X0.1 | F1.1 F1.0 X1.0 X1.1", "0 1 0", 0, 1,
        "deadlock: device 0 at F2.0 waits for F1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0")]
    [InlineData("X0.0 F0.0", "0", 0, 0, "deadlock: device 0 at X0.0 waits for F0.0 of device 0, where it stands later")]
    [InlineData("F0.0 W0.0 B0.0", "0", 0, 1, "deadlock: device 0 at W0.0 waits for B0.0 of device 0, where it stands later")]
    [InlineData("F0.0 F1.0 X0.0 X1.0", "0 0", 0, 2, "deadlock: device 0 at X0.0 waits for X1.0 of device 0, where it stands later")]
    [InlineData("F0.0 X0.0 | F1.0", "0 1", 0, 1, "deadlock: device 0 at X0.0 waits for X1.0 of device 1, which is missing there")]
    [InlineData("F0.0 B0.0 | F1.0", "0 1", 0, 1, "deadlock: device 0 at B0.0 waits for B1.0 of device 1, which is missing there")]
    [InlineData(
        "F0.0 X0.0 F0.1 | F1.0 F1.1 B1.0 W1.0", "0 1", 0, 1,
        "deadlock: device 0 at X0.0 waits for B1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0")]
    [InlineData(
        "F0.0 X0.0 | F1.0 X1.0 | F2.1 X2.0", "0 1 2", 2, 0, "deadlock: device 2 at F2.1 waits for F1.1 of device 1, which is missing there")]
    [InlineData(
        "RF0.0 F0.0 SF0.0 RB0.0 X0.0 F0.1 X0.1 | F1.0 F1.1 X1.0 SB1.0 X1.1", "0 1", 0, 4,
        "deadlock: device 0 at X0.0 waits for X1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0")]
    public void Names_the_cycle(string orders, string stageDevices, int device, int position, string message)
    {
        EquatableArray<int> placement = stageDevices.Split(' ').Select(int.Parse).ToEquatableArray();
        EquatableArray<EquatableArray<PipelineAction>> read = Orders(orders.Split(" | "));
        Assert.Equal(new PipelineError(device, position, message), DeadlockCycle.Find(read, placement));

        // The simulator says the same.
        EquatableArray<PipelineProgram> programs = read.Select(order => new PipelineProgram(order)).ToEquatableArray();
        var exception = Assert.Throws<ArgumentException>(() => PipelineSimulator.Run(programs, placement, Free(placement.Count)));
        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void Placing_transfers_names_the_cycle()
    {
        var exception = Assert.Throws<ArgumentException>(() =>
            PipelinePrograms.WithTransfers(Orders("F0.0 X0.0 F0.1 X0.1", "F1.0 F1.1 X1.0 X1.1"), [0, 1], 2));
        Assert.Equal(
            "deadlock: device 0 at X0.0 waits for X1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0", exception.Message);
    }

    [Fact]
    public void Full_channels_make_a_cycle_too()
    {
        EquatableArray<PipelineProgram> programs =
        [
            PipelineText.ParseProgram("F0.0 F0.1 F0.2 F0.3 SF0.0 SF0.1 SF0.2 SF0.3 RB0.0 X0.0 RB0.1 X0.1 RB0.2 X0.2 RB0.3 X0.3"),
            PipelineText.ParseProgram("RF1.0 F1.0 X1.0 SB1.0 RF1.1 F1.1 X1.1 SB1.1 RF1.2 F1.2 X1.2 SB1.2 RF1.3 F1.3 X1.3 SB1.3"),
        ];
        const string cycle = "deadlock: device 0 at SF0.3 waits for RF1.2 of device 1, device 1 at SB1.1 waits for RB0.0 of device 0";
        Assert.Equal(
            [new PipelineError(0, 7, $"SF0.3 waits for ever; {cycle}"), new PipelineError(1, 7, $"SB1.1 waits for ever; {cycle}")],
            PipelineValidation.Validate(programs, [0, 1], 4));
    }

    [Fact]
    public void A_long_cycle_is_cut()
    {
        // Every device takes the gradient of its first micro-batch before it makes the next input, save the last, which wants that first.
        const int devices = 20;
        string[] texts = [.. Enumerable.Range(0, devices).Select(device => $"F{device}.0 X{device}.0 F{device}.1 X{device}.1")];
        texts[^1] = $"F{devices - 1}.0 F{devices - 1}.1 X{devices - 1}.0 X{devices - 1}.1";
        string message = DeadlockCycle.Find(Orders(texts), PipelinePrograms.CyclicPlacement(devices, devices))!.Message;
        Assert.StartsWith("deadlock: device 18 at X18.0 waits for X19.0 of device 19, device 19 at F19.1 waits", message, StringComparison.Ordinal);

        // One micro-batch around a ring: device d first wants the output of device d - 1 of which the input is device d's.
        texts = [.. Enumerable.Range(0, devices).Select(device => $"F{device + devices}.0 F{device}.0")];
        message = DeadlockCycle.Find(Orders(texts), PipelinePrograms.CyclicPlacement(2 * devices, devices))!.Message;
        Assert.Equal(16, message.Split("waits for").Length - 1);
        Assert.EndsWith(" of device 4 and so on, 20 devices in all", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_and_actions_in_the_wrong_place_are_refused()
    {
        Assert.Throws<ArgumentException>(() => DeadlockCycle.Find(Orders("F0.0"), [1]));
        Assert.Throws<ArgumentException>(() => DeadlockCycle.Find(Orders("F0.0"), [-1]));
        Assert.Throws<ArgumentException>(() => DeadlockCycle.Find(Orders("F1.0"), [0]));
        Assert.Throws<ArgumentException>(() => DeadlockCycle.Find(Orders("F0.0", "F0.0"), [0]));
    }

    [Fact]
    public void Finds_exactly_the_orders_that_stop() => Cases.Check(
        Gen.Select(PipelineProgramsTests.RandomOrders, Gen.Int[0, 99].Array[2]), 2_000, input =>
        {
            ((var orders, int[] stageDevices, int microBatches), int[] swap) = input;
            EquatableArray<int> placement = new(stageDevices);
            Assert.Null(DeadlockCycle.Find(orders, placement));

            // Two actions of the longest order change places.
            int longest = Enumerable.Range(0, orders.Count).MaxBy(device => orders[device].Count);
            PipelineAction[] changed = [.. orders[longest]];
            (int first, int second) = (swap[0] % changed.Length, swap[1] % changed.Length);
            (changed[first], changed[second]) = (changed[second], changed[first]);
            EquatableArray<EquatableArray<PipelineAction>> damaged =
                orders.Select((order, device) => device == longest ? new(changed) : order).ToEquatableArray();

            PipelineError? error = DeadlockCycle.Find(damaged, placement);
            EquatableArray<PipelineProgram> programs = damaged.Select(order => new PipelineProgram(order)).ToEquatableArray();
            Exception? exception = Record.Exception(() => PipelineSimulator.Run(programs, placement, Free(stageDevices.Length)));
            Assert.Equal(exception?.Message, error?.Message);
            if (error is not null)
                Assert.Contains(PipelineText.Write(damaged[error.Device][error.Position]), error.Message, StringComparison.Ordinal);
        });
}
