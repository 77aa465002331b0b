namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Times fixed orders on a <see cref="StageTable"/>: every device takes its actions in its order, each as early as its input
/// allows. The same figures as <see cref="Simulation.PipelineSimulator"/>, without programs and without allocation.</summary>
internal sealed class OrderReplay
{
    private const long Unknown = -1;

    private readonly StageTable _table;
    private readonly long[] _outputs, _gradients, _clock;
    private readonly int[] _next, _stack;
    private readonly bool[] _waiting;

    public OrderReplay(StageTable table)
    {
        _table = table;
        int stages = table.Device.Length, devices = table.Devices;
        (_outputs, _gradients) = (new long[stages * table.MicroBatches], new long[stages * table.MicroBatches]);
        (_clock, _next, _stack, _waiting) = (new long[devices], new int[devices], new int[devices], new bool[devices]);
    }

    /// <summary>Times <paramref name="orders"/>, codes as <see cref="StageTable.OrdersOf"/> reads them.</summary>
    /// <returns>The makespan, or <see cref="long.MaxValue"/> where the orders wait for one another.</returns>
    public long Run(int[][] orders, int[] lengths)
    {
        StageTable table = _table;
        int cells = table.Stages * table.MicroBatches;
        for (int cell = 0; cell < cells; cell++)
            (_outputs[cell], _gradients[cell]) = (Unknown, Unknown);
        int depth = 0;
        for (int device = table.Devices - 1; device >= 0; device--)
        {
            (_clock[device], _next[device], _waiting[device]) = (0, 0, true);
            _stack[depth++] = device;
        }

        while (depth > 0)
        {
            int device = _stack[--depth];
            _waiting[device] = false;
            int[] order = orders[device];
            for (; _next[device] < lengths[device]; _next[device]++)
            {
                int code = order[_next[device]], cell = code % cells, kind = code / cells;
                long start = Math.Max(_clock[device], Ready(kind, cell, out bool known));
                if (!known)
                    break;
                int stage = cell / table.MicroBatches;
                int consumer = -1;
                if (kind == 0)
                {
                    _clock[device] = _outputs[cell] = start + table.Forward[stage];
                    consumer = stage + 1;
                }
                else if (kind == 1)
                {
                    _clock[device] = _gradients[cell] = start + table.Input[stage];
                    consumer = stage - 1;
                }
                else
                {
                    _clock[device] = start + table.Weight[stage];
                }

                if (consumer >= 0 && consumer < table.Stages && table.Device[consumer] is int other && other != device && !_waiting[other])
                {
                    _waiting[other] = true;
                    _stack[depth++] = other;
                }
            }
        }

        long makespan = 0;
        for (int device = 0; device < table.Devices; device++)
        {
            if (_next[device] < lengths[device])
                return long.MaxValue;
            makespan = Math.Max(makespan, _clock[device]);
        }

        return makespan;
    }

    private long Ready(int kind, int cell, out bool known)
    {
        StageTable table = _table;
        int stage = cell / table.MicroBatches;
        long time;
        if (kind == 0)
        {
            time = stage == 0 ? 0 : _outputs[cell - table.MicroBatches];
            known = time != Unknown;
            return stage == 0 ? 0 : time + table.Hop[stage - 1];
        }

        if (kind == 2)
        {
            time = _gradients[cell];
            known = time != Unknown;
            return time;
        }

        time = _outputs[cell];
        known = time != Unknown;
        if (stage == table.Stages - 1 || !known)
            return time;
        long gradient = _gradients[cell + table.MicroBatches];
        known = gradient != Unknown;
        return Math.Max(time, gradient + table.Hop[stage]);
    }
}
