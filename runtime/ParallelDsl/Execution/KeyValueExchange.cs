using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>Keys and values travel along an itinerary (<see cref="Planning.Rings.Itinerary"/>): on one ring, on several at once, from node to
/// node, or straight to all who read them; every rank merges what it sees by log-sum-exp. In the backward they travel again, and their
/// gradients after them until they are home. One ring is Ring Attention (Liu et al., arXiv 2310.01889) with the zigzag placement of
/// ring-flash-attention; several are after TASP (arXiv 2509.26541; backward, lengths and packed sequences are ours).</summary>
/// <remarks>
/// <para>What a rank holds of a hop lies in one parcel, lane after lane, so attention to all of it is one call, and one ring is the case of one lane.
/// A ring of one rank has its earlier slices to attend to, and no hops.</para>
/// <para>All lanes of a hop are expected before the hop before is computed, so that they may arrive meanwhile, also where a transport delivers only to
/// where a message is expected.</para>
/// <para>Where parts are passed on there are at most two parcels of keys and three of gradients; where every rank sends
/// its own, three of keys and four of gradients, of all members at once as many as members; between passes none. The gradient of a rank's own rows is summed in the order of hops, and in a
/// hop of lanes, so it is the same in every run.</para>
/// </remarks>
/// <param name="courier">Sends.</param>
/// <param name="hops">The ends of hops.</param>
internal sealed unsafe class KeyValueExchange(Courier courier, HopTransfers hops) : AttentionExchange
{
    private Parcel? _own;
    private Parcel? _home;
    private Parcel? _held;
    private Parcel? _coming;
    private Parcel? _comingGradient;
    private int _comingHop;
    private int _gradientHop;
    private Parcel? _gradient;
    private Parcel? _sentGradient;

    private MemberItinerary Itinerary => Ring.Itinerary;

    /// <inheritdoc/>
    public override long FloatsAtOnce(in AttentionOperands operands) => 2 * operands.Key.Columns * Ring.RowsAtOnce;

    /// <inheritdoc/>
    public override int Hops(bool isBackward) => Itinerary.Hops == 0 ? 0 : isBackward ? Itinerary.Hops + 1 : Itinerary.Hops;

    /// <inheritdoc/>
    public override void Send(in AttentionOperands operands)
    {
        int columns = 2 * operands.Key.Columns;
        _held = Rent(0, columns);
        CollectKeyValues(operands, 0, View(_held, 0, columns));
        if (!Itinerary.Forwards)
            (_own, _held) = (_held, null);
        SendKeys(1, columns);
        ExpectKeys(1, columns);
    }

    /// <inheritdoc/>
    public override void Forward<TShape>(in AttentionOperands operands, int hop)
    {
        Matrix held = Take(operands, hop);
        Attention<TShape>.Forward(
            operands.Team, operands.Query, Left(held), Right(held), Ring.BlocksAt(hop), operands.Output, operands.LogSumExp);
    }

    /// <inheritdoc/>
    public override void Backward<TShape>(in AttentionOperands operands, int hop)
    {
        // In the last hop gradients alone come home.
        if (hop > Itinerary.Hops)
            return;
        int columns = 2 * operands.Key.Columns;
        Matrix held = Take(operands, hop);
        _gradient = Rent(hop, columns);
        Matrix gradient = View(_gradient, hop, columns);
        gradient.Clear();
        Attention<TShape>.Backward(
            operands.Team,
            operands.Query,
            Left(held),
            Right(held),
            operands.OutputGradient,
            operands.LogSumExp,
            operands.OutputDots,
            Ring.BlocksAt(hop),
            operands.QueryGradient,
            Left(gradient),
            Right(gradient));
        if (Itinerary.Hops == 0)
            AddHome(operands, ref _gradient);
        else if (!Itinerary.Forwards && hop == 0)
            (_home, _gradient) = (_gradient, null);
        else if (!Itinerary.Forwards)
            courier.Release(ref _held);
        else if (hop == 0)
            SendGradients(1, columns);
    }

