using CsCheck;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>What holds for any tasks on any cluster.</summary>
public class ClusterSimulatorPropertyTests
{
    private static readonly Gen<NodeLinks> SomeNode =
        from devices in Gen.Int[1, 4]
        from nics in Gen.Int[1, 3]
        from gbps in Gen.Int[1, 40]
        from fabric in Gen.Int[1, 12]
        from mesh in Gen.Bool
        from uplink in Gen.OneOf(Gen.Const(0L), Gen.Long[1, 60])
        select new NodeLinks(devices, nics, gbps, fabric * 6, mesh ? Fabric.Mesh : Fabric.Switch, uplink);

    private static readonly Gen<ClusterLinks> SomeCluster =
        from nodes in SomeNode.Array[1, 3]
        from inter in Gen.Long[0, 20]
        from intra in Gen.Long[0, 5]
        select new ClusterLinks(new(nodes), inter, intra);

    private static readonly Gen<(ClusterLinks Links, int Slowdown, NaiveTask[] Tasks)> SomeRun =
        from links in SomeCluster
        from slowdown in Gen.Int[0, 300]
        from count in Gen.Int[1, 30]
        from numbers in Gen.Int[0, 1_000_000].Array[8 * count]
        select (links, slowdown, Tasks(links, count, numbers));

    [Fact]
    public void Times_are_those_of_a_cluster_that_is_watched_every_nanosecond() => Cases.Check(SomeRun, 300, run =>
    {
        TaskGraph graph = GraphOf(run.Tasks);
        var simulator = new ClusterSimulator(run.Links, run.Slowdown);
        simulator.Run(graph);
        NaiveCluster.Run(run.Links, run.Slowdown, run.Tasks);
        for (int task = 0; task < run.Tasks.Length; task++)
            Assert.Equal((task, run.Tasks[task].Start, run.Tasks[task].End), (task, simulator.StartOf(task), simulator.EndOf(task)));
        Assert.Equal(run.Tasks.Max(task => task.End), simulator.Makespan);
    });

    [Fact]
    public void Bytes_are_conserved_and_no_interface_is_faster_than_it_can_be() => Cases.Check(SomeRun, 1_000, run =>
    {
        var simulator = new ClusterSimulator(run.Links, run.Slowdown);
        simulator.Run(GraphOf(run.Tasks));
        int[] nodes = [.. run.Links.Nodes.SelectMany((node, index) => Enumerable.Repeat(index, node.Devices))];
        int[] transfers = [.. Enumerable.Range(0, run.Tasks.Length)
            .Where(task => run.Tasks[task].Kind == 'T' && nodes[run.Tasks[task].From] != nodes[run.Tasks[task].To])];
        Assert.Equal(transfers.Sum(task => run.Tasks[task].Amount), simulator.CrossNodeBytes);
        Assert.Equal(simulator.CrossNodeBytes, Enumerable.Range(0, simulator.NicCount).Sum(simulator.BytesSentBy));
        Assert.Equal(simulator.CrossNodeBytes, Enumerable.Range(0, simulator.NicCount).Sum(simulator.BytesReceivedBy));
        int nic = 0;
        foreach (NodeLinks node in run.Links.Nodes)
        {
            for (int local = 0; local < node.Nics; local++, nic++)
            {
                Assert.True(simulator.BytesSentBy(nic) * 8 <= node.NicGbps * simulator.Makespan);
                Assert.True(simulator.BytesReceivedBy(nic) * 8 <= node.NicGbps * simulator.Makespan);
            }
        }

        // No computation is faster than alone on an idle device, none slower than slowed down all the time.
        for (int task = 0; task < run.Tasks.Length; task++)
        {
            if (run.Tasks[task].Kind != 'C')
                continue;
            long time = simulator.EndOf(task) - simulator.StartOf(task), work = run.Tasks[task].Amount * 1_000;
            Assert.InRange(time, run.Tasks[task].Amount, (work + 999 - run.Slowdown) / (1_000 - run.Slowdown));
        }
    });

    [Fact]
    public void A_simulator_that_is_used_again_gives_the_same_times()
    {
        // Of one cluster, with graphs of different sizes in between.
        ClusterLinks links = new(new([new(3, 2, 25, 40), new(2, 1, 10, 40, Fabric.Mesh)]), 7, 3);
        var used = new ClusterSimulator(links);
        var graph = new TaskGraph();
        Cases.Check(from count in Gen.Int[1, 60] from numbers in Gen.Int[0, 1_000_000].Array[8 * count] select Tasks(links, count, numbers), 300, tasks =>
        {
            Fill(graph, tasks);
            used.Run(graph);
            var fresh = new ClusterSimulator(links);
            fresh.Run(GraphOf(tasks));
            Assert.Equal(Enumerable.Range(0, tasks.Length).Select(fresh.EndOf), Enumerable.Range(0, tasks.Length).Select(used.EndOf));
            Assert.Equal(Enumerable.Range(0, 5).Select(fresh.BusyOf), Enumerable.Range(0, 5).Select(used.BusyOf));
            Assert.Equal(fresh.CrossNodeBytes, used.CrossNodeBytes);
        });
    }

    [Fact]
    public void A_run_of_a_size_that_was_there_before_allocates_nothing()
    {
        ClusterLinks links = new(new([new(4, 2, 25, 40), new(4, 2, 25, 40)]), 7, 3);
        var numbers = new int[8 * 2_000];
        for (int index = 0; index < numbers.Length; index++)
            numbers[index] = (int)(index * 7_919L % 1_000_003);
        var graph = new TaskGraph();
        var simulator = new ClusterSimulator(links);
        Fill(graph, Tasks(links, 2_000, numbers));
        simulator.Run(graph);
        long first = simulator.Makespan, before = GC.GetAllocatedBytesForCurrentThread();
        simulator.Run(graph);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(first, simulator.Makespan);
    }

    private static NaiveTask[] Tasks(ClusterLinks links, int count, int[] numbers)
    {
        var tasks = new NaiveTask[count];
        int devices = links.DeviceCount;
        for (int task = 0; task < count; task++)
        {
            int[] own = numbers[(8 * task)..((8 * task) + 8)];
            char kind = "CCCTTTTD"[own[0] % 8];
            int from = own[1] % devices, to = kind == 'T' ? own[2] % devices : from;
            long amount = own[3] % 10 == 0 ? 0 : own[3] % (kind == 'T' ? 300 : 40);
            int[] after = task == 0 ? [] : [.. new[] { own[4] % task, own[5] % task }.Distinct().Take(own[6] % 3)];
            tasks[task] = new NaiveTask(kind, from, to, amount, kind == 'C' ? own[7] % 3 : 0, after);
        }

        return tasks;
    }

    private static TaskGraph GraphOf(NaiveTask[] tasks)
    {
        var graph = new TaskGraph();
        Fill(graph, tasks);
        return graph;
    }

    private static void Fill(TaskGraph graph, NaiveTask[] tasks)
    {
        graph.Clear();
        foreach (NaiveTask each in tasks)
        {
            int task = each.Kind switch
            {
                'C' => graph.AddCompute(each.From, each.Amount, each.Priority),
                'T' => graph.AddTransfer(each.From, each.To, each.Amount),
                _ => graph.AddDelay(each.Amount),
            };
            foreach (int earlier in each.After)
                graph.Wait(task, earlier);
        }
    }
}
