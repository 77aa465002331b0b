using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>One fault of a set of programs.</summary>
/// <param name="Device">The device whose program is at fault, or -1 for all of them.</param>
/// <param name="Position">The index of the action in that program, or -1 for the program as a whole.</param>
/// <param name="Message">What is wrong; one sentence, no full stop.</param>
public sealed record PipelineError(int Device, int Position, string Message);

/// <summary>Proves that programs can run: every computation once and in the right place, every value there before it is used, sends
/// and receives in matching order, and no deadlock.</summary>
public static class PipelineValidation
{
    /// <summary>No more errors than this are reported.</summary>
    public const int MaximumErrors = 100;

    /// <summary>The faults of <paramref name="programs"/>; none means that they run to their end on every machine.</summary>
    /// <param name="programs">The program of each device.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <param name="microBatches">The number of micro-batches.</param>
    /// <param name="channelCapacity">Transfers that a channel (all from one device to another) holds before a send blocks.</param>
    public static EquatableArray<PipelineError> Validate(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, int microBatches, int channelCapacity = 1)
    {
        var errors = new List<PipelineError>();
        if (microBatches < 1 || stageDevices.Count < 1 || channelCapacity < 1)
        {
            return new([new PipelineError(-1, -1, Invariant(
                $"{stageDevices.Count} stages, {microBatches} micro-batches and channels of {channelCapacity} are not all positive"))]);
        }

        for (int stage = 0; stage < stageDevices.Count; stage++)
        {
            if (stageDevices[stage] < 0 || stageDevices[stage] >= programs.Count)
                errors.Add(new(-1, -1, Invariant($"stage {stage} lies on device {stageDevices[stage]}, and there are {programs.Count}")));
        }

        if (errors.Count > 0)
            return Limited(errors);

        new LocalCheck(programs, stageDevices, microBatches, errors).Run();
        if (errors.Count == 0)
            new ChannelCheck(programs, stageDevices, channelCapacity, errors).Run();
        return Limited(errors);
    }

    private static EquatableArray<PipelineError> Limited(List<PipelineError> errors) => errors.Take(MaximumErrors).ToEquatableArray();

    // The checks that need one program at a time.
    private sealed class LocalCheck(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, int microBatches, List<PipelineError> errors)
    {
        private const int Kinds = (int)ActionKind.ReceiveBackward + 1;

        // Which kinds of action were seen for each stage and micro-batch: bit k for kind k. A stage has one device, so one table does.
        private readonly byte[] _seen = new byte[stageDevices.Count * microBatches];

        public void Run()
        {
            for (int device = 0; device < programs.Count; device++)
            {
                EquatableArray<PipelineAction> actions = programs[device].Actions;
                for (int position = 0; position < actions.Count; position++)
                {
                    if (errors.Count >= MaximumErrors)
                        return;
                    string? fault = Fault(device, actions[position]);
                    if (fault is not null)
                        errors.Add(new(device, position, Invariant($"{PipelineText.Write(actions[position])}: {fault}")));
                }
            }

            for (int stage = 0; stage < stageDevices.Count; stage++)
            {
                for (int microBatch = 0; microBatch < microBatches; microBatch++)
                {
                    if (errors.Count >= MaximumErrors)
                        return;
                    FindMissing(stage, microBatch);
                }
            }
        }

        private bool Seen(ActionKind kind, int stage, int microBatch) =>
            (_seen[(stage * microBatches) + microBatch] & (1 << (int)kind)) != 0;

        private bool IsLocal(int stage, int device) => stageDevices[stage] == device;

        private bool HasGradient(int stage, int microBatch) =>
            Seen(ActionKind.BackwardInput, stage, microBatch) || Seen(ActionKind.Backward, stage, microBatch);

        private string? Fault(int device, PipelineAction action)
        {
            (ActionKind kind, int stage, int microBatch) = (action.Kind, action.Stage, action.MicroBatch);
            if ((int)kind < 0 || (int)kind >= Kinds)
                return "there is no such kind of action";
            if (stage < 0 || stage >= stageDevices.Count)
                return Invariant($"there are {stageDevices.Count} stages");
            if (microBatch < 0 || microBatch >= microBatches)
                return Invariant($"there are {microBatches} micro-batches");
            if (!IsLocal(stage, device))
                return Invariant($"stage {stage} lies on device {stageDevices[stage]}");
            if (Seen(kind, stage, microBatch))
                return "it stands here a second time";
            string? fault = IsTransfer(kind) ? TransferFault(device, action) : ComputeFault(device, action);
            _seen[(stage * microBatches) + microBatch] |= (byte)(1 << (int)kind);
            return fault;
        }

