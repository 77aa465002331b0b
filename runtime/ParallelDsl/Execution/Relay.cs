using System.Runtime.ExceptionServices;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Pipelines;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Planning.Routes;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Carries parts of other ranks' hops between nodes, on a thread of its own: what the rank relays in a step follows from the plan and
/// the program, and never waits for the rank's own computation, also in units in which the rank has no rows.</summary>
/// <remarks>This cannot deadlock, however little a channel holds. A part has up to three messages: to a proxy in its source's node, to a proxy
/// in its destination's, to the destination. Put the messages of the parts of a hop, by sender, part and way, in the place of the hop in the
/// order of all messages that <see cref="RingAttention"/> gives. The ranks at a position of the pipeline axis run one program, so they agree
/// on that order whatever their data rank. A relay takes its parts in that order, one after the other; so what it receives ascends, and what
/// it sends does. The messages of the courier and those that the computation receives ascend as before, parts being sent and received in
/// order. Of all messages that are not delivered take the least. If a relay sends it, that relay has received the part, which is an earlier
/// message, and has passed on all before, so it sends it or will; if a courier does, the proof is the old one. All that the receiver, a relay
/// or a computation, takes before is less and delivered, so it waits for it or will, and a transport hands over a message that is waited
/// for. So it is delivered. Of two ranks, all messages of one tag are sent by one thread in that order and received by one thread in that
/// order (<see cref="HopTags"/>), so a rank that is a unit or a layer ahead is never taken for another: what it sends waits in its channel,
/// or at its courier, which holds up no computation.</remarks>
internal sealed class Relay : IDisposable
{
    private readonly object _gate = new();
    private readonly ITransport _transport;
    private readonly int[] _ranks;
    private readonly int _self;
    private readonly NodeRoutes _routes;
    private readonly int[][] _columns;
    private readonly RelayHops _hops;
    private readonly Func<bool> _isAwaited;
    private volatile bool _isFlushed;
    private NativeBuffer? _buffer;
    private PipelineAction[]? _program;
    private StepPlan _step = new();
    private Thread? _thread;
    private bool _ended;
    private Exception? _failure;

    /// <summary>Makes the relay of a rank.</summary>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="ranks">The ranks of the attention ranks.</param>
    /// <param name="routes">Which hops go in parts.</param>
    /// <param name="stages">The plan's stages.</param>
    /// <param name="layers">The layers of the rank's stages by layer index; null for the others.</param>
    /// <param name="datapaths">How keys and values travel.</param>
    public Relay(
        ITransport transport,
        int[] ranks,
        NodeRoutes routes,
        IEnumerable<PlannedStage> stages,
        IReadOnlyList<LayerModule?> layers,
        RingDatapaths datapaths)
    {
        (_transport, _ranks, _self, _routes) = (transport, ranks, Array.IndexOf(ranks, transport.Rank), routes);
        _hops = new RelayHops(routes, _self, datapaths);
        _isAwaited = () => _isFlushed;
        _columns = [.. stages.Select(stage => Enumerable.Range(stage.FirstLayer, stage.LayerCount)
            .Select(index => layers[index]?.KeyValueFloats ?? 0)
            .Where(floats => floats > 0)
            .ToArray())];
    }

    /// <summary>Bytes of the buffer that parts pass through.</summary>
    public long Bytes => (_buffer?.Length ?? 0) * sizeof(float);

    /// <summary>Starts to relay the hops of a step. The plan must not change before <see cref="Flush"/> returns.</summary>
    /// <param name="program">The program of the rank's position, which all ranks there run now.</param>
    /// <param name="step">The step plan.</param>
    public void Begin(PipelineAction[] program, StepPlan step)
    {
        lock (_gate)
        {
            ThrowIfFailed();
            if (_program is not null)
                throw new InvalidOperationException($"Rank {_transport.Rank} still relays hops of the step before.");
            (_program, _step) = (program, step);
            if (_thread is null)
            {
                _thread = new Thread(Run) { Name = $"relay of rank {_transport.Rank}", IsBackground = true };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Returns once all of the step is relayed.</summary>
    /// <exception cref="TransportException">A transfer failed.</exception>
    public void Flush()
    {
        lock (_gate)
        {
            _isFlushed = true;
            while (_program is not null)
                Monitor.Wait(_gate);
            _isFlushed = false;
            ThrowIfFailed();
        }
    }

    /// <summary>Ends the thread. After a failure the run must be aborted before, so that a transfer that waits ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
        _buffer?.Dispose();
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    private void Run()
    {
        while (TryTake(out PipelineAction[] program))
        {
            Exception? failure = null;
            try
            {
                _hops.Begin(_step);
                foreach (PipelineAction action in program)
                    RelayAll(action);
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown on the rank's thread.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;

                // Others wait for what is relayed, and this rank may wait for them.
                _transport.Abort(exception);
            }

            lock (_gate)
            {
                (_program, _failure) = (null, failure);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryTake(out PipelineAction[] program)
    {
        lock (_gate)
        {
            while (!_ended && _program is null)
                Monitor.Wait(_gate);
            program = _program ?? [];
            return !_ended;
        }
    }

    /// <summary>Relays what other ranks send while they run an action.</summary>
    private void RelayAll(PipelineAction action)
    {
        bool backward = action.Kind is ActionKind.Backward or ActionKind.BackwardInput;
        if (!backward && action.Kind != ActionKind.Forward)
            return;
        int[] columns = _columns[action.Stage];
        if (columns.Length == 0)
            return;
        _hops.Find(action.MicroBatch, backward);
        for (int layer = 0; layer < columns.Length && _hops.Hops.Count > 0; layer++)
        {
            foreach (RelayHop hop in _hops.Hops)
                RelayHop(hop, columns[backward ? columns.Length - 1 - layer : layer]);
        }
    }

    private void RelayHop(RelayHop hop, int columns)
    {
        Route route = _routes.Of(hop.Source, hop.Destination, hop.Rows, columns);
        for (int index = 0; index < route.Parts; index++)
        {
            HopPart part = _routes.PartOf(route, hop.Source, hop.Destination, index);
            int floats = checked(part.Length * columns);
            bool comesFromSource = part.SourceProxy == hop.Source, goesToDestination = part.DestinationProxy == hop.Destination;
            if (part.SourceProxy == _self)
            {
                Pass(hop.Source, HopTags.ToRelay, part.DestinationProxy, goesToDestination ? HopTags.FromRelay : HopTags.BetweenRelays, floats);
            }
            else if (part.DestinationProxy == _self)
            {
                Pass(part.SourceProxy, comesFromSource ? HopTags.ToRelay : HopTags.BetweenRelays, hop.Destination, HopTags.FromRelay, floats);
            }
        }
    }

    private void Pass(int source, int sourceTag, int destination, int destinationTag, int floats)
    {
        if (_buffer is null || _buffer.Length < floats)
        {
            _buffer?.Dispose();
            _buffer = new NativeBuffer(floats);
        }

        Span<float> part = _buffer.Span[..floats];
        _transport.ReceiveAhead(_ranks[source], sourceTag, part, _isAwaited);
        _transport.Send(_ranks[destination], destinationTag, part);
    }
}
