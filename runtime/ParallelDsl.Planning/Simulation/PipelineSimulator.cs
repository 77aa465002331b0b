using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Replays programs in integer ticks. F(s,m) starts after F(s-1,m) and the hop; B of the last stage after its F; B(s,m) (or X)
/// after B(s+1,m) (or X) and the hop; W after B. A device computes one action at a time in program order; transfers do not occupy
/// it.</summary>
public static class PipelineSimulator
{
    /// <summary>Times <paramref name="programs"/>, which may or may not contain transfers.</summary>
    /// <param name="programs">The program of each device.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <param name="costs">The costs of each stage.</param>
    /// <exception cref="ArgumentException">A cost is missing or negative, a program has an action of a stage that lies elsewhere, or the
    /// programs wait for one another (<see cref="PipelineValidation"/> says why).</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static Timeline Run(EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, StageCosts costs)
    {
        Check(stageDevices, costs);
        int microBatches = 1;
        for (int device = 0; device < programs.Count; device++)
        {
            foreach (PipelineAction action in programs[device].Actions)
            {
                if (action.Stage < 0 || action.Stage >= stageDevices.Count || stageDevices[action.Stage] != device || action.MicroBatch < 0)
                    throw new ArgumentException(Invariant($"{PipelineText.Write(action)} cannot stand in the program of device {device}"));
                microBatches = Math.Max(microBatches, action.MicroBatch + 1);
            }
        }

        var replay = new Replay(programs, stageDevices, costs, microBatches);
        replay.Run();
        return replay.ToTimeline();
    }

    internal static void Check(EquatableArray<int> stageDevices, StageCosts costs)
    {
        if (costs.Overhead < 0)
            throw new ArgumentException(Invariant($"an overhead of {costs.Overhead} ticks is negative"), nameof(costs));
        foreach (EquatableArray<long> column in new[] { costs.Forward, costs.BackwardInput, costs.BackwardWeight, costs.Hop })
        {
            if (column.Count != stageDevices.Count)
                throw new ArgumentException(Invariant($"{column.Count} costs for {stageDevices.Count} stages"), nameof(costs));
            foreach (long cost in column)
            {
                if (cost < 0)
                    throw new ArgumentException(Invariant($"a cost of {cost} ticks is negative"), nameof(costs));
            }
        }
    }

    private sealed class Replay(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, StageCosts costs, int microBatches)
    {
        private const long Unknown = -1;

        // When the output of F and the gradient of the input of each stage and micro-batch exist.
        private readonly long[] _outputs = Filled(stageDevices.Count * microBatches);
        private readonly long[] _gradients = Filled(stageDevices.Count * microBatches);
        private readonly TimedAction[][] _timed = [.. programs.Select(program => new TimedAction[program.Actions.Count])];
        private readonly int[] _next = new int[programs.Count];
        private readonly long[] _clock = new long[programs.Count];
        private readonly Queue<int> _ready = new(Enumerable.Range(0, programs.Count));

        private static long[] Filled(int length)
        {
            var times = new long[length];
            for (int i = 0; i < length; i++)
                times[i] = Unknown;
            return times;
        }

        public void Run()
        {
            while (_ready.Count > 0)
                Advance(_ready.Dequeue());
            for (int device = 0; device < programs.Count; device++)
            {
                EquatableArray<PipelineAction> actions = programs[device].Actions;
                if (_next[device] < actions.Count)
                {
                    throw new ArgumentException(
                        DeadlockCycle.OfStopped([.. programs.Select(program => program.Actions)], _next, stageDevices).Message);
                }

                // Transfers last: a receive may stand before the computation that waits for it, and must not hold up others.
                for (int i = 0; i < actions.Count; i++)
                {
                    if (!actions[i].IsCompute)
                        _timed[device][i] = TimeTransfer(actions[i]);
                }
            }
        }

        private void Advance(int device)
        {
            EquatableArray<PipelineAction> actions = programs[device].Actions;
            for (; _next[device] < actions.Count; _next[device]++)
            {
                PipelineAction action = actions[_next[device]];
                if (!action.IsCompute)
                    continue;
                long ready = InputTime(action);
                if (ready == Unknown)
                    return;
                long start = Math.Max(_clock[device], ready);
                long end = start + costs.Of(action);
                _timed[device][_next[device]] = new(action, start, end);
                _clock[device] = end;
                Publish(action, end);
            }
        }

