using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;
using Xunit.Abstractions;

namespace ParallelDsl.Tests.Execution;

/// <summary>What the strategies for variable-length batches allocate is what the plan has room for.</summary>
public sealed class StrategyMemoryTests(ITestOutputHelper output)
{
    private const int Context = TinyModel<Untied>.Context;
    private const int BatchesOfAPlan = 3;

    public static TheoryData<string, PipelineSchedule, Datapath, Datapath> Strategies()
    {
        TheoryData<string, PipelineSchedule, Datapath, Datapath> data = [];
        foreach (string strategy in (string[])["tokens", "asymmetric", "hierarchical", "joint"])
        {
            foreach (PipelineSchedule schedule in (PipelineSchedule[])[PipelineSchedule.GPipe, PipelineSchedule.OneForwardOneBackward, PipelineSchedule.ZeroBubbleH1])
                data.Add(strategy, schedule, Datapath.Ring, Datapath.Ring);
            data.Add(strategy, PipelineSchedule.GPipe, Datapath.AllToAll, Datapath.AllToAll);
            data.Add(strategy, PipelineSchedule.OneForwardOneBackward, Datapath.AllToAll, Datapath.AllToAll);
            data.Add(strategy, PipelineSchedule.GPipe, Datapath.Ring, Datapath.AllToAll);
            data.Add(strategy, PipelineSchedule.GPipe, Datapath.AllToAll, Datapath.Ring);
            data.Add(strategy, PipelineSchedule.GPipe, Datapath.Hamiltonian, Datapath.DoubleRing);
            data.Add(strategy, PipelineSchedule.GPipe, Datapath.Pairwise, Datapath.Hamiltonian);
            data.Add(strategy, PipelineSchedule.OneForwardOneBackward, Datapath.AllGather, Datapath.AllGather);
            data.Add(strategy, PipelineSchedule.OneForwardOneBackward, Datapath.BidirectionalRing, Datapath.Pairwise);
        }

        return data;
    }

    /// <summary>Random long-tailed batches, near what a step holds, on random meshes of 2 to 8 ranks.</summary>
    [Theory]
    [MemberData(nameof(Strategies))]
    public void StepsAllocateAtMostWhatThePlanSays(string strategy, PipelineSchedule schedule, Datapath intraNode, Datapath interNode)
    {
        Check<Untied>(strategy, schedule, intraNode, interNode);
        if (intraNode == Datapath.AllToAll && interNode == Datapath.AllToAll && schedule == PipelineSchedule.GPipe)
        {
            // One key-value head, so that one rank attends for all; and six of them.
            Check<WideHeads>(strategy, schedule, intraNode, interNode);
            Check<TwelveHeads>(strategy, schedule, intraNode, interNode);
        }
    }

    private void Check<TTiny>(string strategy, PipelineSchedule schedule, Datapath intraNode, Datapath interNode)
        where TTiny : struct, ITinyShape
    {
        (int Data, int Sequence, int Pipeline)[] meshes = [(2, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 1), (1, 4, 1), (1, 2, 2), (2, 1, 2), (4, 2, 1), (2, 2, 2), (1, 1, 3)];
        double activations = 0, workspace = 0;
        int ranks = 0, remapped = 0, gathered = 0;
        for (int seed = 0; seed < 2 * meshes.Length; seed++)
        {
            (int data, int sequence, int pipeline) = meshes[seed % meshes.Length];
            if (schedule == PipelineSchedule.ZeroBubbleH1 && pipeline == 1)
                continue;
            Random random = new(seed);
            int nodes = data * sequence * pipeline % 2 == 0 ? 1 + (seed / meshes.Length) : 1;
            ParallelPlan plan = PlanOf<TTiny>(strategy, nodes, data, sequence, pipeline, schedule, random.Next(2, 6), intraNode, interNode);
            List<(List<int[]> Batch, StepPlan Step)> steps = [.. Enumerable.Range(0, BatchesOfAPlan).Select(_ => Planned(plan, random))];
            RankThreads.Run(plan.Mesh.Size, transport =>
            {
                using RankModel model = RankModel.Create<TinyModel<TTiny>>(plan, transport.Rank);
                model.Store.Initialize(1);
                using ThreadTeam team = new(1);
                using RankSession session = new(model, transport, team);
                DeviceMemory memory = plan.Memory[model.Coordinate.Pipeline];
                foreach ((List<int[]> batch, StepPlan step) in steps)
                {
                    session.ComputeGradients(batch, step);
                    Assert.True(session.ActivationBytes <= memory.Activations, $"seed {seed}: activations {session.ActivationBytes} of {memory.Activations}");
                    Assert.True(session.WorkspaceBytes <= memory.Workspace, $"seed {seed}: workspace {session.WorkspaceBytes} of {memory.Workspace}");
                }

                lock (steps)
                {
                    ranks++;
                    activations += (double)session.ActivationBytes / memory.Activations;
                    workspace += (double)session.WorkspaceBytes / memory.Workspace;
                }
            });
            remapped += plan.Batching.Remaps ? 1 : 0;
            gathered += steps.Count(step => !step.Step.IsSymmetric);
        }

        output.WriteLine($"of the planned memory {activations / ranks:P1} of activations and {workspace / ranks:P1} of workspace are allocated, on {ranks} ranks; {remapped} plans remap, {gathered} steps have other units in the backward");
    }

    private static ParallelPlan PlanOf<TTiny>(
        string strategy,
        int nodes,
        int data,
        int sequence,
        int pipeline,
        PipelineSchedule schedule,
        int microBatches,
        Datapath intraNode,
        Datapath interNode)
        where TTiny : struct, ITinyShape
    {
        bool slices = strategy is "asymmetric" or "joint" && schedule != PipelineSchedule.ZeroBubbleH1 && data * microBatches >= 3;
        return TinyModel<TTiny>.PlanFor(
            new AxesSpec(
                data,
                sequence,
                pipeline,
                schedule,
                microBatches,
                UnitTokens: slices ? 32 : 64,
                Packing: strategy is "asymmetric" or "joint" ? Packing.Asymmetric : Packing.Tokens,
                Balance: strategy is "hierarchical" or "joint" ? SequenceBalance.Hierarchical : SequenceBalance.Zigzag,
                Datapath: intraNode,
                InterNodeDatapath: interNode),
            nodes);
    }

    /// <summary>A long-tailed batch, as full as the strategy can take.</summary>
    private static (List<int[]> Batch, StepPlan Step) Planned(ParallelPlan plan, Random random)
    {
        int capacity = plan.Mesh.Data * plan.Batching.UnitsPerDataRank * plan.Batching.UnitTokens;
        StepPlan step = new();
        for (int percent = 100; ; percent -= 3)
        {
            List<int> lengths = [Math.Min(Context, capacity * percent / 100)];
            int rest = (capacity * percent / 100) - lengths[0];
            while (rest > 0)
            {
                int length = random.Next(6) == 0 ? random.Next(1, Context + 1) : random.Next(1, 9);
                lengths.Add(Math.Min(rest, length));
                rest -= lengths[^1];
            }

            if (!StepPlanner.TryPlan(StepConstants.Of(plan), [.. lengths], step))
                continue;
            return ([.. lengths.Select(length => Enumerable.Range(0, length + 1).Select(_ => random.Next(TinyModel<Untied>.Vocabulary)).ToArray())], step);
        }
    }
}
