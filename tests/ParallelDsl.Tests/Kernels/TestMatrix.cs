using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Tests.Kernels;

/// <summary>A matrix that owns its memory. Columns beyond the view hold a guard value, so that writes outside are seen.</summary>
internal sealed class TestMatrix : IDisposable
{
    private const float Guard = 12345.5f;

    private readonly NativeBuffer _buffer;

    public unsafe TestMatrix(int rows, int columns, int padding = 0)
    {
        int stride = columns + padding;
        // Guard rows too: one before and one behind.
        _buffer = new NativeBuffer((long)(rows + 2) * stride);
        _buffer.Span.Fill(Guard);
        View = new Matrix(_buffer.Pointer + stride, rows, columns, stride);
        View.Clear();
    }

    public Matrix View { get; }

    public static implicit operator Matrix(TestMatrix matrix) => matrix.View;

    public static TestMatrix Random(Random random, int rows, int columns, int padding = 0, float scale = 1)
    {
        var matrix = new TestMatrix(rows, columns, padding);
        for (int row = 0; row < rows; row++)
        {
            foreach (ref float value in matrix.View.Row(row))
                value = scale * ((2 * random.NextSingle()) - 1);
        }
        return matrix;
    }

    /// <summary>The elements in double precision, row by row.</summary>
    public double[,] ToDouble()
    {
        double[,] result = new double[View.Rows, View.Columns];
        for (int row = 0; row < View.Rows; row++)
        {
            for (int column = 0; column < View.Columns; column++)
                result[row, column] = View[row, column];
        }
        return result;
    }

    /// <summary>The bits of the elements, for exact comparison.</summary>
    public int[] ToBits()
    {
        var bits = new List<int>();
        for (int row = 0; row < View.Rows; row++)
        {
            foreach (float value in View.Row(row))
                bits.Add(BitConverter.SingleToInt32Bits(value));
        }
        return [.. bits];
    }

    public TestMatrix Copy()
    {
        var copy = new TestMatrix(View.Rows, View.Columns, View.Stride - View.Columns);
        View.CopyTo(copy);
        return copy;
    }

    /// <summary>
    /// Every element is within the tolerance of the reference, relative to the largest reference element, or to
    /// <paramref name="typical"/> where all are smaller: a sum of terms that cancel keeps the rounding of its terms.
    /// </summary>
    public void AssertClose(double[,] expected, double tolerance, double typical = 0.1)
    {
        Assert.Equal((View.Rows, View.Columns), (expected.GetLength(0), expected.GetLength(1)));
        double scale = typical;
        foreach (double value in expected)
            scale = double.IsFinite(value) ? Math.Max(scale, Math.Abs(value)) : scale;
        for (int row = 0; row < View.Rows; row++)
        {
            for (int column = 0; column < View.Columns; column++)
            {
                double actual = View[row, column];
                bool same = expected[row, column] == actual || Math.Abs(actual - expected[row, column]) <= tolerance * scale;
                Assert.True(same, $"[{row}, {column}] is {actual:R}, expected {expected[row, column]:R} within {tolerance * scale:R}.");
            }
        }
        AssertNothingOutsideWritten();
    }

    public void AssertNothingOutsideWritten()
    {
        Span<float> all = _buffer.Span;
        int stride = View.Stride;
        for (int i = 0; i < all.Length; i++)
        {
            bool inside = i >= stride && i < all.Length - stride && i % stride < View.Columns;
            Assert.True(inside || all[i] == Guard, $"Element {i} outside the matrix {View} with stride {stride} was overwritten.");
        }
    }

    public void Dispose() => _buffer.Dispose();
}