        private void Publish(PipelineAction action, long end)
        {
            int consumer = action.Stage;
            if (action.Kind == ActionKind.Forward)
            {
                _outputs[Index(action.Stage, action.MicroBatch)] = end;
                consumer++;
            }
            else if (action.Kind != ActionKind.BackwardWeight)
            {
                _gradients[Index(action.Stage, action.MicroBatch)] = end;
                consumer--;
            }

            if (consumer >= 0 && consumer < stageDevices.Count && stageDevices[consumer] != stageDevices[action.Stage])
                _ready.Enqueue(stageDevices[consumer]);
        }

        private int Index(int stage, int microBatch) => (stage * microBatches) + microBatch;

        // When everything is there that the action needs, or Unknown.
        private long InputTime(PipelineAction action)
        {
            (int stage, int last) = (action.Stage, stageDevices.Count - 1);
            switch (action.Kind)
            {
                case ActionKind.Forward:
                    return stage == 0 ? 0 : Arrival(_outputs[Index(stage - 1, action.MicroBatch)], stage - 1);
                case ActionKind.BackwardWeight:
                    return _gradients[Index(stage, action.MicroBatch)];
                default:
                    long forward = _outputs[Index(stage, action.MicroBatch)];
                    if (stage == last || forward == Unknown)
                        return forward;
                    long gradient = Arrival(_gradients[Index(stage + 1, action.MicroBatch)], stage);
                    return gradient == Unknown ? Unknown : Math.Max(forward, gradient);
            }
        }

        private long Hop(int boundary) => stageDevices[boundary] == stageDevices[boundary + 1] ? 0 : costs.Hop[boundary];

        private long Arrival(long departure, int boundary) => departure == Unknown ? Unknown : departure + Hop(boundary);

        private TimedAction TimeTransfer(PipelineAction action)
        {
            (int stage, int microBatch) = (action.Stage, action.MicroBatch);
            (long departure, int boundary) = action.Kind switch
            {
                ActionKind.SendForward => (_outputs[Index(stage, microBatch)], stage),
                ActionKind.ReceiveForward => (_outputs[Index(stage - 1, microBatch)], stage - 1),
                ActionKind.SendBackward => (_gradients[Index(stage, microBatch)], stage - 1),
                _ => (_gradients[Index(stage + 1, microBatch)], stage),
            };
            long arrival = Arrival(departure, boundary);
            bool send = action.Kind is ActionKind.SendForward or ActionKind.SendBackward;
            return new TimedAction(action, send ? departure : arrival, arrival);
        }

        public Timeline ToTimeline()
        {
            long makespan = 0, firstBackward = long.MaxValue, lastForward = 0;
            foreach (TimedAction timed in _timed.SelectMany(actions => actions).Where(timed => timed.Action.IsCompute))
            {
                makespan = Math.Max(makespan, timed.End);
                if (timed.Action.Kind == ActionKind.Forward)
                    lastForward = Math.Max(lastForward, timed.End);
                else
                    firstBackward = Math.Min(firstBackward, timed.Start);
            }

            firstBackward = Math.Min(firstBackward, makespan);
            lastForward = Math.Max(lastForward, firstBackward);
            int devices = programs.Count;
            long[] work = new long[devices], warmUp = new long[devices], coolDown = new long[devices], residual = new long[devices];
            for (int device = 0; device < devices; device++)
            {
                (warmUp[device], coolDown[device]) = (firstBackward, makespan - lastForward);
                foreach (TimedAction timed in _timed[device].Where(timed => timed.Action.IsCompute))
                {
                    work[device] += timed.End - timed.Start;
                    warmUp[device] -= Math.Max(0, Math.Min(timed.End, firstBackward) - timed.Start);
                    coolDown[device] -= Math.Max(0, timed.End - Math.Max(timed.Start, lastForward));
                }

                residual[device] = makespan - work[device] - warmUp[device] - coolDown[device];
            }

            return new Timeline(
                makespan,
                new([.. _timed.Select(actions => new EquatableArray<TimedAction>(actions))]),
                new(work),
                new(warmUp),
                new(residual),
                new(coolDown),
                new([.. programs.Select(program => ActivationPeak.Units(program.Actions))]));
        }
    }
}
