using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Simulation.Clusters;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Planning.Tests.Strategies;

public class StrategyPlannerTests
{
    private static readonly ClusterSpec TwoNodes =
        new("two", new([new NodeGroup(2, 4, DeviceCatalogue.Of(DeviceKind.A800Sxm), Fabric.Switch, 2, 200)]));

    private static readonly BatchModel Small = new("small", 4, 1_024, 8, 8, 2_816, 8_000);

    // A long tail: one sequence of almost half of the tokens.
    private static readonly int[] LongTail = [14_000, 3_000, 2_500, 2_000, 1_800, 1_500, 1_200, 900, 700, 500, 300, 200, 100, 50, 7, 1];

    private static BatchProblem Problem(int[] lengths, int stages = 1, int units = 4, long? capacity = null) => new(
        TwoNodes, Small, new(lengths), 32_768, stages, units, new BatchAssumptions(CapacityTokens: capacity));

    public static TheoryData<string, int> Strategies()
    {
        var data = new TheoryData<string, int>();
        foreach (string name in StrategyNames.All)
        {
            data.Add(name, 1);
            data.Add(name, 2);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Every_token_is_on_one_rank_and_every_pair_is_paid_for(string name, int stages)
    {
        BatchProblem problem = Problem(LongTail, stages);
        StrategyResult result = StrategyPlanner.Plan(name, problem);
        Assert.Null(result.Infeasible);

        var seen = LongTail.Select(length => new int[length]).ToArray();
        foreach (RankSlice slice in result.Loads.SelectMany(load => load.Slices))
        {
            for (int token = slice.Start; token < slice.Start + slice.Length; token++)
                seen[slice.Sequence][token]++;
        }

        Assert.All(seen, tokens => Assert.All(tokens, count => Assert.Equal(1, count)));
        SequenceCosts costs = Small.Costs(result.Plan!.Recompute);
        long forward = 0, backward = 0;
        foreach (int length in LongTail)
        {
            for (int token = 0; token < length; token++)
            {
                forward += costs.TokenForward + (costs.PairForward * (token + 1));
                backward += costs.TokenBackward + (costs.PairBackward * (token + 1));
            }
        }

        Assert.Equal((forward, backward), (result.Loads.Sum(load => load.ForwardCost), result.Loads.Sum(load => load.BackwardCost)));
        Assert.Equal(problem.Tokens, result.Loads.Sum(load => load.Tokens));
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void The_work_of_both_passes_holds_all_pairs(string name, int stages)
    {
        StrategyResult result = StrategyPlanner.Plan(name, Problem(LongTail, stages));
        foreach (bool backward in new[] { false, true })
        {
            long[] areas = new long[LongTail.Length];
            foreach (UnitSlot slot in result.Plan!.Slots)
            {
                LayerWork work = backward ? slot.Backward : slot.Forward;
                EquatableArray<PlacedPiece> placed = backward ? slot.BackwardPlaced : slot.ForwardPlaced;
                SequencePiece[] pieces = [.. work.Exchanges.SelectMany(exchange => exchange.Pieces), .. placed.Select(piece => piece.Piece)];
                foreach (SequencePiece piece in pieces)
                    areas[piece.Sequence] += SequenceCosts.Area(piece.Start, piece.Length);
                Assert.Equal(pieces.Sum(piece => piece.Length), work.LinearTokens.Sum());
            }

            Assert.Equal(LongTail.Select(length => length * (length + 1L) / 2), areas);
        }
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void The_same_batch_gets_the_same_plan(string name, int stages)
    {
        StrategyResult first = StrategyPlanner.Plan(name, Problem(LongTail, stages)), second = StrategyPlanner.Plan(name, Problem(LongTail, stages));
        Assert.Equal((first.Plan!.Choice, first.Simulated), (second.Plan!.Choice, second.Simulated));
        Assert.Equal(first.Candidates, second.Candidates);
        Assert.Equal(first.Loads.Select(load => (load.Tokens, load.Slices)), second.Loads.Select(load => (load.Tokens, load.Slices)));
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void No_rank_holds_more_than_its_memory(string name, int stages)
    {
        BatchProblem problem = Problem(LongTail, stages, capacity: 3_200);
        StrategyResult result = StrategyPlanner.Plan(name, problem);
        Assert.Null(result.Infeasible);
        BatchPlan plan = result.Plan!;

        // The first stage, by the order of its program: forwards until the pipeline is full, then each backward after a forward.
        int window = plan.Stages + plan.Lag;
        for (int rank = 0; rank < plan.Ranks; rank++)
        {
            long held = 0, peak = 0;
            int forwards = 0, backwards = 0;
            while (backwards < plan.Slots.Count)
            {
                if (forwards < plan.Slots.Count && forwards - backwards < window)
                    held += plan.Slots[forwards++].Forward.LinearTokens[rank];
                else
                    held -= plan.Slots[backwards++].Backward.LinearTokens[rank];
                peak = Math.Max(peak, held);
            }

            Assert.Equal(0, held);
            long bytes = peak * (Small.Layers / plan.Stages) * Small.ActivationBytes(plan.Recompute);
            Assert.True(bytes <= 3_200L * Small.Layers * Small.ActivationBytes(recompute: false), $"rank {rank} holds {bytes} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void What_does_not_fit_is_said_with_the_tokens_that_are_missing(string name, int stages)
    {
        foreach (long capacity in new[] { 0L, 100L })
        {
            StrategyResult result = StrategyPlanner.Plan(name, Problem([20_000, 1], stages, units: 1, capacity));
            Assert.Null(result.Plan);
            string room = $"the batch has 2 sequences and 20001 tokens; each of 8 devices has room for {capacity} tokens of all layers";
            Assert.Matches($@"^[1-9]\d* tokens find no room: {room}", result.Infeasible);
        }
    }

    [Theory]
    [InlineData(StrategyNames.RingContextTuned, StrategyNames.RingContext, 1)]
    [InlineData(StrategyNames.RingContextTuned, StrategyNames.RingContext, 2)]
    [InlineData(StrategyNames.WholeSampleTuned, StrategyNames.WholeSample, 1)]
    [InlineData(StrategyNames.WholeSampleTuned, StrategyNames.WholeSample, 2)]
    [InlineData(StrategyNames.WholeSampleTuned, StrategyNames.RingContextTuned, 1)]
    [InlineData(StrategyNames.Joint, StrategyNames.Hierarchical, 1)]
    [InlineData(StrategyNames.Joint, StrategyNames.Hierarchical, 2)]
    [InlineData(StrategyNames.Joint, StrategyNames.Asymmetric, 1)]
    [InlineData(StrategyNames.Joint, StrategyNames.Asymmetric, 2)]
    public void A_strategy_that_tries_more_is_never_slower(string tuned, string plain, int stages)
    {
        BatchProblem problem = Problem(LongTail, stages);
        Assert.True(
            StrategyPlanner.Plan(tuned, problem).Simulated!.Nanoseconds <= StrategyPlanner.Plan(plain, problem).Simulated!.Nanoseconds);
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Equal_lengths_divide_evenly(string name, int stages)
    {
        // Packs of the whole context are two here, whatever the number of data ranks.
        if (name == StrategyNames.WholeSample)
            return;
        StrategyResult result = StrategyPlanner.Plan(name, Problem([.. Enumerable.Repeat(2_048, 32)], stages));
        Assert.All(result.Loads, load => Assert.Equal(result.Loads[0].ForwardCost, load.ForwardCost));
        Assert.All(result.Loads, load => Assert.Equal(result.Loads[0].BackwardCost, load.BackwardCost));
    }

    [Fact]
    public void Constants_chosen_from_samples_plan_other_batches()
    {
        int[][] lengths = [LongTail, [9_000, 8_000, 3_000, 700, 600, .. Enumerable.Repeat(300, 20)]];
        BatchProblem[] samples = [.. lengths.Select(batch => Problem(batch))];
        CompiledStrategy compiled = CompiledStrategy.Choose(samples, searched: 1)!;
        foreach (BatchProblem problem in samples)
        {
            StrategyResult result = compiled.Plan(problem);
            Assert.Equal(problem.Tokens, result.Loads.Sum(load => load.Tokens));
            Assert.True(result.Simulated!.Nanoseconds >= 0.999 * StrategyPlanner.Plan(StrategyNames.Joint, problem).Simulated!.Nanoseconds || problem == samples[1]);
        }

        Assert.Equal(compiled.Choice, CompiledStrategy.Choose(samples, searched: 1)!.Choice);

        // What does not fit its units is said, and no constants hold what memory does not.
        Assert.StartsWith("11000 tokens find no room", Say(compiled.Plan(Problem([.. LongTail, 14_000], capacity: 1))), StringComparison.Ordinal);
        Assert.Null(CompiledStrategy.Choose([Problem([20_000, 1], capacity: 100, units: 1)], searched: 1));
        static string Say(StrategyResult result) => "11000 " + result.Infeasible![(result.Infeasible!.IndexOf(' ', StringComparison.Ordinal) + 1)..];
    }

    [Fact]
    public void Ours_are_routed_and_remapped_as_a_declaration_would_have_them()
    {
        foreach (string name in StrategyNames.All.Except(StrategyNames.Baselines))
        {
            string choice = StrategyPlanner.Plan(name, Problem(LongTail)).Plan!.Choice;
            bool hierarchical = choice.Contains("hierarchical", StringComparison.Ordinal);
            bool axis = !choice.Contains("data ranks of 1,", StringComparison.Ordinal);
            Assert.Equal(hierarchical && axis, choice.Contains("remapped", StringComparison.Ordinal));
            Assert.True(hierarchical || !choice.Contains("routed", StringComparison.Ordinal));
            Assert.DoesNotContain("all-gather", choice, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Slices_hold_whole_windows_gathered_rows_and_sums_of_gradients()
    {
        // One rank; two slots of 100 rows that exchange slices, two stages of two layers each.
        BatchProblem problem = Problem([200], stages: 2);
        static LayerWork Work(int start) => new()
        {
            Ranks = 1,
            LinearTokens = [100],
            Exchanges = [new() { Kind = ExchangeKind.Local, Members = [0], Pieces = [new(0, start, 100)] }],
        };
        UnitSlot first = new(Work(0), Work(100), default, default), second = new(Work(100), Work(0), default, default);
        long row = 2 * Small.ActivationBytes(recompute: false), keys = Small.KeyValueBytesPerToken;
        long expected = (3 * 100 * row) + (200 * 2 * keys) + (2 * 100 * keys);
        Assert.Equal(expected, HeldBytes.Peak(problem, new BatchPlan("ours", "", 2, new([first, second]), Lag: 1)));

        // Without windows: both units, and nothing else.
        UnitSlot whole = new(Work(0), Work(0), default, default);
        Assert.Equal(200 * row, HeldBytes.Peak(problem, new BatchPlan("others", "", 2, new([whole, whole]))));
    }

    [Fact]
    public void One_device_takes_what_its_flops_take()
    {
        var cluster = new ClusterSpec("one", new([new NodeGroup(1, 1, DeviceCatalogue.Of(DeviceKind.H200Sxm), Fabric.Switch, 0, 0)]));

        // Long enough that attention runs at its full rate.
        var problem = new BatchProblem(cluster, Small, [65_536], 65_536, 1, 1, new BatchAssumptions());
        SequenceCosts costs = Small.Costs(recompute: false);
        long expected = costs.Both(0, 65_536) / problem.FlopsPerNanosecond;
        foreach (string name in StrategyNames.All)
        {
            SimulatedBatch simulated = StrategyPlanner.Plan(name, problem).Simulated!;
            Assert.InRange(simulated.Nanoseconds, expected, expected + (8 * Small.Layers));
            Assert.Equal(0, simulated.CrossNodeBytes);
        }
    }

    [Fact]
    public void A_problem_that_makes_no_sense_is_refused()
    {
        Assert.Contains("sequence 1 has 0 tokens", Problem([1, 0]).Check(), StringComparison.Ordinal);
        Assert.Contains("sequence 0 has 32769 tokens", Problem([32_769]).Check(), StringComparison.Ordinal);
        Assert.Contains("no sequences", Problem([]).Check(), StringComparison.Ordinal);
        Assert.Contains("3 stages do not divide 8 devices", Problem([1], stages: 3).Check(), StringComparison.Ordinal);
        Assert.Contains("8 stages of 4 layers", Problem([1], stages: 8).Check(), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => StrategyPlanner.Plan(StrategyNames.Joint, Problem([])));
        Assert.Contains("known are joint", Assert.Throws<ArgumentException>(() => StrategyPlanner.Plan("best", Problem([1]))).Message, StringComparison.Ordinal);
    }

    // Eight devices of one node. One head of keys and values, so that swapping heads brings nothing; a sequence that is on all of them, of too few
    // tokens for what comes over one link of a mesh to hide.
    private static BatchProblem OneNode(Fabric fabric) => new(
        new("one", new([new NodeGroup(1, 8, DeviceCatalogue.Of(DeviceKind.Mi300X), fabric, 0, 0)])),
        new BatchModel("grouped", 4, 1_024, 8, 1, 2_816, 8_000),
        [16_384],
        32_768,
        1,
        1,
        new BatchAssumptions());

    [Theory]
    [InlineData(StrategyNames.Joint)]
    [InlineData(StrategyNames.Hierarchical)]
    [InlineData(StrategyNames.Asymmetric)]
    public void Over_a_mesh_what_uses_all_links_is_chosen(string name)
    {
        string chosen = StrategyPlanner.Plan(name, OneNode(Fabric.Mesh)).Plan!.Choice;
        Assert.Matches("(several rings|pairwise|all-gather) in nodes", chosen);
        Assert.DoesNotContain("PP", chosen, StringComparison.Ordinal);

        // A port of a switch is busy with one ring, and nothing else is tried but heads.
        Assert.Matches("(ring|heads) in nodes, (routed ring|ring|heads) between", StrategyPlanner.Plan(name, OneNode(Fabric.Switch)).Plan!.Choice);
    }

    [Fact]
    public void Over_a_mesh_every_datapath_of_plans_is_tried()
    {
        List<(StepChoice Choice, long Time)> times = PlannedStrategy.Times(new PlanSearch(OneNode(Fabric.Mesh)));
        Assert.Equal(DatapathTimes.Candidates.Order(), times.Select(tried => tried.Choice.IntraNode).Distinct().Order());
        long ring = times.Where(tried => tried.Choice.IntraNode is Datapath.Ring or Datapath.AllToAll).Min(tried => tried.Time);
        Assert.True(times.Min(tried => tried.Time) < ring);

        times = PlannedStrategy.Times(new PlanSearch(OneNode(Fabric.Switch)));
        Assert.All(times, tried => Assert.True(tried.Choice is { IntraNode: Datapath.Ring or Datapath.AllToAll, InterNode: Datapath.Ring or Datapath.AllToAll }));
    }

    // The same sequence on the same ranks, in everything the same but the fabric.
    [Theory]
    [InlineData(Datapath.BidirectionalRing)]
    [InlineData(Datapath.Hamiltonian)]
    public void Over_a_switch_several_rings_bring_nothing(Datapath datapath)
    {
        Assert.True(Time(Fabric.Mesh, datapath) < Time(Fabric.Mesh, Datapath.Ring));
        Assert.True(Time(Fabric.Switch, datapath) >= Time(Fabric.Switch, Datapath.Ring));

        static long Time(Fabric fabric, Datapath datapath)
        {
            BatchProblem problem = OneNode(fabric);
            StepChoice choice = new(ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag, 1, 8, 1) { IntraNode = datapath, InterNode = datapath };
            return new BatchSimulation(problem).Run(new ChoicePlanner(problem).TryPlan("ours", choice, out long _)!).Nanoseconds;
        }
    }

    // Two data ranks of four, each on two nodes of two: what is placed are whole data ranks, by the node of their first rank, but zones and what goes
    // over which link are those of the ranks. A ring crosses two borders in each of 3 + 3 hops of keys and values and 4 of gradients.
    [Theory]
    [InlineData(2, 2 * (3 + 3 + 4), Zone.InterNode)]
    [InlineData(4, 0, Zone.IntraNode)]
    public void Data_ranks_on_several_nodes_are_simulated_over_them(int perNode, int crossings, Zone zone)
    {
        var cluster = new ClusterSpec("A800", new([new NodeGroup(8 / perNode, perNode, DeviceCatalogue.Of(DeviceKind.A800Sxm), Fabric.Switch, 2, 200)]));
        var problem = new BatchProblem(cluster, Small, [8_192, 8_192], 8_192, 1, 1, new BatchAssumptions());
        var choice = new StepChoice(ParallelDsl.Packing.Asymmetric, SequenceBalance.Zigzag, 1, 4, 1);
        BatchPlan plan = new ChoicePlanner(problem).TryPlan("ours", choice, out long _)!;
        Assert.All(RankLoads.Of(problem, plan), load => Assert.All(load.Slices, slice => Assert.Equal(zone, slice.Zone)));
        long block = 8_192 / 4 * Small.KeyValueBytesPerToken;
        Assert.Equal(2 * crossings * block * Small.Layers, new BatchSimulation(problem).Run(plan).CrossNodeBytes);
    }
}
