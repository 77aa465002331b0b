using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Forward and backward attention over all units of a step on ranks of their own, from random operands: output, log-sum-exp and all
/// three gradients, row by row of the whole batch.</summary>
/// <typeparam name="TShape">The heads.</typeparam>
internal sealed class SlicedAttention<TShape> : IDisposable
    where TShape : struct, IAttentionShape
{
    private readonly IReadOnlyList<int[]> _batch;
    private readonly StepPlan _step;
    private readonly bool _isCausal;
    private readonly int[] _starts;
    private readonly TestMatrix _query, _keyValue, _outputGradient, _output, _logSumExp, _queryGradient, _keyValueGradient;

    private SlicedAttention(IReadOnlyList<int[]> batch, StepPlan step, int seed, bool isCausal)
    {
        (_batch, _step, _isCausal) = (batch, step, isCausal);
        int tokens = (int)step.TotalTokens;
        _starts = [.. batch.Select((_, index) => batch.Take(index).Sum(tokens => tokens.Length - 1))];
        Random random = new(seed);
        _query = TestMatrix.Random(random, tokens, QueryWidth);
        _keyValue = TestMatrix.Random(random, tokens, 2 * KeyWidth);
        _outputGradient = TestMatrix.Random(random, tokens, QueryWidth);
        _output = new(tokens, QueryWidth);
        _logSumExp = new(tokens, TShape.Heads);
        _queryGradient = new(tokens, QueryWidth);
        _keyValueGradient = new(tokens, 2 * KeyWidth);
    }

    /// <summary>Every bit of the results.</summary>
    public int[] Bits => [.. Results.SelectMany(matrix => matrix.ToBits())];

    private TestMatrix[] Results => [_output, _logSumExp, _queryGradient, _keyValueGradient];

    private static int QueryWidth => TShape.Heads * TShape.HeadWidth;

    private static int KeyWidth => TShape.KeyValueHeads * TShape.HeadWidth;

    /// <summary>Runs a step, over channels of the given capacity.</summary>
    public static SlicedAttention<TShape> Of(
        ParallelPlan plan,
        IReadOnlyList<int[]> batch,
        StepPlan step,
        int seed,
        RingDatapaths datapaths = default,
        int capacity = 1,
        bool isCausal = true)
    {
        SlicedAttention<TShape> run = new(batch, step, seed, isCausal);
        RankThreads.Run(
            InProcessWorld.Create(plan.Mesh.Data * plan.Mesh.Sequence, capacity),
            transport => run.Run(transport, run.LayoutOf(plan, transport.Rank, datapaths)),
            TimeSpan.FromSeconds(10));
        return run;
    }

    /// <summary>The part of one rank, whose rows are the same in forwards and backwards: of the results it has its own rows only.</summary>
    public static SlicedAttention<TShape> OfRank(
        ITransport transport, ParallelPlan plan, IReadOnlyList<int[]> batch, StepPlan step, int seed, RingDatapaths datapaths, bool isCausal)
    {
        SlicedAttention<TShape> run = new(batch, step, seed, isCausal);
        run.Run(transport, run.LayoutOf(plan, transport.Rank, datapaths));
        return run;
    }

    /// <summary>The rows of a rank, which are most of none, have the same bits as in <paramref name="other"/>.</summary>
    public void AssertSameRows(SlicedAttention<TShape> other, ParallelPlan plan, int rank, RingDatapaths datapaths)
    {
        StepLayout layout = LayoutOf(plan, rank, datapaths);
        layout.Build(_batch, _step);
        foreach (UnitLayout unit in layout.Forward)
        {
            foreach ((TestMatrix mine, TestMatrix theirs) in Results.Zip(other.Results))
            {
                using TestMatrix own = Gathered(unit, mine), expected = other.Gathered(unit, theirs);
                Assert.Equal(expected.ToBits(), own.ToBits());
            }
        }
    }

    /// <summary>The same by plain ring attention of whole sequences on one ring of all ranks, without messages: rank by rank and hop by hop.</summary>
    public static SlicedAttention<TShape> OfPlainRing(ParallelPlan plan, IReadOnlyList<int[]> batch, StepPlan step, int seed, bool isCausal)
    {
        SlicedAttention<TShape> run = new(batch, step, seed, isCausal);
        (int data, int sequence) = (plan.Mesh.Data, plan.Mesh.Sequence);
        StepLayout[] layouts = [.. Enumerable.Range(0, data * sequence).Select(rank => new StepLayout(data, sequence, step.MicroBatches, rank, nodes: null, isCausal: isCausal))];
        Array.ForEach(layouts, layout => layout.Build(batch, step));
        for (int unit = 0; unit < step.MicroBatches; unit++)
        {
            if (layouts[0].Forward[unit].Rings.Length > 0)
                run.RunPlainRing([.. layouts.Select(layout => layout.Forward[unit])], [.. layouts.Select(layout => layout.Backward[unit])]);
        }

        return run;
    }

    /// <summary>The results are those of naive attention in float64 over whole sequences.</summary>
    public void AssertEqualsFloat64()
    {
        int tokens = (int)_step.TotalTokens, heads = TShape.Heads, keyHeads = TShape.KeyValueHeads, width = TShape.HeadWidth;
        bool[,] seen = Seen(tokens);
        double[,] q64 = _query.ToDouble(), k64 = Part(_keyValue, 0), v64 = Part(_keyValue, KeyWidth);
        (double[,] o64, double[,] lse64) = Reference.Attention(q64, k64, v64, heads, keyHeads, width, seen);
        (double[,] dq64, double[,] dk64, double[,] dv64) = Reference.AttentionBackward(q64, k64, v64, _outputGradient.ToDouble(), heads, keyHeads, width, seen);
        _output.AssertClose(o64, 1e-5);
        _logSumExp.AssertClose(Reference.Transpose(lse64), 1e-5);
        _queryGradient.AssertClose(dq64, 1e-5);
        double[,] dkv64 = new double[tokens, 2 * KeyWidth];
        for (int row = 0; row < tokens; row++)
        {
            for (int column = 0; column < KeyWidth; column++)
                (dkv64[row, column], dkv64[row, KeyWidth + column]) = (dk64[row, column], dv64[row, column]);
        }

        _keyValueGradient.AssertClose(dkv64, 1e-5);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TestMatrix matrix in (TestMatrix[])[_query, _keyValue, _outputGradient, _output, _logSumExp, _queryGradient, _keyValueGradient])
            matrix.Dispose();
    }

    /// <summary>Which key rows of the whole batch a query row sees.</summary>
    private bool[,] Seen(int tokens)
    {
        bool[,] seen = new bool[tokens, tokens];
        for (int sequence = 0; sequence < _starts.Length; sequence++)
        {
            int start = _starts[sequence], end = start + _batch[sequence].Length - 1;
            for (int query = start; query < end; query++)
            {
                for (int key = start; key < (_isCausal ? query + 1 : end); key++)
                    seen[query, key] = true;
            }
        }

        return seen;
    }

    private StepLayout LayoutOf(ParallelPlan plan, int rank, RingDatapaths datapaths) =>
        new(plan.Mesh.Data, plan.Mesh.Sequence, _step.MicroBatches, rank, nodes: null, datapaths: datapaths, isCausal: _isCausal);

    private void Run(ITransport transport, StepLayout layout)
    {
        layout.Build(_batch, _step);
        using RingAttention ring = new(transport, [.. Enumerable.Range(0, transport.Size)]);
        using ThreadTeam team = new(1);
        using TestHistory history = new(layout);
        for (int unit = 0; unit < _step.MicroBatches; unit++)
        {
            UnitLayout rows = layout.Forward[unit];
            Scatter(rows, _keyValue, history.KeyValuesOf(unit), toUnit: true);
            using TestMatrix q = Gathered(rows, _query);
            using TestMatrix o = new(rows.AttentionTokens, QueryWidth), lse = new(TShape.Heads, rows.AttentionTokens);
            ring.Forward<TShape>(team, rows, history, q, Keys(history.KeyValuesOf(unit)), Values(history.KeyValuesOf(unit)), o, lse);
            Scatter(rows, _output, o, toUnit: false);
            using TestMatrix transposed = Transposed(lse);
            Scatter(rows, _logSumExp, transposed, toUnit: false);
        }

        for (int unit = 0; unit < _step.MicroBatches; unit++)
        {
            // The order of backward units of this schedule is ascending.
            UnitLayout rows = layout.Backward[unit];
            using TestMatrix q = Gathered(rows, _query), kv = Gathered(rows, _keyValue), o = Gathered(rows, _output), gradient = Gathered(rows, _outputGradient), held = Gathered(rows, _logSumExp);
            using TestMatrix lse = Transposed(held), dots = new(TShape.Heads, rows.AttentionTokens), dq = new(rows.AttentionTokens, QueryWidth), dkv = new(rows.AttentionTokens, 2 * KeyWidth);
            Attention<TShape>.OutputDots(team, gradient, o, dots);
            ring.Backward<TShape>(team, rows, history, q, Keys(kv), Values(kv), gradient, lse, dots, dq, Keys(dkv), Values(dkv));
            Scatter(rows, _queryGradient, dq, toUnit: false);
            Scatter(rows, _keyValueGradient, dkv, toUnit: false);
        }

        // All that was given back to earlier slices is taken.
        foreach (float left in history.Gradients.Span)
            Assert.Equal(0, left);
        ring.Flush();
    }

    private void RunPlainRing(UnitLayout[] forward, UnitLayout[] backward)
    {
        using ThreadTeam team = new(1);
        int ranks = forward.Length;
        TestMatrix[] q = Each(forward, _query), kv = Each(forward, _keyValue);
        for (int rank = 0; rank < ranks; rank++)
        {
            UnitLayout rows = forward[rank];
            using TestMatrix o = new(rows.AttentionTokens, QueryWidth), lse = new(TShape.Heads, rows.AttentionTokens);
            Attention<TShape>.Reset(o, lse);
            for (int hop = 0; hop < ranks; hop++)
            {
                int source = (rank + ranks - hop) % ranks;
                Attention<TShape>.Forward(team, q[rank], Keys(kv[source]), Values(kv[source]), rows.Rings[0].BlocksOf(source), o, lse);
            }

            Scatter(rows, _output, o, toUnit: false);
            using TestMatrix transposed = Transposed(lse);
            Scatter(rows, _logSumExp, transposed, toUnit: false);
        }

        TestMatrix[] gradient = Each(backward, _outputGradient), outputs = Each(backward, _output), held = Each(backward, _logSumExp);
        TestMatrix[] lses = [.. held.Select(matrix => Transposed(matrix))];
        TestMatrix[] dots = [.. backward.Select(rows => new TestMatrix(TShape.Heads, rows.AttentionTokens))];
        TestMatrix[] dq = [.. backward.Select(rows => new TestMatrix(rows.AttentionTokens, QueryWidth))];
        TestMatrix[] sums = [.. backward.Select(rows => new TestMatrix(rows.AttentionTokens, 2 * KeyWidth))];
        for (int hop = 0; hop < ranks; hop++)
        {
            for (int rank = 0; rank < ranks; rank++)
            {
                int source = (rank + ranks - hop) % ranks;
                if (hop == 0)
                    Attention<TShape>.OutputDots(team, gradient[rank], outputs[rank], dots[rank]);
                using TestMatrix own = new(backward[source].AttentionTokens, 2 * KeyWidth);
                Attention<TShape>.Backward(
                    team, q[rank], Keys(kv[source]), Values(kv[source]), gradient[rank], lses[rank], dots[rank], backward[rank].Rings[0].BlocksOf(source), dq[rank], Keys(own), Values(own));
                if (hop == 0)
                    own.View.CopyTo(sums[source]);
                else
                    Elementwise.Add(team, sums[source], own, sums[source]);
            }
        }

        for (int rank = 0; rank < ranks; rank++)
        {
            using TestMatrix dkv = new(backward[rank].AttentionTokens, 2 * KeyWidth);
            Elementwise.Add(team, dkv, sums[rank], dkv);
            Scatter(backward[rank], _queryGradient, dq[rank], toUnit: false);
            Scatter(backward[rank], _keyValueGradient, dkv, toUnit: false);
        }

        foreach (TestMatrix matrix in (TestMatrix[])[.. q, .. kv, .. gradient, .. outputs, .. held, .. lses, .. dots, .. dq, .. sums])
            matrix.Dispose();

        TestMatrix[] Each(UnitLayout[] units, Matrix all) => [.. units.Select(rows => Gathered(rows, all))];
    }

    private void Scatter(UnitLayout rows, Matrix all, Matrix ofUnit, bool toUnit)
    {
        foreach (RowRun run in rows.AttentionRows.Runs)
        {
            Matrix a = all.RowRange(_starts[_step.Slices[run.Slice].Sequence] + run.Position, run.Length), b = ofUnit.RowRange(run.Row, run.Length);
            if (toUnit)
                a.CopyTo(b);
            else
                b.CopyTo(a);
        }
    }

    private TestMatrix Gathered(UnitLayout rows, Matrix all)
    {
        TestMatrix gathered = new(rows.AttentionTokens, all.Columns);
        Scatter(rows, all, gathered, toUnit: true);
        return gathered;
    }

    private static Matrix Keys(Matrix keyValue) => keyValue.ColumnRange(0, KeyWidth);

    private static Matrix Values(Matrix keyValue) => keyValue.ColumnRange(KeyWidth, KeyWidth);

    private static TestMatrix Transposed(Matrix matrix)
    {
        TestMatrix transposed = new(matrix.Columns, matrix.Rows);
        for (int row = 0; row < matrix.Rows; row++)
        {
            for (int column = 0; column < matrix.Columns; column++)
                transposed.View[column, row] = matrix[row, column];
        }

        return transposed;
    }

    private static double[,] Part(TestMatrix matrix, int column)
    {
        double[,] part = new double[matrix.View.Rows, KeyWidth];
        for (int row = 0; row < matrix.View.Rows; row++)
        {
            for (int i = 0; i < KeyWidth; i++)
                part[row, i] = matrix.View[row, column + i];
        }

        return part;
    }

    private sealed class TestHistory(StepLayout layout) : KeyValueHistory, IDisposable
    {
        private readonly TestMatrix[] _keyValues = [.. layout.Forward.Select(unit => new TestMatrix(unit.AttentionTokens, 2 * KeyWidth, 3))];
        private readonly TestMatrix _gradients = new(layout.HistoryRows, 2 * KeyWidth);

        public override Matrix Gradients => _gradients;

        public override Matrix KeyValuesOf(int forwardUnit) => _keyValues[forwardUnit];

        public void Dispose()
        {
            Array.ForEach(_keyValues, matrix => matrix.Dispose());
            _gradients.Dispose();
        }
    }
}