    /// <summary>Gradients that are passed on come from hop 1 on; those that go straight home a hop after the keys.</summary>
    public override void ExpectGradients(in AttentionOperands operands, int hop)
    {
        if (hop < (Itinerary.Forwards ? 1 : 2))
            return;
        int columns = 2 * operands.Key.Columns;
        _gradientHop = hop;
        _comingGradient = Itinerary.Forwards
            ? Rent(GradientLayout(hop), columns)
            : courier.Rent((long)Ring.RowsAt(0) * (Itinerary.Lanes / Itinerary.Parts) * columns);
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            hops.Expect(Ring.RankOf(GradientFrom(hop, lane)), HopTags.Gradient, ComingGradient(lane, columns));
    }

    /// <summary>The gradients of a hop come a little after its keys; what this rank adds is computed meanwhile.</summary>
    public override void TakeGradients(in AttentionOperands operands, int hop)
    {
        if (Itinerary.Forwards)
            TakePassedOn(operands, hop);
        else
            TakeDirect(operands, hop);
    }

    /// <inheritdoc/>
    public override void End()
    {
        courier.Release(ref _held);
        courier.ReleaseSent(ref _own);
    }

    /// <inheritdoc/>
    public override void Forget(in AttentionOperands operands, Exception cause)
    {
        if (_coming is null && _comingGradient is null)
            return;
        int columns = 2 * operands.Key.Columns;
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
        {
            if (_coming is { } keys)
                hops.Forget(Ring.RankOf(Itinerary.From(_comingHop, lane)), HopTags.KeyValue, LaneOf(View(keys, _comingHop, columns), _comingHop, lane), cause);
            if (_comingGradient is not null)
                hops.Forget(Ring.RankOf(GradientFrom(_gradientHop, lane)), HopTags.Gradient, ComingGradient(lane, columns), cause);
        }
    }

    /// <summary>Takes the keys of a hop, passes them on or sends its own again, and returns them; of hop 0 they are its own.</summary>
    private Matrix Take(in AttentionOperands operands, int hop)
    {
        int columns = 2 * operands.Key.Columns;
        if (hop == 0)
            return View(_own ?? _held!, 0, columns);

        // What was received and not passed on is done with.
        if (!Itinerary.Forwards)
            courier.Release(ref _held);
        Matrix came = View(_coming!, hop, columns);
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            hops.Receive(Ring.RankOf(Itinerary.From(hop, lane)), HopTags.KeyValue, LaneOf(came, hop, lane));
        courier.ReleaseSent(ref _held);
        (_held, _coming) = (_coming, null);
        SendKeys(hop + 1, columns);
        ExpectKeys(hop + 1, columns);
        return came;
    }

    private void ExpectKeys(int hop, int columns)
    {
        if (hop > Itinerary.Hops)
            return;
        (_coming, _comingHop) = (Rent(hop, columns), hop);
        Matrix all = View(_coming, hop, columns);
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            hops.Expect(Ring.RankOf(Itinerary.From(hop, lane)), HopTags.KeyValue, LaneOf(all, hop, lane));
    }

    /// <summary>From whom the gradients of a hop come: passed on, from whom the keys came, and after the last hop from who has this rank's part; straight
    /// home, from whom this rank sent its own a hop ago.</summary>
    private int GradientFrom(int hop, int lane) =>
        !Itinerary.Forwards ? Itinerary.To(hop - 1, lane) : hop > Itinerary.Hops ? Itinerary.LastHolder(lane) : Itinerary.From(hop, lane);

    /// <summary>Where those of a lane are coming: passed on, as what they are the gradients of is held; straight home, as the parts of this rank, or, where
    /// each lane brings gradients of all of its rows, one after the other.</summary>
    private Matrix ComingGradient(int lane, int columns)
    {
        Parcel coming = _comingGradient!;
        int layout = GradientLayout(_gradientHop);
        if (Itinerary.Forwards)
            return LaneOf(View(coming, layout, columns), layout, lane);
        long start = Itinerary.Parts == 1 ? (long)lane * Ring.RowsAt(0) : Ring.StartAt(0, lane);
        return new Matrix(coming.Buffer.Pointer + (start * columns), Ring.RowsAt(0, lane), columns);
    }

    /// <summary>In which hop this rank holds what gradients are of: what comes home lies as it did when it left.</summary>
    private int GradientLayout(int hop) => hop > Itinerary.Hops || !Itinerary.Forwards ? 0 : hop;

