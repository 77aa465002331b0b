using System.Runtime.ExceptionServices;
using ParallelDsl.Execution;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Transports;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>Hops between nodes in parts over other ranks compute the same bits as hops that go directly, and what one rank computes.</summary>
public sealed class RoutingTests(ITestOutputHelper output)
{
    private static readonly List<int[]> LongTailed = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);
    private static readonly Lazy<StepRun> LongTailedReference = new(() => StepRun.OnOneRank(LongTailed));

    /// <summary>Any rings, cuts and units.</summary>
    [Theory]
    [InlineData(1, 4, 1, PipelineSchedule.GPipe, 0)]
    [InlineData(4, 1, 1, PipelineSchedule.GPipe, 1)]
    [InlineData(2, 2, 1, PipelineSchedule.OneForwardOneBackward, 2)]
    [InlineData(2, 4, 1, PipelineSchedule.GPipe, 2)]
    [InlineData(4, 2, 1, PipelineSchedule.OneForwardOneBackward, 0)]
    [InlineData(2, 2, 2, PipelineSchedule.GPipe, 2)]
    [InlineData(2, 2, 2, PipelineSchedule.ZeroBubbleV, 1)]
    [InlineData(2, 2, 2, PipelineSchedule.ZeroBubbleH1, 0)]
    public void RandomStepsEqualOneRankAndDirectHops(int data, int sequence, int pipeline, PipelineSchedule schedule, int kind)
    {
        StepTraits traits = ((StepTraits[])[StepTraits.None, StepTraits.Slices | StepTraits.Asymmetric, StepTraits.All])[kind];
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(new AxesSpec(data, sequence, pipeline, schedule, 4, UnitTokens: 96 * sequence), traits));
        long relayed = 0;
        for (int seed = 0; seed < 2; seed++)
            relayed += AssertEqual(plan, LongTailed, RandomStep.Of(new Random(seed), plan, LongTailed, traits), LongTailedReference.Value, seed == 0 ? 1 : 64);
        Assert.True(relayed > 0, "no part was relayed");
    }

    /// <summary>What the step planner makes of declared strategies.</summary>
    [Theory]
    [InlineData("hierarchical", 1, 4, 1)]
    [InlineData("hierarchical", 1, 8, 1)]
    [InlineData("hierarchical", 1, 6, 1)]
    [InlineData("joint", 1, 4, 1)]
    [InlineData("joint", 4, 1, 1)]
    [InlineData("joint", 2, 2, 1)]
    [InlineData("joint", 2, 2, 2)]
    [InlineData("joint", 2, 4, 1)]
    public void DeclaredStrategiesEqualOneRankAndDirectHops(string strategy, int data, int sequence, int pipeline)
    {
        ParallelPlan plan = Routed(TinyModel<Untied>.PlanFor(
            new AxesSpec(
                data,
                sequence,
                pipeline,
                PipelineSchedule.GPipe,
                4,
                UnitTokens: strategy == "joint" ? 16 / data : 48,
                Packing: strategy == "joint" ? Packing.Asymmetric : Packing.Tokens,
                Balance: SequenceBalance.Hierarchical),
            nodes: 2));

        // Every position of the pipeline axis has ranks of both nodes.
        if (pipeline > 1)
            plan = plan with { Mesh = plan.Mesh with { Order = new([Axis.Sequence, Axis.Pipeline, Axis.Data]) } };
        List<int[]> batch = StepPlanTests.BatchOf(48, 3, 2, 3, 1);
        StepPlan step = new();
        Assert.True(StepPlanner.TryPlan(StepConstants.Of(plan), [.. batch.Select(tokens => tokens.Length - 1)], step));
        Assert.Contains(Zone.InterNode, step.RingZones[..step.RingCount]);
        Assert.True(AssertEqual(plan, batch, step, StepRun.OnOneRank(batch), capacity: 1) > 0, "no part was relayed");
    }

    /// <summary>Where rings inside nodes swap tokens for heads, only hops between nodes are routed; where those between nodes do, none are.</summary>
    [Theory]
    [InlineData(Datapath.AllToAll, Datapath.Ring)]
    [InlineData(Datapath.Ring, Datapath.AllToAll)]
    public void OnlyHopsAreRouted(Datapath intraNode, Datapath interNode)
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(
            new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 4, UnitTokens: 384, Datapath: intraNode, InterNodeDatapath: interNode), StepTraits.None));
        StepPlan step = RandomStep.Of(
            new Random(5), plan, LongTailed, StepTraits.Slices, index => index % 3 == 0 ? [0, 2] : index % 3 == 1 ? [0, 1] : [0, 1, 2, 3]);
        bool routes = interNode == Datapath.Ring;
        if (routes)
        {
            Assert.True(AssertEqual(plan, LongTailed, step, LongTailedReference.Value, capacity: 1) > 0, "no part was relayed");
            return;
        }

        RoutedRun run = RoutedRun.Of(plan, LongTailed, step);
        Assert.Equal(0, run.SentWith(HopTags.ToRelay, HopTags.BetweenRelays, HopTags.FromRelay).Messages);
        Assert.True(GradientTable.Compare(LongTailedReference.Value.Gradients, run.Gradients).Difference < 1e-5);
    }

    /// <summary>A plan may bring another ring: relays follow it as the ranks do. From node to node in every hop, more is relayed.</summary>
    [Fact]
    public void RelaysFollowTheRingOfThePlan()
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 4, UnitTokens: 384), StepTraits.None));
        StepPlan step = RandomStep.Of(new Random(5), plan, LongTailed, StepTraits.Slices, _ => [0, 1, 2, 3]);
        long inOrder = AssertEqual(plan, LongTailed, step, LongTailedReference.Value, capacity: 1);
        long zigzag = AssertEqual(plan with { Rings = new([new([0, 2, 1, 3])]) }, LongTailed, step, LongTailedReference.Value, capacity: 1);
        Assert.True(zigzag > inOrder && inOrder > 0, $"{inOrder} messages of relays in order, {zigzag} on the ring of the plan");
    }

    /// <summary>Ranks of other data ranks, with no rows at all, or with much to do in other units, relay for a ring.</summary>
    [Theory]
    [InlineData(4, 1, true)]
    [InlineData(4, 1, false)]
    [InlineData(1, 4, true)]
    [InlineData(1, 4, false)]
    public void ProxiesNeedNoRowsInAUnit(int data, int sequence, bool idle)
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(
            new AxesSpec(data, sequence, 1, PipelineSchedule.OneForwardOneBackward, 4, UnitTokens: 96 * sequence), StepTraits.None));
        StepPlan step = RandomStep.Of(
            new Random(5), plan, LongTailed, StepTraits.None, index => idle || index % 3 == 0 ? [0, 2] : index % 3 == 1 ? [1] : [3]);
        RoutedRun run = RoutedRun.Of(plan, LongTailed, step);
        foreach (int proxy in (int[])[1, 3])
        {
            Assert.Equal(0, run.Transports[proxy].SentWith(HopTags.KeyValue, HopTags.Gradient, HopTags.ToRelay).Messages);
            Assert.True(run.Transports[proxy].SentWith(HopTags.BetweenRelays).Messages > 0, $"rank {proxy} relays nothing between nodes");
            Assert.True(run.Transports[proxy].SentWith(HopTags.FromRelay).Messages > 0, $"rank {proxy} relays nothing inside its node");
        }

        AssertEqual(plan, LongTailed, step, LongTailedReference.Value, capacity: 1);
    }

    /// <summary>Each interface carries an equal share: of two ranks a node, both send as many rows to the other node, but for the rounding of
    /// every hop.</summary>
    [Fact]
    public void InterfacesShareWhatCrosses()
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(new AxesSpec(1, 4, 1, PipelineSchedule.GPipe, 4, UnitTokens: 384), StepTraits.None));
        StepPlan step = RandomStep.Of(new Random(5), plan, LongTailed, StepTraits.None, _ => [0, 2]);
        RoutedRun run = RoutedRun.Of(plan, LongTailed, step);
        long own = run.Transports[0].SentWith(HopTags.KeyValue, HopTags.Gradient).Floats, proxy = run.Transports[1].SentWith(HopTags.BetweenRelays).Floats;
        long hops = run.Transports[0].SentWith(HopTags.KeyValue, HopTags.Gradient).Messages + run.Transports[1].SentWith(HopTags.BetweenRelays).Messages;
        output.WriteLine($"{own} floats cross directly, {proxy} over the proxy, in {hops} messages");
        Assert.InRange(Math.Abs(own - proxy), 0, hops * plan.Layers.Max(layer => layer.KeyValueBytes));
        Assert.True(own > 0 && proxy > 0);
    }

    /// <summary>Ranks run ahead of others by as much as messages allow, and nothing is sent at once: what is received stays the same.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void RanksThatLagBehindChangeNothing(int slow)
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(
            new AxesSpec(4, 1, 1, PipelineSchedule.OneForwardOneBackward, 4, UnitTokens: 96), StepTraits.None));
        StepPlan step = RandomStep.Of(
            new Random(7), plan, LongTailed, StepTraits.None, index => index % 3 == 0 ? [0, 2] : index % 3 == 1 ? [1, 3] : [3, 1, 0]);
        RoutedRun expected = RoutedRun.Of(plan, LongTailed, step, steps: 2);
        Assert.True(expected.SentWith(HopTags.BetweenRelays).Messages > 0);
        RoutedRun.Of(plan, LongTailed, step, steps: 2, beforeSend: (rank, _, _) => Thread.SpinWait(rank == slow ? 20_000 : 0)).AssertSameBits(expected);
    }

    [Fact]
    public void AProxyThatFailsIsNamed()
    {
        (ParallelPlan plan, StepPlan step) = ARing();
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RoutedRun.Of(plan, LongTailed, step, beforeSend: (rank, _, tag) =>
        {
            if (rank == 1 && tag == HopTags.BetweenRelays)
                throw new InvalidOperationException("the cable is cut");
        }));
        Assert.Equal(1, failed.Rank);
        Assert.Contains("the cable is cut", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AProxyThatIsGoneIsNamedWithTheTag()
    {
        (ParallelPlan plan, StepPlan step) = ARing();
        RankFailedException failed = Assert.Throws<RankFailedException>(() => RoutedRun.Of(plan, LongTailed, step, takesPart: rank => rank != 1));
        output.WriteLine(failed.Message);
        Assert.Contains("rank 1", failed.Message, StringComparison.Ordinal);
        Assert.Matches($"tag ({HopTags.ToRelay}|{HopTags.BetweenRelays}|{HopTags.FromRelay})", failed.Message);
    }

    /// <summary>A relay waits ahead of its rank, which computes: that is no deadlock, until the rank waits for its relay.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARelayThatWaitsAheadIsNoDeadlockUntilItIsAwaited(bool isAwaited)
    {
        TimeSpan timeout = TimeSpan.FromMilliseconds(100);
        void Run() => RankThreads.Run(InProcessWorld.Create(2), transport =>
        {
            Exception? failure = null;
            Thread ahead = new(() => failure = Record.Exception(() => transport.ReceiveAhead(1 - transport.Rank, 4, new float[1], () => isAwaited)));
            ahead.Start();
            if (isAwaited)
            {
                ahead.Join();
                ExceptionDispatchInfo.Throw(failure!);
            }

            Thread.Sleep(5 * timeout);
            transport.Send(1 - transport.Rank, 4, new float[1]);
            ahead.Join();
            Assert.Null(failure);
        }, timeout);
        if (isAwaited)
            Assert.Equal(TransportFailure.Deadlock, Assert.Throws<TransportException>(Run).Failure);
        else
            Run();
    }

    /// <summary>Where nothing is routed there is no thread and no message but those of the ring.</summary>
    [Fact]
    public void SlowLinksAndSingleInterfacesGoDirectly()
    {
        (ParallelPlan plan, StepPlan step) = ARing();
        foreach (ParallelPlan direct in (ParallelPlan[])[With(plan, nics: 1, link: 1_000), With(plan, nics: 2, link: 1, gbps: 1_000)])
            Assert.Equal(0, RoutedRun.Of(direct, LongTailed, step).SentWith(HopTags.ToRelay, HopTags.BetweenRelays, HopTags.FromRelay).Messages);
    }

    /// <summary>Nodes hold several positions of the pipeline axis: proxies are of the same node and position and lie beside different
    /// interfaces, or hops go directly.</summary>
    [Theory]
    [InlineData(Axis.Pipeline, 8, true)]
    [InlineData(Axis.Pipeline, 4, true)]
    [InlineData(Axis.Pipeline, 3, null)]
    [InlineData(Axis.Pipeline, 2, true)]
    [InlineData(Axis.Pipeline, 1, false)]
    [InlineData(Axis.Sequence, 8, true)]
    [InlineData(Axis.Sequence, 4, true)]
    [InlineData(Axis.Sequence, 3, null)]
    [InlineData(Axis.Sequence, 2, false)]
    public void ProxiesAreOfOnePositionBesideInterfacesOfTheirOwn(Axis innermost, int nics, bool? routes)
    {
        ParallelPlan plan = With(
            StepPlanTests.PlanOf(new AxesSpec(2, 4, 2, PipelineSchedule.GPipe, 4, UnitTokens: 96 * 4), StepTraits.None), nics, link: 1_000);
        Axis next = innermost == Axis.Pipeline ? Axis.Sequence : Axis.Pipeline;
        plan = plan with { Mesh = plan.Mesh with { Order = new([innermost, next, Axis.Data]) } };
        ClusterTopology topology = new(plan.Cluster);
        for (int pipeline = 0; pipeline < 2; pipeline++)
        {
            NodeRoutes nodes = new(plan, pipeline);
            int[] devices = [.. Enumerable.Range(0, 8).Select(rank => plan.Mesh.RankOf(new(rank / 4, rank % 4, pipeline)))];
            int routed = 0;
            for (int source = 0; source < 8; source++)
            {
                for (int destination = 0; destination < 8; destination++)
                {
                    bool same = topology.Locate(devices[source]).Node == topology.Locate(devices[destination]).Node;
                    Assert.Equal(same, nodes.IsSameNode(source, destination));
                    Route route = nodes.Of(source, destination, 100, 24);
                    if (same)
                        Assert.Equal(0, route.Parts);
                    HopPart[] parts = [.. Enumerable.Range(0, route.Parts).Select(index => nodes.PartOf(route, source, destination, index))];
                    routed += parts.Length;
                    Assert.All(parts, part => Assert.True(nodes.IsSameNode(source, part.SourceProxy) && nodes.IsSameNode(destination, part.DestinationProxy)));
                    Assert.Distinct(parts.Select(part => NicOf(part.SourceProxy)));
                    Assert.Distinct(parts.Select(part => NicOf(part.DestinationProxy)));
                    Assert.Equal(parts.Length > 0 ? 100 : 0, parts.Sum(part => part.Length));
                }
            }

            output.WriteLine($"position {pipeline}: devices {string.Join(' ', devices)}, {routed} parts, any {nodes.IsAny}");
            if (routes is { } expected)
                Assert.Equal(expected, routed > 0);
            Assert.Equal(routed > 0, nodes.IsAny);

            int NicOf(int rank) => new RouteEnd(devices[rank] % 8, 8, nics).NicOf(devices[rank] % 8);
        }
    }

    /// <summary>Two steps and an evaluation, with parts and without. Returns the messages of proxies.</summary>
    private long AssertEqual(ParallelPlan plan, List<int[]> batch, StepPlan step, StepRun expected, int capacity)
    {
        RoutedRun routed = RoutedRun.Of(plan, batch, step, steps: 2, capacity);
        RoutedRun direct = RoutedRun.Of(plan with { Batching = plan.Batching with { Routes = false } }, batch, step, steps: 2, capacity);
        routed.AssertSameBits(direct);
        routed.AssertConserves(direct);
        double difference = GradientTable.Compare(expected.Gradients, routed.Gradients).Difference;
        Assert.True(difference < 1e-5, $"differs by {difference:E2}");
        Assert.All(routed.Steps, figures => Assert.InRange(Math.Abs(figures.Loss - expected.Loss) / expected.Loss, 0, 1e-5));
        Assert.InRange(Math.Abs(routed.Evaluation - expected.Loss) / expected.Loss, 0, 1e-5);
        Traffic relayed = routed.SentWith(HopTags.BetweenRelays, HopTags.FromRelay);
        output.WriteLine($"largest relative difference {difference:E2}; proxies send {relayed.Messages} messages of {relayed.Floats} floats");
        return relayed.Messages;
    }

    private static (ParallelPlan Plan, StepPlan Step) ARing()
    {
        ParallelPlan plan = Routed(StepPlanTests.PlanOf(new AxesSpec(4, 1, 1, PipelineSchedule.GPipe, 4, UnitTokens: 96), StepTraits.None));
        return (plan, RandomStep.Of(new Random(5), plan, LongTailed, StepTraits.None, _ => [0, 2]));
    }

    private static ParallelPlan Routed(ParallelPlan plan) => With(plan, plan.Cluster.Nodes[0].DevicesPerNode, link: 1_000);

    /// <summary>The plan on devices with other links; what else it says stays.</summary>
    private static ParallelPlan With(ParallelPlan plan, int nics, long link, int gbps = 1)
    {
        NodeGroup group = plan.Cluster.Nodes[0] with
        {
            Device = DeviceCatalogue.Custom("fast links", 4L << 30, 100, 10, link),
            NicsPerNode = nics,
            NicGbps = gbps,
        };
        return plan with { Cluster = plan.Cluster with { Nodes = new([group]) }, Batching = plan.Batching with { Routes = true } };
    }
}
