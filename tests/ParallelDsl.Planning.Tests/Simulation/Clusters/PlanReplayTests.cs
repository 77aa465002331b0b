using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Tests.Plans;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>Plans through the cluster simulator.</summary>
public class PlanReplayTests
{
    public static TheoryData<PipelineSchedule> Schedules =>
    [
        PipelineSchedule.GPipe, PipelineSchedule.OneForwardOneBackward, PipelineSchedule.Interleaved, PipelineSchedule.ZeroBubbleH1,
        PipelineSchedule.ZeroBubbleH2, PipelineSchedule.ZeroBubbleV, PipelineSchedule.DualPipeV,
    ];

    [Theory]
    [MemberData(nameof(Schedules))]
    public void A_plan_takes_as_long_as_it_says(PipelineSchedule schedule)
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), Requests.Lab, new AxesSpec(2, 1, 4, schedule, 8)));
        Assert.Equal(plan.Estimates.Makespan, PlanReplay.Makespan(plan));

        // Without anything to wait for on the way, and with the hops of all ranks on the same links.
        long contended = PlanReplay.Makespan(plan, ClusterLinks.Of(Requests.Lab), 50);
        long free = PlanReplay.Makespan(plan, new ClusterLinks(ClusterLinks.Of(Requests.Lab).Nodes.Select(
            node => node with { NicGbps = 1_000_000, FabricBytesPerNanosecond = 1_000_000 }).ToEquatableArray(), 0, 0), 0);
        Assert.True(free < contended);
        Assert.InRange(plan.Estimates.Makespan, free, 2 * contended);
    }

    [Fact]
    public void Hops_that_meet_nobody_take_what_the_plan_says()
    {
        // Two positions in one node: forwards leave the first, gradients the second, one after another.
        foreach (PlanRequest request in new[]
        {
            new PlanRequest(Requests.Tiny(), Requests.Hosts(2), new AxesSpec(1, 1, 2, PipelineSchedule.OneForwardOneBackward, 6)),
            new PlanRequest(Requests.Tiny(), Requests.Hosts(4), new AxesSpec(2, 1, 2, PipelineSchedule.ZeroBubbleH1, 5)),
        })
        {
            ParallelPlan plan = Requests.Plan(request);
            Assert.Equal(plan.Estimates.Makespan, PlanReplay.Makespan(plan, ClusterLinks.Of(request.Cluster, 0, 0), 0));
        }
    }
}
