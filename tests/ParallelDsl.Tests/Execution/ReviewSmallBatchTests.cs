using ParallelDsl.Planning.Plans;
using ParallelDsl.Training;

namespace ParallelDsl.Tests.Execution;

/// <summary>A step with fewer tokens than ranks: most units are empty, and most ranks hold no token of the others.</summary>
public sealed class ReviewSmallBatchTests
{
    [Theory]
    [InlineData(2, 4, 2, PipelineSchedule.OneForwardOneBackward, 1)]
    [InlineData(2, 4, 4, PipelineSchedule.GPipe, 1)]
    [InlineData(1, 4, 2, PipelineSchedule.Interleaved, 2)]
    [InlineData(2, 1, 4, PipelineSchedule.OneForwardOneBackward, 1)]
    public void RanksWithoutTokensTakePart(int data, int sequence, int pipeline, PipelineSchedule schedule, int chunks)
    {
        int[][][] batches = [[[3, 5]], [[1, 2, 3]], [[7, 8], [9, 10, 11, 12]]];
        using Trainer<TinyModel<Tied>> one = new(batches[0], plan: TinyModel<Tied>.PlanFor(new AxesSpec(MicroBatches: 4, UnitTokens: 96)));
        using Trainer<TinyModel<Tied>> many = new(
            batches[0], plan: TinyModel<Tied>.PlanFor(new AxesSpec(data, sequence, pipeline, schedule, 4, chunks, UnitTokens: 96)));
        foreach (int[][] batch in batches)
        {
            Assert.Equal(one.Evaluate(batch), many.Evaluate(batch), 1e-5);
            Assert.Equal(one.Step(batch).Loss, many.Step(batch).Loss, 1e-5);
            (double difference, string tensor) = GradientTable.Compare(GradientTable.Gradients(one), GradientTable.Gradients(many));
            Assert.True(difference < 1e-5, $"{tensor} differs by {difference}");
        }
    }
}
