using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Attention of one rank's queries to everybody's keys and values, call by call, without a mask; the work is the same on every rank. There
/// are fewer queries than keys, so that a few processors are enough for all ranks.</summary>
internal sealed unsafe class LinkAttention : IDisposable
{
    private const int CheckedRows = 8;
    private const double Tolerance = 2e-4;

    /// <summary>Keys of a rank for each of its queries.</summary>
    public const int KeysPerQuery = 4;

    private readonly ThreadTeam _team = new(1);
    private readonly NativeBuffer _buffer;
    private readonly int _rows;

    /// <param name="keys">Keys of a rank.</param>
    /// <param name="rank">Whose queries.</param>
    public LinkAttention(int keys, int rank)
    {
        int rows = _rows = keys / KeysPerQuery;
        _buffer = new NativeBuffer((2L * rows * QueryWidth) + ((long)rows * Shape.Heads));
        Random random = new(2_000 + rank);
        for (int i = 0; i < rows * QueryWidth; i++)
            _buffer.Pointer[i] = (random.NextSingle() * 2) - 1;
    }

    private static int QueryWidth => Shape.Heads * Shape.HeadWidth;

    private Matrix Queries => new(_buffer.Pointer, _rows, QueryWidth, QueryWidth);

    private Matrix Output => new(_buffer.Pointer + ((long)_rows * QueryWidth), _rows, QueryWidth, QueryWidth);

    private Matrix LogSumExp => new(_buffer.Pointer + (2L * _rows * QueryWidth), Shape.Heads, _rows, _rows);

    public void Dispose()
    {
        _team.Dispose();
        _buffer.Dispose();
    }

    public void Call(int call, ReadOnlySpan<float> rows)
    {
        if (call == 0)
            Attention<Shape>.Reset(Output, LogSumExp);
        const int Row = 2 * Shape.Width;
        int keys = rows.Length / Row;
        // A query behind all keys sees them all.
        AttentionBlock block = new(0, _rows, keys, 0, keys, 0);
        fixed (float* first = rows)
            Attention<Shape>.Forward(_team, Queries, new Matrix(first, keys, Shape.Width, Row), new Matrix(first + Shape.Width, keys, Shape.Width, Row), [block], Output, LogSumExp);
    }

    /// <summary>Compares some rows with attention in double precision that shares no code.</summary>
    /// <exception cref="InvalidDataException">They differ.</exception>
    public void Check(string name, KeysAndValues data, int ranks)
    {
        float[][] all = [.. Enumerable.Range(0, ranks).Select(data.Of)];
        for (int number = 0; number < CheckedRows; number++)
        {
            int row = number * _rows / CheckedRows, head = number % Shape.Heads;
            float* query = _buffer.Pointer + ((long)row * QueryWidth) + (head * Shape.HeadWidth);
            var sums = new double[Shape.HeadWidth];
            double total = 0;
            foreach (float[] origin in all)
            {
                for (int at = 0; at < origin.Length; at += data.RowFloats)
                {
                    double score = 0;
                    for (int i = 0; i < Shape.HeadWidth; i++)
                        score += (double)query[i] * origin[at + i];
                    double weight = Math.Exp(score / Math.Sqrt(Shape.HeadWidth));
                    total += weight;
                    for (int i = 0; i < Shape.HeadWidth; i++)
                        sums[i] += weight * origin[at + Shape.Width + i];
                }
            }

            for (int i = 0; i < Shape.HeadWidth; i++)
            {
                double expected = sums[i] / total, actual = Output.Row(row)[(head * Shape.HeadWidth) + i];
                if (!(Math.Abs(expected - actual) < Tolerance))
                    throw new InvalidDataException(FormattableString.Invariant($"{name}: attention of row {row} is {actual}, not {expected}"));
            }
        }
    }

    /// <summary>Two query heads share one head of keys and values.</summary>
    internal readonly struct Shape : IAttentionShape
    {
        public const int Width = 128;

        public static int Heads => 2;

        public static int KeyValueHeads => 1;

        public static int HeadWidth => Width;
    }
}
