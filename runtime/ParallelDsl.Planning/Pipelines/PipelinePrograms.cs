using ParallelDsl.Planning.Simulation;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Makes programs: orders of computation with the sends and receives that they need.</summary>
public static class PipelinePrograms
{
    /// <summary>The programs of a known schedule, for the placement of <see cref="PipelineOrders.PlacementOf"/>.</summary>
    /// <param name="schedule">Which schedule.</param>
    /// <param name="devices">p, the positions of the pipeline axis.</param>
    /// <param name="microBatches">m: a multiple of p when interleaved, at least 2p for DualPipeV.</param>
    /// <param name="chunks">v, the stages a device; null for <see cref="PipelineOrders.DefaultChunks"/>.</param>
    /// <param name="splitBackward">Writes B and W right after it in place of X.</param>
    /// <param name="costs">What the stages cost, in ticks, for the zero-bubble schedules; null for unit costs.</param>
    /// <exception cref="ArgumentException">A count is not positive, or the schedule does not allow it; or the costs do not fit.</exception>
    /// <exception cref="OverflowException">The times leave 64 bits.</exception>
    public static EquatableArray<PipelineProgram> Build(
        PipelineSchedule schedule,
        int devices,
        int microBatches,
        int? chunks = null,
        bool splitBackward = false,
        StageCosts? costs = null) =>
        WithTransfers(
            PipelineOrders.Of(schedule, devices, microBatches, chunks, splitBackward, costs),
            PipelineOrders.PlacementOf(schedule, devices, chunks),
            microBatches);

    /// <summary>The placement that puts stage s on device s modulo <paramref name="devices"/>.</summary>
    public static EquatableArray<int> CyclicPlacement(int stages, int devices)
    {
        var stageDevices = new int[stages];
        for (int stage = 0; stage < stages; stage++)
            stageDevices[stage] = stage % devices;
        return new(stageDevices);
    }

    /// <summary>Adds sends and receives to orders of computation, for any placement.</summary>
    /// <remarks>A send stands right after the action that makes its value, a receive right before the first action that needs it, or
    /// earlier where the order of its channel (all transfers from one device to another) or a full channel asks for it. This is decided by
    /// running the orders once with channels that hold one transfer. That run did not block, and blocking sends and receives over
    /// first-in-first-out channels make a Kahn network, whose outcome does not depend on timing: so no run of these programs
    /// deadlocks, whatever takes how long, with channels that hold one transfer or more.</remarks>
    /// <param name="orders">For each device its F and X (or B and W).</param>
    /// <param name="stageDevices">The device of each stage.</param>
    /// <param name="microBatches">The number of micro-batches.</param>
    /// <exception cref="ArgumentException">The orders wait for one another (the message names the cycle), or name a stage or micro-batch
    /// that does not exist.</exception>
    public static EquatableArray<PipelineProgram> WithTransfers(
        EquatableArray<EquatableArray<PipelineAction>> orders, EquatableArray<int> stageDevices, int microBatches) =>
        new TransferPlacement(orders, stageDevices, microBatches).Run();

    private sealed class TransferPlacement
    {
        private readonly EquatableArray<EquatableArray<PipelineAction>> _orders;
        private readonly EquatableArray<int> _stageDevices;
        private readonly int _microBatches;
        private readonly List<PipelineAction>[] _programs;
        private readonly int[] _next;

        // The send that a device has to finish before it goes on.
        private readonly PipelineAction?[] _pending;

        // What each channel holds: at most one send.
        private readonly Dictionary<long, PipelineAction> _channels = [];
        private readonly bool[] _inputs;
        private readonly bool[] _gradients;
        private readonly Queue<int> _ready = new();
        private readonly bool[] _queued;

        public TransferPlacement(
            EquatableArray<EquatableArray<PipelineAction>> orders, EquatableArray<int> stageDevices, int microBatches)
        {
            (_orders, _stageDevices, _microBatches) = (orders, stageDevices, microBatches);
            _programs = new List<PipelineAction>[orders.Count];
            for (int device = 0; device < orders.Count; device++)
                _programs[device] = new List<PipelineAction>(orders[device].Count * 2);
            _next = new int[orders.Count];
            _pending = new PipelineAction?[orders.Count];
            _queued = new bool[orders.Count];
            _inputs = new bool[stageDevices.Count * microBatches];
            _gradients = new bool[stageDevices.Count * microBatches];
            foreach (int device in stageDevices)
            {
                if (device < 0 || device >= orders.Count)
                    throw new ArgumentException(Invariant($"a stage lies on device {device} of {orders.Count}"), nameof(stageDevices));
            }
        }

