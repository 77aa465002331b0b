namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>What a <see cref="ListScheduler"/> prefers among actions that are ready.</summary>
/// <remarks>With phases, every action has a target: its phase, and a period for each micro-batch before it; the earliest target goes
/// first, as in modulo scheduling. Phases that are the times of one unit passing through the pipeline alone give 1F1B-like orders;
/// stretched phases let more units in. Without them, B and F take turns, B first (SimPipe's rule).</remarks>
internal sealed class SchedulingRule
{
    public long Period;
    public long[] ForwardPhase = [];
    public long[] InputPhase = [];
    public long[] WeightPhase = [];

    /// <summary>B and F take turns, the lowest micro-batch first; phases do not count.</summary>
    public bool Alternates;

    /// <summary>A device rather waits than starts a less urgent action, if the wait is at most so many thousandths of that action.</summary>
    public int Patience;

    /// <summary>Phases from the times of one unit, stretched by percentages; W goes last.</summary>
    public void Stretch(StageTable table, int forwardPercent, int inputPercent, int turnPercent)
    {
        if (ForwardPhase.Length < table.Stages)
            (ForwardPhase, InputPhase, WeightPhase) = (new long[table.Device.Length], new long[table.Device.Length], new long[table.Device.Length]);
        Period = 1;
        for (int device = 0; device < table.Devices; device++)
            Period = Math.Max(Period, table.Work[device] / table.MicroBatches);
        long time = 0;
        for (int stage = 0; stage < table.Stages; stage++)
        {
            ForwardPhase[stage] = time;
            time += (table.Forward[stage] + table.Hop[stage]) * forwardPercent / 100;
        }

        time += Period * turnPercent / 100;
        for (int stage = table.Stages - 1; stage >= 0; stage--)
        {
            InputPhase[stage] = time;
            time += (table.Input[stage] + (stage > 0 ? table.Hop[stage - 1] : 0)) * inputPercent / 100;
        }

        for (int stage = 0; stage < table.Stages; stage++)
            WeightPhase[stage] = time + (Period * 4 * table.MicroBatches);
    }
}
