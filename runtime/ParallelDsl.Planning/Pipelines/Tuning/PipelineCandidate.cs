using ParallelDsl.Planning.Simulation;

namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>One way to run a <see cref="PipelineProblem"/>: partition, placement, order, and the simulated run of it.</summary>
/// <param name="Schedule">The schedule that it follows.</param>
/// <param name="Boundaries">The first layer of every stage, and the number of layers at the end.</param>
/// <param name="StageDevices">The device of every stage.</param>
/// <param name="Orders">For each device its computations in order, without transfers.</param>
/// <param name="Costs">What the stages cost, in ticks.</param>
/// <param name="Timeline">The simulated run.</param>
/// <param name="PeakHeld">The most that each device holds at once, in the unit of <see cref="PipelineLayer.Held"/>, what is always
/// resident included.</param>
public sealed record PipelineCandidate(
    PipelineSchedule Schedule,
    EquatableArray<int> Boundaries,
    EquatableArray<int> StageDevices,
    EquatableArray<EquatableArray<PipelineAction>> Orders,
    StageCosts Costs,
    Timeline Timeline,
    EquatableArray<long> PeakHeld)
{
    /// <summary>Ticks from 0 to the end of the last computation.</summary>
    public long Makespan => Timeline.Makespan;

    /// <summary>The most that any device holds.</summary>
    public long Peak => PeakHeld.Max();

    /// <summary>Simulates <paramref name="orders"/> on a layout.</summary>
    /// <exception cref="ArgumentException">The orders do not fit the layout, or wait for one another.</exception>
    public static PipelineCandidate Of(
        PipelineProblem problem,
        PipelineSchedule schedule,
        EquatableArray<int> boundaries,
        EquatableArray<int> stageDevices,
        EquatableArray<EquatableArray<PipelineAction>> orders)
    {
        StageCosts costs = problem.CostsOf(boundaries, stageDevices);
        Timeline timeline = PipelineSimulator.Run(
            orders.Select(order => new PipelineProgram(order)).ToEquatableArray(), stageDevices, costs);
        var sums = new LayerSums(problem);
        var peaks = new long[problem.Devices];
        for (int device = 0; device < peaks.Length; device++)
            peaks[device] = ActivationPeak.Weight(orders[device], stage => sums.Held(boundaries[stage], boundaries[stage + 1]));
        for (int stage = 0; stage < stageDevices.Count; stage++)
            peaks[stageDevices[stage]] += sums.Resident(boundaries[stage], boundaries[stage + 1]);
        return new(schedule, boundaries, stageDevices, orders, costs, timeline, new(peaks));
    }
}