        private int Last => _stageDevices.Count - 1;

        public EquatableArray<PipelineProgram> Run()
        {
            for (int device = 0; device < _orders.Count; device++)
                Wake(device);
            do
            {
                while (_ready.Count > 0)
                {
                    int device = _ready.Dequeue();
                    _queued[device] = false;
                    Advance(device);
                }
            }
            while (ReceiveEarly());

            for (int device = 0; device < _orders.Count; device++)
            {
                if (_next[device] < _orders[device].Count)
                    throw new ArgumentException(DeadlockCycle.OfStopped(_orders, _next, _stageDevices).Message);
            }

            return new([.. _programs.Select(actions => new PipelineProgram(new([.. actions])))]);
        }

        private void Wake(int device)
        {
            if (_queued[device])
                return;
            _queued[device] = true;
            _ready.Enqueue(device);
        }

        // Goes on until the device has to wait or is done.
        private void Advance(int device)
        {
            while (true)
            {
                if (_pending[device] is { } send)
                {
                    long channel = Channel(device, Destination(send));
                    if (_channels.ContainsKey(channel))
                        return;
                    _channels.Add(channel, send);
                    _programs[device].Add(send);
                    _pending[device] = null;
                    Wake(Destination(send));
                }

                if (_next[device] == _orders[device].Count)
                    return;
                PipelineAction action = _orders[device][_next[device]];
                Check(device, action);
                if (!HasInput(action))
                {
                    int source = Source(action);
                    if (source == device || !_channels.ContainsKey(Channel(source, device)))
                        return;
                    Receive(source, device);
                    continue;
                }

                _programs[device].Add(action);
                _next[device]++;
                Finish(device, action);
            }
        }

        private void Check(int device, PipelineAction action)
        {
            if (!action.IsCompute || action.Stage < 0 || action.Stage > Last || action.MicroBatch < 0 || action.MicroBatch >= _microBatches
                || _stageDevices[action.Stage] != device)
            {
                throw new ArgumentException(Invariant($"{PipelineText.Write(action)} cannot stand in the order of device {device}"));
            }
        }

        private int Index(int stage, int microBatch) => (stage * _microBatches) + microBatch;

        private bool HasInput(PipelineAction action) => action.Kind switch
        {
            ActionKind.Forward => action.Stage == 0 || _inputs[Index(action.Stage, action.MicroBatch)],
            ActionKind.BackwardWeight => true,
            _ => action.Stage == Last || _gradients[Index(action.Stage, action.MicroBatch)],
        };

        private int Source(PipelineAction action) => _stageDevices[action.Stage + (action.Kind == ActionKind.Forward ? -1 : 1)];

        private int Destination(PipelineAction send) => _stageDevices[send.Stage + (send.Kind == ActionKind.SendForward ? 1 : -1)];

        private long Channel(int source, int destination) => ((long)source * _orders.Count) + destination;

        private void Finish(int device, PipelineAction action)
        {
            bool forward = action.Kind == ActionKind.Forward;
            int consumer = action.Stage + (forward ? 1 : -1);
            if (action.Kind == ActionKind.BackwardWeight || consumer < 0 || consumer > Last)
                return;
            if (_stageDevices[consumer] == device)
                (forward ? _inputs : _gradients)[Index(consumer, action.MicroBatch)] = true;
            else
                _pending[device] = action with { Kind = forward ? ActionKind.SendForward : ActionKind.SendBackward };
        }

        private void Receive(int source, int destination)
        {
            long channel = Channel(source, destination);
            PipelineAction send = _channels[channel];
            _channels.Remove(channel);
            bool forward = send.Kind == ActionKind.SendForward;
            int stage = send.Stage + (forward ? 1 : -1);
            (forward ? _inputs : _gradients)[Index(stage, send.MicroBatch)] = true;
            _programs[destination].Add(
                new(forward ? ActionKind.ReceiveForward : ActionKind.ReceiveBackward, stage, send.MicroBatch));
            Wake(source);
        }

        // All devices wait. If one waits to send, its channel is full: the receiver, which waits too, takes the transfer now.
        private bool ReceiveEarly()
        {
            for (int device = 0; device < _orders.Count; device++)
            {
                if (_pending[device] is { } send)
                {
                    Receive(device, Destination(send));
                    return true;
                }
            }

            return false;
        }
    }
}
