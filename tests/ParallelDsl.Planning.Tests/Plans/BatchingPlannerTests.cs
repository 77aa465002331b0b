using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Plans;

public class BatchingPlannerTests
{
    private static readonly AxesSpec Joint = new(
        2, 2, 2, MicroBatches: 8, Packing: ParallelDsl.Packing.Asymmetric, Balance: SequenceBalance.Hierarchical);

    private static ClusterSpec A800(int nodes, int devices) =>
        new("A800", [new(nodes, devices, DeviceCatalogue.Of(DeviceKind.A800Sxm), Fabric.Switch, 4, 200)]);

    [Fact]
    public void Rings_hide_their_transfers_from_the_tokens_of_the_formula()
    {
        // 2 F h_k / (h B) with F = 40 % of 312,000 FLOPs a nanosecond, h_k / h = 1/3: 200 bytes a nanosecond inside a node, four
        // interfaces of 25 between nodes.
        AxesSpec axes = Joint with { Sequence = 4, Pipeline = 1 };
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes));
        Assert.Equal(416, plan.Batching.IntraNodeTokens);
        Assert.Equal(832, plan.Batching.InterNodeTokens);
        Assert.True(plan.Batching is { Remaps: true, Routes: true });

        // Without the balance of sequences there is neither remapping nor routing: a ring takes one interface.
        ParallelPlan zigzag = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes with { Balance = SequenceBalance.Zigzag }));
        Assert.Equal(3_328, zigzag.Batching.InterNodeTokens);
        Assert.True(zigzag.Batching is { Remaps: false, Routes: false });

        // One node has no transfers between nodes, and neither has a pipeline whose positions are nodes.
        Assert.Equal(0, Requests.Plan(new(Requests.Gpt(), A800(2, 4), Joint)).Batching.InterNodeTokens);
        ParallelPlan single = Requests.Plan(new(Requests.Gpt(), A800(1, 8), axes));
        Assert.Equal((416, 0), (single.Batching.IntraNodeTokens, single.Batching.InterNodeTokens));
        Assert.False(single.Batching.Routes);
    }

    [Fact]
    public void Attention_ranks_lie_on_the_nodes_of_the_mesh()
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), new AxesSpec(2, 4, 1, MicroBatches: 1, Balance: SequenceBalance.Hierarchical)));
        for (int rank = 0; rank < 8; rank++)
        {
            int device = plan.Mesh.RankOf(new(rank / 4, rank % 4, 0));
            Assert.Equal(device / 4, StepConstants.Of(plan).NodeOf(rank));
        }
    }

    [Theory]
    [InlineData(PipelineSchedule.GPipe, 8)]
    [InlineData(PipelineSchedule.OneForwardOneBackward, 8)]
    [InlineData(PipelineSchedule.ZeroBubbleH1, 1)]
    [InlineData(PipelineSchedule.Interleaved, 1)]
    [InlineData(PipelineSchedule.Adaptive, 1)]
    public void As_many_units_lie_open_as_the_schedule_and_the_memory_allow(PipelineSchedule schedule, int window)
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), Joint with { Schedule = schedule }));
        Assert.Equal(window, plan.Batching.Window);
        Assert.Equal(1, Requests.Plan(new(Requests.Gpt(), A800(2, 4), Joint with { Schedule = schedule, Packing = ParallelDsl.Packing.Tokens })).Batching.Window);
    }

    [Fact]
    public void Less_memory_opens_fewer_units_and_none_too_many()
    {
        int last = 9, found = 0;
        for (long mebibytes = 40_000; mebibytes >= 1_000; mebibytes = mebibytes * 9 / 10)
        {
            ClusterSpec cluster = new("Small", [new(2, 4, DeviceCatalogue.Custom("Small", mebibytes << 20, 312_000, 2_000, 200), Fabric.Switch, 4, 200)]);
            if (Planner.Plan(new(Requests.Gpt(), cluster, Joint)) is not Planned { Plan: var plan })
                break;
            Assert.InRange(plan.Batching.Window, 1, last);
            found += plan.Batching.Window is > 1 and < 8 ? 1 : 0;
            last = plan.Batching.Window;
            Assert.All(plan.Memory, memory => Assert.True(memory.Needed <= memory.Available));
            Assert.Empty(PlanChecks.Validate(plan));
        }

        Assert.Equal(1, last);
        Assert.InRange(found, 1, 100);
    }

    [Fact]
    public void Every_backward_of_a_window_runs_after_all_its_forwards_at_every_position() => Cases.Check(
        from devices in Gen.Int[1, 5]
        from microBatches in Gen.Int[1, 12]
        from lag in Gen.Int[0, 13]
        select (devices, microBatches, lag),
        300,
        input =>
        {
            (int devices, int microBatches, int lag) = input;
            EquatableArray<EquatableArray<PipelineAction>> orders = PipelineOrders.Of(
                PipelineSchedule.OneForwardOneBackward, devices, microBatches, lag: lag);
            int window = Math.Min(microBatches, lag + 1);
            foreach (EquatableArray<PipelineAction> order in orders)
            {
                int[] forwards = new int[microBatches], backwards = new int[microBatches];
                for (int position = 0; position < order.Count; position++)
                    (order[position].Kind == ActionKind.Forward ? forwards : backwards)[order[position].MicroBatch] = position;
                for (int unit = 0; unit < microBatches; unit++)
                {
                    int first = unit / window * window, end = Math.Min(microBatches, first + window);
                    Assert.True(backwards[unit] > forwards[first..end].Max());
                }
            }

            // With uniform costs the lag takes no time.
            EquatableArray<int> placement = PipelineOrders.PlacementOf(PipelineSchedule.OneForwardOneBackward, devices);
            EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(orders, placement, microBatches);
            Assert.Empty(PipelineValidation.Validate(programs, placement, microBatches));
            EquatableArray<long> one = Enumerable.Repeat(3L, devices).ToEquatableArray(), free = Enumerable.Repeat(0L, devices).ToEquatableArray();
            Assert.Equal((microBatches + devices - 1) * 9, PipelineSimulator.Run(programs, placement, new(one, one, one, free)).Makespan);
        });

    [Fact]
    public void What_units_of_slices_hold_is_what_a_replay_counts() => Cases.Check(
        from devices in Gen.Int[1, 4]
        from microBatches in Gen.Int[1, 10]
        from lag in Gen.Int[0, 9]
        select (devices, microBatches, lag),
        200,
        input =>
        {
            (int devices, int microBatches, int lag) = input;
            int window = Math.Min(microBatches, lag + 1);
            EquatableArray<int> placement = PipelineOrders.PlacementOf(PipelineSchedule.OneForwardOneBackward, devices);
            EquatableArray<PipelineProgram> programs = PipelinePrograms.WithTransfers(
                PipelineOrders.Of(PipelineSchedule.OneForwardOneBackward, devices, microBatches, lag: lag), placement, microBatches);
            for (int device = 0; device < devices; device++)
            {
                var held = new SortedSet<int>();
                var backwards = new SortedSet<int>();
                int peak = 0;
                foreach (PipelineAction action in programs[device].Actions)
                {
                    if (action.Kind is ActionKind.ReceiveForward or ActionKind.Forward)
                        held.Add(action.MicroBatch);
                    peak = Math.Max(peak, held.Count);
                    if (action.Kind != ActionKind.Backward)
                        continue;
                    backwards.Add(action.MicroBatch);
                    held.RemoveWhere(unit => Enumerable.Range(0, microBatches).Where(other => other / window == unit / window).All(backwards.Contains));
                }

                Assert.Equal(peak, ActivationPeak.UnitsByStage(programs[device].Actions, placement, window)[device]);
            }
        });

    [Theory]
    [InlineData(PipelineSchedule.GPipe)]
    [InlineData(PipelineSchedule.OneForwardOneBackward)]
    [InlineData(PipelineSchedule.ZeroBubbleV)]
    public void Plans_with_slices_round_trip_and_their_constants_are_checked(PipelineSchedule schedule)
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), Joint with { Schedule = schedule }));
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.Equal(plan, PlanJson.Read(PlanJson.Write(plan)).Value);
        Assert.NotEmpty(PlanChecks.Validate(plan with { Batching = plan.Batching with { Window = 9 } }));
        Assert.NotEmpty(PlanChecks.Validate(plan with { Batching = plan.Batching with { Window = 0 } }));
        Assert.NotEmpty(PlanChecks.Validate(plan with { Batching = plan.Batching with { InterNodeTokens = 1 } }));
        Assert.NotEmpty(PlanChecks.Validate(plan with { Batching = plan.Batching with { Remaps = false } }));

        // A window that the programs do not keep.
        if (plan.Batching.Window == 1)
        {
            Assert.Contains(
                PlanChecks.Validate(plan with { Batching = plan.Batching with { Window = 2 } }), fault => fault.Contains("of its window of 2 units", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Units_of_slices_may_be_shorter_than_the_context()
    {
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), Joint with { UnitTokens = 1_024 }));
        Assert.Equal((1_024, 512, 8), (plan.Batching.UnitTokens, plan.Batching.UnitTokensPerRank, plan.Batching.Window));
        ParallelPlan single = Assert.IsType<Planned>(Planner.SingleRank(plan)).Plan;
        Assert.Equal((8_192, 16), (single.Batching.UnitTokens, single.Batching.UnitsPerDataRank));

        // Where every unit is on its own, the two data ranks must hold the longest sequence together.
        PlanProblem problem = Assert.Single(Requests.Problems(
            new(Requests.Gpt(), A800(2, 4), Joint with { UnitTokens = 1_024, Schedule = PipelineSchedule.ZeroBubbleH1 })));
        Assert.Equal(PlanProblemCode.UnitShorterThanContext, problem.Code);
        Assert.Equal(
            "a sequence of the context length, 8,192, is spread over at most 2 units (1 of each of 2 data ranks), which hold 2,048 tokens", problem.Message);
        Assert.Equal([4_096], problem.Suggestions);
        Assert.IsType<Planned>(Planner.Plan(
            new(Requests.Gpt(), A800(2, 4), Joint with { UnitTokens = 4_096, Schedule = PipelineSchedule.ZeroBubbleH1 })));
    }
}
