using CsCheck;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>What holds for any exchange on any cluster.</summary>
public class LayerSimulatorPropertyTests
{
    private static readonly LayerRates Rates = new(300, 40, 1_000, 500, 20, EfficiencyCurve.Published);

    private static readonly Gen<ClusterLinks> SomeCluster =
        from nodes in Gen.Int[1, 4]
        from devices in Gen.Int[1, 4].Array[4]
        from nics in Gen.Int[1, 4]
        from gbps in Gen.Int[20, 400]
        from fabric in Gen.Int[20, 400]
        select new ClusterLinks(
            new([.. Enumerable.Range(0, nodes).Select(node => new NodeLinks(devices[node], nics, gbps, fabric))]), 50, 20);

    private static readonly Gen<(ClusterLinks Links, LayerWork Work)> SomeWork =
        from links in SomeCluster
        from kinds in Gen.Int[0, 2].Array[1, 4]
        from numbers in Gen.Int[0, 1_000_000].Array[16 * kinds.Length]
        from order in Gen.Shuffle(Enumerable.Range(0, links.DeviceCount).ToArray())
        select (links, WorkOf(links.DeviceCount, kinds, numbers, order));

    [Fact]
    public void Areas_of_members_add_up_to_what_the_rows_see() => Cases.Check(
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 80], Gen.Int[1, 9]), 500, input =>
        {
            (int start, int length, int members) = input;
            long total = 0;
            for (int member = 0; member < members; member++)
            {
                long area = 0;
                Segments segments = ZigzagSplit.SegmentsOf(length, members, member);
                for (int index = 0; index < segments.Count; index++)
                {
                    for (int row = segments[index].Start; row < segments[index].End; row++)
                        area += start + row + 1;
                }

                Assert.Equal(area, AttentionShares.AreaOf(new(0, start, length), members, member));
                total += area;
            }

            Assert.Equal(Enumerable.Range(0, length).Sum(row => start + row + 1L), total);
            for (int member = 0; member < members; member++)
                total -= AttentionShares.Part(total, members - member, 0);
            Assert.Equal(0, total);
        });

    [Fact]
    public void Every_byte_crosses_where_it_has_to() => Cases.Check(SomeWork, 400, input =>
    {
        (ClusterLinks links, LayerWork work) = input;
        var simulator = new LayerSimulator(links);
        int[] nodes = [.. links.Nodes.SelectMany((node, index) => Enumerable.Repeat(index, node.Devices))];
        long forward = 0, backward = 0;
        foreach (Exchange exchange in work.Exchanges)
        {
            int count = exchange.Members.Length;
            long keys = exchange.Pieces.Sum(piece => (long)piece.Start + piece.Length);
            for (int member = 0; member < count; member++)
            {
                long block = (((member + 1) * keys / count) - (member * keys / count)) * 1_000, all = keys * 1_000;
                int rank = exchange.Members[member], before = exchange.Members[(member + count - 1) % count];
                if (exchange.Kind == ExchangeKind.Ring && nodes[rank] != nodes[before])
                    (forward, backward) = (forward + all - block, backward + all - block + all);
                if (exchange.Kind != ExchangeKind.AllGather)
                    continue;
                int others = exchange.Members.Select(each => nodes[each]).Distinct().Count() - 1;
                (forward, backward) = (forward + (others * block), backward + (2 * others * block));
            }

            foreach ((int from, int to, long bytes) in exchange.Fetches.Where(fetch => nodes[fetch.From] != nodes[fetch.To]))
                (forward, backward) = (forward + bytes, backward + (2 * bytes));
        }

        LayerTimes there = simulator.Run(work, Rates, backward: false), back = simulator.Run(work, Rates, backward: true);
        Assert.Equal((forward, backward), (there.CrossNodeBytes, back.CrossNodeBytes));
        Assert.Equal(forward, there.NicBytes.Sum());
        Assert.True(there.Makespan >= there.Compute.Max() && there.Makespan >= there.Finish.Max());

        // The same again from the same simulator and from another one; and the forward first where it is computed again.
        LayerTimes again = simulator.Run(work, Rates, backward: true);
        Assert.Equal((back.Makespan, back.CrossNodeBytes), (again.Makespan, again.CrossNodeBytes));
        Assert.Equal(back.Finish, new LayerSimulator(links).Run(work, Rates, backward: true).Finish);
        LayerTimes whole = simulator.Run(work, Rates with { Recompute = true }, backward: true);
        Assert.Equal(forward + backward, whole.CrossNodeBytes);
        Assert.True(whole.Makespan > there.Makespan || back.Makespan == 0);
    });

    [Fact]
    public void Faster_interfaces_never_make_an_exchange_longer() => Cases.Check(Gen.Select(SomeWork, Gen.Int[1, 400], Gen.Bool), 1_000, input =>
    {
        ((ClusterLinks links, LayerWork work), int more, bool backward) = input;
        var faster = new ClusterLinks(
            links.Nodes.Select(node => node with { NicGbps = node.NicGbps + more }).ToEquatableArray(), links.InterNodeLatency, links.IntraNodeLatency);
        foreach (Exchange exchange in work.Exchanges)
        {
            // A ring that goes round the nodes once, as a planner makes it.
            if (exchange.Kind == ExchangeKind.Ring)
                Array.Sort(exchange.Members);
            LayerWork one = new() { Ranks = work.Ranks, LinearTokens = new int[work.Ranks], Exchanges = [exchange] };
            long Time(ClusterLinks at, int slowdown) => new LayerSimulator(at, slowdown).Run(one, Rates, backward).Makespan;

            // Exactly, where shares of links and of devices do not depend on what happens to overlap. Routed hops, which meet at interfaces and
            // are chosen without latencies, and work that is slowed down where transfers overlap it, may lose a little from what comes earlier.
            long routes = exchange.Routed ? 6 * exchange.Members.Length * exchange.HeadChunks * links.IntraNodeLatency : 0;
            long slow = Time(links, 0), fast = Time(faster, 0);
            Assert.True(fast <= (exchange.Routed ? slow + (slow / 50) + routes : slow));
            (slow, fast) = (Time(links, 50), Time(faster, 50));
            Assert.True(fast <= slow + (slow / 50) + routes);
        }
    });

    [Fact]
    public void Which_device_of_an_interface_is_which_does_not_matter() => Cases.Check(
        Gen.Select(SomeWork, Gen.Int[0, 1_000].Array[16], Gen.Bool), 300, input =>
        {
            ((ClusterLinks links, LayerWork work), int[] keys, bool backward) = input;

            // Among devices of a node that use the same interface, by the order of some keys.
            var group = new List<(int Node, int Nic)>();
            for (int node = 0; node < links.Nodes.Count; node++)
            {
                for (int local = 0; local < links.Nodes[node].Devices; local++)
                    group.Add((node, local * links.Nodes[node].Nics / links.Nodes[node].Devices));
            }

            int[] label = new int[work.Ranks];
            foreach (IGrouping<(int, int), int> each in Enumerable.Range(0, work.Ranks).GroupBy(rank => group[rank]))
            {
                foreach ((int from, int to) in each.Zip(each.OrderBy(rank => keys[rank]).ThenBy(rank => rank)))
                    label[from] = to;
            }

            // Not of routed hops, whose proxies go by place.
            Exchange Plain(Exchange exchange, int[] names) => new()
            {
                Kind = exchange.Kind,
                Members = [.. exchange.Members.Select(rank => names[rank])],
                Pieces = exchange.Pieces,
                HeadChunks = exchange.HeadChunks,
                Areas = exchange.Areas,
                Fetches = [.. exchange.Fetches.Select(fetch => (names[fetch.From], names[fetch.To], fetch.Bytes))],
            };
            int[] same = [.. Enumerable.Range(0, work.Ranks)], tokens = new int[work.Ranks];
            for (int rank = 0; rank < work.Ranks; rank++)
                tokens[label[rank]] = work.LinearTokens[rank];
            LayerWork one = new() { Ranks = work.Ranks, LinearTokens = work.LinearTokens, Exchanges = [.. work.Exchanges.Select(each => Plain(each, same))] };
            LayerWork other = new() { Ranks = work.Ranks, LinearTokens = tokens, Exchanges = [.. work.Exchanges.Select(each => Plain(each, label))] };
            LayerTimes first = new LayerSimulator(links).Run(one, Rates, backward), second = new LayerSimulator(links).Run(other, Rates, backward);
            Assert.Equal((first.Makespan, first.CrossNodeBytes), (second.Makespan, second.CrossNodeBytes));
            Assert.Equal(first.Finish, label.Select(rank => second.Finish[rank]));
        });

    private static LayerWork WorkOf(int ranks, int[] kinds, int[] numbers, int[] order)
    {
        var exchanges = new Exchange[kinds.Length];
        for (int index = 0; index < kinds.Length; index++)
        {
            int[] own = numbers[(16 * index)..(16 * (index + 1))];
            int count = 1 + (own[0] % ranks), first = own[1] % ranks;
            int[] members = [.. Enumerable.Range(0, count).Select(member => order[(first + member) % ranks])];
            exchanges[index] = kinds[index] == 2
                ? new()
                {
                    Kind = ExchangeKind.Direct,
                    Members = members,
                    Areas = [.. members.Select(member => (long)own[2] * (member + 1) % 100_000)],
                    Fetches = [.. Enumerable.Range(0, own[3] % 6).Select(fetch =>
                        (members[own[4 + fetch] % count], members[own[5 + fetch] % count], own[6 + fetch] % 200_000L))],
                    Routed = own[15] % 2 == 0,
                }
                : new()
                {
                    Kind = kinds[index] == 0 ? ExchangeKind.Ring : ExchangeKind.AllGather,
                    Members = members,
                    Pieces = [.. Enumerable.Range(0, 1 + (own[3] % 3)).Select(piece => new SequencePiece(piece, own[4 + piece] % 300, own[8 + piece] % 500))],
                    HeadChunks = 1 + (own[14] % 4),
                    Routed = own[15] % 2 == 0,
                };
        }

        return new() { Ranks = ranks, LinearTokens = [.. order.Select(rank => 10 * rank)], Exchanges = exchanges };
    }
}
