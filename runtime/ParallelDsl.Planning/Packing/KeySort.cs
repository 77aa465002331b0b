namespace ParallelDsl.Planning.Packing;

/// <summary>Sorts keys of which only some bits of the upper half differ, and whose lower halves ascend: a radix sort, which keeps the order of
/// equals.</summary>
internal static class KeySort
{
    /// <summary>How many counts a sort needs.</summary>
    public const int Digits = 1 << DigitBits;

    private const int DigitBits = 11;

    // Below this the counts cost more than comparisons.
    private const int FewKeys = 256;

    /// <summary>Sorts the first <paramref name="count"/> of <paramref name="keys"/>.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="count">How many.</param>
    /// <param name="largest">No key differs from another above the bits of this number in its upper half.</param>
    /// <param name="scratch">As long as <paramref name="keys"/>.</param>
    /// <param name="counts">Of <see cref="Digits"/> items.</param>
    public static void Sort(long[] keys, int count, int largest, long[] scratch, int[] counts)
    {
        if (count < FewKeys)
        {
            Array.Sort(keys, 0, count);
            return;
        }

        long[] from = keys, to = scratch;
        for (int shift = 32; largest > 0; shift += DigitBits, largest >>= DigitBits)
        {
            Array.Clear(counts, 0, Digits);
            for (int i = 0; i < count; i++)
                counts[(int)(from[i] >> shift) & (Digits - 1)]++;
            int before = 0;
            for (int digit = 0; digit < Digits; digit++)
                (counts[digit], before) = (before, before + counts[digit]);
            for (int i = 0; i < count; i++)
                to[counts[(int)(from[i] >> shift) & (Digits - 1)]++] = from[i];
            (from, to) = (to, from);
        }

        if (from != keys)
            Array.Copy(from, keys, count);
    }
}
