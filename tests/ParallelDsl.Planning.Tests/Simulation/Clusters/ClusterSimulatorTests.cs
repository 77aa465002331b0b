using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Times that can be worked out by hand.</summary>
public class ClusterSimulatorTests
{
    // Two nodes of four devices and two interfaces of 80 Gb/s (10 bytes a nanosecond), a fabric of 100 bytes a nanosecond.
    private static readonly NodeLinks Node = new(4, 2, 80, 100);
    private static readonly ClusterLinks Two = new(new([Node, Node]), 500, 200);

    [Fact]
    public void One_transfer_takes_its_latency_and_its_bytes()
    {
        Assert.Equal(500 + 1_000, Makespan(Two, graph => graph.AddTransfer(0, 4, 10_000)));
        Assert.Equal(200 + 100, Makespan(Two, graph => graph.AddTransfer(0, 1, 10_000)));
        Assert.Equal(0, Makespan(Two, graph => graph.AddTransfer(2, 2, 10_000)));
        Assert.Equal(500, Makespan(Two, graph => graph.AddTransfer(0, 4, 0)));
        Assert.Equal(500 + 1, Makespan(Two, graph => graph.AddTransfer(0, 4, 1)));
    }

    [Fact]
    public void Two_transfers_on_one_interface_take_twice_as_long()
    {
        // Devices 0 and 1 share an interface, devices 0 and 2 do not; one receiver has one interface.
        Assert.Equal(500 + 2_000, Makespan(Two, graph => (graph.AddTransfer(0, 4, 10_000), graph.AddTransfer(1, 6, 10_000))));
        Assert.Equal(500 + 1_000, Makespan(Two, graph => (graph.AddTransfer(0, 4, 10_000), graph.AddTransfer(2, 6, 10_000))));
        Assert.Equal(500 + 2_000, Makespan(Two, graph => (graph.AddTransfer(0, 4, 10_000), graph.AddTransfer(2, 5, 10_000))));

        // The other way is free.
        Assert.Equal(500 + 1_000, Makespan(Two, graph => (graph.AddTransfer(0, 4, 10_000), graph.AddTransfer(4, 0, 10_000))));
    }

    [Fact]
    public void A_share_grows_when_another_transfer_ends()
    {
        // Both at half rate until 4,000 bytes each are through at 800, then 6,000 more alone.
        var graph = new TaskGraph();
        int small = graph.AddTransfer(0, 4, 4_000), large = graph.AddTransfer(1, 4, 10_000);
        var simulator = new ClusterSimulator(Two);
        simulator.Run(graph);
        Assert.Equal(500 + 800, simulator.EndOf(small));
        Assert.Equal(500 + 800 + 600, simulator.EndOf(large));
        Assert.Equal(14_000, simulator.CrossNodeBytes);
        Assert.Equal([14_000, 0, 0, 0], Enumerable.Range(0, 4).Select(simulator.BytesSentBy));
        Assert.Equal([0, 0, 14_000, 0], Enumerable.Range(0, 4).Select(simulator.BytesReceivedBy));
    }

    [Fact]
    public void A_device_of_a_mesh_has_one_link_to_each_other()
    {
        var mesh = new ClusterLinks(new([Node with { Devices = 3, Fabric = Fabric.Mesh }]), 500, 200);
        Assert.Equal(200 + 200, Makespan(mesh, graph => graph.AddTransfer(0, 1, 10_000)));
        Assert.Equal(200 + 200, Makespan(mesh, graph => (graph.AddTransfer(0, 1, 10_000), graph.AddTransfer(0, 2, 10_000))));
        Assert.Equal(200 + 400, Makespan(mesh, graph => (graph.AddTransfer(0, 1, 10_000), graph.AddTransfer(0, 1, 10_000))));

        // Through a switch, one port.
        var switched = new ClusterLinks(new([Node with { Devices = 3 }]), 500, 200);
        Assert.Equal(200 + 200, Makespan(switched, graph => (graph.AddTransfer(0, 1, 10_000), graph.AddTransfer(0, 2, 10_000))));
        Assert.Equal(200 + 100, Makespan(switched, graph => (graph.AddTransfer(0, 1, 10_000), graph.AddTransfer(1, 2, 10_000))));
    }

