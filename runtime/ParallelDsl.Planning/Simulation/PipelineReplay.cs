using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Runs programs once: each device goes on until a value is missing, and again when that has arrived. What comes of it does not
/// depend on which device goes first, because every wait is for one value and every link has its own order.</summary>
internal sealed class PipelineReplay
{
    private const byte ForwardDone = 1;
    private const byte BackwardDone = 2;

    private readonly PipelineAction[][] _programs;
    private readonly int[] _stageDevices;
    private readonly long[] _forward, _backwardInput, _backwardWeight, _hop;
    private readonly long _overhead;
    private readonly PipelineValues _values;
    private readonly ExclusiveLinks? _links;

    // For each stage and micro-batch what its device has done.
    private readonly byte[] _done;

    // For each device: the index of its next action, when it is free, and the value that it waits for.
    private readonly int[] _next;
    private readonly long[] _clock;
    private readonly int[] _awaited;

    // The devices that can go on, each once.
    private readonly int[] _ready;
    private int _readyCount;

    public PipelineReplay(
        PipelineAction[][] programs, int[] stageDevices, StageCosts costs, PipelineValues values, ExclusiveLinks? links)
    {
        (_programs, _stageDevices, _values, _links) = (programs, stageDevices, values, links);
        (_forward, _backwardInput, _backwardWeight) = (costs.Forward.Items, costs.BackwardInput.Items, costs.BackwardWeight.Items);
        (_hop, _overhead) = (costs.Hop.Items, costs.Overhead);
        _done = new byte[values.Gradients];
        (_next, _clock, _awaited, _ready) =
            (new int[programs.Length], new long[programs.Length], new int[programs.Length], new int[programs.Length]);
        Timed = new TimedAction[programs.Length][];
        for (int device = 0; device < programs.Length; device++)
        {
            Timed[device] = new TimedAction[programs[device].Length];
            _ready[_readyCount++] = programs.Length - 1 - device;
        }
    }

    /// <summary>For each device its actions and when they happen.</summary>
    public TimedAction[][] Timed { get; }

    /// <summary>Times the computations.</summary>
    /// <returns>Whether all devices come to their end; else they wait for one another.</returns>
    public bool Compute()
    {
        while (_readyCount > 0)
            Advance(_ready[--_readyCount]);
        for (int device = 0; device < _programs.Length; device++)
        {
            if (_next[device] < _programs[device].Length)
                return false;
        }

        return true;
    }

    /// <summary>Times the sends and receives. They come last: a receive may stand before the computation that waits for it, and must not
    /// hold up others.</summary>
    /// <exception cref="ArgumentException">Nothing makes the value of a transfer.</exception>
    public void Transfer()
    {
        for (int device = 0; device < _programs.Length; device++)
        {
            PipelineAction[] actions = _programs[device];
            for (int position = 0; position < actions.Length; position++)
            {
                if (!actions[position].IsCompute)
                    Timed[device][position] = Transfer(actions[position]);
            }
        }
    }

    private void Advance(int device)
    {
        PipelineAction[] actions = _programs[device];
        TimedAction[] timed = Timed[device];
        long[] arrivals = _values.Arrivals;
        byte[] done = _done;
        int microBatches = _values.MicroBatches, position = _next[device];
        long clock = _clock[device];
        for (; position < actions.Length; position++)
        {
            PipelineAction action = actions[position];
            int stage = action.Stage, cell = (stage * microBatches) + action.MicroBatch, awaited = cell;
            long arrival, ticks = _overhead;
            switch (action.Kind)
            {
                case ActionKind.Forward:
                    arrival = arrivals[cell];
                    ticks += _forward[stage];
                    break;
                case ActionKind.BackwardWeight:
                    arrival = (done[cell] & BackwardDone) != 0 ? clock : PipelineValues.Unknown;
                    ticks += _backwardWeight[stage];
                    break;
                case ActionKind.BackwardInput or ActionKind.Backward:
                    awaited = done.Length + cell;
                    arrival = (done[cell] & ForwardDone) != 0 ? arrivals[awaited] : PipelineValues.Unknown;
                    ticks += _backwardInput[stage];
                    if (action.Kind == ActionKind.Backward)
                        ticks += _backwardWeight[stage];
                    break;
                default:
                    continue;
            }

            if (arrival == PipelineValues.Unknown)
            {
                // What the device itself has yet to do never comes, so it does not matter what it waits for then.
                _awaited[device] = awaited;
                break;
            }

            long start = Math.Max(clock, arrival);
            clock = start + ticks;
            timed[position] = new(action, start, clock);
            if (action.Kind == ActionKind.Forward)
            {
                done[cell] |= ForwardDone;
                if (stage + 1 < _stageDevices.Length)
                    Give(cell + microBatches, stage, _stageDevices[stage + 1], device, clock);
            }
            else if (action.Kind != ActionKind.BackwardWeight)
            {
                done[cell] |= BackwardDone;
                if (stage > 0)
                    Give(awaited - microBatches, stage - 1, _stageDevices[stage - 1], device, clock);
            }
        }

        (_next[device], _clock[device]) = (position, clock);
    }

    private void Give(int value, int boundary, int consumer, int producer, long ready)
    {
        if (consumer == producer)
        {
            _values.Arrivals[value] = ready;
        }
        else if (_links is null)
        {
            Arrive(value, consumer, ready + _hop[boundary]);
        }
        else
        {
            _links.Offer(value, ready);
            while (_links.TryCarry(_links.LinkOf(value), out int carried, out long arrival))
                Arrive(carried, consumer, arrival);
        }
    }

    private void Arrive(int value, int consumer, long arrival)
    {
        _values.Arrivals[value] = arrival;
        if (_awaited[consumer] == value)
        {
            _awaited[consumer] = PipelineValues.None;
            _ready[_readyCount++] = consumer;
        }
    }

    private TimedAction Transfer(PipelineAction action)
    {
        int value = _values.Of(action);
        if (value == PipelineValues.None || _values.Arrivals[value] == PipelineValues.Unknown)
            throw new ArgumentException(Invariant($"nothing makes the value of {PipelineText.Write(action)}"));
        int boundary = _values.BoundaryOf(value);
        long arrival = _values.Arrivals[value];
        bool travels = action.Kind is ActionKind.SendForward or ActionKind.SendBackward
            && _stageDevices[boundary] != _stageDevices[boundary + 1];
        return new(action, travels ? arrival - _hop[boundary] : arrival, arrival);
    }
}
