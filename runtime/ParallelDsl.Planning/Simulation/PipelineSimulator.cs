using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Replays programs in integer ticks. F(s,m) starts after F(s-1,m) and the hop; B of the last stage after its F; B(s,m) (or X)
/// after F(s,m), and after B(s+1,m) (or X) and the hop; W after B. A device computes one action at a time in program order; transfers do
/// not occupy it, and between two stages of one device there are none. After the performance model of AdaPtis (arXiv 2509.23722;
/// reconstructed).</summary>
public static class PipelineSimulator
{
    /// <summary>Times <paramref name="programs"/>, which may or may not contain transfers.</summary>
    /// <remarks>
    /// <para>A shared link takes any number of transfers at once: each takes the ticks of its hop from the moment that its value is
    /// made. An exclusive link, from one device to another (the way back is a link of its own), carries one at a time and is busy for the
    /// ticks of the hop; a transfer starts when its value is made and the link is free. The order of the transfers on a link is the order
    /// of the sends in the program of its source. A value for which the programs have no send has its place where it is made, so that
    /// without sends the order is that in which values become ready. Values that become ready at the same tick, after actions that take
    /// no time, keep the order of the program.</para>
    /// <para>With every order fixed, a timeline on exclusive links is never shorter than on shared ones, is the same where hops are free,
    /// and never gets shorter when an action or a hop takes longer.</para>
    /// </remarks>
    /// <param name="programs">The program of each device, with every action at most once.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <param name="costs">The costs of each stage.</param>
    /// <param name="exclusiveLinks">Whether a link carries one transfer at a time.</param>
    /// <exception cref="ArgumentException">A cost is missing or negative, a stage lies on no device, a program has an action of a stage
    /// that lies elsewhere or a transfer of nothing, or the programs wait for one another (the message names the cycle).</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static Timeline Run(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, StageCosts costs, bool exclusiveLinks = false)
    {
        Check(stageDevices, costs);
        int[] devices = stageDevices.Items;
        PipelineAction[][] actions = ActionsOf(programs);
        var values = new PipelineValues(devices.Length, Check(actions, devices));
        ExclusiveLinks? links = exclusiveLinks ? new(actions, devices, costs.Hop.Items, values) : null;
        var replay = new PipelineReplay(actions, devices, costs, values, links);
        if (!replay.Compute())
            throw new ArgumentException(WhyStopped(actions, stageDevices, links));
        replay.Transfer();

        var peaks = new int[actions.Length];
        for (int device = 0; device < peaks.Length; device++)
            peaks[device] = ActivationPeak.Units(programs[device].Actions);
        return TimelineMeasures.Of(replay.Timed, peaks);
    }

    internal static void Check(EquatableArray<int> stageDevices, StageCosts costs)
    {
        if (costs.Overhead < 0)
            throw new ArgumentException(Invariant($"an overhead of {costs.Overhead} ticks is negative"), nameof(costs));
        foreach (EquatableArray<long> column in new[] { costs.Forward, costs.BackwardInput, costs.BackwardWeight, costs.Hop })
        {
            if (column.Count != stageDevices.Count)
                throw new ArgumentException(Invariant($"{column.Count} costs for {stageDevices.Count} stages"), nameof(costs));
            foreach (long cost in column.Items)
            {
                if (cost < 0)
                    throw new ArgumentException(Invariant($"a cost of {cost} ticks is negative"), nameof(costs));
            }
        }
    }

    // The number of micro-batches, of actions that can all stand where they do.
    private static int Check(PipelineAction[][] programs, int[] stageDevices)
    {
        for (int stage = 0; stage < stageDevices.Length; stage++)
        {
            if (stageDevices[stage] < 0 || stageDevices[stage] >= programs.Length)
                throw new ArgumentException(Invariant($"stage {stage} lies on device {stageDevices[stage]} of {programs.Length}"));
        }

        int last = 0;
        for (int device = 0; device < programs.Length; device++)
        {
            foreach (PipelineAction action in programs[device])
            {
                int stage = action.Stage;
                if (stage < 0 || stage >= stageDevices.Length || stageDevices[stage] != device || action.MicroBatch < 0
                    || action.Kind < ActionKind.Forward)
                {
                    throw new ArgumentException(Invariant($"{PipelineText.Write(action)} cannot stand in the program of device {device}"));
                }

                last = Math.Max(last, action.MicroBatch);
            }
        }

        return last + 1;
    }

    private static PipelineAction[][] ActionsOf(EquatableArray<PipelineProgram> programs)
    {
        var actions = new PipelineAction[programs.Count][];
        for (int device = 0; device < actions.Length; device++)
            actions[device] = programs[device].Actions.Items;
        return actions;
    }

    // The orders of computation may wait for one another; if they do not, the sends of an exclusive link do.
    private static string WhyStopped(PipelineAction[][] programs, EquatableArray<int> stageDevices, ExclusiveLinks? links)
    {
        PipelineError? cycle = DeadlockCycle.Find(
            programs.Select(actions => new EquatableArray<PipelineAction>(actions)).ToEquatableArray(), stageDevices);
        return cycle?.Message ?? links!.Stopped();
    }
}
