using System.Text.RegularExpressions;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Rings;

namespace ParallelDsl.Planning.Tests.Plans;

/// <summary>The rings of plans and of plan files: which are sound, and who runs them.</summary>
public partial class PlanRingsTests
{
    // Four devices a node in these tests; eight sequence ranks lie on two nodes.
    private const string Node0 = "\"N0 0 1 3 2 N2\"", Node1 = "\"N1 1 2 0 3 N3\"", Node2 = "\"N2 2 3 1 0 N0\"";

    private static ParallelPlan Plan(int sequence, Datapath datapath, int nodes = 2, int perNode = 4) => Requests.Plan(new PlanRequest(
        Requests.Gpt(),
        new ClusterSpec("Lab", new([new NodeGroup(nodes, perNode, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, 4, 400)])),
        new AxesSpec(1, sequence, nodes * perNode / sequence, MicroBatches: nodes * perNode, Datapath: datapath, InterNodeDatapath: datapath)));

    private static string WithRows(ParallelPlan plan, params string[] rows) =>
        RingRow().Replace(PlanJson.Write(plan), $"\"rings\": [{string.Join(",", rows.Select(row => "\n    " + row))}\n  ]", 1);

    [Theory]
    [InlineData(0, "ring 0 has device 6 twice", "[0, 1, 2, 3, 4, 5, 6, 6]")]
    [InlineData(0, "ring 0 has device 8 of 8", "[0, 1, 2, 3, 4, 5, 6, 8]")]
    [InlineData(1, "ring 1 visits 4 devices, where there are 8", "[0, 1, 2, 3, 4, 5, 6, 7]", "[0, 2, 1, 3]")]
    [InlineData(1, "ring 1 visits 9 devices, where there are 8", "[0, 1, 2, 3, 4, 5, 6, 7]", "[0, 2, 4, 6, 1, 3, 5, 7, 0]")]
    [InlineData(1, "ring 1 sends from 4 to 5, as ring 0 does", "[0, 1, 2, 3, 4, 5, 6, 7]", "[7, 6, 4, 5, 3, 2, 1, 0]")]
    [InlineData(4, "ring 4 is one too many: at most 4 paths of 4 devices share no link, start or end", "[]", "[]", "[]", "[]", "[]")]
    [InlineData(-1, "there are no rings")]
    [InlineData(0, "expected a whole number from 0 to 2147483647, found -1", "[0, 1, 2, 3, 4, 5, 6, -1]")]
    [InlineData(0, "expected an array, found 7", "7")]
    [InlineData(0, "ring 0, column 15 of its text: expected a device from 0 to 7, found 'x'", "\"0 1 2 3 4 5 6 x\"")]
    [InlineData(0, "ring 0, column 10 of its text: device 2 stands there twice", "\"N0 0 1 2 2 N2\"")]
    [InlineData(0, "ring 0 visits 7 devices, where there are 8", "\"0 1 2 3 4 5 6\"")]
    [InlineData(0, "ring 0 visits 0 devices, where there are 8", "\"\"")]
    [InlineData(0, "ring 0 is 2 rings; write each as a row of its own", "\"0 1 2 3 4 5 6 7 | 0 3 6 1 4 7 2 5\"")]
    [InlineData(1, "ring 1 is a path that does not close: it has all 8 positions, and there is no other node on which it goes on", Node0, "\"N0 0 1 7 2 6 3 5 4 N4\"")]
    [InlineData(0, "ring 0 visits 3 devices of every node, where there are 8", "\"N0 0 1 2 N2\"")]
    [InlineData(1, "ring 1 is a ring of all devices, where ring 0 is a path of 4 devices of a node", Node0, "[0, 1, 2, 3, 4, 5, 6, 7]")]
    [InlineData(1, "ring 1 is a path of 2 devices of a node, where ring 0 is a path of 4 devices of a node", Node0, "\"N0 0 1 N1\"")]
    [InlineData(1, "ring 1 sends from 3 to 2, as ring 0 does", Node0, "\"N3 3 2 0 1 N1\"")]
    [InlineData(1, "device 2 is the end of a path of ring 1 and of another ring", Node0, "\"N3 3 1 0 2 N2\"")]
    public void Wrong_rings_are_told_at_their_row(int row, string message, params string[] rows)
    {
        // The rings come before the digest, which is wrong as well.
        string text = WithRows(Plan(8, Datapath.Hamiltonian), rows);
        TextError error = PlanJson.Read(text).Error!;
        Assert.Equal(message, error.Message);
        Assert.Equal(1 + text[..text.IndexOf("\"rings\"", StringComparison.Ordinal)].Count(character => character == '\n') + 1 + row, error.Line);
        Assert.StartsWith(row < 0 ? "rings" : $"rings[{row}]", error.Field, StringComparison.Ordinal);
    }