        private static bool IsTransfer(ActionKind kind) => kind >= ActionKind.SendForward;

        private string? ComputeFault(int device, PipelineAction action)
        {
            (ActionKind kind, int stage, int microBatch) = (action.Kind, action.Stage, action.MicroBatch);
            if (kind == ActionKind.Forward)
            {
                bool there = stage == 0 || (IsLocal(stage - 1, device)
                    ? Seen(ActionKind.Forward, stage - 1, microBatch)
                    : Seen(ActionKind.ReceiveForward, stage, microBatch));
                return there ? null : Invariant($"its input from stage {stage - 1} is not there yet{Missing(stage - 1, ActionKind.ReceiveForward)}");
            }

            if (kind == ActionKind.BackwardWeight)
                return Seen(ActionKind.BackwardInput, stage, microBatch) ? null : "its B does not stand before it";
            if (HasGradient(stage, microBatch))
                return "the backward is already done";
            if (!Seen(ActionKind.Forward, stage, microBatch))
                return "its F does not stand before it";
            bool given = stage == stageDevices.Count - 1 || (IsLocal(stage + 1, device)
                ? HasGradient(stage + 1, microBatch)
                : Seen(ActionKind.ReceiveBackward, stage, microBatch));
            return given ? null : Invariant($"its gradient from stage {stage + 1} is not there yet{Missing(stage + 1, ActionKind.ReceiveBackward)}");

            // Names the receive where the value comes from another device.
            string Missing(int from, ActionKind receive) => IsLocal(from, device)
                ? ""
                : Invariant($": {PipelineText.Write(action with { Kind = receive })} does not stand before it");
        }

        private string? TransferFault(int device, PipelineAction action)
        {
            (ActionKind kind, int stage, int microBatch) = (action.Kind, action.Stage, action.MicroBatch);
            int other = Peer(action);
            if (other < 0 || other >= stageDevices.Count)
                return "there is no stage on the other side";
            if (IsLocal(other, device))
                return Invariant($"stage {other} lies on the same device, which needs no transfer");
            return kind switch
            {
                ActionKind.SendForward when !Seen(ActionKind.Forward, stage, microBatch) => "its F does not stand before it",
                ActionKind.SendBackward when !HasGradient(stage, microBatch) => "its B or X does not stand before it",
                _ => null,
            };
        }

        private void FindMissing(int stage, int microBatch)
        {
            int device = stageDevices[stage];
            void Require(bool there, string what)
            {
                if (!there)
                    errors.Add(new(device, -1, Invariant($"{what} of stage {stage} and micro-batch {microBatch} is missing")));
            }

            bool split = Seen(ActionKind.BackwardInput, stage, microBatch);
            Require(Seen(ActionKind.Forward, stage, microBatch), "the F");
            Require(split || Seen(ActionKind.Backward, stage, microBatch), "the backward");
            Require(!split || Seen(ActionKind.BackwardWeight, stage, microBatch), "the W");
            if (stage + 1 < stageDevices.Count && !IsLocal(stage + 1, device))
                Require(Seen(ActionKind.SendForward, stage, microBatch), "the SF");
            if (stage > 0 && !IsLocal(stage - 1, device))
                Require(Seen(ActionKind.SendBackward, stage, microBatch), "the SB");
        }
    }

