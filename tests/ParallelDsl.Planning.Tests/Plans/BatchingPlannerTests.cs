using CsCheck;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;
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

    // 2 F h_k / h is 83,200 with the rates above; bytes a nanosecond of the longest hop under each datapath.
    [Theory]
    [InlineData(Datapath.Ring, Fabric.Switch, 416, 3_328)]
    [InlineData(Datapath.BidirectionalRing, Fabric.Switch, 416, 1_664)]
    [InlineData(Datapath.DoubleRing, Fabric.Switch, 416, 3_328)]
    [InlineData(Datapath.Hamiltonian, Fabric.Switch, 416, 832)]
    [InlineData(Datapath.Pairwise, Fabric.Switch, 416, 1_902)]
    [InlineData(Datapath.AllGather, Fabric.Switch, 1_248, 13_312)]
    [InlineData(Datapath.Ring, Fabric.Mesh, 1_248, 3_328)]
    [InlineData(Datapath.BidirectionalRing, Fabric.Mesh, 624, 1_664)]
    [InlineData(Datapath.Hamiltonian, Fabric.Mesh, 416, 832)]
    [InlineData(Datapath.Pairwise, Fabric.Mesh, 416, 1_902)]
    [InlineData(Datapath.AllGather, Fabric.Mesh, 1_248, 13_312)]
    [InlineData(Datapath.AllToAll, Fabric.Switch, 416, 832)]
    [InlineData(Datapath.AllToAll, Fabric.Mesh, 416, 832)]
    public void They_go_by_what_a_hop_of_the_datapath_takes(Datapath datapath, Fabric fabric, int inside, int between)
    {
        // On four ranks of a node, and on eight of two, all of whose four interfaces are theirs.
        AxesSpec axes = new(2, 4, 1, MicroBatches: 8, Packing: ParallelDsl.Packing.Asymmetric, Datapath: datapath, InterNodeDatapath: datapath);
        ClusterSpec cluster = new("A800", [new(2, 4, DeviceCatalogue.Of(DeviceKind.A800Sxm), fabric, 4, 200)]);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), cluster, axes));
        Assert.Equal((inside, between), (plan.Batching.IntraNodeTokens, plan.Batching.InterNodeTokens));
        Assert.Empty(PlanChecks.Validate(plan));

        // What is chosen counts as what is declared.
        BatchingPlan chosen = Requests.Plan(
            new(Requests.Gpt(), cluster, axes with { Datapath = Datapath.Automatic, InterNodeDatapath = Datapath.Automatic })).Batching;
        if (chosen.Datapaths!.InterNode == datapath)
            Assert.Equal(between, chosen.InterNodeTokens);
        Assert.Equal(0, Requests.Plan(new(Requests.Gpt(), cluster, axes with { Packing = ParallelDsl.Packing.Tokens, Balance = SequenceBalance.Hierarchical })).Batching.InterNodeTokens);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 5, 9)]
    [InlineData(50, 208, 416)]
    [InlineData(10_000, 41_600, 83_200)]
    public void A_declaration_may_ask_for_a_part_or_a_multiple_of_them(int percent, int inside, int between)
    {
        AxesSpec axes = Joint with { Sequence = 4, Pipeline = 1, OverlapPercent = percent };
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes));
        Assert.Equal((inside, between), (plan.Batching.IntraNodeTokens, plan.Batching.InterNodeTokens));
        Assert.Equal((inside, between), (StepConstants.Of(plan).IntraNodeTokens, StepConstants.Of(plan).InterNodeTokens));
        Assert.Empty(PlanChecks.Validate(plan));
        Assert.NotEmpty(PlanChecks.Validate(plan with { Axes = axes with { MicroBatches = 8, Chunks = 1, UnitTokens = 8_192, OverlapPercent = percent + 1 } }));
    }

    [Fact]
    public void Swapped_heads_are_not_routed()
    {
        AxesSpec axes = Joint with { Sequence = 4, Pipeline = 1 };
        BatchingPlan inside = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes with { Datapath = Datapath.AllToAll })).Batching;
        BatchingPlan between = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes with { InterNodeDatapath = Datapath.AllToAll })).Batching;
        Assert.Equal((true, 832), (inside.Routes, inside.InterNodeTokens));

        // All interfaces carry swaps. What part of a token's bytes goes to others is for a placement to count.
        Assert.Equal((false, 832), (between.Routes, between.InterNodeTokens));
        Assert.Equal((416, 416), (inside.IntraNodeTokens, between.IntraNodeTokens));
        Assert.True(inside.Remaps && between.Remaps);
    }

    // What was chosen counts as what was declared.
    [Fact]
    public void Heads_are_shared_out_where_that_was_chosen()
    {
        AxesSpec axes = Joint with { Sequence = 4, Pipeline = 1, Datapath = Datapath.AllToAll, InterNodeDatapath = Datapath.Ring };
        ParallelPlan declared = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes));
        ParallelPlan chosen = declared with
        {
            Axes = axes with { Datapath = Datapath.Automatic, InterNodeDatapath = Datapath.Automatic },
            Batching = declared.Batching with { Datapaths = new(Datapath.AllToAll, Datapath.Ring, 100, 100) },
        };
        Assert.True(StepConstants.Of(declared).IntraNodeHeads > 0);
        Assert.Equal(0, StepConstants.Of(declared).InterNodeHeads);
        Assert.Equal(StepConstants.Of(declared), StepConstants.Of(chosen));
    }

    [Fact]
    public void What_attention_weighs_changes_balance_and_nothing_else()
    {
        AxesSpec axes = Joint with { Sequence = 4, Pipeline = 1 };
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes));
        ParallelPlan weighed = Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes with { AttentionPercent = 250 }));
        Assert.Equal(plan, weighed with { Axes = plan.Axes });
        SequenceCosts costs = StepConstants.Of(plan).Costs, heavier = StepConstants.Of(weighed).Costs;
        Assert.Equal(SequenceCosts.Of(plan.Layers), costs);
        Assert.Equal(costs with { PairForward = costs.PairForward * 5 / 2, PairBackward = costs.PairBackward * 5 / 2 }, heavier);
    }

    [Theory]
    [InlineData(100, 1, 1)]
    [InlineData(199, 100, 199)]
    [InlineData(3, 50, 2)]
    [InlineData(49, 1, 0)]
    [InlineData(long.MaxValue / 10_000, 10_000, long.MaxValue / 10_000 / 100 * 10_000 + 7_700)]
    public void Weights_are_rounded_to_nearest(long pair, int percent, long weighed)
    {
        var costs = new SequenceCosts(pair, 7, pair, 8, 9, 10);
        Assert.Equal(new SequenceCosts(weighed, 7, weighed, 8, 9, 10), costs.WithAttention(percent));
    }

    // The messages of one layer, counted one by one: each member sends to every other what that one's heads need, and gets back what belongs to
    // its own tokens. Heads are whole: members that have more, or none, send and take in otherwise than the mean.
    [Theory]
    [InlineData(12, 4, 4)]
    [InlineData(8, 8, 4)]
    [InlineData(8, 2, 4)]
    [InlineData(8, 1, 4)]
    [InlineData(6, 3, 4)]
    [InlineData(10, 5, 3)]
    [InlineData(5, 5, 4)]
    public void Traffic_of_swapped_heads_is_that_of_their_messages(int heads, int keyValueHeads, int members)
    {
        const long HeadBytes = 64 * 2, Layers = 12, Units = 3;
        AxesSpec axes = new(2, members, 1, MicroBatches: 3, Balance: SequenceBalance.Hierarchical);
        PlanRequest request = new(Requests.Heads(heads, keyValueHeads), A800(2, members), axes);
        ParallelPlan ring = Requests.Plan(request);
        ParallelPlan swapped = Requests.Plan(request with { Axes = axes with { Datapath = Datapath.AllToAll } });
        Assert.Equal(ring.Mesh, swapped.Mesh);
        long tokens = 6_144 / members, most = 0;
        for (int member = 0; member < members; member++)
        {
            long sent = 0;
            for (int other = 0; other < members; other++)
            {
                if (other == member)
                    continue;
                (long queries, long keysAndValues, long statistics) = WidthsOf(other);

                // There in the forward; there in the backward, with the gradient of the output and two statistics.
                sent += tokens * (queries + keysAndValues);
                sent += tokens * (queries + keysAndValues + queries + (2 * statistics));

                // Back what this member computed.
                (queries, keysAndValues, statistics) = WidthsOf(member);
                sent += tokens * (queries + statistics);
                sent += tokens * (queries + keysAndValues);
            }

            most = Math.Max(most, sent);
        }

        long hops = ((3 * members) - 2) * 2 * keyValueHeads * HeadBytes * tokens;
        Assert.Equal((most - hops) * Layers * Units, swapped.Estimates.SequenceBytes - ring.Estimates.SequenceBytes);
        Assert.Equal(ring.Estimates with { SequenceBytes = swapped.Estimates.SequenceBytes }, swapped.Estimates);

        (long Queries, long KeysAndValues, long Statistics) WidthsOf(int member)
        {
            long share = HeadShares.Of(keyValueHeads, members, member).Count, queries = share * heads / keyValueHeads;
            return (queries * HeadBytes, 2 * share * HeadBytes, queries * 4);
        }
    }

    // Of four ranks on one node there are no three rings, and every rank sends its own; over two nodes there are two paths, and a plan file may
    // bring two rings of one node too. Those are passed on.
    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void Rings_of_four_and_six_ranks_carry_what_one_ring_does(int ranks)
    {
        AxesSpec axes = new(1, ranks, 1, MicroBatches: 1, UnitTokens: 3 * 8_192, Datapath: Datapath.Hamiltonian, InterNodeDatapath: Datapath.Hamiltonian);
        AxesSpec ring = axes with { Datapath = Datapath.Ring, InterNodeDatapath = Datapath.Ring };
        ParallelPlan Plan(AxesSpec of, int nodes) => Requests.Plan(new(Requests.Gpt(3 * 8_192), A800(nodes, ranks / nodes), of));
        long passed = Plan(ring, 1).Estimates.SequenceBytes, block = 12 * 1_024L * 3 * 8_192 / ranks;
        Assert.Equal(passed - block, Plan(axes, 1).Estimates.SequenceBytes);
        Assert.Equal(2, Plan(axes, ranks / 2).Rings.Count);
        Assert.Equal(passed, Plan(axes, ranks / 2).Estimates.SequenceBytes);

        var frame = new PlanFrame(Planner.WithDefaults(new(Requests.Gpt(3 * 8_192), A800(1, ranks), axes)));
        StageLayout layout = frame.Partition(PipelinePrograms.CyclicPlacement(1, 1));
        EquatableArray<int> order = new([.. Enumerable.Range(0, ranks)]);
        Assert.Equal(passed - block, StepTraffic.Of(frame, layout, Datapath.Hamiltonian).Sequence);
        Assert.Equal(passed, StepTraffic.Of(frame, layout, Datapath.Hamiltonian, new([order, new([.. order.Reverse()])])).Sequence);
    }

    [Fact]
    public void Rings_over_nodes_have_a_datapath_of_their_own()
    {
        AxesSpec axes = new(1, 8, 1, MicroBatches: 2, Balance: SequenceBalance.Hierarchical);
        long ring = Bytes(axes), swapped = Bytes(axes with { Datapath = Datapath.AllToAll, InterNodeDatapath = Datapath.AllToAll });
        Assert.NotEqual(ring, swapped);
        Assert.Equal(swapped, Bytes(axes with { InterNodeDatapath = Datapath.AllToAll }));
        Assert.Equal(ring, Bytes(axes with { Datapath = Datapath.AllToAll }));

        static long Bytes(AxesSpec axes) => Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes)).Estimates.SequenceBytes;
    }

    [Fact]
    public void Choices_and_percentages_of_plans_that_are_not_compiled_are_checked_too()
    {
        AxesSpec plain = new(2, 4, 1, MicroBatches: 2), balanced = plain with { Balance = SequenceBalance.Hierarchical };
        (AxesSpec Axes, PlanProblemCode Code, PlanSubject Subject, string Field, string Says, long[] Suggestions)[] wrong =
        [
            (plain with { Packing = (ParallelDsl.Packing)7 }, PlanProblemCode.UndefinedChoice, PlanSubject.DataAxis, "Packing", "7 is not a value of Packing", []),
            (plain with { Balance = (SequenceBalance)(-1) }, PlanProblemCode.UndefinedChoice, PlanSubject.SequenceAxis, "Balance", "-1 is not a value of SequenceBalance", []),
            (plain with { Datapath = (Datapath)99 }, PlanProblemCode.UndefinedChoice, PlanSubject.SequenceAxis, "Datapath", "99 is not a value of Datapath", []),
            (plain with { Rail = (NodeRail)2 }, PlanProblemCode.UndefinedChoice, PlanSubject.SequenceAxis, "Rail", "2 is not a value of NodeRail", []),
            (plain with { InterNodeDatapath = (Datapath)99 }, PlanProblemCode.UndefinedChoice, PlanSubject.SequenceAxis, "InterNodeDatapath", "99 is not a value of Datapath", []),
            (balanced with { OverlapPercent = -1 }, PlanProblemCode.PercentOutOfRange, PlanSubject.SequenceAxis, "OverlapPercent", "is -1", [100, 0]),
            (balanced with { OverlapPercent = 10_001 }, PlanProblemCode.PercentOutOfRange, PlanSubject.SequenceAxis, "OverlapPercent", "is 10,001", [10_000, 100]),
            (plain with { OverlapPercent = int.MaxValue }, PlanProblemCode.PercentOutOfRange, PlanSubject.SequenceAxis, "OverlapPercent", "is 2,147,483,647", [10_000, 100]),
            (balanced with { AttentionPercent = 0 }, PlanProblemCode.PercentOutOfRange, PlanSubject.Model, "AttentionPercent", "AttentionPercent of Samples.Gpt is 0", [100, 1]),
            (balanced with { AttentionPercent = int.MaxValue }, PlanProblemCode.PercentOutOfRange, PlanSubject.Model, "AttentionPercent", "is 2,147,483,647", [10_000, 100]),
            (plain with { OverlapPercent = 0 }, PlanProblemCode.SettingWithoutEffect, PlanSubject.SequenceAxis, "OverlapPercent", "by their tokens alone", [100]),
            (plain with { AttentionPercent = 101 }, PlanProblemCode.SettingWithoutEffect, PlanSubject.Model, "AttentionPercent", "by their tokens alone", [100]),
        ];
        foreach ((AxesSpec axes, PlanProblemCode code, PlanSubject subject, string field, string says, long[] suggestions) in wrong)
        {
            PlanProblem problem = Assert.Single(Requests.Problems(new(Requests.Gpt(), A800(2, 4), axes)));
            Assert.Equal((code, subject, field), (problem.Code, problem.Subject, problem.Field));
            Assert.Contains(says, problem.Message, StringComparison.Ordinal);
            Assert.Equal(suggestions, problem.Suggestions);
        }

        foreach (AxesSpec axes in (AxesSpec[])[balanced with { OverlapPercent = 0 }, balanced with { OverlapPercent = 10_000, AttentionPercent = 10_000 }, balanced with { AttentionPercent = 1 }])
            Requests.Plan(new(Requests.Gpt(), A800(2, 4), axes));
        Requests.Plan(new(Requests.Gpt(), A800(2, 4), plain with { Packing = ParallelDsl.Packing.Asymmetric, OverlapPercent = 50, AttentionPercent = 200 }));
    }

    // Lab's four nodes of four, two stages of two data ranks of four sequence ranks: every data rank of every stage is one node, so nothing is
    // routed; over eight sequence ranks every ring of a data rank crosses, at every position alike.
    [Theory]
    [InlineData(2, 4, 2, 4, false)]
    [InlineData(2, 8, 2, 8, true)]
    [InlineData(4, 8, 1, 8, true)]
    public void Several_data_ranks_and_stages_lie_and_route_as_planned(int data, int sequence, int pipeline, int nodes, bool crosses)
    {
        AxesSpec axes = new(data, sequence, pipeline, MicroBatches: 4, Balance: SequenceBalance.Hierarchical);
        ParallelPlan plan = Requests.Plan(new(Requests.Gpt(), A800(nodes, 4), axes));
        StepConstants constants = StepConstants.Of(plan);

        // Two ranks of one position are on one node where the constants say so.
        for (int position = 0; position < pipeline; position++)
        {
            int[] real = [.. Enumerable.Range(0, data * sequence).Select(rank => plan.Mesh.RankOf(new(rank / sequence, rank % sequence, position)) / 4)];
            for (int left = 0; left < real.Length; left++)
            {
                for (int right = 0; right < real.Length; right++)
                    Assert.Equal(real[left] == real[right], constants.NodeOf(left) == constants.NodeOf(right));
            }
        }

        int[] lengths = [8_192, 8_192, 6_000, 3_000, .. Enumerable.Repeat(150, 60)];
        var step = new StepPlan();
        StepPlanner.Plan(constants, lengths, step);
        Packing.StepChecks.Sound(constants, lengths, step);
        bool interNode = step.RingZones.Take(step.RingCount).Contains(Zone.InterNode);
        Assert.Equal(crosses, interNode);

        // Data ranks lie on several nodes, so that the plan is ready to route; with the rings of every data rank inside a node, nothing is.
        Assert.True(plan.Batching.Routes);
        Assert.All(Enumerable.Range(0, step.SliceCount), index =>
        {
            int[] ranks = step.RanksOf(step.Slices[index].Ring).ToArray();
            Assert.Single(ranks.Select(rank => rank / sequence).Distinct());
        });
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
