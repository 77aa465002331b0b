namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>Improves fixed orders by moving single actions to and fro on their device: what a list scheduler, which never lets a
/// ready device wait for long, cannot say.</summary>
internal sealed class OrderPolish
{
    private readonly StageTable _table;
    private readonly OrderReplay _replay;
    private readonly int[][] _orders;
    private readonly int[] _lengths;
    private readonly int _cells;

    /// <param name="table">The layout.</param>
    /// <param name="orders">Codes of each device (<see cref="StageTable.OrdersOf"/>); changed in place.</param>
    public OrderPolish(StageTable table, int[][] orders)
    {
        (_table, _orders, _cells) = (table, orders, table.Stages * table.MicroBatches);
        (_replay, _lengths) = (new OrderReplay(table), [.. orders.Select(order => order.Length)]);
    }

    /// <summary>Tries <paramref name="moves"/> random moves, and keeps each that makes no order slower.</summary>
    /// <returns>The makespan.</returns>
    public long Run(int moves, ref SearchRandom random, CancellationToken cancellation)
    {
        long makespan = _replay.Run(_orders, _lengths);
        for (int move = 0; move < moves; move++)
        {
            if ((move & 63) == 0)
                cancellation.ThrowIfCancellationRequested();
            int device = random.Next(_orders.Length);
            int[] order = _orders[device];
            int first = random.Next(order.Length - 1);
            int last = Math.Min(order.Length - 1, first + (random.Next(3) == 0 ? random.Between(1, 6) : 1));
            bool later = random.Next(2) == 0;
            if (!MayPass(order, first, last, later))
                continue;
            Rotate(order, first, last, later);
            long changed = Fits(device) ? _replay.Run(_orders, _lengths) : long.MaxValue;
            if (changed <= makespan)
                makespan = changed;
            else
                Rotate(order, first, last, !later);
        }

        return makespan;
    }

    // The first action of the range goes to its end, or the last to its start.
    private static void Rotate(int[] order, int first, int last, bool later)
    {
        int moved = order[later ? first : last];
        if (later)
            Array.Copy(order, first + 1, order, first, last - first);
        else
            Array.Copy(order, first, order, first + 1, last - first);
        order[later ? last : first] = moved;
    }

    private bool MayPass(int[] order, int first, int last, bool later)
    {
        for (int other = first; other <= last; other++)
        {
            if (other != (later ? first : last) && MustPrecede(order[later ? first : other], order[later ? other : last]))
                return false;
        }

        return true;
    }

    // Units of a stage stay in order, and a unit goes its way.
    private bool MustPrecede(int one, int other)
    {
        int kind = one / _cells, otherKind = other / _cells, stage = one % _cells / _table.MicroBatches;
        int otherStage = other % _cells / _table.MicroBatches;
        if (kind == otherKind && stage == otherStage)
            return true;
        return one % _table.MicroBatches == other % _table.MicroBatches && (kind, otherKind) switch
        {
            (0, 0) => stage < otherStage,
            (0, 1) => true,
            (1, 1) => stage > otherStage,
            (1, 2) => stage == otherStage,
            _ => false,
        };
    }

    private bool Fits(int device)
    {
        long room = _table.RoomOf[device], held = 0;
        int freeing = _table.Problem.SplitBackward ? 2 : 1;
        foreach (int code in _orders[device])
        {
            long size = _table.Held[code % _cells / _table.MicroBatches];
            int kind = code / _cells;
            if (kind == 0)
                held += size;
            else if (kind == freeing)
                held -= size;
            if (held > room)
                return false;
        }

        return true;
    }
}
