using ParallelDsl.Planning.Pipelines;

namespace ParallelDsl.Planning.Tests.Pipelines;

/// <summary>Runs programs the slow way, with real queues and sets of values: an independent judge of the validation.</summary>
internal static class NaiveRun
{
    /// <summary>Whether every device ends, nothing is missing, done twice or left over, and every receive gets what it names.</summary>
    public static bool Completes(EquatableArray<PipelineProgram> programs, EquatableArray<int> placement, int microBatches, int capacity)
    {
        var done = new HashSet<PipelineAction>();
        var channels = new Dictionary<(int, int), Queue<PipelineAction>>();
        var next = new int[programs.Count];
        bool progress = true;
        while (progress)
        {
            progress = false;
            for (int device = 0; device < programs.Count; device++)
            {
                if (next[device] == programs[device].Actions.Count)
                    continue;
                PipelineAction action = programs[device].Actions[next[device]];
                bool? step = Step(action, device);
                if (step is null)
                    continue;
                if (step is false)
                    return false;
                done.Add(action);
                next[device]++;
                progress = true;
            }
        }

        for (int device = 0; device < programs.Count; device++)
        {
            if (next[device] < programs[device].Actions.Count)
                return false;
        }

        bool Backward(int stage, int microBatch) => done.Contains(new(ActionKind.Backward, stage, microBatch))
            || (done.Contains(new(ActionKind.BackwardInput, stage, microBatch)) && done.Contains(new(ActionKind.BackwardWeight, stage, microBatch)));
        return channels.Values.All(queue => queue.Count == 0)
            && Enumerable.Range(0, placement.Count).All(stage => Enumerable.Range(0, microBatches).All(microBatch =>
                done.Contains(new(ActionKind.Forward, stage, microBatch)) && Backward(stage, microBatch)));

        // True: done. False: impossible. Null: has to wait.
        bool? Step(PipelineAction action, int device)
        {
            (ActionKind kind, int stage, int microBatch) = (action.Kind, action.Stage, action.MicroBatch);
            if (placement[stage] != device || done.Contains(action))
                return false;
            bool forward = done.Contains(new(ActionKind.Forward, stage, microBatch));
            bool gradient = done.Contains(new(ActionKind.Backward, stage, microBatch)) || done.Contains(new(ActionKind.BackwardInput, stage, microBatch));
            int peer = stage + (kind is ActionKind.SendForward or ActionKind.ReceiveBackward ? 1 : -1);
            if (!action.IsCompute && (peer < 0 || peer >= placement.Count || placement[peer] == device))
                return false;
            switch (kind)
            {
                case ActionKind.Forward:
                    return stage == 0 || done.Contains(new(placement[stage - 1] == device ? ActionKind.Forward : ActionKind.ReceiveForward,
                        placement[stage - 1] == device ? stage - 1 : stage, microBatch));
                case ActionKind.BackwardWeight:
                    return done.Contains(new(ActionKind.BackwardInput, stage, microBatch));
                case ActionKind.BackwardInput or ActionKind.Backward:
                    if (!forward || gradient)
                        return false;
                    if (stage == placement.Count - 1)
                        return true;
                    return placement[stage + 1] == device
                        ? done.Contains(new(ActionKind.Backward, stage + 1, microBatch)) || done.Contains(new(ActionKind.BackwardInput, stage + 1, microBatch))
                        : done.Contains(new(ActionKind.ReceiveBackward, stage, microBatch));
                case ActionKind.SendForward or ActionKind.SendBackward:
                    if (kind == ActionKind.SendForward ? !forward : !gradient)
                        return false;
                    Queue<PipelineAction> outgoing = Channel(device, placement[peer]);
                    if (outgoing.Count == capacity)
                        return null;
                    outgoing.Enqueue(new(kind == ActionKind.SendForward ? ActionKind.ReceiveForward : ActionKind.ReceiveBackward, peer, microBatch));
                    return true;
                default:
                    Queue<PipelineAction> incoming = Channel(placement[peer], device);
                    return incoming.Count == 0 ? null : incoming.Dequeue() == action;
            }
        }

        Queue<PipelineAction> Channel(int source, int destination)
        {
            if (!channels.TryGetValue((source, destination), out Queue<PipelineAction>? queue))
                channels.Add((source, destination), queue = new());
            return queue;
        }
    }
}
