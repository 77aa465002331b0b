using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>The plan's memory is the runtime's memory.</summary>
public sealed class MemoryTests
{
    [Theory]
    [InlineData(1, 1, 1, PipelineSchedule.OneForwardOneBackward, 1, 1)]
    [InlineData(1, 1, 4, PipelineSchedule.GPipe, 1, 1)]
    [InlineData(2, 2, 2, PipelineSchedule.OneForwardOneBackward, 1, 1)]
    [InlineData(1, 2, 2, PipelineSchedule.Interleaved, 2, 1)]
    [InlineData(1, 1, 2, PipelineSchedule.Interleaved, 4, 1)]
    [InlineData(1, 1, 1, PipelineSchedule.GPipe, 1, 4)]
    [InlineData(1, 1, 4, PipelineSchedule.OneForwardOneBackward, 1, 2)]
    [InlineData(1, 2, 2, PipelineSchedule.Interleaved, 4, 3)]
    [InlineData(2, 1, 4, PipelineSchedule.Interleaved, 3, 4)]
    [InlineData(1, 1, 4, PipelineSchedule.ZeroBubbleH1, 0, 1)]
    [InlineData(2, 1, 2, PipelineSchedule.ZeroBubbleH2, 0, 1)]
    [InlineData(1, 1, 3, PipelineSchedule.ZeroBubbleH2, 0, 1)]
    [InlineData(1, 1, 2, PipelineSchedule.ZeroBubbleV, 0, 1)]
    [InlineData(1, 1, 4, PipelineSchedule.ZeroBubbleV, 0, 1)]
    [InlineData(1, 2, 2, PipelineSchedule.DualPipeV, 0, 1)]
    [InlineData(1, 1, 2, PipelineSchedule.Adaptive, 0, 1)]
    [InlineData(1, 2, 3, PipelineSchedule.Adaptive, 0, 1)]
    [InlineData(2, 1, 4, PipelineSchedule.Adaptive, 0, 1)]
    [InlineData(1, 1, 4, PipelineSchedule.ZeroBubbleV, 0, 3)]
    [InlineData(1, 1, 4, PipelineSchedule.Adaptive, 0, 4)]
    public void APlannedStepAllocatesWhatThePlanSays(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks, int slices)
    {
        ParallelPlan plan = TinyModel<Tied>.PlanFor(
            new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96, VocabularySlices: slices));
        List<int[]> batch = Batches.Uneven(1);
        RankThreads.Run(plan.Mesh.Size, transport =>
        {
            using RankModel model = RankModel.Create<TinyModel<Tied>>(plan, transport.Rank);
            using ThreadTeam team = new(1);
            using RankSession session = new(model, transport, team);
            StepPlan step = new();
            Assert.True(TokenPacker.TryPack([.. batch.Select(sequence => sequence.Length - 1)], data, plan.Mesh.Sequence, 4, 96, plan.Batching.Granule, TinyModel<Tied>.Context, step));
            session.ComputeGradients(batch, step);

            DeviceMemory planned = plan.Memory[model.Coordinate.Pipeline];
            Assert.Equal(planned.Weights, model.Store.Weights.Length * sizeof(float));
            Assert.Equal(planned.Gradients, model.Store.Gradients.Length * sizeof(float));
            Assert.Equal(planned.Optimizer, (model.Store.FirstMoment.Length + model.Store.SecondMoment.Length) * sizeof(float));
            Assert.Equal(planned.Activations, session.ActivationBytes);
            Assert.InRange(session.WorkspaceBytes, planned.Workspace / 4, planned.Workspace);
        });
    }
}
