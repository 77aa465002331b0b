using System.Runtime.InteropServices;
using ParallelDsl.Memory;

namespace ParallelDsl.Kernels;

/// <summary>
/// A float32 row-major view: element (i, j) lies at <c>Data[i * Stride + j]</c>. A view owns nothing and keeps nothing alive: whoever made it
/// holds on to the memory, such as the <see cref="NativeBuffer"/>, while the view is used. Column ranges of a fused matrix are views too, with the stride of the whole.
/// </summary>
public readonly unsafe struct Matrix
{
    /// <summary>A view of <paramref name="rows"/> x <paramref name="columns"/> floats.</summary>
    /// <param name="data">Address of element (0, 0).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="stride">Distance of two rows in floats, at least <paramref name="columns"/>.</param>
    /// <exception cref="ArgumentException">A size is negative or the stride is smaller than a row.</exception>
    public Matrix(float* data, int rows, int columns, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        if (data is null && rows > 0 && columns > 0)
            throw new ArgumentNullException(nameof(data), $"A matrix [{rows} x {columns}] needs memory.");
        Data = data;
        Rows = rows;
        Columns = columns;
        Stride = stride;
    }

    /// <summary>A contiguous view.</summary>
    /// <inheritdoc cref="Matrix(float*, int, int, int)"/>
    public Matrix(float* data, int rows, int columns)
        : this(data, rows, columns, columns)
    {
    }

    /// <summary>The first <paramref name="rows"/> x <paramref name="columns"/> floats of a buffer.</summary>
    /// <exception cref="ArgumentException">The buffer is shorter than the matrix.</exception>
    public Matrix(NativeBuffer buffer, int rows, int columns)
        : this(buffer.Pointer, rows, columns, columns)
    {
        if (buffer.Length < (long)rows * columns)
            throw new ArgumentException($"A matrix [{rows} x {columns}] does not fit a buffer of {buffer.Length} floats.", nameof(buffer));
    }

    /// <summary>Address of element (0, 0).</summary>
    public float* Data { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Distance of two rows in floats.</summary>
    public int Stride { get; }

    /// <summary>Number of elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Whether the rows follow each other without gaps.</summary>
    public bool IsContiguous => Stride == Columns || Rows <= 1;

    /// <summary>All elements, row by row.</summary>
    /// <exception cref="InvalidOperationException">The view is not contiguous.</exception>
    public Span<float> Span => IsContiguous
        ? new Span<float>(Data, checked((int)Count))
        : throw new InvalidOperationException($"A matrix {this} with stride {Stride} is not contiguous: it has no single span.");

    /// <summary>Element (row, column), unchecked.</summary>
    public ref float this[int row, int column] => ref Data[(long)row * Stride + column];

    /// <summary>Row <paramref name="index"/> as a span.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public Span<float> Row(int index)
    {
        if ((uint)index >= (uint)Rows)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The matrix has {Rows} rows.");
        return new Span<float>(RowPointer(index), Columns);
    }

    /// <summary>Rows <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> - 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the matrix.</exception>
    public Matrix RowRange(int start, int count)
    {
        RequireRange(start, count, Rows, "rows");
        return new Matrix(count == 0 ? Data : RowPointer(start), count, Columns, Stride);
    }

    /// <summary>Columns <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> - 1 of every row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the matrix.</exception>
    public Matrix ColumnRange(int start, int count)
    {
        RequireRange(start, count, Columns, "columns");
        return new Matrix(Data + start, Rows, count, Stride);
    }

    /// <summary>Sets every element to zero.</summary>
    public void Clear()
    {
        if (IsContiguous)
        {
            NativeMemory.Clear(Data, (nuint)Count * sizeof(float));
            return;
        }
        for (int row = 0; row < Rows; row++)
            NativeMemory.Clear(RowPointer(row), (nuint)Columns * sizeof(float));
    }

    /// <summary>Copies every element to a matrix of the same shape.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public void CopyTo(Matrix destination)
    {
        Shapes.RequireSame(this, destination);
        if (IsContiguous && destination.IsContiguous)
        {
            NativeMemory.Copy(Data, destination.Data, (nuint)Count * sizeof(float));
            return;
        }
        for (int row = 0; row < Rows; row++)
            NativeMemory.Copy(RowPointer(row), destination.RowPointer(row), (nuint)Columns * sizeof(float));
    }

    /// <summary>The shape, as in <c>[2048 x 768]</c>.</summary>
    public override string ToString() => $"[{Rows} x {Columns}]";

    internal float* RowPointer(int row) => Data + (long)row * Stride;

    private static void RequireRange(int start, int count, int available, string what)
    {
        if (start < 0 || count < 0 || (long)start + count > available)
            throw new ArgumentOutOfRangeException(nameof(start), $"The range {start}..{(long)start + count} leaves the {available} {what}.");
    }
}