    /// <summary>Four positions have two cycles that share no link, and a set of three is none.</summary>
    [Fact]
    public void More_rings_than_there_are()
    {
        ParallelPlan plan = Plan(4, Datapath.Hamiltonian);
        Assert.Single(plan.Rings);
        Assert.Equal(
            "ring 2 is one too many: at most 2 cycles of 4 devices share no link",
            PlanJson.Read(WithRows(plan, "[0, 1, 2, 3]", "[3, 2, 1, 0]", "[0, 2, 1, 3]")).Error!.Message);
        ParallelPlan two = plan with { Rings = [new([0, 1, 2, 3]), new([3, 2, 1, 0])] };
        Assert.Equal(two, PlanJson.Read(PlanJson.Write(two)).Value);
    }

    /// <summary>Sizes that no axis has must not be taken at their word.</summary>
    [Theory]
    [InlineData("[0, 1]")]
    [InlineData("\"0 1\"")]
    [InlineData("\"N0 0 N0\"")]
    public void An_axis_of_any_size_is_an_error_and_no_exception(string ring)
    {
        foreach (int size in (int[])[int.MinValue, -1, 0, 1, 3, 2_000_000_000])
        {
            string text = WithRows(Plan(8, Datapath.Hamiltonian), ring).Replace("\"sequence\": 8", $"\"sequence\": {size}", StringComparison.Ordinal);
            Assert.NotNull(PlanJson.Read(text).Error);
        }
    }

    /// <summary>Paths in the form of RCCL's models of machines are rings over the nodes of the axis, and over no others.</summary>
    [Fact]
    public void Paths_of_a_node_go_on_over_nodes()
    {
        ParallelPlan plan = Plan(8, Datapath.Hamiltonian);
        ParallelPlan brought = plan with { Rings = RingSetText.Parse("N0 0 1 3 2 N2 | N1 1 2 0 3 N3 | N2 2 3 1 0 N0", 8, 2).Value!.Rings };
        Parsed<ParallelPlan> parsed = PlanJson.Read(WithRows(brought, Node0, Node1, Node2));
        Assert.Null(parsed.Error);
        Assert.Equal(brought, parsed.Value);
        Assert.Equal([0, 1, 3, 2, 4, 5, 7, 6], brought.Rings[0]);
        Assert.Equal(brought, PlanJson.Read(WithRows(brought, "\"0 1 3 2 4 5 7 6\"", "\"1 2 0 3 5 6 4 7\"", "[2, 3, 1, 0, 6, 7, 5, 4]")).Value);

        ParallelPlan finer = plan with { Rings = RingSetText.Parse("N0 0 1 N1", 8, 4).Value!.Rings };
        Assert.Equal(
            "ring 0 is a path over 4 nodes, and the sequence axis lies evenly on 2", PlanJson.Read(WithRows(finer, "\"N0 0 1 N1\"")).Error!.Message);
    }

