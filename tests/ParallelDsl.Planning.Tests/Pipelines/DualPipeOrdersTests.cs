using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines;

public class DualPipeOrdersTests
{
    private static string Order(int devices, int microBatches, int device) =>
        PipelineText.Write(new PipelineProgram(PipelineOrders.Of(PipelineSchedule.DualPipeV, devices, microBatches)[device]));

    // PyTorch's table for 4 ranks and 10 micro-batches (its B is our X, its I our B), the forward of an overlapped pair first: ends of the
    // rows of two ranks.
    [Fact]
    public void Four_devices_and_ten_units_are_as_in_PyTorch()
    {
        Assert.Equal(
            "F0.0 F0.1 F0.2 F0.3 F0.4 F0.5 F0.6 F7.0 B7.0 W7.0 F7.1 B7.1 W7.1 F7.2 B7.2 W7.2 F7.3 F0.7 X7.3 F7.4 X0.0 F0.8 X7.4 F7.5 X0.1 "
            + "F0.9 X7.5 F7.6 X0.2 X7.6 F7.7 X0.3 X7.7 F7.8 X0.4 X7.8 F7.9 X0.5 X7.9 B0.6 W0.6 B0.7 W0.7 B0.8 W0.8 B0.9 W0.9",
            Order(4, 10, 0));
        Assert.EndsWith("X6.6 F6.8 X1.4 X6.7 F6.9 X1.5 X6.8 X1.6 B6.9 B1.7 W6.9 B1.8 W1.7 B1.9 W1.8 W1.9", Order(4, 10, 1), StringComparison.Ordinal);
        Assert.EndsWith("X5.6 F5.9 X2.5 X5.7 X2.6 X5.8 B2.7 B5.9 B2.8 W2.7 B2.9 W5.9 W2.8 W2.9", Order(4, 10, 2), StringComparison.Ordinal);
        Assert.StartsWith("F3.0 F4.0 F3.1 F4.1 F3.2 F4.2 F3.3 F4.3 F3.4 X4.0 F4.4 X3.0 F3.5 X4.1", Order(4, 10, 3), StringComparison.Ordinal);
        Assert.EndsWith("X4.6 X3.6 X4.7 X3.7 B4.8 B3.8 B4.9 B3.9 W4.8 W3.8 W4.9 W3.9", Order(4, 10, 3), StringComparison.Ordinal);
    }

    [Fact]
    public void Four_devices_and_ten_units_take_63_ticks_of_which_60_are_work()
    {
        Timeline timeline = Spans.Simulate(PipelineSchedule.DualPipeV, 4, 10, Spans.Uniform(8, 1, 1, 1));
        Assert.Equal(63, timeline.Makespan);
        Assert.All(timeline.Work, work => Assert.Equal(60, work));
    }

    // Stage activations, of which 1F1B with stages twice as large holds p large ones.
    [Fact]
    public void A_device_holds_as_many_units_as_there_are_stages_and_one_more()
    {
        for (int devices = 1; devices <= 8; devices++)
        {
            foreach (int microBatches in PipelineProgramsTests.MicroBatchesOf(PipelineSchedule.DualPipeV, devices))
            {
                Timeline timeline = Spans.Simulate(PipelineSchedule.DualPipeV, devices, microBatches, Spans.Uniform(2 * devices, 1, 1, 1));
                Assert.All(timeline.PeakUnitsInFlight, peak => Assert.Equal((2 * devices) + 1, peak));
            }
        }
    }

    [Fact]
    public void Fewer_units_than_stages_are_refused()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => PipelineOrders.Of(PipelineSchedule.DualPipeV, 4, 7));
        Assert.StartsWith(
            "DualPipeV over 4 devices needs at least 8 micro-batches, two a device, not 7", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_V_turns_on_the_last_device() =>
        Assert.Equal([0, 1, 2, 3, 3, 2, 1, 0], PipelineOrders.PlacementOf(PipelineSchedule.DualPipeV, 4));
}
