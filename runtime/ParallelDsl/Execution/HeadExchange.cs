using ParallelDsl.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Execution;

/// <summary>Ranks swap tokens for heads: every member sends every other the rows of its tokens with that one's heads, attends to whole
/// sequences with its own heads (<see cref="Planning.Sequences.HeadShares"/>), and gives back the result. In the backward the same, and
/// gradients come back. After DeepSpeed-Ulysses (Jacobs et al., arXiv 2309.14509), for any number of ranks and of heads.</summary>
/// <remarks>
/// <para>Tokens travel in hop 1 and results in hop 2, each in order of the distance that they go around the ring, so that no two members send
/// to one at the same time. A sum over rows or heads stands in no message: every row of a head is computed by one rank, in the order of its
/// sequence, so results do not depend on the number of ranks.</para>
/// <para>Nothing is kept between forward and backward: keys and values of earlier slices are sent with each slice, as on a ring.</para>
/// </remarks>
/// <param name="transport">Receives.</param>
/// <param name="courier">Sends.</param>
/// <param name="ranks">The ranks of the attention ranks.</param>
internal sealed unsafe class HeadExchange(ITransport transport, Courier courier, int[] ranks) : AttentionExchange
{
    private const int TokenHop = 1;
    private const int ResultHop = 2;

    // All of a pass lies in one parcel, so that passes over other units and layers find one that is long enough. At first what is sent lies in
    // front, the message that comes behind it, and what is put together at the end; then results in front; then what is returned at the
    // end, with the part of this rank, or what comes back, before it.
    private Parcel? _parcel;
    private long _floats;

    private SequenceRows Sequences => Ring.Sequences;

    private int Self => Ring.Position;

    /// <inheritdoc/>
    public override int Hops(bool isBackward) => ResultHop;

    /// <inheritdoc/>
    public override long FloatsAtOnce(in AttentionOperands operands)
    {
        bool backward = operands.IsBackward;
        HeadColumns own = HeadsOf(operands, Self);
        long sent = 0, returned = 0, mostTokens = 0, mostResults = 0;
        for (int member = 0; member < Ring.Size; member++)
        {
            long tokens = TokenFloats(operands, member, Self), results = ResultFloats(operands, Self, member);
            (mostTokens, mostResults) = (Math.Max(mostTokens, tokens), Math.Max(mostResults, results));
            if (member == Self)
                continue;
            sent += TokenFloats(operands, Self, member);
            returned += ResultFloats(operands, member, Self);
        }

        long together = HeadOperands.Floats(Sequences.Keys, Sequences.Queries, own, backward);
        long all = HeadResults.Floats(Sequences.Keys, Sequences.Queries, own, backward);
        return Math.Max(Math.Max(sent + together + mostTokens, together + all), all + returned + mostResults);
    }

    /// <inheritdoc/>
    public override void Send(in AttentionOperands operands)
    {
        _floats = FloatsAtOnce(operands);
        _parcel = courier.Rent(_floats);
        long start = 0;
        for (int distance = 1; distance < Ring.Size; distance++)
        {
            int member = After(distance);
            long length = TokenFloats(operands, Self, member);
            if (length == 0)
                continue;
            Collect(operands, TokensAt(operands, start, Self, member), HeadsOf(operands, member));
            courier.Send(ranks[Ring.RankOf(member)], HopTags.ToHeads, _parcel, checked((int)length), start);
            start += length;
        }
    }

    /// <inheritdoc/>
    public override void Forward<TShape>(in AttentionOperands operands, int hop)
    {
        if (hop == ResultHop)
            TakeResults(operands);
        if (hop != TokenHop || !PutTogether(operands, out HeadOperands all))
            return;
        HeadResults results = AllResults(operands);
        Attention<TShape>.Reset(results.Output, results.LogSumExp);
        Attention<TShape>.Forward(
            operands.Team, all.Query, Left(all.KeyValue), Right(all.KeyValue), Sequences.Blocks, results.Output, results.LogSumExp);
        Return(operands, results);
    }

    /// <inheritdoc/>
    public override void Backward<TShape>(in AttentionOperands operands, int hop)
    {
        if (hop == ResultHop)
            TakeResults(operands);
        if (hop != TokenHop || !PutTogether(operands, out HeadOperands all))
            return;
        HeadResults results = AllResults(operands);
        results.KeyValueGradient.Clear();
        results.QueryGradient.Clear();
        Attention<TShape>.Backward(
            operands.Team,
            all.Query,
            Left(all.KeyValue),
            Right(all.KeyValue),
            all.OutputGradient,
            all.LogSumExp,
            all.OutputDots,
            Sequences.Blocks,
            results.QueryGradient,
            Left(results.KeyValueGradient),
            Right(results.KeyValueGradient));
        Return(operands, results);
    }

