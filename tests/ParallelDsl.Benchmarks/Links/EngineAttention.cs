using ParallelDsl.Execution;
using ParallelDsl.Kernels;
using ParallelDsl.Memory;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Transports;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>The runtime's own attention (<see cref="RingAttention"/>) on one rank: causal, of one sequence that lies on all ranks, under one datapath.
/// Keys and values are as long as those of the exchange alone; two query heads share them.</summary>
internal sealed class EngineAttention : IDisposable
{
    private const float Tolerance = 1e-4f;

    private readonly ThreadTeam _team = new(1);
    private readonly RingAttention _attention;
    private readonly UnitLayout _unit;
    private readonly NativeBuffer _buffer;
    private readonly Matrix _query, _keyValue, _output, _outputGradient, _logSumExp, _outputDots, _queryGradient, _keyValueGradient;

    /// <param name="transport">The rank's.</param>
    /// <param name="fabric">Which ranks are on which node.</param>
    /// <param name="datapath">How keys and values travel.</param>
    /// <param name="rows">Rows of a rank.</param>
    public EngineAttention(ITransport transport, LinkFabric fabric, Datapath datapath, int rows)
    {
        int ranks = transport.Size, length = checked(ranks * rows);
        StepPlan step = new();
        step.Reserve(1, ranks, 1, 1);
        step.SetLength(0, length, length);
        int ring = step.AddRing(fabric.Nodes > 1 ? Zone.InterNode : Zone.IntraNode);
        for (int rank = 0; rank < ranks; rank++)
            step.AddRingRank(rank);
        step.AddSlice(new Slice(0, 0, length, ring, 0, 0));
        step.Gather();
        StepLayout layout = new(
            1, ranks, 1, transport.Rank, nodes: null, datapaths: new RingDatapaths(datapath, datapath, [.. Enumerable.Range(0, ranks).Select(rank => rank / fabric.PerNode)]));
        layout.Build([new int[length + 1]], step);
        _unit = layout.Forward[0];
        _attention = new RingAttention(transport, [.. Enumerable.Range(0, ranks)]);

        int query = Shape.Heads * Shape.HeadWidth, key = Shape.KeyValueHeads * Shape.HeadWidth;
        _buffer = new NativeBuffer(rows * ((4L * query) + (4L * key) + (2L * Shape.Heads)));
        long at = 0;
        Random random = new(3_000 + transport.Rank);
        (_query, _outputGradient, _keyValue) = (Random(rows, query), Random(rows, query), Random(rows, 2 * key));
        (_output, _queryGradient, _keyValueGradient) = (Next(rows, query), Next(rows, query), Next(rows, 2 * key));
        (_logSumExp, _outputDots) = (Next(Shape.Heads, rows), Next(Shape.Heads, rows));

        Matrix Random(int count, int columns)
        {
            Matrix matrix = Next(count, columns);
            foreach (ref float value in matrix.Span)
                value = (random.NextSingle() * 2) - 1;
            return matrix;
        }

        unsafe Matrix Next(int count, int columns)
        {
            Matrix matrix = new(_buffer.Pointer + at, count, columns);
            at += (long)count * columns;
            return matrix;
        }
    }

    public void Forward() => _attention.Forward<Shape>(_team, _unit, null, _query, Left(_keyValue), Right(_keyValue), _output, _logSumExp);

    public void Backward()
    {
        _queryGradient.Clear();
        _keyValueGradient.Clear();
        Attention<Shape>.OutputDots(_team, _outputGradient, _output, _outputDots);
        _attention.Backward<Shape>(
            _team, _unit, null, _query, Left(_keyValue), Right(_keyValue), _outputGradient, _logSumExp, _outputDots, _queryGradient, Left(_keyValueGradient), Right(_keyValueGradient));
    }

    /// <summary>Runs forward and backward, and compares output and gradients with those of another datapath, which the runtime's tests compare with double
    /// precision.</summary>
    /// <exception cref="InvalidDataException">They differ.</exception>
    public void Check(string name, EngineAttention other)
    {
        Forward();
        Backward();
        Compare(_output, other._output, "output");
        Compare(_queryGradient, other._queryGradient, "gradient of queries");
        Compare(_keyValueGradient, other._keyValueGradient, "gradient of keys and values");

        void Compare(Matrix own, Matrix expected, string what)
        {
            float most = 0, scale = 0;
            for (int i = 0; i < own.Span.Length; i++)
            {
                most = MathF.Max(most, MathF.Abs(own.Span[i] - expected.Span[i]));
                scale = MathF.Max(scale, MathF.Abs(expected.Span[i]));
            }

            if (!(most <= Tolerance * scale) || scale == 0)
                throw new InvalidDataException(FormattableString.Invariant($"{name}: the {what} differs from the single ring's by {most}, of at most {scale}"));
        }
    }

    public void Dispose()
    {
        _attention.Dispose();
        _team.Dispose();
        _buffer.Dispose();
    }

    private static Matrix Left(Matrix keyValue) => keyValue.ColumnRange(0, keyValue.Columns / 2);

    private static Matrix Right(Matrix keyValue) => keyValue.ColumnRange(keyValue.Columns / 2, keyValue.Columns / 2);

    /// <summary>Two query heads share one head of keys and values.</summary>
    internal readonly struct Shape : IAttentionShape
    {
        public const int Width = 128;

        public static int Heads => 2;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => Width;
    }
}
