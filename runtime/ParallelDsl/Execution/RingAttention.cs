using ParallelDsl.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Attention of a unit whose slices lie on rings of any ranks of the data and sequence axes. Which keys a query sees
/// is said by the blocks of the layout. What travels on a ring, and where, is the business of its <see cref="AttentionExchange"/>; this runs
/// those of all rings of a unit at once, after the attention engine of Zeppelin (arXiv 2509.21841; reconstructed).</summary>
/// <remarks>
/// <para>A rank has three queues: rings over several nodes, rings within a node, and what is local. First it sends what it has on all rings,
/// in that order; while that travels it attends to its own keys and does its local work; then it takes what comes in, hop after hop, and in
/// each hop ring after ring. All sends go through the <see cref="Courier"/>, so no send holds up computation.</para>
/// <para>This cannot deadlock, whatever the rings, however their keys travel and however little a channel holds. Order all messages by (action
/// of the program, layer, pass, hop, keys before gradients, ring, and in a ring's hop as its exchange orders them: where keys and values
/// travel by lane of the itinerary, where tokens are swapped for heads by (distance on the ring, sender)); results for heads are of the hop after that of the tokens. Ranks that share a ring
/// run the same program and know the ring by the same number. Every rank sends in ascending order, since what it sends in a hop is of the
/// next one, and every rank receives in ascending order. Of all messages that are not delivered take the least. All that its sender received
/// before it is less, so it is delivered, so the sender's computation has given it to the courier; all that the courier sends before it is
/// less too. All that its receiver takes before it is less, so the receiver waits for it or will, and a transport hands over a message that
/// is waited for. So it is delivered. The rows that are remapped are ordered in their place by (sender, receiver), which ascends at both
/// ends, and the same holds. Nothing waits for the other way round: messages of the pipeline are other channels, and its order is checked by
/// itself.</para>
/// <para>A rank lets go of what it sent for a ring in a hop as soon as it has received all that is for it in the same place of this order, and
/// waits for the send if it must: what it waits for is less than all it has still to receive, so by the same argument it is delivered.</para>
/// <para>A hop between nodes may go in parts over other ranks, over several network interfaces at once: <see cref="Relay"/> shows that the
/// same holds then.</para>
/// </remarks>
public sealed class RingAttention : IDisposable
{
    private readonly ITransport? _transport;
    private readonly Courier? _courier;
    private readonly HopTransfers? _hops;
    private readonly int[] _ranks;
    private readonly List<Parcel> _sentRows = [];
    private readonly List<Dictionary<Datapath, AttentionExchange>> _made = [];
    private AttentionExchange?[] _exchanges = [];

    private RingAttention() => _ranks = [0];

    /// <summary>Makes the attention of this rank.</summary>
    /// <param name="transport">The rank's transport.</param>
    /// <param name="ranks">The ranks of the attention ranks: of all positions of the data and sequence axes, at this rank's position of the
    /// pipeline axis.</param>
    /// <param name="limit">Floats of all buffers that the plan has room for.</param>
    public RingAttention(ITransport transport, ReadOnlySpan<int> ranks, long limit = long.MaxValue)
        : this(transport, ranks, routes: null, limit)
    {
    }

    /// <summary>The same, with hops between nodes that go in parts over other ranks: each of them must have a <see cref="Relay"/>.</summary>
    internal RingAttention(ITransport transport, ReadOnlySpan<int> ranks, NodeRoutes? routes, long limit = long.MaxValue)
    {
        _transport = transport;
        _courier = new Courier(transport, limit);
        _ranks = ranks.ToArray();
        _hops = new HopTransfers(transport, _courier, _ranks, routes);
    }

    /// <summary>For a model that is run alone. It holds no buffers.</summary>
    public static RingAttention Alone { get; } = new();

    /// <summary>Bytes of the buffers of keys, values and their gradients.</summary>
    public long Bytes => _courier?.Bytes ?? 0;

    /// <summary>Attends to all keys that the unit's queries see.</summary>
    /// <param name="team">The rank's threads.</param>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="history">The keys and values of earlier slices; null where there are none.</param>
    /// <param name="query">[attention tokens, heads x head width].</param>
    /// <param name="key">[attention tokens, key-value heads x head width].</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="output">As <paramref name="query"/>; written.</param>
    /// <param name="logSumExp">[heads, attention tokens]; written.</param>
    public void Forward<TShape>(
        ThreadTeam team, UnitLayout unit, KeyValueHistory? history, Matrix query, Matrix key, Matrix value, Matrix output, Matrix logSumExp)
        where TShape : struct, IAttentionShape
    {
        Attention<TShape>.Reset(output, logSumExp);
        AttentionOperands operands = new()
        {
            Team = team,
            Unit = unit,
            History = history,
            Query = query,
            Key = key,
            Value = value,
            Output = output,
            LogSumExp = logSumExp,
        };
        try
        {
            RunForward<TShape>(operands);
        }
        catch (Exception cause)
        {
            Forget(operands, cause);
            throw;
        }
    }