    /// <summary>Takes the tokens of all members, and puts them together; returns whether this rank has heads.</summary>
    private bool PutTogether(in AttentionOperands operands, out HeadOperands all)
    {
        HeadColumns own = HeadsOf(operands, Self);
        all = default;
        if (own.Heads > 0)
        {
            bool backward = operands.IsBackward;
            long start = _floats - HeadOperands.Floats(Sequences.Keys, Sequences.Queries, own, backward), sent = 0;
            all = new HeadOperands(Front + start, Sequences.Keys, Sequences.Queries, own, backward);
            for (int distance = 1; distance < Ring.Size; distance++)
                sent += TokenFloats(operands, Self, After(distance));
            for (int distance = 0; distance < Ring.Size; distance++)
                TakeTokens(operands, Before(distance), sent, all);
        }

        courier.AwaitSent(_parcel!);
        return own.Heads > 0;
    }

    private void TakeTokens(in AttentionOperands operands, int member, long start, in HeadOperands all)
    {
        long floats = TokenFloats(operands, member, Self);
        if (floats == 0)
            return;
        HeadOperands came = TokensAt(operands, start, member, Self);
        if (member == Self)
            Collect(operands, came, HeadsOf(operands, Self));
        else
            transport.Receive(ranks[Ring.RankOf(member)], HopTags.ToHeads, _parcel!.Part(start, checked((int)floats)));
        foreach (RowMove move in Sequences.KeyMovesOf(member))
            came.KeyValue.RowRange(move.Row, move.Length).CopyTo(all.KeyValue.RowRange(move.SequenceRow, move.Length));
        foreach (RowMove move in Sequences.QueryMovesOf(member))
        {
            came.Query.RowRange(move.Row, move.Length).CopyTo(all.Query.RowRange(move.SequenceRow, move.Length));
            if (!operands.IsBackward)
                continue;
            came.OutputGradient.RowRange(move.Row, move.Length).CopyTo(all.OutputGradient.RowRange(move.SequenceRow, move.Length));
            came.LogSumExp.ColumnRange(move.Row, move.Length).CopyTo(all.LogSumExp.ColumnRange(move.SequenceRow, move.Length));
            came.OutputDots.ColumnRange(move.Row, move.Length).CopyTo(all.OutputDots.ColumnRange(move.SequenceRow, move.Length));
        }
    }

    /// <summary>Copies this rank's tokens with some heads.</summary>
    private void Collect(in AttentionOperands operands, in HeadOperands into, HeadColumns heads)
    {
        CollectKeyValues(operands, heads.KeyStart, into.KeyValue);
        foreach (QueryRun run in Sequences.QueryRuns)
        {
            Columns(operands.Query, run, heads).CopyTo(into.Query.RowRange(run.Row, run.Length));
            if (!operands.IsBackward)
                continue;
            Columns(operands.OutputGradient, run, heads).CopyTo(into.OutputGradient.RowRange(run.Row, run.Length));
            Heads(operands.LogSumExp, run, heads).CopyTo(into.LogSumExp.ColumnRange(run.Row, run.Length));
            Heads(operands.OutputDots, run, heads).CopyTo(into.OutputDots.ColumnRange(run.Row, run.Length));
        }
    }

    private HeadResults AllResults(in AttentionOperands operands) =>
        new(Front, Sequences.Keys, Sequences.Queries, HeadsOf(operands, Self), operands.IsBackward);

    /// <summary>Sends every other member the results for its rows, and takes those for this rank's own.</summary>
    private void Return(in AttentionOperands operands, in HeadResults results)
    {
        long start = _floats;
        for (int distance = 1; distance < Ring.Size; distance++)
            start -= ResultFloats(operands, After(distance), Self);
        HeadResults own = ResultsAt(operands, start - ResultFloats(operands, Self, Self), Self, Self);
        for (int distance = 1; distance < Ring.Size; distance++)
        {
            int member = After(distance);
            long length = ResultFloats(operands, member, Self);
            if (length == 0)
                continue;
            Divide(results, member, ResultsAt(operands, start, member, Self), operands.IsBackward);
            courier.Send(ranks[Ring.RankOf(member)], HopTags.FromHeads, _parcel!, checked((int)length), start);
            start += length;
        }

        Divide(results, Self, own, operands.IsBackward);
        BringHome(operands, own, HeadsOf(operands, Self));
    }

