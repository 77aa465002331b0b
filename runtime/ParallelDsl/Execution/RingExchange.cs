using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>Keys and values travel once around the ring; every rank merges what it sees by log-sum-exp. In the backward they travel again, and
/// their gradients with them until they are home. After Ring Attention (Liu et al., arXiv 2310.01889) with the zigzag placement of
/// ring-flash-attention. A ring of one rank has its earlier slices to attend to, and no hops.</summary>
/// <remarks>So of each ring there are at most two parcels of keys, or one of keys and three of gradients, and between passes there are
/// none.</remarks>
/// <param name="courier">Sends.</param>
/// <param name="hops">The ends of hops.</param>
internal sealed unsafe class RingExchange(Courier courier, HopTransfers hops) : AttentionExchange
{
    private Parcel? _held;
    private Parcel? _gradient;
    private Parcel? _sentGradient;

    /// <inheritdoc/>
    public override long FloatsAtOnce(in AttentionOperands operands) => 2 * operands.Key.Columns * Ring.RowsAtOnce;

    /// <inheritdoc/>
    public override int Hops(bool isBackward) => Ring.Size == 1 ? 0 : isBackward ? Ring.Size : Ring.Size - 1;

    /// <inheritdoc/>
    public override void Send(in AttentionOperands operands)
    {
        int rows = Ring.TokensOf(Ring.Position), columns = 2 * operands.Key.Columns;
        Matrix held = View(_held = courier.Rent((long)rows * columns), rows, columns);
        CollectKeyValues(operands, 0, held);
        if (Ring.Size > 1)
            hops.Send(Ring.Next, HopTags.KeyValue, _held, held);
    }

    /// <inheritdoc/>
    public override void Forward<TShape>(in AttentionOperands operands, int hop)
    {
        int source = Take(operands, hop);
        Matrix held = View(_held!, Ring.TokensOf(source), 2 * operands.Key.Columns);
        Attention<TShape>.Forward(
            operands.Team, operands.Query, Left(held), Right(held), Ring.BlocksOf(source), operands.Output, operands.LogSumExp);
    }

    /// <inheritdoc/>
    public override void Backward<TShape>(in AttentionOperands operands, int hop)
    {
        // In the last hop gradients alone come home.
        if (hop > 0 && hop == Ring.Size)
            return;
        int source = Take(operands, hop), rows = Ring.TokensOf(source), columns = 2 * operands.Key.Columns;
        Matrix held = View(_held!, rows, columns);
        Matrix gradient = View(_gradient = courier.Rent((long)rows * columns), rows, columns);
        gradient.Clear();
        Attention<TShape>.Backward(
            operands.Team,
            operands.Query,
            Left(held),
            Right(held),
            operands.OutputGradient,
            operands.LogSumExp,
            operands.OutputDots,
            Ring.BlocksOf(source),
            operands.QueryGradient,
            Left(gradient),
            Right(gradient));
        if (hop > 0)
            return;
        if (Ring.Size > 1)
            SendGradient(1, columns);
        else
            AddHome(operands);
    }

    /// <summary>The gradients of a rank's keys come a little after them; what this rank adds is computed meanwhile. After the last hop they are
    /// home.</summary>
    public override void TakeGradients(in AttentionOperands operands, int hop)
    {
        int rows = Ring.TokensOf(Ring.SourceOf(hop)), columns = 2 * operands.Key.Columns;
        Parcel came = courier.Rent((long)rows * columns);
        Matrix sum = View(came, rows, columns);
        hops.Receive(Ring.Previous, HopTags.Gradient, sum);
        courier.ReleaseSent(ref _sentGradient);
        if (_gradient is { } own)
        {
            Elementwise.Add(operands.Team, sum, View(own, rows, columns), sum);
            courier.Release(own);
        }

        _gradient = came;
        if (hop < Ring.Size)
            SendGradient(hop + 1, columns);
        else
            AddHome(operands);
    }

    /// <inheritdoc/>
    public override void End() => courier.Release(ref _held);

    /// <summary>Takes the keys of a hop, and passes them on; returns whose they are.</summary>
    private int Take(in AttentionOperands operands, int hop)
    {
        int source = Ring.SourceOf(hop);
        if (hop == 0)
            return source;
        int rows = Ring.TokensOf(source), columns = 2 * operands.Key.Columns;
        Parcel parcel = courier.Rent((long)rows * columns);
        Matrix came = View(parcel, rows, columns);
        hops.Receive(Ring.Previous, HopTags.KeyValue, came);
        courier.ReleaseSent(ref _held);
        _held = parcel;
        if (hop + 1 < Ring.Size)
            hops.Send(Ring.Next, HopTags.KeyValue, parcel, came);
        return source;
    }

    private void SendGradient(int hop, int columns)
    {
        // What the next rank adds to in this hop are the keys that this one has just seen.
        hops.Send(Ring.Next, HopTags.Gradient, _gradient!, View(_gradient!, Ring.TokensOf(Ring.SourceOf(hop - 1)), columns));
        (_sentGradient, _gradient) = (_gradient, null);
    }

    private void AddHome(in AttentionOperands operands)
    {
        AddKeyValueGradients(operands, View(_gradient!, Ring.TokensOf(Ring.Position), 2 * operands.Key.Columns), 0);
        courier.Release(ref _gradient);
    }

    private static Matrix View(Parcel parcel, int rows, int columns) => new(parcel.Buffer.Pointer, rows, columns);
}
