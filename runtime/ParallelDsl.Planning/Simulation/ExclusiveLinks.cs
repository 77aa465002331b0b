using ParallelDsl.Planning.Pipelines;
using static System.FormattableString;

namespace ParallelDsl.Planning.Simulation;

/// <summary>Directed links, each from one device to another, that carry one transfer at a time in a fixed order.</summary>
/// <remarks>A value stands on its link where its first send stands in the program, or, without a send, the action that makes it. A device
/// computes one action at a time, so without sends this is the order in which values become ready. Only actions that take no time make
/// values ready at the same tick, and those keep the order of the program too: the later may need what the earlier sends, and an order
/// that the costs could turn round would let a pipeline get faster when an action takes longer.</remarks>
internal sealed class ExclusiveLinks
{
    private readonly PipelineValues _values;
    private readonly int[] _stageDevices;
    private readonly long[] _hops;

    // The link that brings each stage its inputs, then the one that brings it its gradients.
    private readonly int[] _linkOfRow;

    // For each link its values in order, how many it has carried, and when it is free again.
    private readonly List<int>[] _orders;
    private readonly int[] _carried;
    private readonly long[] _free;
    private readonly long[] _ready;

    public ExclusiveLinks(PipelineAction[][] programs, int[] stageDevices, long[] hops, PipelineValues values)
    {
        (_values, _stageDevices, _hops) = (values, stageDevices, hops);
        _ready = new long[values.Arrivals.Length];
        for (int value = 0; value < _ready.Length; value++)
            _ready[value] = PipelineValues.Unknown;

        var links = new Dictionary<(int Source, int Destination), int>();
        _linkOfRow = new int[2 * values.Stages];
        for (int row = 0; row < _linkOfRow.Length; row++)
            _linkOfRow[row] = LinkOfRow(row, links);
        _orders = new List<int>[links.Count];
        (_carried, _free) = (new int[links.Count], new long[links.Count]);
        for (int link = 0; link < links.Count; link++)
            _orders[link] = [];
        Order(programs);
    }

    /// <summary>The link that carries <paramref name="value"/>, which crosses devices.</summary>
    public int LinkOf(int value) => _linkOfRow[value / _values.MicroBatches];

    /// <summary>Says that <paramref name="value"/> is ready to leave its device at tick <paramref name="ready"/>.</summary>
    public void Offer(int value, long ready) => _ready[value] = ready;

    /// <summary>Carries the next value of <paramref name="link"/>, if that is ready.</summary>
    /// <param name="link">Which link.</param>
    /// <param name="value">The value.</param>
    /// <param name="arrival">The tick of its arrival; the link is busy for the ticks of the hop before it.</param>
    /// <returns>Whether there was one.</returns>
    public bool TryCarry(int link, out int value, out long arrival)
    {
        (value, arrival) = (PipelineValues.None, PipelineValues.Unknown);
        List<int> order = _orders[link];
        if (_carried[link] == order.Count || _ready[order[_carried[link]]] == PipelineValues.Unknown)
            return false;
        value = order[_carried[link]++];
        arrival = Math.Max(_free[link], _ready[value]) + _hops[_values.BoundaryOf(value)];
        _free[link] = arrival;
        return true;
    }

    /// <summary>Why a run stops though its orders of computation could go on: the value of a send that stands too early is not there, and
    /// holds up those behind it.</summary>
    public string Stopped()
    {
        int link = 0;
        while (_carried[link] == _orders[link].Count)
            link++;
        PipelineAction send = _values.SendOf(_orders[link][_carried[link]]);
        int receiver = send.Stage + (send.Kind == ActionKind.SendForward ? 1 : -1);
        string ends = Invariant($"from device {_stageDevices[send.Stage]} to device {_stageDevices[receiver]}");
        return $"deadlock: the link {ends} has to carry {PipelineText.Write(send)} next, which waits for a send behind it or is never made";
    }

    private int LinkOfRow(int row, Dictionary<(int Source, int Destination), int> links)
    {
        int stage = row % _values.Stages, producer = row < _values.Stages ? stage - 1 : stage + 1;
        if (producer < 0 || producer == _values.Stages || _stageDevices[producer] == _stageDevices[stage])
            return PipelineValues.None;
        (int, int) ends = (_stageDevices[producer], _stageDevices[stage]);
        if (!links.TryGetValue(ends, out int link))
            links.Add(ends, link = links.Count);
        return link;
    }

    private void Order(PipelineAction[][] programs)
    {
        var sent = new bool[_ready.Length];
        foreach (PipelineAction[] program in programs)
        {
            foreach (PipelineAction action in program)
            {
                int value = _values.Of(action);
                if (value != PipelineValues.None && IsSend(action))
                    sent[value] = true;
            }
        }

        var placed = new bool[_ready.Length];
        foreach (PipelineAction[] program in programs)
        {
            foreach (PipelineAction action in program)
            {
                int value = _values.Of(action);
                if (value == PipelineValues.None || LinkOf(value) == PipelineValues.None || placed[value])
                    continue;
                if (IsSend(action) || (action.IsCompute && !sent[value]))
                {
                    placed[value] = true;
                    _orders[LinkOf(value)].Add(value);
                }
            }
        }
    }

    private static bool IsSend(PipelineAction action) => action.Kind is ActionKind.SendForward or ActionKind.SendBackward;
}
