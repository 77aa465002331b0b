using CsCheck;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

public class RingSetCheckTests
{
    private static RingSet Cycles(int devices, params int[][] rings) =>
        new(RingSetKind.Cycles, devices, 1, [.. rings.Select(ring => new EquatableArray<int>(ring))]);

    private static string Fault(RingSet set)
    {
        RingSetCheck check = set.Verify();
        Assert.False(check.IsVerified);
        Assert.False(check.IsComplete);
        return string.Join("; ", check.Faults);
    }

    [Fact]
    public void Fewer_rings_than_there_could_be_are_sound()
    {
        // The units modulo 8: four rings by the same step.
        RingSetCheck check = Cycles(8, [.. ((int[])[1, 3, 5, 7]).Select(step => Enumerable.Range(0, 8).Select(i => i * step % 8).ToArray())]).Verify();
        Assert.Equal((32, false, true), (check.Arcs, check.IsComplete, check.IsVerified));
    }

    [Fact]
    public void Rings_that_share_a_link() => Assert.Equal(
        "ring 1 sends from 3 to 0, as ring 0 does; ring 1 sends from 0 to 1, as ring 0 does",
        Fault(Cycles(5, [0, 1, 2, 4, 3], [3, 0, 1, 4, 2])));

    [Fact]
    public void Rings_that_are_no_permutations()
    {
        Assert.Equal("ring 0 has device 1 twice; ring 0 leaves out device 2", Fault(Cycles(3, [0, 1, 1])));
        Assert.Equal("ring 0 has device 3 of 3; ring 0 leaves out device 2", Fault(Cycles(3, [0, 1, 3])));
        Assert.Equal("ring 0 has device -1 of 3; ring 0 leaves out device 0", Fault(Cycles(3, [-1, 1, 2])));
        Assert.Equal("ring 0 visits 2 devices, where there are 3", Fault(Cycles(3, [0, 1])));
        Assert.Equal("ring 1 visits 4 devices, where there are 3", Fault(Cycles(3, [0, 1, 2], [0, 2, 1, 0])));
        Assert.Equal($"ring 0 visits 2 devices, where there are {int.MaxValue}", Fault(Cycles(int.MaxValue, [0, 1])));
        Assert.Equal("there are no rings", Fault(Cycles(3)));
    }

    [Theory]
    [InlineData(4, 3, 2)]
    [InlineData(6, 5, 4)]
    [InlineData(5, 5, 4)]
    [InlineData(8, 8, 7)]
    public void More_rings_than_there_can_be(int devices, int claimed, int most) => Assert.StartsWith(
        $"ring {most} is one too many: at most {most} cycles of {devices} devices share no link",
        Fault(Cycles(devices, [.. Enumerable.Repeat(Enumerable.Range(0, devices).ToArray(), claimed)])), StringComparison.Ordinal);

    [Fact]
    public void Rings_over_links_that_are_missing()
    {
        RingSet three = Cycles(3, [0, 1, 2]);
        Assert.Equal(["ring 0 sends from 1 to 2, where the link is missing"], three.Verify([new(1, 2), new(1, 0)]).Faults.Select(fault => fault.Message));
        Assert.Equal(["ring 0 sends from 2 to 0, where the link is missing"], three.Verify([new(2, 0)]).Faults.Select(fault => fault.Message));
        Assert.Equal(["device 2 sends to 0, where the link is missing"], RingSet.Pairwise(3).Verify([new(2, 0)]).Faults.Select(fault => fault.Message));
        RingSet path = new(RingSetKind.Paths, 3, 1, [new([0, 1, 2])]);
        Assert.Equal(["ring 0 sends from 0 to 1, where the link is missing"], path.Verify([new(0, 1)]).Faults.Select(fault => fault.Message));
        Assert.True(path.Verify([new(2, 0)]).IsVerified);

        // All links that are left.
        RingSetCheck check = three.Verify([new(1, 0), new(2, 1), new(0, 2), new(1, 0)]);
        Assert.Equal((3, true, true), (check.Arcs, check.IsComplete, check.IsVerified));
        Assert.False(three.Verify([new(1, 0)]).IsComplete);

        // Over nodes those that are missing inside one.
        RingSet nodes = new(RingSetKind.Paths, 4, 2, [new([0, 1, 2, 3])]);
        Assert.False(nodes.Verify([new(1, 0)]).IsComplete);
        Assert.False(nodes.Verify([new(1, 0), new(3, 2), new(1, 3)]).IsComplete);
    }

