using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Tests.Kernels;
using ParallelDsl.Transports;

namespace ParallelDsl.Tests.Execution;

/// <summary>Attention over rings, slices and units against naive attention in float64 over whole sequences: output, log-sum-exp and all three
/// gradients.</summary>
public sealed class SlicedAttentionTests
{
    private const int Heads = 4, KeyHeads = 2, Width = 8, Units = 4;
    private const int QueryWidth = Heads * Width, KeyWidth = KeyHeads * Width;

    private static readonly List<int[]> Batch = StepPlanTests.BatchOf(37, 9, 1, 5, 14, 2, 1);

    public static TheoryData<int, int, StepTraits, int> Cases()
    {
        TheoryData<int, int, StepTraits, int> data = [];
        foreach (StepTraits traits in (StepTraits[])[StepTraits.None, StepTraits.Slices, StepTraits.Slices | StepTraits.Asymmetric])
        {
            for (int seed = 0; seed < 3; seed++)
            {
                data.Add(1, 1, traits, seed);
                data.Add(1, 4, traits, seed);
                data.Add(3, 2, traits, seed);
                data.Add(2, 4, traits, seed);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EqualsNaiveAttentionInFloat64(int data, int sequence, StepTraits traits, int seed)
    {
        ParallelPlan plan = StepPlanTests.PlanOf(new AxesSpec(data, sequence, 1, PipelineSchedule.GPipe, Units, UnitTokens: 96 * sequence), traits);
        StepPlan step = RandomStep.Of(new Random(seed), plan, Batch, traits);
        int tokens = (int)step.TotalTokens;
        int[] starts = [.. Batch.Select((_, index) => Batch.Take(index).Sum(tokens => tokens.Length - 1))];
        Random random = new(seed);
        using TestMatrix query = TestMatrix.Random(random, tokens, QueryWidth), keyValue = TestMatrix.Random(random, tokens, 2 * KeyWidth), outputGradient = TestMatrix.Random(random, tokens, QueryWidth);
        using TestMatrix output = new(tokens, QueryWidth), logSumExp = new(tokens, Heads), queryGradient = new(tokens, QueryWidth), keyValueGradient = new(tokens, 2 * KeyWidth);
        RankThreads.Run(
            InProcessWorld.Create(data * sequence, capacity: 1),
            transport =>
            {
                StepLayout layout = new(data, sequence, Units, transport.Rank, nodes: null);
                layout.Build(Batch, step);
                using RingAttention ring = new(transport, [.. Enumerable.Range(0, transport.Size)]);
                using ThreadTeam team = new(1);
                using TestHistory history = new(layout);
                for (int unit = 0; unit < Units; unit++)
                {
                    UnitLayout rows = layout.Forward[unit];
                    Scatter(rows, keyValue, history.KeyValuesOf(unit), toUnit: true);
                    using TestMatrix q = Gathered(rows, query);
                    using TestMatrix o = new(rows.AttentionTokens, QueryWidth), lse = new(Heads, rows.AttentionTokens);
                    ring.Forward<Shape>(team, rows, history, q, Keys(history.KeyValuesOf(unit)), Values(history.KeyValuesOf(unit)), o, lse);
                    Scatter(rows, output, o, toUnit: false);
                    using TestMatrix transposed = Transposed(lse);
                    Scatter(rows, logSumExp, transposed, toUnit: false);
                }

                for (int unit = 0; unit < Units; unit++)
                {
                    // The order of backward units of this schedule is ascending.
                    UnitLayout rows = layout.Backward[unit];
                    using TestMatrix q = Gathered(rows, query), kv = Gathered(rows, keyValue), o = Gathered(rows, output), gradient = Gathered(rows, outputGradient), held = Gathered(rows, logSumExp);
                    using TestMatrix lse = Transposed(held), dots = new(Heads, rows.AttentionTokens), dq = new(rows.AttentionTokens, QueryWidth), dkv = new(rows.AttentionTokens, 2 * KeyWidth);
                    Attention<Shape>.OutputDots(team, gradient, o, dots);
                    ring.Backward<Shape>(team, rows, history, q, Keys(kv), Values(kv), gradient, lse, dots, dq, Keys(dkv), Values(dkv));
                    Scatter(rows, queryGradient, dq, toUnit: false);
                    Scatter(rows, keyValueGradient, dkv, toUnit: false);
                }

                // All that was given back to earlier slices is taken.
                foreach (float left in history.Gradients.Span)
                    Assert.Equal(0, left);
                ring.Flush();

                void Scatter(UnitLayout rows, Matrix all, Matrix ofUnit, bool toUnit)
                {
                    foreach (RowRun run in rows.AttentionRows.Runs)
                    {
                        Matrix a = all.RowRange(starts[step.Slices[run.Slice].Sequence] + run.Position, run.Length), b = ofUnit.RowRange(run.Row, run.Length);
                        if (toUnit)
                            a.CopyTo(b);
                        else
                            b.CopyTo(a);
                    }
                }

                TestMatrix Gathered(UnitLayout rows, Matrix all)
                {
                    TestMatrix gathered = new(rows.AttentionTokens, all.Columns);
                    Scatter(rows, all, gathered, toUnit: true);
                    return gathered;
                }
            },
            TimeSpan.FromSeconds(10));

        bool[,] seen = Reference.Seen(tokens, tokens, Batch.Select((ids, index) => new AttentionBlock(starts[index], ids.Length - 1, 0, starts[index], ids.Length - 1, 0)));
        double[,] q64 = query.ToDouble(), k64 = Part(keyValue, 0), v64 = Part(keyValue, KeyWidth);
        (double[,] o64, double[,] lse64) = Reference.Attention(q64, k64, v64, Heads, KeyHeads, Width, seen);
        (double[,] dq64, double[,] dk64, double[,] dv64) = Reference.AttentionBackward(q64, k64, v64, outputGradient.ToDouble(), Heads, KeyHeads, Width, seen);
        output.AssertClose(o64, 1e-5);
        logSumExp.AssertClose(Reference.Transpose(lse64), 1e-5);
        queryGradient.AssertClose(dq64, 1e-5);
        double[,] dkv64 = new double[tokens, 2 * KeyWidth];
        for (int row = 0; row < tokens; row++)
        {
            for (int column = 0; column < KeyWidth; column++)
                (dkv64[row, column], dkv64[row, KeyWidth + column]) = (dk64[row, column], dv64[row, column]);
        }

        keyValueGradient.AssertClose(dkv64, 1e-5);
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

    private readonly struct Shape : IAttentionShape
    {
        public static int Heads => SlicedAttentionTests.Heads;

        public static int KeyValueHeads => KeyHeads;

        public static int HeadWidth => Width;
    }
}
