namespace ParallelDsl.Data;

/// <summary>
/// A small random generator whose numbers never change between .NET versions, so that a seed names the same run forever.
/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
/// </summary>
public struct SplitMix64(ulong seed)
{
    private const ulong Increment = 0x9E37_79B9_7F4A_7C15;
    private const ulong FnvOffset = 0xCBF2_9CE4_8422_2325;
    private const ulong FnvPrime = 0x0000_0100_0000_01B3;

    /// <summary>The state: a generator made from it goes on where this one is.</summary>
    public ulong State { get; private set; } = seed;

    /// <summary>The next 64 random bits.</summary>
    public ulong Next() => Mix(State += Increment);

    /// <summary>Leaves out the next <paramref name="count"/> calls of <see cref="Next"/>, in one step.</summary>
    public void Skip(long count) => State += unchecked((ulong)count * Increment);

    /// <summary>The next number from 0 to <paramref name="limit"/> - 1, without bias (Lemire, 2019).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public int NextBelow(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ulong range = (ulong)limit;
        ulong high = Math.BigMul(Next(), range, out ulong low);
        if (low < range)
        {
            ulong rejected = (0 - range) % range;
            while (low < rejected)
                high = Math.BigMul(Next(), range, out low);
        }

        return (int)high;
    }

    /// <summary>The next number from 0 to 1, exclusive, a multiple of 2^-53.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Puts the items into a random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = NextBelow(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>Scatters the bits of a number; different numbers stay different.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }

    /// <summary>A hash of a text that never changes: FNV-1a over its UTF-16 units, scattered.</summary>
    internal static ulong Hash(ReadOnlySpan<char> text)
    {
        ulong hash = FnvOffset;
        foreach (char unit in text)
            hash = (hash ^ unit) * FnvPrime;
        return Mix(hash);
    }

    /// <summary>A hash of tokens that never changes: FNV-1a over the tokens, scattered.</summary>
    internal static ulong Hash(ReadOnlySpan<int> tokens)
    {
        ulong hash = FnvOffset;
        foreach (int token in tokens)
            hash = (hash ^ (uint)token) * FnvPrime;
        return Mix(hash);
    }
}
