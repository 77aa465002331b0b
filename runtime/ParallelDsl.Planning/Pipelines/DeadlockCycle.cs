using System.Text;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Names the actions that wait for one another when a pipeline does not run to its end: <c>deadlock: device 0 at X0.0 waits for
/// X1.0 of device 1, device 1 at F1.1 waits for F0.1 of device 0</c>.</summary>
public static class DeadlockCycle
{
    /// <summary>A longer cycle is cut there, so that the message stays a line that can be read.</summary>
    private const int MaximumWaits = 16;

    /// <summary>Runs orders of computation, with transfers that never block, and names the cycle that stops them.</summary>
    /// <param name="orders">For each device its F and X (or B and W); transfers are passed over.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <returns>Null when the orders run to their end; else the cycle, at the device in it with the least number and at the index of the
    /// action where that device waits. A producer that no order has, or that stands later in the same order, is named as such.</returns>
    /// <exception cref="ArgumentException">A stage lies on no device, or an action stands on a device that its stage does not lie
    /// on.</exception>
    public static PipelineError? Find(EquatableArray<EquatableArray<PipelineAction>> orders, EquatableArray<int> stageDevices)
    {
        foreach (int device in stageDevices)
        {
            if (device < 0 || device >= orders.Count)
                throw new ArgumentException(Invariant($"a stage lies on device {device} of {orders.Count}"), nameof(stageDevices));
        }

        var run = new Run(orders, stageDevices, new int[orders.Count]);
        int blocked = run.Go();
        return blocked < 0 ? null : Follow(blocked, run.WaitOf, run.PositionOf);
    }

    /// <summary>Names the cycle of orders that have stopped.</summary>
    /// <param name="actions">The actions of each device; transfers among them do not count.</param>
    /// <param name="next">For each device the index of the action that it cannot do; their number where it is done.</param>
    /// <param name="stageDevices">The device of each stage.</param>
    internal static PipelineError OfStopped(
        IReadOnlyList<EquatableArray<PipelineAction>> actions, int[] next, EquatableArray<int> stageDevices)
    {
        var run = new Run(actions, stageDevices, next);
        int blocked = 0;
        while (next[blocked] == actions[blocked].Count)
            blocked++;
        return Follow(blocked, run.WaitOf, run.PositionOf);
    }

    /// <summary>What a device waits for.</summary>
    /// <param name="At">The action that it cannot do.</param>
    /// <param name="For">The action that has to come before it.</param>
    /// <param name="Device">The device that should do this one.</param>
    /// <param name="Missing">Whether that device will never do it.</param>
    internal readonly record struct Wait(PipelineAction At, PipelineAction For, int Device, bool Missing);

    /// <summary>Follows the waits from one device until a device comes a second time, or until nobody will do what is waited for.</summary>
    /// <param name="blocked">A device that waits.</param>
    /// <param name="waitOf">What a device waits for. The other device of a wait that is not missing waits too.</param>
    /// <param name="positionOf">The index of the action where a device waits.</param>
    internal static PipelineError Follow(int blocked, Func<int, Wait> waitOf, Func<int, int> positionOf)
    {
        var chain = new List<(int Device, Wait Wait)>();
        var place = new Dictionary<int, int>();
        int device = blocked;
        while (!place.ContainsKey(device))
        {
            Wait wait = waitOf(device);
            place.Add(device, chain.Count);
            chain.Add((device, wait));
            if (wait.Missing)
                return new(device, positionOf(device), Invariant($"deadlock: {Text(device, wait)}, which is missing there"));
            if (wait.Device == device)
                return new(device, positionOf(device), Invariant($"deadlock: {Text(device, wait)}, where it stands later"));
            device = wait.Device;
        }

        // The waits that only lead to the cycle are not part of it. Whoever finds it, it begins with the same device.
        chain.RemoveRange(0, place[device]);
        int first = 0;
        for (int i = 1; i < chain.Count; i++)
            first = chain[i].Device < chain[first].Device ? i : first;
        var text = new StringBuilder("deadlock: ");
        for (int i = 0; i < Math.Min(chain.Count, MaximumWaits); i++)
        {
            (int at, Wait wait) = chain[(first + i) % chain.Count];
            text.Append(i == 0 ? "" : ", ").Append(Text(at, wait));
        }

        if (chain.Count > MaximumWaits)
            text.Append(Invariant($" and so on, {chain.Count} devices in all"));
        return new(chain[first].Device, positionOf(chain[first].Device), text.ToString());
    }

