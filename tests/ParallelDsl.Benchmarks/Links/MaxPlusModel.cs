namespace ParallelDsl.Benchmarks.Links;

/// <summary>What a transfer costs on a link.</summary>
/// <param name="Latency">Nanoseconds of a message without bytes.</param>
/// <param name="PerByte">Nanoseconds a byte.</param>
/// <param name="Burst">Nanoseconds of bytes that a link which was idle lets through at once.</param>
internal readonly record struct LinkCost(double Latency, double PerByte, double Burst);

/// <summary>Times of an exchange from latencies, rates and bursts alone: a step begins when all of the step before has come; a transfer waits for its
/// links, each of which carries one after the other, a token bucket's burst ahead of its rate; a rank's calls and its transfers overlap.</summary>
/// <param name="fabric">The links.</param>
/// <param name="link">Cost of links of pairs, or of ports where all are ports.</param>
/// <param name="port">Cost of ports between nodes.</param>
/// <param name="rowBytes">Bytes of a row.</param>
internal sealed class MaxPlusModel(LinkFabric fabric, LinkCost link, LinkCost port, int rowBytes)
{
    /// <summary>Nanoseconds until the last rank ends.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="call">Nanoseconds of each of the n calls.</param>
    public double Predict(Exchange exchange, double call)
    {
        Dictionary<LinkEnd, double> free = [];
        var ready = new double[exchange.Ranks];
        var computed = new double[exchange.Ranks];
        var arrived = new double[exchange.Steps + 1, exchange.Ranks];
        ILookup<int, Transfer> issued = exchange.Transfers.ToLookup(transfer => transfer.Issue);
        for (int step = 1; step <= exchange.Steps; step++)
        {
            foreach (Transfer transfer in issued[step].OrderBy(transfer => ready[transfer.From]))
            {
                (LinkEnd first, LinkEnd last) = fabric.Way(transfer.From, transfer.To);
                LinkCost cost = first.Peer < 0 && fabric.Kind == LinkKind.Nodes ? port : link;
                double time = (double)transfer.Piece.Length * rowBytes * cost.PerByte;
                // Each port works while anything waits for it, whatever the other does: what comes to a switch at once shares its ports.
                double end = free[first] = Math.Max(ready[transfer.From], free.GetValueOrDefault(first)) + time;
                if (last != first)
                    end = Math.Max(end, free[last] = Math.Max(ready[transfer.From], free.GetValueOrDefault(last)) + time);

                ref double arrival = ref arrived[transfer.Step, transfer.To];
                arrival = Math.Max(arrival, Math.Max(ready[transfer.From], end - cost.Burst) + cost.Latency);
            }

            for (int rank = 0; rank < exchange.Ranks; rank++)
            {
                computed[rank] = ready[rank] + (exchange.GathersFirst ? 0 : call);
                ready[rank] = Math.Max(computed[rank], arrived[step, rank]);
            }
        }

        return ready.Max() + (call * (exchange.GathersFirst ? exchange.Ranks : 1));
    }
}
