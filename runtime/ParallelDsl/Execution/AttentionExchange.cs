using ParallelDsl.Kernels;

namespace ParallelDsl.Execution;

/// <summary>How the members of one ring bring queries together with the keys and values of all of them, in one unit: it sends, receives and
/// attends, hop by hop, as <see cref="RingAttention"/> asks, which runs all rings of a unit at once. It is used again for other units.</summary>
/// <remarks>An exchange keeps to the order of messages that <see cref="RingAttention"/> proves to be free of deadlocks: what it sends in
/// <see cref="Send"/> is of hop 1, and what it sends in hop h is of hop h + 1; it receives in hop h what is of hop h, gradients of a hop in
/// <see cref="TakeGradients"/>, and lets go of what it sent of a hop once it has received what is of that hop. Where it has several
/// messages of a hop, all members send them, and receive them, in ascending order of their own.</remarks>
internal abstract class AttentionExchange
{
    /// <summary>The ring that is worked on.</summary>
    protected UnitRing Ring { get; private set; } = new();

    /// <summary>Starts a pass.</summary>
    public void Begin(UnitRing ring) => Ring = ring;

    /// <summary>The most floats of parcels that it has at once in this pass.</summary>
    public abstract long FloatsAtOnce(in AttentionOperands operands);

    /// <summary>The last hop in which it receives anything.</summary>
    public abstract int Hops(bool isBackward);

    /// <summary>Collects what this rank has, and sends it.</summary>
    public abstract void Send(in AttentionOperands operands);

    /// <summary>In hop 0 attends to what needs no message; in each hop after it takes what comes in, passes it on and attends to it.</summary>
    public abstract void Forward<TShape>(in AttentionOperands operands, int hop)
        where TShape : struct, IAttentionShape;

    /// <summary>The same in the backward.</summary>
    public abstract void Backward<TShape>(in AttentionOperands operands, int hop)
        where TShape : struct, IAttentionShape;

    /// <summary>Says where the gradients of a hop go, before any ring says where keys of the next hop go: what others carry has one tag for both.</summary>
    public virtual void ExpectGradients(in AttentionOperands operands, int hop)
    {
    }

    /// <summary>Takes the gradients that come after the keys of a hop, once all rings have had those.</summary>
    public virtual void TakeGradients(in AttentionOperands operands, int hop)
    {
    }

    /// <summary>After a failure: nothing that is on its way is written to parcels from here on. It throws nothing.</summary>
    public virtual void Forget(in AttentionOperands operands, Exception cause)
    {
    }

    /// <summary>Ends a pass: lets go of what is left.</summary>
    public virtual void End()
    {
    }

    /// <summary>Copies this rank's keys and values, or columns of them, in the order in which they travel.</summary>
    /// <param name="operands">Where they are.</param>
    /// <param name="start">The first of the columns of the keys.</param>
    /// <param name="into">[rows, twice as many columns]: keys, then values; written.</param>
    protected void CollectKeyValues(in AttentionOperands operands, int start, Matrix into)
    {
        int columns = into.Columns / 2, width = operands.Key.Columns;
        foreach (KeyRun run in Ring.Keys)
        {
            Matrix rows = into.RowRange(run.Row, run.Length);
            if (run.ForwardUnit == UnitRing.OwnUnit)
            {
                Part(operands.Key.RowRange(run.SourceRow, run.Length), start).CopyTo(Left(rows));
                Part(operands.Value.RowRange(run.SourceRow, run.Length), start).CopyTo(Right(rows));
                continue;
            }

            Matrix held = operands.History!.KeyValuesOf(run.ForwardUnit).RowRange(run.SourceRow, run.Length);
            if (columns == width)
            {
                held.CopyTo(rows);
                continue;
            }

            Part(held, start).CopyTo(Left(rows));
            Part(held, width + start).CopyTo(Right(rows));
        }

        Matrix Part(Matrix rows, int first) => rows.ColumnRange(first, columns);
    }

    /// <summary>Adds gradients of this rank's keys and values, or of columns of them: to those of the unit, and to the sums of earlier slices.</summary>
    /// <param name="operands">Where they are added.</param>
    /// <param name="gradient">[rows, twice as many columns], in the order in which keys travel.</param>
    /// <param name="start">The first of the columns of the keys.</param>
    protected void AddKeyValueGradients(in AttentionOperands operands, Matrix gradient, int start)
    {
        int columns = gradient.Columns / 2, width = operands.Key.Columns;
        ThreadTeam team = operands.Team;
        foreach (KeyRun run in Ring.Keys)
        {
            Matrix rows = gradient.RowRange(run.Row, run.Length);
            if (run.ForwardUnit == UnitRing.OwnUnit)
            {
                Add(Left(rows), operands.KeyGradient.RowRange(run.SourceRow, run.Length).ColumnRange(start, columns));
                Add(Right(rows), operands.ValueGradient.RowRange(run.SourceRow, run.Length).ColumnRange(start, columns));
                continue;
            }

            Matrix sums = operands.History!.Gradients.RowRange(run.HistoryRow, run.Length);
            Add(Left(rows), sums.ColumnRange(start, columns));
            Add(Right(rows), sums.ColumnRange(width + start, columns));
        }

        void Add(Matrix part, Matrix sum) => Elementwise.Add(team, sum, part, sum);
    }

    /// <summary>The keys of keys and values, or their gradients.</summary>
    protected static Matrix Left(Matrix keyValues) => keyValues.ColumnRange(0, keyValues.Columns / 2);

    /// <summary>The values of keys and values, or their gradients.</summary>
    protected static Matrix Right(Matrix keyValues) => keyValues.ColumnRange(keyValues.Columns / 2, keyValues.Columns / 2);
}