    private static string Text(int device, Wait wait) => Invariant(
        $"device {device} at {PipelineText.Write(wait.At)} waits for {PipelineText.Write(wait.For)} of device {wait.Device}");

    private sealed class Run
    {
        private readonly IReadOnlyList<EquatableArray<PipelineAction>> _actions;
        private readonly EquatableArray<int> _stageDevices;
        private readonly int[] _next;
        private readonly HashSet<PipelineAction> _done = [];

        public Run(IReadOnlyList<EquatableArray<PipelineAction>> actions, EquatableArray<int> stageDevices, int[] next)
        {
            (_actions, _stageDevices, _next) = (actions, stageDevices, next);
            for (int device = 0; device < next.Length; device++)
            {
                for (int position = 0; position < next[device]; position++)
                    _done.Add(actions[device][position]);
            }
        }

        public int PositionOf(int device) => _next[device];

        // The first device that waits for ever, or -1.
        public int Go()
        {
            var ready = new Queue<int>(Enumerable.Range(0, _next.Length));
            while (ready.Count > 0)
            {
                int device = ready.Dequeue();
                for (; _next[device] < _actions[device].Count; _next[device]++)
                {
                    PipelineAction action = _actions[device][_next[device]];
                    Check(device, action);
                    if (MissingInput(action) is not null)
                        break;
                    _done.Add(action);
                    if (ConsumerOf(action) is { } consumer && consumer != device)
                        ready.Enqueue(consumer);
                }
            }

            for (int device = 0; device < _next.Length; device++)
            {
                if (_next[device] < _actions[device].Count)
                    return device;
            }

            return -1;
        }

        public Wait WaitOf(int device)
        {
            PipelineAction action = _actions[device][_next[device]];
            PipelineAction missing = MissingInput(action)
                ?? throw new InvalidOperationException(Invariant($"device {device} has all that {PipelineText.Write(action)} needs"));
            int producer = _stageDevices[missing.Stage];
            return new(action, missing, producer, !IsAhead(producer, missing));
        }

        private void Check(int device, PipelineAction action)
        {
            if (action.Stage < 0 || action.Stage >= _stageDevices.Count || _stageDevices[action.Stage] != device)
                throw new ArgumentException(Invariant($"{PipelineText.Write(action)} cannot stand in the order of device {device}"));
        }

        private int? ConsumerOf(PipelineAction action)
        {
            int stage = action.Stage + (action.Kind == ActionKind.Forward ? 1 : -1);
            bool given = action.Kind is ActionKind.Forward or ActionKind.BackwardInput or ActionKind.Backward;
            return given && stage >= 0 && stage < _stageDevices.Count ? _stageDevices[stage] : null;
        }

        // The first of the actions before this one that is not done, or null.
        private PipelineAction? MissingInput(PipelineAction action)
        {
            if (!action.IsCompute)
                return null;
            PipelineAction forward = action with { Kind = ActionKind.Forward };
            switch (action.Kind)
            {
                case ActionKind.Forward:
                    PipelineAction before = action with { Stage = action.Stage - 1 };
                    return action.Stage == 0 || _done.Contains(before) ? null : before;
                case ActionKind.BackwardWeight:
                    return MissingBackward(action.Stage, action.MicroBatch, ActionKind.BackwardInput);
                default:
                    if (!_done.Contains(forward))
                        return forward;
                    return action.Stage == _stageDevices.Count - 1
                        ? null
                        : MissingBackward(action.Stage + 1, action.MicroBatch, action.Kind);
            }
        }

        // Either B or X gives a gradient. Where there is neither, the one that would be like its consumer is missing.
        private PipelineAction? MissingBackward(int stage, int microBatch, ActionKind likely)
        {
            var split = new PipelineAction(ActionKind.BackwardInput, stage, microBatch);
            var whole = new PipelineAction(ActionKind.Backward, stage, microBatch);
            if (_done.Contains(split) || _done.Contains(whole))
                return null;
            (PipelineAction first, PipelineAction second) = likely == ActionKind.Backward ? (whole, split) : (split, whole);
            return !IsAhead(_stageDevices[stage], first) && IsAhead(_stageDevices[stage], second) ? second : first;
        }

        private bool IsAhead(int device, PipelineAction action)
        {
            for (int position = _next[device]; position < _actions[device].Count; position++)
            {
                if (_actions[device][position] == action)
                    return true;
            }

            return false;
        }
    }
}
