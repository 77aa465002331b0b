using CsCheck;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

public class RingRepairTests
{
    private static DeviceLink[] Links(string text, int devices)
    {
        (IReadOnlyList<DeviceLink>? links, TextError? error) = MissingLinks.Parse(text, devices);
        Assert.Null(error);
        return [.. links!];
    }

    private static (int Rings, int Bound) Repair(int devices, IReadOnlyCollection<DeviceLink> missing)
    {
        RingRepairResult result = RingRepair.Without(devices, missing);
        if (result.Set is not { } set)
            return (0, result.Bound);
        RingSetCheck check = set.Verify(missing);
        Assert.Empty(check.Faults);
        Assert.Equal(set.Rings.Count * devices, check.Arcs);
        foreach (EquatableArray<int> ring in set.Rings)
            Assert.All(ring.Zip(ring.Skip(1).Append(ring[0])), arc => Assert.DoesNotContain(new DeviceLink(arc.First, arc.Second), missing));
        return (set.Rings.Count, result.Bound);
    }

    [Theory]
    [InlineData(8, "2-5", 6)]
    [InlineData(8, "2>5", 6)]
    [InlineData(8, "2-5,0-7", 6)]
    [InlineData(8, "2-5,2-6", 5)]
    [InlineData(7, "0>1,1>2", 5)]
    [InlineData(10, "0-9", 8)]
    [InlineData(12, "0-1,2-3,4-5,6-7,8-9,10-11", 10)]
    [InlineData(16, "0-1,0-2,0-3", 12)]
    [InlineData(33, "0-1,5-9", 31)]
    [InlineData(64, "2-5", 62)]
    [InlineData(64, "2-5,9>3,4-63", 62)]
    public void As_many_rings_as_the_links_allow(int devices, string missing, int rings) =>
        Assert.Equal((rings, rings), Repair(devices, Links(missing, devices)));

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    [InlineData(5, 4)]
    [InlineData(6, 4)]
    [InlineData(8, 7)]
    public void Where_nothing_is_missing(int devices, int rings) => Assert.Equal((rings, rings), Repair(devices, []));

    /// <summary>No set of cycles is larger, by trying all.</summary>
    [Fact]
    public void As_many_as_there_are_of_few_devices()
    {
        int fewer = 0;
        Cases.Check(
            from devices in Gen.Int[2, 6]
            from missing in (from arc in Gen.Int[0, (devices * devices) - 1] select (From: arc / devices, To: arc % devices)).Array[0, devices * 2]
            select (devices, missing),
            150,
            problem =>
            {
                var missing = problem.missing.Where(arc => arc.From != arc.To).ToHashSet();
                (int rings, int bound) = Repair(problem.devices, [.. missing.Select(arc => new DeviceLink(arc.From, arc.To))]);
                int most = DisjointCycles.Most(problem.devices, missing);
                Assert.True(bound >= most, $"at most {bound}, but there are {most}");
                Assert.Equal(most, rings);
                fewer += most < bound ? 1 : 0;
            });
        Assert.True(fewer > 5, $"{fewer} cases where links would allow more");
    }

    [Fact]
    public void Few_links()
    {
        // Of a ring both ways, and of a cube of four dimensions.
        Assert.Equal((2, 2), Repair(16, MissingWhere(16, (a, b) => (b - a + 16) % 16 is 1 or 15)));
        Assert.Equal((4, 4), Repair(16, MissingWhere(16, (a, b) => int.PopCount(a ^ b) == 1)));
        // Two halves with two links each way between them: the cut says so, where every device has five links or more.
        Assert.Equal((2, 2), Repair(12, MissingWhere(12, (a, b) => a / 6 == b / 6 || (a % 6 == b % 6 && a % 6 < 2))));
        // A star is connected, but there is no way round.
        Assert.Equal((0, 1), Repair(4, MissingWhere(4, (a, b) => a == 0 || b == 0)));
        // Nothing leads to device 3.
        Assert.Equal((0, 0), Repair(4, MissingWhere(4, (_, b) => b != 3)));
        // A chain both ways, and a device with one link that every ring would have to take twice: one permutation, and no ring.
        Assert.Equal((0, 1), Repair(8, MissingWhere(8, (a, b) => Math.Abs(a - b) == 1)));
        Assert.Equal((0, 1), Repair(8, Links("7-1,7-2,7-3,7-4,7-5,7-6", 8)));
        Assert.Equal((0, 1), Repair(12, MissingWhere(12, (a, b) => Math.Abs(a - b) == 1)));
    }

    /// <summary>Of more devices than can be tried: rings, if any, of links that are there and no more than the bound, and the same again.</summary>
    [Fact]
    public void Any_links_of_many_devices()
    {
        (int none, int some) = (0, 0);
        Cases.Check(
            from devices in Gen.Int[8, 14]
            from links in (from arc in Gen.Int[0, (devices * devices) - 1] select (From: arc / devices, To: arc % devices)).Array[devices, devices * 5]
            from isRing in Gen.Bool
            select (devices, links, isRing),
            24,
            problem =>
            {
                // Half of them have a ring, among others.
                var there = problem.links.ToHashSet();
                for (int device = 0; device < problem.devices && problem.isRing; device++)
                    there.Add((device, (device + 1) % problem.devices));
                DeviceLink[] missing = MissingWhere(problem.devices, (a, b) => there.Contains((a, b)));
                (int rings, int bound) = Repair(problem.devices, missing);
                Assert.InRange(rings, 0, bound);
                Assert.Equal(RingRepair.Without(problem.devices, missing), RingRepair.Without(problem.devices, [.. missing.Reverse()]));
                if (problem.isRing)
                    Assert.NotEqual(0, rings);
                (none, some) = (none + (rings == 0 ? 1 : 0), some + (rings > 0 ? 1 : 0));
            });
        Assert.True(none > 5 && some > 5, $"{none} cases without rings, {some} with some");
    }