    /// <summary>Where keys and values travel on one ring it may have any order; rings that nothing travels on are no part of a plan.</summary>
    [Theory]
    [InlineData(Datapath.Ring, true)]
    [InlineData(Datapath.DoubleRing, true)]
    [InlineData(Datapath.Pairwise, false)]
    [InlineData(Datapath.AllGather, false)]
    [InlineData(Datapath.AllToAll, false)]
    public void Other_datapaths_have_one_ring_or_none(Datapath datapath, bool hasRing)
    {
        ParallelPlan plan = Plan(4, datapath);
        Assert.Null(SequenceRings.FaultOf(plan));
        string none = $"under the datapath {datapath} keys and values travel on none of the plan's rings, which can only be one in the order of the positions";
        ParallelPlan turned = plan with { Rings = [new([0, 2, 1, 3])] };
        if (hasRing)
            Assert.Equal(turned, PlanJson.Read(PlanJson.Write(turned)).Value);
        else
            Assert.Equal(("rings[0]", none), Refused(turned));
        ParallelPlan several = plan with { Rings = [new([0, 1, 2, 3]), new([3, 2, 1, 0])] };
        Assert.Equal(("rings[1]", hasRing ? $"there are 2 rings, and under the datapath {datapath} keys and values travel on one" : none), Refused(several));

        static (string Field, string Message) Refused(ParallelPlan plan) =>
            PlanJson.Read(PlanJson.Write(plan)).Error is { } error ? (error.Field, error.Message) : ("", "accepted");
    }

    /// <summary>Ranks run the rings of the plan however few they are, one too, and pairwise ways where the planner has no rings.</summary>
    [Fact]
    public void The_rings_of_a_plan_are_the_ways()
    {
        ParallelPlan plan = Plan(8, Datapath.Hamiltonian);
        Assert.Equal(plan.Rings, SequenceRings.SetOf(plan)!.Set.Rings);
        EquatableArray<int> odd = [0, 2, 1, 3, 4, 6, 5, 7];
        ParallelPlan single = plan with { Rings = [odd] };
        Itinerary ways = SequenceRings.ItineraryOf(single)!;
        Assert.Equal((1, true), (ways.Lanes, ways.Forwards));
        Assert.Equal(odd, Enumerable.Range(0, 8).Select(place => ways.From(1, odd[(place + 1) % 8], 0)));

        ParallelPlan pairwise = Plan(4, Datapath.Hamiltonian);
        Assert.Null(SequenceRings.SetOf(pairwise));
        Assert.Equal((3, false), (SequenceRings.ItineraryOf(pairwise)!.Lanes, SequenceRings.ItineraryOf(pairwise)!.Forwards));
        Assert.Equal(1, SequenceRings.ItineraryOf(pairwise with { Rings = [new([0, 2, 1, 3])] })!.Lanes);
        Assert.Null(SequenceRings.ItineraryOf(Plan(4, Datapath.AllToAll)));
        Assert.Equal(4, SequenceRings.ItineraryOf(Plan(8, Datapath.DoubleRing))!.NodeHop);
        Assert.Equal(0, SequenceRings.ItineraryOf(Plan(4, Datapath.DoubleRing))!.NodeHop);
    }

    /// <summary>Four sequence ranks on nodes of six: the middle data rank lies on two nodes, the others on one.</summary>
    [Fact]
    public void Data_ranks_may_lie_otherwise()
    {
        Assert.True(SequenceRings.AreAlike(Plan(4, Datapath.Hamiltonian)));
        ParallelPlan plan = Requests.Plan(new PlanRequest(
            Requests.Gpt(),
            new ClusterSpec("Lab", new([new NodeGroup(3, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, 4, 400)])),
            new AxesSpec(6, 2, 1, Datapath: Datapath.Ring)));
        Assert.True(SequenceRings.AreAlike(plan));
        plan = Requests.Plan(new PlanRequest(
            Requests.Gpt(),
            new ClusterSpec("Lab", new([new NodeGroup(2, 6, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Mesh, 4, 400)])),
            new AxesSpec(3, 4, 1, Datapath: Datapath.Ring)));
        Assert.False(SequenceRings.AreAlike(plan));
    }

    [GeneratedRegex("\"rings\": \\[.*?\\n  \\]", RegexOptions.Singleline)]
    private static partial Regex RingRow();
}
