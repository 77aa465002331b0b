using ParallelDsl.Memory;

namespace ParallelDsl.Kernels;

/// <summary>
/// Cosines and sines of one head width and base, computed in double precision. Tables are shared by all threads: a longer one replaces a
/// shorter one, which lives on for those who still read it.
/// </summary>
#pragma warning disable CA1001 // Nobody knows the last reader of a shared table: the finalizer of its buffer frees it.
internal sealed unsafe class RotaryTable
#pragma warning restore CA1001
{
    private const long SmallestTable = 1024;

    private static readonly Lock Growing = new();
    private static volatile RotaryTable[] _tables = [];

    private readonly int _headWidth;
    private readonly float _base;
    private readonly long _positions;
    private readonly NativeBuffer _values;

    private RotaryTable(int headWidth, float @base, long positions)
    {
        _headWidth = headWidth;
        _base = @base;
        _positions = positions;
        int half = headWidth / 2;
        _values = new NativeBuffer(2 * positions * half);
        for (int i = 0; i < half; i++)
        {
            double frequency = Math.Pow(@base, -2.0 * i / headWidth);
            for (long position = 0; position < positions; position++)
            {
                (double sine, double cosine) = Math.SinCos(position * frequency);
                Cosines[(position * half) + i] = (float)cosine;
                Sines[(position * half) + i] = (float)sine;
            }
        }
    }

    /// <summary>cos(position * frequency i) at [position * HeadWidth / 2 + i].</summary>
    public float* Cosines => _values.Pointer;

    /// <summary>sin(position * frequency i) at [position * HeadWidth / 2 + i].</summary>
    public float* Sines => _values.Pointer + (_positions * (_headWidth / 2));

    /// <summary>A table for at least the first <paramref name="positions"/> positions.</summary>
    public static RotaryTable For(int headWidth, float @base, long positions) =>
        Find(headWidth, @base, positions) ?? Grow(headWidth, @base, positions);

    private static RotaryTable Grow(int headWidth, float @base, long positions)
    {
        lock (Growing)
        {
            if (Find(headWidth, @base, positions) is { } other)
                return other;
            long rounded = SmallestTable;
            while (rounded < positions)
                rounded *= 2;
            var grown = new RotaryTable(headWidth, @base, rounded);
            _tables = [.. _tables.Where(old => old._headWidth != headWidth || old._base != @base), grown];
            return grown;
        }
    }

    private static RotaryTable? Find(int headWidth, float @base, long positions)
    {
        foreach (RotaryTable table in _tables)
        {
            if (table._headWidth == headWidth && table._base == @base && table._positions >= positions)
                return table;
        }
        return null;
    }
}