    /// <summary>The gradients of <see cref="Forward"/>: adds to the three gradients, and to the sums for earlier slices; what later slices gave
    /// back for the unit's own keys is added too.</summary>
    /// <param name="team">The rank's threads.</param>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="history">As in the forward.</param>
    /// <param name="query">As in the forward.</param>
    /// <param name="key">As in the forward.</param>
    /// <param name="value">As in the forward.</param>
    /// <param name="outputGradient">Gradient of the output.</param>
    /// <param name="logSumExp">What the forward wrote.</param>
    /// <param name="outputDots">[heads, attention tokens]: the products of the rows of output and its gradient.</param>
    /// <param name="queryGradient">Added to.</param>
    /// <param name="keyGradient">Added to.</param>
    /// <param name="valueGradient">Added to.</param>
    public void Backward<TShape>(
        ThreadTeam team,
        UnitLayout unit,
        KeyValueHistory? history,
        Matrix query,
        Matrix key,
        Matrix value,
        Matrix outputGradient,
        Matrix logSumExp,
        Matrix outputDots,
        Matrix queryGradient,
        Matrix keyGradient,
        Matrix valueGradient)
        where TShape : struct, IAttentionShape
    {
        AttentionOperands operands = new()
        {
            Team = team,
            Unit = unit,
            History = history,
            Query = query,
            Key = key,
            Value = value,
            LogSumExp = logSumExp,
            IsBackward = true,
            OutputGradient = outputGradient,
            OutputDots = outputDots,
            QueryGradient = queryGradient,
            KeyGradient = keyGradient,
            ValueGradient = valueGradient,
        };
        try
        {
            RunBackward<TShape>(operands);
        }
        catch (Exception cause)
        {
            Forget(operands, cause);
            throw;
        }

        foreach (KeyRun run in unit.HistoryRuns)
        {
            // Each sum is taken once, and is zero for the next step.
            Matrix sum = history!.Gradients.RowRange(run.HistoryRow, run.Length);
            Add(sum.ColumnRange(0, key.Columns), keyGradient.RowRange(run.SourceRow, run.Length));
            Add(sum.ColumnRange(key.Columns, key.Columns), valueGradient.RowRange(run.SourceRow, run.Length));
            sum.Clear();
        }

        void Add(Matrix part, Matrix sum) => Elementwise.Add(team, sum, part, sum);
    }

    /// <summary>Moves rows from the layout of all other work to that of attention.</summary>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="from">[tokens, any columns].</param>
    /// <param name="to">[attention tokens, as many columns]; written.</param>
    public void ToAttention(UnitLayout unit, Matrix from, Matrix to) =>
        Move(unit.Rows, unit.RowPeers, from, unit.AttentionRows, unit.AttentionPeers, to);

    /// <summary>Moves rows back from the layout of attention.</summary>
    /// <param name="unit">The layout of the unit.</param>
    /// <param name="from">[attention tokens, any columns].</param>
    /// <param name="to">[tokens, as many columns]; written.</param>
    public void FromAttention(UnitLayout unit, Matrix from, Matrix to) =>
        Move(unit.AttentionRows, unit.AttentionPeers, from, unit.Rows, unit.RowPeers, to);

    /// <summary>Returns once everything is sent.</summary>
    internal void Flush() => _courier?.Flush();

    /// <inheritdoc/>
    public void Dispose() => _courier?.Dispose();

    /// <summary>Sends what this rank has on every ring; returns the most hops of one.</summary>
    private int Start(in AttentionOperands operands)
    {
        ReadOnlySpan<UnitRing> rings = operands.Unit.Rings;
        if (_exchanges.Length < rings.Length)
            Array.Resize(ref _exchanges, rings.Length);
        int hops = 0;
        long floats = 0;
        for (int index = 0; index < rings.Length; index++)
        {
            // Keys that are read where they are need no exchange: so a model that is run alone has none.
            AttentionExchange? exchange = _exchanges[index] = rings[index].IsDirect ? null : ExchangeOf(rings[index].Datapath, index);
            if (exchange is null)
                continue;
            exchange.Begin(rings[index]);
            floats += exchange.FloatsAtOnce(operands);
            hops = Math.Max(hops, exchange.Hops(operands.IsBackward));
        }

        _courier?.Begin(floats);
        foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            exchange?.Send(operands);
        return hops;
    }

    private void RunForward<TShape>(in AttentionOperands operands)
        where TShape : struct, IAttentionShape
    {
        int hops = Start(operands);
        ReadOnlySpan<UnitRing> rings = operands.Unit.Rings;
        for (int index = 0; index < rings.Length; index++)
        {
            if (_exchanges[index] is { } exchange)
            {
                exchange.Forward<TShape>(operands, 0);
                continue;
            }

            Attention<TShape>.Forward(
                operands.Team, operands.Query, operands.Key, operands.Value, rings[index].BlocksOf(0), operands.Output, operands.LogSumExp);
        }

        for (int hop = 1; hop <= hops; hop++)
        {
            foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            {
                if (hop <= exchange?.Hops(isBackward: false))
                    exchange.Forward<TShape>(operands, hop);
            }
        }

        End(operands.Unit);
    }