    /// <summary>In every process, and under every runtime.</summary>
    [Fact]
    public void The_same_rings_everywhere() => Assert.Equal(
        "0 1 6 5 7 3 4 2 | 0 6 7 4 3 2 1 5 | 0 2 3 6 1 7 5 4 | 0 4 5 6 3 1 2 7 | 0 5 3 7 6 2 4 1 | 0 3 5 1 4 7 2 6",
        string.Join(" | ", RingRepair.Without(8, Links("2-5", 8)).Set!.Rings.Select(ring => string.Join(' ', ring))));

    /// <summary>As many in every node as in the one with the fewest.</summary>
    [Theory]
    [InlineData(2, 8, "2-5", 7)]
    [InlineData(2, 8, "2-5,10-15,8-9", 7)]
    [InlineData(3, 7, "7-8,7-9", 5)]
    [InlineData(2, 4, "0-1,4-5,4-6", 2)]
    [InlineData(2, 5, "0>1", 4)]
    [InlineData(2, 5, "", 4)]
    [InlineData(4, 3, "9-10", 2)]
    [InlineData(3, 2, "2>3", 1)]
    [InlineData(16, 64, "2-5,70-73", 63)]
    public void Paths_over_nodes(int nodes, int perNode, string text, int rings)
    {
        DeviceLink[] missing = text.Length == 0 ? [] : Links(text, nodes * perNode);
        RingRepairResult result = RingRepair.OverNodes(nodes, perNode, missing);
        RingSet set = result.Set!;
        Assert.Equal((rings, rings), (set.Slots, result.Bound));
        RingSetCheck check = set.Verify(missing);
        Assert.Empty(check.Faults);
        Assert.Equal((RingSetKind.Paths, nodes, rings * nodes * perNode), (set.Kind, set.Nodes, check.Arcs));
        Assert.Equal(rings, new MultiRing(set).Slots);
    }

    /// <summary>One node without a path of all its devices is enough.</summary>
    [Theory]
    [InlineData(2, 4, "0-1,0-2,0-3")]
    [InlineData(3, 2, "2-3")]
    public void No_path_in_a_node(int nodes, int perNode, string missing) =>
        Assert.Null(RingRepair.OverNodes(nodes, perNode, Links(missing, nodes * perNode)).Set);

    [Fact]
    public void Links_between_nodes_are_not_those_of_paths()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.OverNodes(2, 4, [new(3, 4)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.OverNodes(2, 4, [new(8, 9)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.OverNodes(1, 4, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.OverNodes(2, 128, []));
    }

    private static DeviceLink[] MissingWhere(int devices, Func<int, int, bool> isLinked) =>
    [
        .. from a in Enumerable.Range(0, devices)
           from b in Enumerable.Range(0, devices)
           where a != b && !isLinked(a, b)
           select new DeviceLink(a, b),
    ];

    [Fact]
    public void Links_as_text() =>
        Assert.Equal([new(2, 5), new(5, 2), new(0, 7)], Links("2-5, 0>7", 8));

    [Theory]
    [InlineData("", "line 1, column 1: expected a link as in 2-5 (both ways) or 2>5 (one way), found ''")]
    [InlineData("2-5,", "line 1, column 5: expected a link as in 2-5 (both ways) or 2>5 (one way), found ''")]
    [InlineData("2-x", "line 1, column 1: expected a link as in 2-5 (both ways) or 2>5 (one way), found '2-x'")]
    [InlineData("25", "line 1, column 1: expected a link as in 2-5 (both ways) or 2>5 (one way), found '25'")]
    [InlineData("-2-5", "line 1, column 1: expected a link as in 2-5 (both ways) or 2>5 (one way), found '-2-5'")]
    [InlineData("2-99999999999", "line 1, column 1: expected a link as in 2-5 (both ways) or 2>5 (one way), found '2-99999999999'")]
    [InlineData("0-1,2-8", "line 1, column 5: the link 2-8 has a device that is none of 0 to 7")]
    [InlineData("3-3", "line 1, column 1: the link 3-3 is from a device to itself")]
    [InlineData("2-5,5>2", "line 1, column 5: the link 5>2 stands there twice")]
    [InlineData("2-5,5-2", "line 1, column 5: the link 5>2 stands there twice")]
    public void Wrong_links(string text, string error) => Assert.Equal(error, MissingLinks.Parse(text, 8).Error!.ToString());

    [Fact]
    public void Wrong_arguments()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.Without(1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.Without(129, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.Without(8, [new DeviceLink(2, 8)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingRepair.Without(8, [new DeviceLink(2, 2)]));
    }
}
