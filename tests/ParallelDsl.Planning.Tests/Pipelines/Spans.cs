using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Tests.Pipelines;

/// <summary>Makes a schedule for given costs, proves it and simulates it.</summary>
internal static class Spans
{
    public static StageCosts Uniform(int stages, long forward, long input, long weight, long hop = 0) => new(
        Enumerable.Repeat(forward, stages).ToEquatableArray(),
        Enumerable.Repeat(input, stages).ToEquatableArray(),
        Enumerable.Repeat(weight, stages).ToEquatableArray(),
        Enumerable.Repeat(hop, stages).ToEquatableArray());

    public static Timeline Simulate(PipelineSchedule schedule, int devices, int microBatches, StageCosts costs)
    {
        EquatableArray<int> placement = PipelineOrders.PlacementOf(schedule, devices);
        EquatableArray<PipelineProgram> programs = PipelinePrograms.Build(schedule, devices, microBatches, costs: costs);
        Assert.Empty(PipelineValidation.Validate(programs, placement, microBatches));
        return PipelineSimulator.Run(programs, placement, costs);
    }
}