    private void RunBackward<TShape>(in AttentionOperands operands)
        where TShape : struct, IAttentionShape
    {
        int hops = Start(operands);
        ReadOnlySpan<UnitRing> rings = operands.Unit.Rings;
        for (int index = 0; index < rings.Length; index++)
        {
            if (_exchanges[index] is { } exchange)
            {
                exchange.Backward<TShape>(operands, 0);
                continue;
            }

            Attention<TShape>.Backward(
                operands.Team,
                operands.Query,
                operands.Key,
                operands.Value,
                operands.OutputGradient,
                operands.LogSumExp,
                operands.OutputDots,
                rings[index].BlocksOf(0),
                operands.QueryGradient,
                operands.KeyGradient,
                operands.ValueGradient);
        }

        for (int hop = 1; hop <= hops; hop++)
        {
            foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            {
                if (hop <= exchange?.Hops(isBackward: true))
                    exchange.ExpectGradients(operands, hop);
            }

            foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            {
                if (hop <= exchange?.Hops(isBackward: true))
                    exchange.Backward<TShape>(operands, hop);
            }

            foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            {
                if (hop <= exchange?.Hops(isBackward: true))
                    exchange.TakeGradients(operands, hop);
            }
        }

        End(operands.Unit);
    }

    /// <summary>After a failure nothing may arrive in parcels that are freed.</summary>
    private void Forget(in AttentionOperands operands, Exception cause)
    {
        foreach (AttentionExchange? exchange in Exchanges(operands.Unit))
            exchange?.Forget(operands, cause);
    }

    private void End(UnitLayout unit)
    {
        foreach (AttentionExchange? exchange in Exchanges(unit))
            exchange?.End();
    }

    /// <summary>By ring of the unit; null where there is nothing to exchange.</summary>
    private ReadOnlySpan<AttentionExchange?> Exchanges(UnitLayout unit) => _exchanges.AsSpan(0, unit.Rings.Length);

    /// <summary>The exchange of a datapath for the ring in a place of the queues, made where none of the kind was there before.</summary>
    private AttentionExchange ExchangeOf(Datapath datapath, int place)
    {
        while (_made.Count <= place)
            _made.Add([]);
        if (!_made[place].TryGetValue(datapath, out AttentionExchange? exchange))
        {
            // A ring whose keys travel has its itinerary.
            _made[place].Add(datapath, exchange = datapath == Datapath.AllToAll
                ? new HeadExchange(_transport!, _courier!, _ranks)
                : new KeyValueExchange(_courier!, _hops!));
        }

        return exchange;
    }

    private void Move(RowRuns fromRows, PeerRows fromPeers, Matrix from, RowRuns toRows, PeerRows toPeers, Matrix to)
    {
        int columns = from.Columns, self = _hops!.Self;
        _courier!.Begin((long)columns * (fromPeers.Tokens + toPeers.Tokens));
        foreach ((int peer, int tokens) in fromPeers.Peers)
        {
            Parcel parcel = _courier!.Rent((long)tokens * columns);
            Matrix sent = View(parcel, tokens, columns);
            int row = 0;
            foreach (RowRun run in fromRows.Runs)
            {
                if (run.Peer != peer)
                    continue;
                from.RowRange(run.Row, run.Length).CopyTo(sent.RowRange(row, run.Length));
                row += run.Length;
            }

            _courier.Send(_ranks[peer], HopTags.Row, parcel, checked((int)sent.Count));
            _sentRows.Add(parcel);
        }

        CopyKept(fromRows.Runs, from, toRows.Runs, to, self);
        foreach ((int peer, int tokens) in toPeers.Peers)
        {
            Parcel parcel = _courier!.Rent((long)tokens * columns);
            Matrix came = View(parcel, tokens, columns);
            _transport!.Receive(_ranks[peer], HopTags.Row, came.Span);
            int row = 0;
            foreach (RowRun run in toRows.Runs)
            {
                if (run.Peer != peer)
                    continue;
                came.RowRange(row, run.Length).CopyTo(to.RowRange(run.Row, run.Length));
                row += run.Length;
            }

            _courier.Release(parcel);
        }

        foreach (Parcel parcel in _sentRows)
            _courier!.ReleaseSent(parcel);
        _sentRows.Clear();
    }

    /// <summary>Copies the rows that this rank has in both layouts: in both they are in the same order.</summary>
    private static void CopyKept(ReadOnlySpan<RowRun> fromRuns, Matrix from, ReadOnlySpan<RowRun> toRuns, Matrix to, int self)
    {
        int next = -1, taken = 0;
        foreach (RowRun run in toRuns)
        {
            for (int done = 0; run.Peer == self && done < run.Length;)
            {
                while (next < 0 || fromRuns[next].Peer != self || taken == fromRuns[next].Length)
                    (next, taken) = (next + 1, 0);
                int part = Math.Min(run.Length - done, fromRuns[next].Length - taken);
                from.RowRange(fromRuns[next].Row + taken, part).CopyTo(to.RowRange(run.Row + done, part));
                (done, taken) = (done + part, taken + part);
            }
        }
    }

    private static unsafe Matrix View(Parcel parcel, int rows, int columns) => new(parcel.Buffer.Pointer, rows, columns);
}
