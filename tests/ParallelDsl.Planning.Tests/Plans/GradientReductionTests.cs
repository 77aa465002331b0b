using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Collectives;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Planning.Tests.Plans;

public class GradientReductionTests
{
    // Two nodes of four with one slow interface each: replicas lie on both.
    private static readonly ClusterSpec TwoNodes = new("two", new([new NodeGroup(2, 4, DeviceCatalogue.Of(DeviceKind.H100Sxm), Fabric.Switch, 1, 10)]));

    [Fact]
    public void Replicas_on_several_nodes_sum_on_two_levels_and_the_plan_says_so()
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), TwoNodes, new AxesSpec(8, 1, 1, MicroBatches: 2)));
        CollectivePlan expected = new(CollectiveAlgorithm.TwoLevel, Nodes: new([0, 0, 0, 0, 1, 1, 1, 1]));
        Assert.Equal(new EquatableArray<CollectivePlan>([expected]), plan.Reductions);
        Assert.Equal(expected, plan.ReductionAt(0));
        Assert.Contains("  gradients   summed over replicas by two levels over 2 nodes\n", PlanText.Write(plan));

        string json = PlanJson.Write(plan);
        Assert.Contains("{ \"algorithm\": \"TwoLevel\", \"nodes\": [0, 0, 0, 0, 1, 1, 1, 1] }", json);
        Assert.Equal(plan, PlanJson.Read(json).Value);
    }

    [Fact]
    public void The_default_is_not_written()
    {
        ParallelPlan plan = Requests.Plan(Requests.PinnedHost);
        Assert.Empty(plan.Reductions);
        Assert.Equal(CollectivePlan.Default, plan.ReductionAt(1));
        Assert.DoesNotContain("reductions", PlanJson.Write(plan));
        Assert.DoesNotContain("summed over replicas", PlanText.Write(plan));
    }

    [Fact]
    public void Rings_travel_and_what_does_not_fit_is_refused()
    {
        ParallelPlan plan = Requests.Plan(Requests.PinnedHost);
        CollectivePlan rings = new(CollectiveAlgorithm.MultiRing, Rings: new([new([0, 1, 2, 3]), new([3, 2, 1, 0])]));
        ParallelPlan ringed = plan with { Reductions = new([rings, CollectivePlan.Default]) };
        Assert.Empty(PlanChecks.Validate(ringed));
        Assert.Equal(ringed, PlanJson.Read(PlanJson.Write(ringed)).Value);
        Assert.Contains(
            "by 2 arc-disjoint rings at 1 position; direct exchange at 1 position",
            string.Join(" ", PlanText.Write(ringed).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));

        Assert.Contains("not one reduction of gradients for each position", Fault(rings));
        Assert.Contains("ring 0 leaves out device 2", Fault(rings with { Rings = new([new([0, 1])]) }, CollectivePlan.Default));

        // Ranks would refuse them at the start.
        Assert.Contains("ring 1 sends from 1 to 2, as ring 0 does", Fault(rings with { Rings = new([new([0, 1, 2, 3]), new([1, 2, 3, 0])]) }, CollectivePlan.Default));
        Assert.Contains("2 nodes for 4 members", Fault(CollectivePlan.Default, new(CollectiveAlgorithm.TwoLevel, Nodes: new([0, 1]))));

        string Fault(params CollectivePlan[] reductions)
        {
            ParallelPlan wrong = plan with { Reductions = new(reductions) };
            string message = PlanJson.Read(PlanJson.Write(wrong)).Error!.Message;
            Assert.Contains(Assert.Single(PlanChecks.Validate(wrong)), message);
            return message;
        }
    }

    [Fact]
    public void Large_groups_take_two_levels_or_halve()
    {
        CollectiveNetwork network = CollectiveNetwork.Of(TwoNodes, [.. Enumerable.Range(0, 8)]);
        CollectiveNetwork Of(int members, int perNode) =>
            network with { Nodes = Enumerable.Range(0, members).Select(member => member / perNode).ToEquatableArray() };
        Assert.Equal(CollectiveAlgorithm.TwoLevel, CollectivePlanner.Choose(Of(1_000, 8), 1 << 20).Algorithm);
        Assert.Equal(CollectiveAlgorithm.HalvingDoubling, CollectivePlanner.Choose(Of(1_000, 1), 1 << 20).Algorithm);
        Assert.Equal(CollectiveAlgorithm.HalvingDoubling, CollectivePlanner.Choose(Of(1_000, 1_000), 1 << 20).Algorithm);
    }
}