    [Fact]
    public void An_uplink_holds_all_interfaces_up()
    {
        var narrow = new ClusterLinks(new([Node with { UplinkGbps = 80 }, Node]), 500, 200);
        Assert.Equal(500 + 2_000, Makespan(narrow, graph => (graph.AddTransfer(0, 4, 10_000), graph.AddTransfer(2, 6, 10_000))));
        Assert.Equal(500 + 2_000, Makespan(narrow, graph => (graph.AddTransfer(4, 0, 10_000), graph.AddTransfer(6, 2, 10_000))));
    }

    [Fact]
    public void A_device_takes_the_least_priority_then_the_least_number()
    {
        var graph = new TaskGraph();
        int first = graph.AddCompute(0, 10, 5), late = graph.AddCompute(0, 10, 1), middle = graph.AddCompute(0, 10, 5);
        int gate = graph.AddCompute(1, 5);
        graph.Wait(late, gate);
        int same = graph.AddCompute(0, 10, 5);
        var simulator = new ClusterSimulator(Two);
        simulator.Run(graph);

        // What is more urgent comes while another computes, and does not interrupt it.
        Assert.Equal([0, 10, 20, 30], new[] { first, late, middle, same }.Select(simulator.StartOf));
        Assert.Equal(40, simulator.BusyOf(0));
        Assert.Equal(5, simulator.BusyOf(1));
    }

    [Fact]
    public void A_transfer_slows_computation_of_both_ends_while_bytes_move()
    {
        // From 500 to 1,500 at 0.8 of the speed: 800 instead of 1,000, so 200 more at the end.
        var graph = new TaskGraph();
        int[] computed = [graph.AddCompute(0, 3_000), graph.AddCompute(4, 3_000), graph.AddCompute(1, 3_000)];
        graph.AddTransfer(0, 4, 10_000);
        var simulator = new ClusterSimulator(Two, overlapSlowdownPermille: 200);
        simulator.Run(graph);
        Assert.Equal([3_200, 3_200, 3_000], computed.Select(simulator.EndOf));

        // Entirely overlapped: 950 thousandths of the speed make 100 into 106, rounded up.
        graph.Clear();
        int from = graph.AddTransfer(0, 4, 100_000), delay = graph.AddDelay(1_000), compute = graph.AddCompute(0, 100);
        graph.Wait(compute, delay);
        simulator = new ClusterSimulator(Two);
        simulator.Run(graph);
        Assert.Equal(1_000 + 106, simulator.EndOf(compute));
        Assert.Equal(10_500, simulator.EndOf(from));
    }

    [Fact]
    public void Mistakes_are_refused()
    {
        var graph = new TaskGraph();
        int one = graph.AddDelay(), other = graph.AddDelay();
        graph.Wait(one, other);
        graph.Wait(other, one);
        Assert.Contains("2 of 2 tasks wait for one another", Assert.Throws<ArgumentException>(() => new ClusterSimulator(Two).Run(graph)).Message);
        graph.Clear();
        graph.AddCompute(8, 1);
        Assert.Throws<ArgumentException>(() => new ClusterSimulator(Two).Run(graph));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.AddCompute(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.AddTransfer(0, 1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => graph.Wait(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ClusterSimulator(Two, 1_000));
        Assert.Throws<ArgumentException>(() => new ClusterSimulator(new(new([Node with { NicGbps = 0 }]))));
        Assert.Throws<ArgumentException>(() => new ClusterSimulator(new(new([]))));
        graph.Clear();
        graph.AddTransfer(0, 4, 1);
        Assert.Contains(
            "no network interface",
            Assert.Throws<ArgumentException>(() => new ClusterSimulator(new(new([Node with { Nics = 0 }, Node]))).Run(graph)).Message);
    }

    private static long Makespan(ClusterLinks links, Func<TaskGraph, object> build)
    {
        var graph = new TaskGraph();
        build(graph);
        var simulator = new ClusterSimulator(links);
        simulator.Run(graph);
        return simulator.Makespan;
    }
}
