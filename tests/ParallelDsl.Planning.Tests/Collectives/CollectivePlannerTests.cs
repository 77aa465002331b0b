using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;

namespace ParallelDsl.Planning.Tests.Collectives;

public class CollectivePlannerTests
{
    private static readonly Gen<CollectiveNetwork> Networks =
        from nodes in Gen.Int[0, 3].Array[1, 9]
        from mesh in Gen.Bool
        from inside in Gen.Int[1, 500_000]
        from between in Gen.Int[1, 50_000]
        from latency in Gen.Int[0, 20_000]
        from far in Gen.Int[0, 50_000]
        from overhead in Gen.Int[0, 5_000]
        from add in Gen.Int[1, 1_000_000]
        select new CollectiveNetwork(new(nodes), mesh, inside, between, latency, far, overhead, add);

    // One switch with no overhead: the closed forms of Thakur, Rabenseifner and Gropp, for vectors that divide.
    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 2)]
    [InlineData(8, 3)]
    [InlineData(16, 4)]
    public void On_one_switch_the_times_are_the_closed_forms(int members, int log)
    {
        (long alpha, long bytes, long rate, long add) = (3_000, members * 64_000L, 1_000, 4_000);
        var network = new CollectiveNetwork(Enumerable.Repeat(0, members).ToEquatableArray(), false, rate, 1, alpha, 0, 0, add);
        long share = bytes / members * (members - 1);
        long data = (2 * share * 1_000 / rate) + (share * 1_000 / add);
        Assert.Equal((2 * (members - 1) * alpha) + data, Predict(CollectiveAlgorithm.Ring));
        Assert.Equal((2 * log * alpha) + data, Predict(CollectiveAlgorithm.HalvingDoubling));
        Assert.Equal((2 * alpha) + data, Predict(CollectiveAlgorithm.Direct));

        long Predict(CollectiveAlgorithm algorithm) => CollectivePlanner.Predict(new(algorithm), network, bytes);
    }

    // A mesh has a link for each pair: the direct exchange uses all at once, a ring one a member; rings that use all arcs get as far.
    [Fact]
    public void On_a_mesh_links_count_not_ports()
    {
        var network = new CollectiveNetwork(new([0, 0, 0, 0, 0]), true, 1_000, 1, 0, 0, 0, 1_000_000_000);
        EquatableArray<EquatableArray<int>> rings = Circulant(5);
        Assert.Equal(2 * 4 * 20_000 + 4, CollectivePlanner.Predict(new(CollectiveAlgorithm.Ring), network, 100_000));
        Assert.Equal(2 * 4 * 5_000 + 4, CollectivePlanner.Predict(new(CollectiveAlgorithm.MultiRing, rings), network, 100_000));
        Assert.Equal(2 * 20_000 + 1, CollectivePlanner.Predict(CollectivePlan.Default, network, 100_000));
    }

    // Two nodes of four: the direct exchange sends half of all between nodes from every member, two levels a quarter of that.
    [Fact]
    public void Two_levels_cross_between_nodes_once_for_a_node()
    {
        var network = new CollectiveNetwork(new([0, 0, 0, 0, 1, 1, 1, 1]), false, 1_000_000, 1_000, 0, 0, 0, 1_000_000_000);
        Assert.InRange(CollectivePlanner.Predict(CollectivePlan.Default, network, 800_000), 800_000, 802_000);
        Assert.InRange(CollectivePlanner.Predict(new(CollectiveAlgorithm.TwoLevel, Nodes: network.Nodes), network, 800_000), 200_000, 203_000);
        Assert.Equal(CollectiveAlgorithm.TwoLevel, CollectivePlanner.Choose(network, 800_000).Algorithm);
    }

    [Fact]
    public void Many_members_with_costly_messages_halve_and_double()
    {
        var network = new CollectiveNetwork(Enumerable.Repeat(0, 64).ToEquatableArray(), false, 100_000, 1, 1_000, 0, 1_000, 100_000);
        Assert.Equal(CollectiveAlgorithm.HalvingDoubling, CollectivePlanner.Choose(network, 1_024).Algorithm);
        Assert.Equal(CollectivePlan.Default, CollectivePlanner.Choose(network with { Overhead = 0 }, 1_024));
    }

    [Fact]
    public void The_choice_is_the_first_of_the_fastest() => Gen.Select(Networks, Gen.Long[0, 20_000_000]).Sample(
        (network, bytes) =>
        {
            EquatableArray<EquatableArray<int>> rings = Circulant(network.Nodes.Count);
            List<(long Time, int Order, CollectivePlan Plan)> all = [];
            foreach (CollectiveAlgorithm algorithm in Enum.GetValues<CollectiveAlgorithm>())
            {
                var plan = new CollectivePlan(
                    algorithm,
                    algorithm == CollectiveAlgorithm.MultiRing ? rings : default,
                    algorithm == CollectiveAlgorithm.TwoLevel ? network.Nodes : default);
                all.Add((CollectivePlanner.Predict(plan, network, bytes), (int)algorithm, plan));
            }

            CollectivePlan chosen = CollectivePlanner.Choose(network, bytes, rings);
            Assert.Equal(all.Min().Time, CollectivePlanner.Predict(chosen, network, bytes));
            Assert.Equal(all.OrderBy(item => item.Time).ThenBy(item => item.Order).First().Plan, chosen);
        },
        seed: "0000000000000", iter: 300, threads: 1);

    [Fact]
    public void Every_element_is_added_once_for_each_member_but_one_and_reaches_all() => Gen.Select(Networks, Gen.Int[0, 5_000]).Sample(
        (network, length) =>
        {
            int size = network.Nodes.Count;
            foreach (CollectivePlan plan in CollectivePlanner.Candidates(network, Circulant(size)))
            {
                List<CollectiveMessage> messages = [.. CollectiveRounds.AllReduce(plan, size, length).SelectMany(round => round)];
                Assert.All(messages, message => Assert.True(message.Source != message.Destination && message.Bytes > 0));
                if (plan.Algorithm == CollectiveAlgorithm.Direct && 4L * length * (size - 1) <= CollectivePlan.ShortBytes)
                {
                    // In one round every member adds all, and there is nothing to give back.
                    Assert.Equal(4L * length * size * (size - 1), messages.Where(message => message.Adds).Sum(message => message.Bytes));
                    Assert.DoesNotContain(messages, message => !message.Adds);
                    continue;
                }

                Assert.Equal(4L * length * (size - 1), messages.Where(message => message.Adds).Sum(message => message.Bytes));
                Assert.Equal(4L * length * (size - 1), messages.Where(message => !message.Adds).Sum(message => message.Bytes));
            }
        },
        seed: "0000000000001", iter: 100, threads: 1);

    [Fact]
    public void The_network_of_a_cluster_is_that_of_its_slowest_devices()
    {
        DeviceSpec h100 = DeviceCatalogue.Of(DeviceKind.H100Sxm), mi300 = DeviceCatalogue.Of(DeviceKind.Mi300X);
        var cluster = new ClusterSpec("mixed", new([new NodeGroup(2, 4, h100, Fabric.Switch, 4, 400), new NodeGroup(1, 8, mi300, Fabric.Mesh, 4, 200)]));
        var switched = CollectiveNetwork.Of(cluster, [0, 3, 4]);
        Assert.Equal(
            (new EquatableArray<int>([0, 0, 1]), false, 450_000L, 50_000L, 1_116_666L),
            (switched.Nodes, switched.IsMesh, switched.InsideRate, switched.BetweenRate, switched.AddRate));
        var mixed = CollectiveNetwork.Of(cluster, [0, 8]);
        Assert.Equal(
            (new EquatableArray<int>([0, 1]), true, 64_000L, 12_500L), (mixed.Nodes, mixed.IsMesh, mixed.InsideRate, mixed.BetweenRate));
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var network = new CollectiveNetwork(new([0, 0, 0]), false, 1, 1, 0, 0, 0, 1);
        Assert.Contains("-1 bytes", Refusal(() => CollectivePlanner.Choose(network, -1)));
        Assert.Contains("positive rates", Refusal(() => CollectivePlanner.Choose(network with { InsideRate = 0 }, 1)));
        Assert.Contains("0 members", Refusal(() => CollectivePlanner.Choose(network with { Nodes = default }, 1)));
        Assert.Contains("2 nodes for 3", Refusal(() => CollectivePlanner.Predict(new(CollectiveAlgorithm.TwoLevel, Nodes: new([0, 1])), network, 1)));
        Assert.Contains("no rings", Refusal(() => CollectivePlanner.Predict(new(CollectiveAlgorithm.MultiRing), network, 1)));
        Assert.Contains("ring 0 visits 2 devices", Refusal(() => CollectivePlanner.Choose(network, 1, new([new([0, 1])]))));
        Assert.Contains(
            "ring 1 sends from 1 to 2, as ring 0 does",
            Refusal(() => CollectivePlanner.Predict(new(CollectiveAlgorithm.MultiRing, new([new([0, 1, 2]), new([1, 2, 0])])), network, 1)));
        Assert.Contains("algorithm 9", Refusal(() => CollectivePlanner.Predict(new((CollectiveAlgorithm)9), network, 1)));
        Assert.Contains("at least one", Refusal(() => CollectiveNetwork.Of(new ClusterSpec("none", default), [])));
        Assert.Throws<OverflowException>(() => CollectivePlanner.Choose(network, long.MaxValue / 8));

        static string Refusal(Action action) => Assert.Throws<ArgumentException>(action).Message;
    }

    /// <summary>The rings of all strides that are coprime to the members.</summary>
    private static EquatableArray<EquatableArray<int>> Circulant(int members) =>
        Enumerable.Range(1, Math.Max(1, members - 1)).Where(stride => Gcd(stride, members) == 1)
            .Select(stride => Enumerable.Range(0, members).Select(place => place * stride % members).ToEquatableArray()).ToEquatableArray();

    private static int Gcd(int left, int right) => right == 0 ? left : Gcd(right, left % right);
}
