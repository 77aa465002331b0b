using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

public class RingSetTests
{
    /// <summary>The arcs of closed rings, each once; fails where a ring is no permutation or an arc comes twice.</summary>
    private static HashSet<(int From, int To)> Arcs(RingSet set)
    {
        var arcs = new HashSet<(int, int)>();
        foreach (EquatableArray<int> ring in set.Rings)
        {
            Assert.Equal(Enumerable.Range(0, set.Devices), ring.Order());
            Assert.All(ring.Zip(ring.Skip(1).Append(ring[0])), arc => Assert.True(arcs.Add(arc), $"{arc} twice"));
        }

        return arcs;
    }

    public static TheoryData<int> EveryNumberOfDevices => [.. Enumerable.Range(2, 63)];

    [Theory]
    [MemberData(nameof(EveryNumberOfDevices))]
    public void All_links_of_any_number_of_devices(int devices)
    {
        RingSet set = RingSets.Complete(devices);
        RingSetCheck check = set.Verify();
        Assert.Equal((devices * (devices - 1), true, true), (check.Arcs, check.IsComplete, check.IsVerified));
        Assert.Equal(devices is 4 or 6 ? RingSetKind.Pairwise : RingSetKind.Cycles, set.Kind);
        Assert.Equal(devices - 1, set.Slots);
        if (set.Kind == RingSetKind.Cycles)
            Assert.Equal(devices * (devices - 1), Arcs(set).Count);
    }

    [Fact]
    public void All_links_of_many_devices() => Assert.All([65, 66, 94, 126, 128, 130, 194, 254, 257, 258], devices =>
    {
        RingSet set = RingSets.Complete(devices);
        Assert.Equal((RingSetKind.Cycles, devices * (devices - 1)), (set.Kind, Arcs(set).Count));
    });

    [Fact]
    public void The_same_rings_every_time() =>
        Assert.All([7, 8, 10, 34, 62], devices => Assert.Equal(RingSets.Complete(devices), RingSets.Complete(devices)));

    /// <summary>The closed form as it is published, written down step by step.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(36)]
    [InlineData(64)]
    public void The_published_closed_form(int devices)
    {
        int residues = devices - 2, k = (devices / 4) - 1, apex = devices - 2, extra = devices - 1;
        var zigzag = new List<int>();
        for (int i = 0; i < residues; i++)
            zigzag.Add(i % 2 == 1 ? (i + 1) / 2 : -(i / 2));
        var expected = new List<int[]>();
        var followers = new Dictionary<int, int>();
        for (int i = 0; i < residues; i++)
        {
            int[] cycle = [apex, .. zigzag.Select(value => (value + i + residues) % residues)];
            int shift = i == 0 ? 1 : i == k + 1 ? (4 * k) + 2 : i == (2 * k) + 2 ? 3 : i == (3 * k) + 2 ? 4 * k : 2 * k;
            int[] rotated = [.. cycle[shift..], .. cycle[..shift]];
            expected.Add([extra, .. rotated]);
            followers.Add(rotated[^1], rotated[0]);
        }

        var last = new List<int> { extra, apex };
        while (followers.TryGetValue(last[^1], out int follower))
            last.Add(follower);
        expected.Add([.. last]);
        Assert.Equal(expected, RingSets.Complete(devices).Rings.Select(ring => ring.ToArray()));
    }

    [Fact]
    public void Walecki_of_five_devices() => Assert.Equal(
        ["4 0 1 3 2", "4 1 2 0 3", "4 2 3 1 0", "4 3 0 2 1"],
        RingSets.Complete(5).Rings.Select(ring => string.Join(' ', ring)));

    [Theory]
    [MemberData(nameof(EveryNumberOfDevices))]
    public void Slots_that_come_are_those_that_go(int devices)
    {
        foreach (RingSet set in (RingSet[])[RingSets.Complete(devices), RingSet.Pairwise(devices)])
        {
            int[][] send = set.SendSlots(), receive = set.ReceiveSlots();
            for (int rank = 0; rank < devices; rank++)
            {
                Assert.Equal(Enumerable.Range(-1, devices), send[rank].Order());
                Assert.Equal(-1, send[rank][rank]);
                for (int other = 0; other < devices; other++)
                {
                    Assert.Equal(send[other][rank], receive[rank][other]);
                    if (set.Kind != RingSetKind.Cycles || other == rank)
                        continue;
                    int[] ring = [.. set.Rings[send[rank][other]]];
                    Assert.Equal(other, ring[(Array.IndexOf(ring, rank) + 1) % devices]);
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    [InlineData(-3)]
    [InlineData(1_025)]
    public void No_rings(int devices) => Assert.Throws<ArgumentOutOfRangeException>(() => RingSets.Complete(devices));

    /// <summary>Every Hamiltonian cycle of a few devices, as bits of its arcs, and the most of them that share none.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void The_most_cycles_by_trying_all(int devices) => Assert.Equal(
        DisjointCycles.Most(devices, new HashSet<(int, int)>()), RingSet.MostCycles(devices));
}