    /// <summary>The square of the devices leaves 32 bits; one ring of them does not.</summary>
    [Fact]
    public void Rings_of_very_many_devices()
    {
        const int Devices = 70_000;
        RingSetCheck check = Cycles(Devices, [.. Enumerable.Range(0, Devices)]).Verify();
        Assert.Equal((Devices, false, true), (check.Arcs, check.IsComplete, check.IsVerified));
        Itinerary ring = Itineraries.Of(Datapath.Ring, Devices, 1), both = Itineraries.Of(Datapath.BidirectionalRing, Devices, 1);
        Assert.Equal((0, Devices - 2), (ring.To(1, Devices - 1, 0), ring.Origin(2, 0, 0)));
        Assert.Equal(Devices - 1, both.To(Devices - 1, 0, 1));
    }

    [Fact]
    public void Devices_that_nodes_do_not_divide()
    {
        Assert.Equal("6 devices on 4 nodes", Fault(new RingSet(RingSetKind.Paths, 6, 4, default)));
        Assert.Equal("1 devices on 1 nodes", Fault(new RingSet(RingSetKind.Pairwise, 1, 1, default)));
        Assert.Equal("pairwise ways have no rings", Fault(new RingSet(RingSetKind.Pairwise, 2, 1, [new([0, 1])])));
    }

    [Fact]
    public void Paths_that_leave_a_node_too_often_or_from_the_same_device()
    {
        Assert.Equal(
            "ring 0 leaves a node 4 times, where there are 2 nodes",
            Fault(new RingSet(RingSetKind.Paths, 4, 2, [new([0, 2, 1, 3])])));
        Assert.Equal(
            "device 1 is the end of a path of ring 1 and of another ring",
            Fault(new RingSet(RingSetKind.Paths, 3, 1, [new([0, 2, 1]), new([2, 0, 1])])));
        Assert.Equal(
            "device 0 is the start of a path of ring 1 and of another ring",
            Fault(new RingSet(RingSetKind.Paths, 3, 1, [new([0, 2, 1]), new([0, 1, 2])])));
        Assert.StartsWith(
            "ring 2 is one too many: at most 2 paths of 3 devices share no link, start or end",
            Fault(new RingSet(RingSetKind.Paths, 3, 1, [.. Enumerable.Repeat(new EquatableArray<int>([0, 1, 2]), 3)])), StringComparison.Ordinal);
    }

    /// <summary>A complete set has no link to spare: any two devices changed in any ring make a link come twice or go missing.</summary>
    [Fact]
    public void Any_change_of_a_complete_set_is_found() => Cases.Check(
        from devices in Gen.Int[5, 12].Where(count => count != 6)
        from ring in Gen.Int[0, devices - 2]
        from first in Gen.Int[0, devices - 1]
        from second in Gen.Int[0, devices - 1]
        where first != second
        select (devices, ring, first, second),
        500,
        change =>
        {
            RingSet set = RingSets.Complete(change.devices);
            int[][] rings = [.. set.Rings.Select(ring => ring.ToArray())];
            int[] changed = rings[change.ring];
            (changed[change.first], changed[change.second]) = (changed[change.second], changed[change.first]);
            Assert.False(Cycles(change.devices, rings).Verify().IsVerified);
        });
}
