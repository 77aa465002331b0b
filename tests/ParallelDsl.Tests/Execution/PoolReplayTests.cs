using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Sequences;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>The buffers of the runtime are those of an independent replay of when they are taken and given back, and where a step is full they
/// are the plan's.</summary>
public sealed class PoolReplayTests
{
    private static readonly List<int[]> LongTailed = StepPlanTests.BatchOf(48, 9, 1, 5, 3, 7, 2, 1, 6);

    /// <summary>Random steps under every kind of program.</summary>
    [Theory]
    [InlineData(1, 1, 1, PipelineSchedule.GPipe, 1)]
    [InlineData(2, 2, 1, PipelineSchedule.GPipe, 1)]
    [InlineData(2, 1, 2, PipelineSchedule.OneForwardOneBackward, 1)]
    [InlineData(1, 2, 3, PipelineSchedule.GPipe, 1)]
    [InlineData(2, 1, 2, PipelineSchedule.Interleaved, 2)]
    [InlineData(1, 1, 3, PipelineSchedule.ZeroBubbleH1, 0)]
    [InlineData(1, 2, 2, PipelineSchedule.ZeroBubbleV, 0)]
    [InlineData(2, 1, 2, PipelineSchedule.DualPipeV, 0)]
    public void ActivationsAreThoseOfTheReplay(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks)
    {
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric])
        {
            ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96 * sequence), traits);
            for (int seed = 0; seed < 3; seed++)
            {
                StepPlan step = RandomStep.Of(new Random(seed), plan, LongTailed, traits);
                foreach ((int rank, long activations, _) in BytesOf<Untied>(plan, LongTailed, step))
                    Assert.Equal((rank, PoolReplay.ActivationBytes(plan, step, rank)), (rank, activations));
            }
        }
    }

    /// <summary>Two sequences fill all units of a window; the first backward units take rows of several forward units, so that all forward units
    /// are held beside one that is gathered, and the last slices send the keys of the whole sequence. The plan counts this, and sums of
    /// gradients of one unit more: no later slice reads the last ones.</summary>
    [Theory]
    [InlineData(1, Datapath.Ring)]
    [InlineData(2, Datapath.Ring)]
    [InlineData(4, Datapath.Ring)]
    [InlineData(2, Datapath.AllToAll)]
    [InlineData(4, Datapath.AllToAll)]
    public void AFullWindowTakesWhatThePlanSays(int sequence, Datapath datapath)
    {
        const int Units = 4;
        ParallelPlan plan = TinyModel<Untied>.PlanFor(new AxesSpec(
            1, sequence, 1, PipelineSchedule.GPipe, Units, UnitTokens: 16, Packing: Packing.Asymmetric, Datapath: datapath, InterNodeDatapath: datapath));
        Assert.Equal(Units, plan.Batching.Window);
        List<int[]> batch = StepPlanTests.BatchOf(48, 16);
        StepPlan step = new();
        step.Reserve(1, sequence, Units, batch.Count);
        step.SetLength(0, 48, 48);
        step.SetLength(1, 16, 48);
        int ring = RandomStep.AddRing(step, [.. Enumerable.Range(0, sequence)], plan);

        // Half of each forward unit is one sequence's for as long as there is the other; units hold 16 tokens in both directions.
        foreach ((int of, int start, int length, int forward, int backward) in ((int, int, int, int, int)[])
            [(0, 0, 8, 0, 3), (0, 8, 8, 1, 3), (0, 16, 16, 2, 2), (0, 32, 8, 3, 1), (0, 40, 8, 3, 0), (1, 0, 8, 0, 1), (1, 8, 8, 1, 0)])
        {
            step.AddSlice(new Slice(of, start, length, ring, forward, backward));
        }

        step.Gather();
        DeviceMemory memory = plan.Memory[0];
        long keyValues = plan.Layers.Sum(layer => layer.KeyValueBytes) * plan.Batching.UnitTokensPerRank;
        foreach ((int rank, long activations, long workspace) in BytesOf<Untied>(plan, batch, step))
        {
            Assert.Equal(memory.Activations, activations);
            Assert.Equal(PoolReplay.ActivationBytes(plan, step, rank), activations);
            Assert.InRange(workspace, datapath == Datapath.Ring ? memory.Workspace - (2 * keyValues) : memory.Workspace / 2, memory.Workspace);
        }
    }

    /// <summary>A unit that is full, all on one ring: the rank with the most heads takes just what the plan says, or less where a smaller ring
    /// would take more.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void AFullUnitTakesTheWorkspaceOfThePlan(int ranks)
    {
        Check<Untied>(Datapath.Ring);
        Check<Untied>(Datapath.AllToAll);
        Check<WideHeads>(Datapath.AllToAll);
        Check<SixHeads>(Datapath.AllToAll);
        Check<TwelveHeads>(Datapath.AllToAll);

        void Check<TTiny>(Datapath datapath)
            where TTiny : struct, ITinyShape
        {
            ParallelPlan plan = TinyModel<TTiny>.PlanFor(new AxesSpec(
                1, ranks, 1, PipelineSchedule.GPipe, 2, UnitTokens: 48, Datapath: datapath, InterNodeDatapath: datapath));
            List<int[]> batch = StepPlanTests.BatchOf(48, 48);
            StepPlan step = new();
            Assert.True(StepPlanner.TryPlan(StepConstants.Of(plan), [48, 48], step));
            (int Rank, long Activations, long Workspace)[] bytes = BytesOf<TTiny>(plan, batch, step);
            Assert.All(bytes, rank => Assert.Equal(plan.Memory[0].Activations, rank.Activations));
            long planned = plan.Memory[0].Workspace, most = bytes.Max(rank => rank.Workspace);
            int heads = TTiny.Heads / 2;
            if (datapath == Datapath.Ring || Enumerable.Range(2, ranks - 1).All(size => size * HeadShares.Most(heads, size) <= ranks * HeadShares.Most(heads, ranks)))
                Assert.Equal(planned, most);
            else
                Assert.InRange(most, planned / 2, planned - 1);
        }
    }

    private static (int Rank, long Activations, long Workspace)[] BytesOf<TTiny>(ParallelPlan plan, List<int[]> batch, StepPlan step)
        where TTiny : struct, ITinyShape
    {
        var bytes = new (int, long, long)[plan.Mesh.Size];
        RankThreads.Run(
            InProcessWorld.Create(plan.Mesh.Size, capacity: 1),
            transport =>
            {
                using RankModel model = RankModel.Create<TinyModel<TTiny>>(plan, transport.Rank);
                model.Store.Initialize(1);
                using ThreadTeam team = new(1);
                using RankSession session = new(model, transport, team);
                session.ComputeGradients(batch, step);
                bytes[transport.Rank] = (transport.Rank, session.ActivationBytes, session.WorkspaceBytes);
            },
            TimeSpan.FromSeconds(20));
        return bytes;
    }
}
