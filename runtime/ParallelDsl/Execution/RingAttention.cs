using ParallelDsl.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Causal attention of a unit whose slices lie on rings of any ranks of the data and sequence axes. Keys and values travel once around
/// each ring; every rank merges what it sees by log-sum-exp. In the backward they travel again, and their gradients with them until they
/// are home. After Ring Attention (Liu et al., arXiv 2310.01889) with the zigzag placement of ring-flash-attention; several rings at once
/// after the attention engine of Zeppelin (arXiv 2509.21841; reconstructed).</summary>
/// <remarks>
/// <para>A rank has three queues: rings over several nodes, rings within a node, and what is local. First it sends its own keys on all rings,
/// in that order; while they travel it attends to its own keys and does its local work; then it takes what comes in, hop after hop, and in
/// each hop ring after ring. All sends go through the <see cref="Courier"/>, so no send holds up computation.</para>
/// <para>This cannot deadlock, whatever the rings and however little a channel holds. Order all messages by (action of the program, layer,
/// pass, hop, keys before gradients, ring); ranks that share a ring run the same program and know the ring by the same number. Every rank
/// sends in ascending order, since a message is passed on in the hop after that in which it came, and every rank receives in ascending
/// order. Of all messages that are not delivered take the least. All that its sender received before it is less, so it is delivered, so
/// the sender's computation has given it to the courier; all that the courier sends before it is less too. All that its receiver takes
/// before it is less, so the receiver waits for it or will, and a transport hands over a message that is waited for. So it is delivered.
/// The rows that are remapped are ordered in their place by (sender, receiver), which ascends at both ends, and the same holds. Nothing
/// waits for the other way round: messages of the pipeline are other channels, and its order is checked by itself.</para>
/// <para>A rank lets go of what it sent as soon as it has received the message of the same place in this order, and waits for the send if it
/// must: what it waits for is less than all it has still to receive, so by the same argument it is delivered. So of each ring there are at
/// most two parcels of keys, or one of keys and three of gradients, and between passes there are none.</para>
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
    private Parcel?[] _held = [];
    private Parcel?[] _gradients = [];
    private Parcel?[] _sentGradients = [];

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
        int hops = Start(unit, history, key, value);
        for (int index = 0; index < unit.Rings.Length; index++)
        {
            UnitRing ring = unit.Rings[index];
            if (ring.IsDirect)
                Attention<TShape>.Forward(team, query, key, value, ring.BlocksOf(0), output, logSumExp);
            else
                Attend(index, ring.Position);
        }

        for (int hop = 1; hop < hops; hop++)
        {
            for (int index = 0; index < unit.Rings.Length && unit.Rings[index].Size > 1; index++)
            {
                if (hop >= unit.Rings[index].Size)
                    continue;
                ReceiveKeyValues(unit.Rings[index], index, hop, 2 * key.Columns);
                Attend(index, unit.Rings[index].SourceOf(hop));
            }
        }

        End(unit.Rings.Length);

        void Attend(int index, int source)
        {
            UnitRing ring = unit.Rings[index];
            Matrix held = View(_held[index]!, ring.TokensOf(source), 2 * key.Columns);
            Attention<TShape>.Forward(team, query, Left(held), Right(held), ring.BlocksOf(source), output, logSumExp);
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
        int hops = Start(unit, history, key, value), width = key.Columns;
        for (int index = 0; index < unit.Rings.Length; index++)
        {
            UnitRing ring = unit.Rings[index];
            if (ring.IsDirect)
            {
                Attention<TShape>.Backward(
                    team, query, key, value, outputGradient, logSumExp, outputDots, ring.BlocksOf(0), queryGradient, keyGradient, valueGradient);
                continue;
            }

            Attend(index, ring.Position);
            if (ring.Size > 1)
                SendGradient(ring, index, 1, 2 * width);
            else
                AddHome(ring, index);
        }

        for (int hop = 1; hop <= hops; hop++)
        {
            for (int index = 0; index < unit.Rings.Length && unit.Rings[index].Size > 1; index++)
            {
                if (hop >= unit.Rings[index].Size)
                    continue;
                ReceiveKeyValues(unit.Rings[index], index, hop, 2 * width);
                Attend(index, unit.Rings[index].SourceOf(hop));
            }

            // The gradients of a rank's keys come a little after them; what this rank adds is computed meanwhile. After the last hop they
            // are home.
            for (int index = 0; index < unit.Rings.Length && unit.Rings[index].Size > 1; index++)
            {
                UnitRing ring = unit.Rings[index];
                if (hop > ring.Size)
                    continue;
                ReceiveGradient(ring, index, hop);
                if (hop < ring.Size)
                    SendGradient(ring, index, hop + 1, 2 * width);
                else
                    AddHome(ring, index);
            }
        }

        End(unit.Rings.Length);
        foreach (KeyRun run in unit.HistoryRuns)
        {
            // Each sum is taken once, and is zero for the next step.
            Matrix sum = history!.Gradients.RowRange(run.HistoryRow, run.Length);
            Add(Left(sum), keyGradient.RowRange(run.SourceRow, run.Length));
            Add(Right(sum), valueGradient.RowRange(run.SourceRow, run.Length));
            sum.Clear();
        }

        void Attend(int index, int source)
        {
            UnitRing ring = unit.Rings[index];
            int rows = ring.TokensOf(source);
            Matrix held = View(_held[index]!, rows, 2 * width);
            Matrix gradient = View(_gradients[index] = _courier!.Rent(2L * rows * width), rows, 2 * width);
            gradient.Clear();
            Attention<TShape>.Backward(
                team, query, Left(held), Right(held), outputGradient, logSumExp, outputDots, ring.BlocksOf(source), queryGradient, Left(gradient), Right(gradient));
        }

        void ReceiveGradient(UnitRing ring, int index, int hop)
        {
            int rows = ring.TokensOf(ring.SourceOf(hop));
            Parcel came = _courier!.Rent(2L * rows * width);
            Matrix sum = View(came, rows, 2 * width);
            _hops!.Receive(ring.Previous, HopTags.Gradient, sum);
            ReleaseSent(ref _sentGradients[index]);
            if (_gradients[index] is { } own)
            {
                Elementwise.Add(team, sum, View(own, rows, 2 * width), sum);
                _courier.Release(own);
            }

            _gradients[index] = came;
        }

        void AddHome(UnitRing ring, int index)
        {
            Matrix gradient = View(_gradients[index]!, ring.TokensOf(ring.Position), 2 * width);
            foreach (KeyRun run in ring.Keys)
            {
                Matrix rows = gradient.RowRange(run.Row, run.Length);
                if (run.ForwardUnit == UnitRing.OwnUnit)
                {
                    Add(Left(rows), keyGradient.RowRange(run.SourceRow, run.Length));
                    Add(Right(rows), valueGradient.RowRange(run.SourceRow, run.Length));
                }
                else
                {
                    Add(rows, history!.Gradients.RowRange(run.HistoryRow, run.Length));
                }
            }

            _courier!.Release(_gradients[index]!);
            _gradients[index] = null;
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
    public void Dispose()
    {
        for (int index = 0; index < _held.Length; index++)
        {
            Drop(ref _held[index]);
            Drop(ref _gradients[index]);
            Drop(ref _sentGradients[index]);
        }

        _courier?.Dispose();
    }

    /// <summary>Collects this rank's keys and values of every ring, and sends them; returns the most hops of a ring.</summary>
    private int Start(UnitLayout unit, KeyValueHistory? history, Matrix key, Matrix value)
    {
        if (_held.Length < unit.Rings.Length)
        {
            Array.Resize(ref _held, unit.Rings.Length);
            Array.Resize(ref _gradients, unit.Rings.Length);
            Array.Resize(ref _sentGradients, unit.Rings.Length);
        }

        int hops = 1, width = key.Columns;
        long rowsAtOnce = 0;
        foreach (UnitRing ring in unit.Rings)
            rowsAtOnce += ring.RowsAtOnce;
        _courier?.Begin(2 * width * rowsAtOnce);
        for (int index = 0; index < unit.Rings.Length; index++)
        {
            UnitRing ring = unit.Rings[index];
            if (ring.IsDirect)
                continue;
            int rows = ring.TokensOf(ring.Position);
            Matrix held = View(_held[index] = _courier!.Rent(2L * rows * width), rows, 2 * width);
            foreach (KeyRun run in ring.Keys)
            {
                Matrix into = held.RowRange(run.Row, run.Length);
                if (run.ForwardUnit == UnitRing.OwnUnit)
                {
                    key.RowRange(run.SourceRow, run.Length).CopyTo(Left(into));
                    value.RowRange(run.SourceRow, run.Length).CopyTo(Right(into));
                }
                else
                {
                    history!.KeyValuesOf(run.ForwardUnit).RowRange(run.SourceRow, run.Length).CopyTo(into);
                }
            }

            if (ring.Size > 1)
                _hops!.Send(ring.Next, HopTags.KeyValue, _held[index]!, held);
            hops = Math.Max(hops, ring.Size);
        }

        return hops == 1 ? 0 : hops;
    }

    private void End(int rings)
    {
        for (int index = 0; index < rings; index++)
            Drop(ref _held[index]);
    }

    private void ReceiveKeyValues(UnitRing ring, int index, int hop, int columns)
    {
        int rows = ring.TokensOf(ring.SourceOf(hop));
        Parcel parcel = _courier!.Rent((long)rows * columns);
        Matrix came = View(parcel, rows, columns);
        _hops!.Receive(ring.Previous, HopTags.KeyValue, came);
        ReleaseSent(ref _held[index]);
        _held[index] = parcel;
        if (hop + 1 < ring.Size)
            _hops.Send(ring.Next, HopTags.KeyValue, parcel, came);
    }

    private void SendGradient(UnitRing ring, int index, int hop, int columns)
    {
        // What the next rank adds to in this hop are the keys that this one has just seen.
        _hops!.Send(ring.Next, HopTags.Gradient, _gradients[index]!, View(_gradients[index]!, ring.TokensOf(ring.SourceOf(hop - 1)), columns));
        (_sentGradients[index], _gradients[index]) = (_gradients[index], null);
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

    private void ReleaseSent(ref Parcel? parcel)
    {
        if (parcel is not null)
            _courier!.ReleaseSent(parcel);
        parcel = null;
    }

    private void Drop(ref Parcel? parcel)
    {
        if (parcel is not null)
            _courier!.Release(parcel);
        parcel = null;
    }

    private static Matrix Left(Matrix keyValues) => keyValues.ColumnRange(0, keyValues.Columns / 2);

    private static Matrix Right(Matrix keyValues) => keyValues.ColumnRange(keyValues.Columns / 2, keyValues.Columns / 2);

    private static unsafe Matrix View(Parcel parcel, int rows, int columns) => new(parcel.Buffer.Pointer, rows, columns, columns);
}