    /// <summary>Copies the rows of one member.</summary>
    private void Divide(in HeadResults results, int member, in HeadResults part, bool isBackward)
    {
        foreach (RowMove move in Sequences.QueryMovesOf(member))
        {
            if (isBackward)
            {
                results.QueryGradient.RowRange(move.SequenceRow, move.Length).CopyTo(part.QueryGradient.RowRange(move.Row, move.Length));
                continue;
            }

            results.Output.RowRange(move.SequenceRow, move.Length).CopyTo(part.Output.RowRange(move.Row, move.Length));
            results.LogSumExp.ColumnRange(move.SequenceRow, move.Length).CopyTo(part.LogSumExp.ColumnRange(move.Row, move.Length));
        }

        if (!isBackward)
            return;
        foreach (RowMove move in Sequences.KeyMovesOf(member))
            results.KeyValueGradient.RowRange(move.SequenceRow, move.Length).CopyTo(part.KeyValueGradient.RowRange(move.Row, move.Length));
    }

    /// <summary>Takes the results of all other members for this rank's rows.</summary>
    private void TakeResults(in AttentionOperands operands)
    {
        for (int distance = 1; distance < Ring.Size; distance++)
        {
            int member = Before(distance);
            long floats = ResultFloats(operands, Self, member);
            if (floats == 0)
                continue;
            transport.Receive(ranks[Ring.RankOf(member)], HopTags.FromHeads, _parcel!.Part(0, checked((int)floats)));
            BringHome(operands, ResultsAt(operands, 0, Self, member), HeadsOf(operands, member));
        }

        courier.ReleaseSent(ref _parcel);
    }

    /// <summary>Writes the result of some heads where it belongs, or adds their gradients.</summary>
    private void BringHome(in AttentionOperands operands, in HeadResults part, HeadColumns heads)
    {
        foreach (QueryRun run in Sequences.QueryRuns)
        {
            if (operands.IsBackward)
            {
                Matrix sum = Columns(operands.QueryGradient, run, heads);
                Elementwise.Add(operands.Team, sum, part.QueryGradient.RowRange(run.Row, run.Length), sum);
                continue;
            }

            part.Output.RowRange(run.Row, run.Length).CopyTo(Columns(operands.Output, run, heads));
            part.LogSumExp.ColumnRange(run.Row, run.Length).CopyTo(Heads(operands.LogSumExp, run, heads));
        }

        if (operands.IsBackward)
            AddKeyValueGradients(operands, part.KeyValueGradient, heads.KeyStart);
    }

    private float* Front => _parcel!.Buffer.Pointer;

    private int After(int distance) => (Self + distance) % Ring.Size;

    private int Before(int distance) => (Self + Ring.Size - distance) % Ring.Size;

    private HeadColumns HeadsOf(in AttentionOperands operands, int member) => HeadColumns.Of(operands, Ring.Size, member);

    /// <summary>Floats of the tokens of <paramref name="holder"/> with the heads of <paramref name="member"/>.</summary>
    private long TokenFloats(in AttentionOperands operands, int holder, int member) => HeadOperands.Floats(
        Ring.TokensOf(holder), Sequences.QueriesOf(holder), HeadsOf(operands, member), operands.IsBackward);

    private HeadOperands TokensAt(in AttentionOperands operands, long start, int holder, int member) => new(
        Front + start, Ring.TokensOf(holder), Sequences.QueriesOf(holder), HeadsOf(operands, member), operands.IsBackward);

    /// <summary>Floats of the results for the tokens of <paramref name="holder"/> with the heads of <paramref name="member"/>.</summary>
    private long ResultFloats(in AttentionOperands operands, int holder, int member) => HeadResults.Floats(
        Ring.TokensOf(holder), Sequences.QueriesOf(holder), HeadsOf(operands, member), operands.IsBackward);

    private HeadResults ResultsAt(in AttentionOperands operands, long start, int holder, int member) => new(
        Front + start, Ring.TokensOf(holder), Sequences.QueriesOf(holder), HeadsOf(operands, member), operands.IsBackward);

    private static Matrix Columns(Matrix matrix, QueryRun run, HeadColumns heads) =>
        matrix.RowRange(run.SourceRow, run.Length).ColumnRange(heads.QueryStart, heads.QueryColumns);

    private static Matrix Heads(Matrix matrix, QueryRun run, HeadColumns heads) =>
        matrix.RowRange(heads.FirstHead, heads.Heads).ColumnRange(run.SourceRow, run.Length);
}
