using System.Runtime.InteropServices;

namespace ParallelDsl.Benchmarks.Links;

/// <summary>Keys and values of all ranks, as each rank can make them for itself: a row is the key and then the value.</summary>
/// <param name="rows">Rows of a rank.</param>
/// <param name="width">Floats of a key.</param>
internal sealed class KeysAndValues(int rows, int width)
{
    private readonly Dictionary<int, ulong[]> _sums = [];

    /// <summary>Floats of a row.</summary>
    public int RowFloats => 2 * width;

    /// <summary>What a rank has in the beginning.</summary>
    public float[] Of(int rank)
    {
        Random random = new(1_000 + rank);
        float[] values = new float[rows * RowFloats];
        for (int i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() * 2) - 1;
        return values;
    }

    /// <summary>The sum of the bits of a piece as it must arrive.</summary>
    public ulong SumOf(Piece piece)
    {
        if (!_sums.TryGetValue(piece.Origin, out ulong[]? sums))
        {
            float[] values = Of(piece.Origin);
            sums = new ulong[rows + 1];
            for (int row = 0; row < rows; row++)
                sums[row + 1] = sums[row] + SumOf(values.AsSpan(row * RowFloats, RowFloats), piece.Origin, row);
            _sums.Add(piece.Origin, sums);
        }

        return sums[piece.First + piece.Length] - sums[piece.First];
    }

    /// <summary>The sum of what has arrived: of all bits, each row with a factor of its own, so that no row may stand for another.</summary>
    public ulong SumOf(ReadOnlySpan<float> values, Piece piece)
    {
        ulong sum = 0;
        for (int row = 0; row < piece.Length; row++)
            sum += SumOf(values.Slice(row * RowFloats, RowFloats), piece.Origin, piece.First + row);
        return sum;
    }

    private static ulong SumOf(ReadOnlySpan<float> row, int origin, int number)
    {
        ulong sum = 0;
        foreach (ulong pair in MemoryMarshal.Cast<float, ulong>(row))
            sum += pair;
        return sum * (ulong)((2 * ((origin * 65_536L) + number)) + 1);
    }
}
