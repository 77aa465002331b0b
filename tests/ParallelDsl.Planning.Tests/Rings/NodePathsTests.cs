using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

public class NodePathsTests
{
    private static RingSet Paths(int nodes, int perNode, NodeRail rail)
    {
        RingSetResult result = RingSets.OverNodes(nodes, perNode, rail);
        Assert.Null(result.Misfit);
        return result.Set!;
    }

    public static TheoryData<int, int, NodeRail> Layouts()
    {
        var layouts = new TheoryData<int, int, NodeRail>();
        foreach (int nodes in (int[])[2, 3, 4, 5, 7, 8])
        {
            foreach (int perNode in (int[])[1, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 21, 25, 33, 63])
            {
                layouts.Add(nodes, perNode, NodeRail.Cross);
                if (nodes % 2 == 0 || perNode % 4 == 0 || perNode % 2 == 1)
                    layouts.Add(nodes, perNode, NodeRail.Aligned);
            }
        }

        return layouts;
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Every_link_of_a_node_once_and_one_way_out_of_and_into_each_device(int nodes, int perNode, NodeRail rail)
    {
        RingSet set = Paths(nodes, perNode, rail);
        Assert.Equal((RingSetKind.Paths, nodes * perNode, nodes, perNode), (set.Kind, set.Devices, set.Nodes, set.Slots));
        RingSetCheck check = set.Verify();
        Assert.Empty(check.Faults);
        Assert.Equal((nodes * perNode * perNode, true), (check.Arcs, check.IsComplete));

        var inside = new HashSet<(int, int)>();
        var starts = new HashSet<int>();
        var ends = new HashSet<int>();
        foreach (EquatableArray<int> ring in set.Rings)
        {
            Assert.Equal(Enumerable.Range(0, set.Devices), ring.Order());
            foreach ((int from, int to) in ring.Zip(ring.Skip(1).Append(ring[0])))
            {
                if (from / perNode == to / perNode)
                {
                    Assert.True(inside.Add((from, to)));
                    continue;
                }

                Assert.Equal(((from / perNode) + 1) % nodes, to / perNode);
                Assert.True(ends.Add(from));
                Assert.True(starts.Add(to));
                Assert.Equal(rail == NodeRail.Aligned ? from % perNode : (from + ((perNode + 1) / 2)) % perNode, to % perNode);
            }
        }

        Assert.Equal(nodes * perNode * (perNode - 1), inside.Count);
        Assert.Equal((set.Devices, set.Devices), (starts.Count, ends.Count));
    }

    /// <summary>The published table of eight paths, by its closed form.</summary>
    [Fact]
    public void The_published_paths_of_eight_devices()
    {
        int[] zigzag = [0, 1, -1, 2, -2, 3, -3, 4];
        RingSet set = Paths(2, 8, NodeRail.Cross);
        for (int path = 0; path < 8; path++)
            Assert.Equal(zigzag.Select(step => (path + step + 8) % 8), set.Rings[path].Take(8));
    }

    /// <summary>The published tables between nodes: the slot that a rank sends to and receives from another node.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void The_published_ways_between_nodes(int nodes)
    {
        RingSet set = Paths(nodes, 8, NodeRail.Cross);
        int[][] send = set.SendSlots(), receive = set.ReceiveSlots();
        for (int rank = 0; rank < set.Devices; rank++)
        {
            int node = rank / 8, place = rank % 8, opposite = (place + 4) % 8;
            int next = ((node + 1) % nodes * 8) + opposite, previous = ((node + nodes - 1) % nodes * 8) + opposite;
            Assert.Equal(opposite, send[rank][next]);
            Assert.Equal(place, receive[rank][previous]);
            Assert.Equal(8, send[rank].Count(slot => slot >= 0));
            Assert.Equal(8, receive[rank].Count(slot => slot >= 0));
        }
    }

    /// <summary>The most of the devices of a node that one path each starts at, no two paths over one link or to one end, by trying all
    /// sets of paths.</summary>
    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    [InlineData(5, 4)]
    public void The_most_paths_by_trying_all(int perNode, int most)
    {
        var paths = new List<(long Links, int End)>[perNode];
        for (int start = 0; start < perNode; start++)
            Extend(paths[start] = [], [start], 0);
        Assert.Equal((most, most), (Most(0, 0, 0), RingSet.MostPaths(perNode)));
        Assert.Equal(most == perNode, RingSets.OverNodes(2, perNode, NodeRail.Cross).Set is not null);

        void Extend(List<(long, int)> found, int[] path, long links)
        {
            if (path.Length == perNode)
                found.Add((links, path[^1]));
            foreach (int next in Enumerable.Range(0, perNode).Except(path))
                Extend(found, [.. path, next], links | (1L << ((path[^1] * perNode) + next)));
        }

        int Most(int start, long used, int ends)
        {
            if (start == perNode)
                return 0;
            int best = Most(start + 1, used, ends);
            foreach ((long links, int end) in paths[start])
            {
                if ((links & used) == 0 && (ends >> end & 1) == 0)
                    best = Math.Max(best, 1 + Most(start + 1, used | links, ends | (1 << end)));
            }

            return best;
        }
    }

    [Fact]
    public void What_has_no_paths()
    {
        Assert.Null(RingSets.OverNodes(4, 3, NodeRail.Aligned).Set);
        Assert.Equal(
            "nodes of 5 devices have no 5 paths that start and end once at each, as 6 devices have no 5 cycles; cycles of all 10 devices need none",
            RingSets.OverNodes(2, 5, NodeRail.Cross).Misfit);
        Assert.Equal(
            "paths of 6 devices on 3 nodes do not close along rails: that needs an even number of nodes, or nodes of an odd number or a multiple of 4 devices; "
            + "they close across rails",
            RingSets.OverNodes(3, 6, NodeRail.Aligned).Misfit);
        Assert.Throws<ArgumentOutOfRangeException>(() => RingSets.OverNodes(1, 8, NodeRail.Cross));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingSets.OverNodes(2, 0, NodeRail.Cross));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingSets.OverNodes(1 << 20, 1 << 20, NodeRail.Cross));
    }
}
