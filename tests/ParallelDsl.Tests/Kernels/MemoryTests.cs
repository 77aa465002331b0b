using ParallelDsl.Kernels;
using ParallelDsl.Memory;

namespace ParallelDsl.Tests.Kernels;

public sealed unsafe class MemoryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void Buffer_is_aligned_and_zero(long length)
    {
        using var buffer = new NativeBuffer(length);
        Assert.Equal(0, (nint)buffer.Pointer % NativeBuffer.Alignment);
        Assert.Equal(length, buffer.Length);
        Assert.Equal(new float[length], buffer.Span.ToArray());
        buffer.Span.Fill(3);
        buffer.Clear();
        Assert.Equal(new float[length], buffer.Span.ToArray());
    }

    [Fact]
    public void Buffer_refuses_wrong_use()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeBuffer(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeBuffer(long.MaxValue));
        Assert.Throws<OutOfMemoryException>(() => new NativeBuffer(long.MaxValue / 8));
        var buffer = new NativeBuffer(3);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Clear());
    }

    [Fact]
    public void Views_address_rows_and_columns()
    {
        using var buffer = new NativeBuffer(24);
        for (int i = 0; i < 24; i++)
            buffer.Span[i] = i;
        var whole = new Matrix(buffer, 4, 6);
        Matrix part = whole.RowRange(1, 2).ColumnRange(2, 3);
        Assert.Equal([8, 9, 10], part.Row(0).ToArray());
        Assert.Equal([14, 15, 16], part.Row(1).ToArray());
        Assert.Equal(15, part[1, 1]);
        Assert.True(whole.IsContiguous);
        Assert.False(part.IsContiguous);
        Assert.Equal(24, whole.Span.Length);
        Assert.Throws<InvalidOperationException>(() => part.Span.Clear());
        Assert.Equal("[2 x 3]", part.ToString());

        using var copied = new NativeBuffer(6);
        var copy = new Matrix(copied, 2, 3);
        part.CopyTo(copy);
        Assert.Equal([8, 9, 10, 14, 15, 16], copy.Span.ToArray());
        part.Clear();
        Assert.Equal([7, 0, 0, 0, 11], buffer.Span[7..12].ToArray());
        Assert.Equal(13, buffer.Span[13]);
    }

    [Fact]
    public void Views_refuse_what_is_outside()
    {
        using var buffer = new NativeBuffer(6);
        var matrix = new Matrix(buffer, 2, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Row(2).Clear());
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Row(-1).Clear());
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.RowRange(1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ColumnRange(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.RowRange(int.MaxValue, int.MaxValue));
        Assert.Equal(0, matrix.RowRange(2, 0).Rows);
        Assert.Throws<ArgumentException>(() => new Matrix(buffer, 3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Matrix(buffer.Pointer, 2, 3, 2));
        Assert.Throws<ArgumentNullException>(() => new Matrix((float*)null, 1, 1));
        Assert.Equal(0, new Matrix((float*)null, 0, 5).Count);
        Assert.Throws<ArgumentException>(() => matrix.CopyTo(matrix.RowRange(0, 1)));
    }
}