    // The checks that need two programs: order in each channel, and a run of all programs with bounded channels.
    private sealed class ChannelCheck(
        EquatableArray<PipelineProgram> programs, EquatableArray<int> stageDevices, int capacity, List<PipelineError> errors)
    {
        private readonly Dictionary<long, Channel> _channels = [];

        private sealed class Channel
        {
            public List<(int Position, PipelineAction Action)> Sends { get; } = [];

            public List<(int Position, PipelineAction Action)> Receives { get; } = [];

            public int Sent { get; set; }

            public int Received { get; set; }
        }

        public void Run()
        {
            for (int device = 0; device < programs.Count; device++)
            {
                EquatableArray<PipelineAction> actions = programs[device].Actions;
                for (int position = 0; position < actions.Count; position++)
                {
                    PipelineAction action = actions[position];
                    if (action.IsCompute)
                        continue;
                    Channel channel = ChannelOf(device, action);
                    (IsSend(action) ? channel.Sends : channel.Receives).Add((position, action));
                }
            }

            Match();
            if (errors.Count == 0)
                Replay();
        }

        private static bool IsSend(PipelineAction action) => action.Kind is ActionKind.SendForward or ActionKind.SendBackward;

        private Channel ChannelOf(int device, PipelineAction action)
        {
            int other = stageDevices[Peer(action)];
            long key = IsSend(action) ? ((long)device * programs.Count) + other : ((long)other * programs.Count) + device;
            if (!_channels.TryGetValue(key, out Channel? channel))
                _channels.Add(key, channel = new Channel());
            return channel;
        }

        private void Match()
        {
            foreach (KeyValuePair<long, Channel> pair in _channels.OrderBy(pair => pair.Key))
            {
                int source = (int)(pair.Key / programs.Count);
                int destination = (int)(pair.Key % programs.Count);
                List<(int Position, PipelineAction Action)> sends = pair.Value.Sends;
                List<(int Position, PipelineAction Action)> receives = pair.Value.Receives;
                for (int i = 0; i < Math.Max(sends.Count, receives.Count); i++)
                {
                    if (i >= receives.Count)
                    {
                        errors.Add(new(source, sends[i].Position, Invariant(
                            $"{PipelineText.Write(sends[i].Action)}: device {destination} does not receive it")));
                        break;
                    }

                    PipelineAction received = receives[i].Action;
                    if (i >= sends.Count)
                    {
                        errors.Add(new(destination, receives[i].Position, Invariant(
                            $"{PipelineText.Write(received)}: device {source} does not send it")));
                        break;
                    }

                    if (Counterpart(sends[i].Action) != received)
                    {
                        string sent = PipelineText.Write(sends[i].Action);
                        errors.Add(new(destination, receives[i].Position, Invariant(
                            $"{PipelineText.Write(received)}: the next transfer from device {source} is {sent}")));
                        break;
                    }
                }
            }
        }

        private static PipelineAction Counterpart(PipelineAction send) => send.Kind == ActionKind.SendForward
            ? new(ActionKind.ReceiveForward, send.Stage + 1, send.MicroBatch)
            : new(ActionKind.ReceiveBackward, send.Stage - 1, send.MicroBatch);

        private void Replay()
        {
            var next = new int[programs.Count];
            var ready = new Queue<int>(Enumerable.Range(0, programs.Count));
            while (ready.Count > 0)
            {
                int device = ready.Dequeue();
                EquatableArray<PipelineAction> actions = programs[device].Actions;
                for (; next[device] < actions.Count; next[device]++)
                {
                    PipelineAction action = actions[next[device]];
                    if (action.IsCompute)
                        continue;
                    Channel channel = ChannelOf(device, action);
                    bool send = IsSend(action);
                    if (channel.Sent - channel.Received == (send ? capacity : 0))
                        break;
                    if (send)
                        channel.Sent++;
                    else
                        channel.Received++;
                    ready.Enqueue(stageDevices[Peer(action)]);
                }
            }

            for (int device = 0; device < programs.Count; device++)
            {
                if (next[device] < programs[device].Actions.Count)
                {
                    PipelineError cycle = DeadlockCycle.Follow(device, waiting => WaitOf(waiting, next), waiting => next[waiting]);
                    errors.Add(new(device, next[device], Invariant(
                        $"{PipelineText.Write(programs[device].Actions[next[device]])} waits for ever; {cycle.Message}")));
                }
            }
        }

        // A receive waits for its send. A send waits until its full channel has room: for the receive of the oldest transfer in it.
        private DeadlockCycle.Wait WaitOf(int device, int[] next)
        {
            PipelineAction action = programs[device].Actions[next[device]];
            Channel channel = ChannelOf(device, action);
            PipelineAction other = (IsSend(action) ? channel.Receives : channel.Sends)[channel.Received].Action;
            return new(action, other, stageDevices[Peer(action)], Missing: false);
        }
    }

    private static int Peer(PipelineAction action) =>
        action.Stage + (action.Kind is ActionKind.SendForward or ActionKind.ReceiveBackward ? 1 : -1);
}