    /// <summary>Sends what is received in <paramref name="hop"/>.</summary>
    private void SendKeys(int hop, int columns)
    {
        if (hop > Itinerary.Hops)
            return;
        (Parcel parcel, int from) = _own is { } own ? (own, 0) : (_held!, hop - 1);
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            SendLane(Itinerary.To(hop, lane), HopTags.KeyValue, parcel, from, lane, columns);
    }

    /// <summary>Adds what this rank has computed to what comes, and passes the sum on; after the last hop it is home.</summary>
    private void TakePassedOn(in AttentionOperands operands, int hop)
    {
        int columns = 2 * operands.Key.Columns, layout = GradientLayout(hop);
        Matrix sum = View(_comingGradient!, layout, columns);
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            hops.Receive(Ring.RankOf(GradientFrom(hop, lane)), HopTags.Gradient, ComingGradient(lane, columns));

        courier.ReleaseSent(ref _sentGradient);
        if (_gradient is { } own)
        {
            Elementwise.Add(operands.Team, sum, View(own, layout, columns), sum);
            courier.Release(own);
        }

        (_gradient, _comingGradient) = (_comingGradient, null);
        if (hop > Itinerary.Hops)
            AddHome(operands, ref _gradient);
        else
            SendGradients(hop + 1, columns);
    }

    /// <summary>Sends the gradients of what was held in the hop before <paramref name="hop"/> after its keys, or home.</summary>
    private void SendGradients(int hop, int columns)
    {
        for (int lane = 0; lane < Itinerary.Lanes; lane++)
        {
            int to = hop > Itinerary.Hops ? Itinerary.Origin(Itinerary.Hops, lane) : Itinerary.To(hop, lane);
            SendLane(to, HopTags.Gradient, _gradient!, hop - 1, lane, columns);
        }

        (_sentGradient, _gradient) = (_gradient, null);
    }

    /// <summary>Adds the gradients that those have computed to whom this rank sent its own rows a hop ago, and sends home what it has computed in
    /// this one.</summary>
    private void TakeDirect(in AttentionOperands operands, int hop)
    {
        int columns = 2 * operands.Key.Columns;
        Matrix home = View(_home!, 0, columns);
        for (int lane = 0; lane < Itinerary.Lanes && _comingGradient is not null; lane++)
        {
            Matrix sum = LaneOf(home, 0, lane), part = ComingGradient(lane, columns);
            hops.Receive(Ring.RankOf(GradientFrom(hop, lane)), HopTags.Gradient, part);
            Elementwise.Add(operands.Team, sum, part, sum);
        }

        courier.Release(ref _comingGradient);
        courier.ReleaseSent(ref _sentGradient);
        if (hop > Itinerary.Hops)
        {
            AddHome(operands, ref _home);
            return;
        }

        for (int lane = 0; lane < Itinerary.Lanes; lane++)
            SendLane(Itinerary.Origin(hop, lane), HopTags.Gradient, _gradient!, hop, lane, columns);
        (_sentGradient, _gradient) = (_gradient, null);
    }

    private void AddHome(in AttentionOperands operands, ref Parcel? gradient)
    {
        AddKeyValueGradients(operands, View(gradient!, 0, 2 * operands.Key.Columns), 0);
        courier.Release(ref gradient);
    }

    /// <summary>Sends a lane of a parcel that lies as what is held in <paramref name="layout"/>.</summary>
    private void SendLane(int member, int tag, Parcel parcel, int layout, int lane, int columns) =>
        hops.Send(Ring.RankOf(member), tag, parcel, LaneOf(View(parcel, layout, columns), layout, lane), Ring.StartAt(layout, lane));

    private Matrix LaneOf(Matrix all, int hop, int lane) => all.RowRange(Ring.StartAt(hop, lane), Ring.RowsAt(hop, lane));

    private Parcel Rent(int hop, int columns) => courier.Rent((long)Ring.RowsAt(hop) * columns);

    private Matrix View(Parcel parcel, int hop, int columns) => new(parcel.Buffer.Pointer, Ring.RowsAt(hop), columns);
}
