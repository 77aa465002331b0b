using CsCheck;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Rings;

public class RingSetTextTests
{
    private static RingSet Read(string text, int devices, int nodes = 1)
    {
        (RingSet? set, TextError? error) = RingSetText.Parse(text, devices, nodes);
        Assert.Null(error);
        return set!;
    }

    private static string Error(string text, int devices, int nodes = 1)
    {
        (RingSet? set, TextError? error) = RingSetText.Parse(text, devices, nodes);
        Assert.Null(set);
        return error!.ToString();
    }

    [Fact]
    public void Rings_on_one_line_or_several()
    {
        RingSet set = Read("0 1 2 3 4 5 6 7|0 3 6 1 4 7 2 5", 8);
        Assert.Equal((RingSetKind.Cycles, 2, 16), (set.Kind, set.Slots, set.Verify().Arcs));
        Assert.Equal(set, Read("# two of seven\r\n0,1,2,3,4,5,6,7 # by ones\r\n\r\n\t0 3 6 1 4 7 2 5 |\n", 8));
    }

    [Fact]
    public void Whatever_was_written_is_read_again() => Cases.Check(Gen.Int[2, 40].Where(devices => devices is not 4 and not 6), 40, devices =>
    {
        RingSet set = RingSets.Complete(devices);
        Assert.Equal(set, Read(string.Join('|', set.Rings.Select(ring => string.Join(' ', ring))), devices));
    });

    /// <summary>Eight paths with a network interface at both ends, in the form of RCCL's models of machines.</summary>
    [Fact]
    public void Paths_with_network_interfaces()
    {
        int[] zigzag = [0, 1, 7, 2, 6, 3, 5, 4];
        string text = string.Join('|', Enumerable.Range(0, 8).Select(path =>
            $"N{path} {string.Join(' ', zigzag.Select(step => (path + step) % 8))} N{(path + 4) % 8}"));
        RingSet one = Read(text, 8);
        Assert.Equal((RingSetKind.Paths, false, 56, true), (one.Kind, one.IsClosed, one.Verify().Arcs, one.Verify().IsComplete));
        Assert.Equal(7, one.SendSlots()[0].Count(slot => slot >= 0));
        Assert.Equal(RingSets.OverNodes(4, 8, NodeRail.Cross).Set, Read(text, 32, 4));
    }

    /// <summary>A whole table in the form of RCCL's model 81, of eight devices with seven links and a network interface each; the paths are
    /// ours.</summary>
    [Fact]
    public void A_table_as_RCCL_writes_it()
    {
        const string Table =
            "N0 0 1 7 2 6 3 5 4 N4|N1 1 2 0 3 7 4 6 5 N5|N2 2 3 1 4 0 5 7 6 N6|N3 3 4 2 5 1 6 0 7 N7|"
            + "N4 4 5 3 6 2 7 1 0 N0|N5 5 6 4 7 3 0 2 1 N1|N6 6 7 5 0 4 1 3 2 N2|N7 7 0 6 1 5 2 4 3 N3";
        RingSet one = Read(Table, 8), four = Read(Table, 32, 4);
        Assert.Equal((56, true, true), (one.Verify().Arcs, one.Verify().IsComplete, one.Verify().IsVerified));
        Assert.Equal((256, true, true), (four.Verify().Arcs, four.Verify().IsComplete, four.Verify().IsVerified));
        Assert.Equal(RingSets.OverNodes(4, 8, NodeRail.Cross).Set, four);
    }

    /// <summary>As RCCL's model 79: 28 rings of eight devices that take each of the 56 links four times. They are no set, also where each is
    /// another.</summary>
    [Fact]
    public void Rings_that_take_every_link_four_times()
    {
        int[][] rings =
        [
            .. from turn in Enumerable.Range(0, 4)
               from ring in RingSets.Complete(8).Rings
               select ring.Select(device => (device + (2 * turn)) % 8).ToArray(),
        ];
        IEnumerable<IGrouping<(int, int), (int, int)>> links = rings.SelectMany(ring => ring.Zip(ring.Skip(1).Append(ring[0]))).GroupBy(link => link);
        Assert.Equal((28, 56), (rings.Length, links.Count()));
        Assert.All(links, link => Assert.Equal(4, link.Count()));
        Assert.Equal(28, rings.Select(ring => string.Join(' ', ring[Array.IndexOf(ring, 0)..].Concat(ring[..Array.IndexOf(ring, 0)]))).Distinct().Count());

        // The first of the second seven: whatever it takes, one of the first seven does.
        Assert.Matches(
            "^line 1, column 113, ring 7: goes from [0-7] to [0-7], as ring [0-6] at line 1, column [0-9]+ does$",
            Error(string.Join('|', rings.Select(ring => string.Join(' ', ring))), 8));
    }

    [Theory]
    [InlineData("", "line 1, column 1: there are no rings; write the devices of one in a line, as in 0 1 2 3")]
    [InlineData("# none\n | \n", "line 1, column 1: there are no rings; write the devices of one in a line, as in 0 1 2 3")]
    [InlineData("0 1 2 3\n0 2 x 3", "line 2, column 5, ring 1: expected a device from 0 to 3, found 'x'")]
    [InlineData("0 1 2 4", "line 1, column 7, ring 0: expected a device from 0 to 3, found '4'")]
    [InlineData("0 1 2 -3", "line 1, column 7, ring 0: expected a device from 0 to 3, found '-3'")]
    [InlineData("0 1 2 99999999999", "line 1, column 7, ring 0: expected a device from 0 to 3, found '99999999999'")]
    [InlineData("0 1 2 3 0", "line 1, column 9, ring 0: device 0 stands there twice")]
    [InlineData("0 1 3", "line 1, column 1, ring 0: leaves out device 2; it needs all 4")]
    [InlineData("0 1 2 3 | 0 2 1 3", "line 1, column 11, ring 1: goes from 3 to 0, as ring 0 at line 1, column 1 does")]
    [InlineData("N0 0 1 2 3 N3\n0 2 1 3", "line 2, column 1, ring 1: has no network interfaces at its ends, as ring 0 has")]
    [InlineData("0 2 1 3\nN0 0 1 2 3 N3", "line 2, column 1, ring 1: has network interfaces at its ends, as ring 0 has not")]
    [InlineData("N0 0 1 2 3", "line 1, column 1, ring 0: expected a device from 0 to 3, found 'N0'")]
    [InlineData("N0 0 1 2 3 N3|N0 0 2 1 3 N3", "line 1, column 15, ring 1: starts at 0, as ring 0 at line 1, column 1 does")]
    [InlineData("N0 0 1 2 3 N3|N1 1 0 2 3 N3", "line 1, column 15, ring 1: goes from 2 to 3, as ring 0 at line 1, column 1 does")]
    [InlineData("N0 0 1 2 3 N3|N1 1 0 2 1 N3", "line 1, column 24, ring 1: device 1 stands there twice")]
    public void Wrong_rings(string text, string error) => Assert.Equal(error, Error(text, 4));

    [Fact]
    public void A_path_that_ends_where_another_does() => Assert.Equal(
        "line 2, column 1, ring 1: ends at 2, as ring 0 at line 1, column 1 does", Error("N0 0 1 3 2 N2\nN1 1 0 3 2 N2".Replace("1 0 3 2", "3 1 0 2"), 4));

    [Fact]
    public void Nodes_that_do_not_divide() => Assert.Throws<ArgumentOutOfRangeException>(() => RingSetText.Parse("0 1", 5, 2));
}
